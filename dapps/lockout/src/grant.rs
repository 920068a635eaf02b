//! `lockout/grants/<machine>/<person>.toml`: somebody without a certificate may use a machine for a while.
//!
//! A supervisor answers for it by name, and gives no more than they have themselves: whether they still may is asked at
//! each badge. A grant lasts a day at most. One that cannot be read gives nothing and is a fault.

use model::{Millis, Name};
use serde::Deserialize;

/// The longest that a grant lasts, in milliseconds: who comes back the day after is to be trained.
const MAX_MS: u64 = 86_400_000;

/// A checked grant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Who gives it.
    pub by: Name,
    /// From when.
    pub at: Millis,
    /// Until when.
    pub until: Millis,
    /// As if they had a certificate of this level; the machine's least, if it is left out.
    #[serde(default)]
    pub level: Option<i64>,
    /// What for.
    #[serde(default)]
    pub note: String,
}

/// A document that is not a grant.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// A field is missing, unknown or of the wrong type.
    #[error("{0}")]
    Shape(#[source] serde_json::Error),
    /// It ends before it begins, or next year.
    #[error("until must be after at, and at most a day after it")]
    Span,
}

impl Grant {
    /// Reads `lockout/grants/<machine>/<person>.toml` as JSON.
    pub fn parse(json: &str) -> Result<Self, GrantError> {
        let grant: Self = serde_json::from_str(json).map_err(GrantError::Shape)?;
        let span = grant.until.0.checked_sub(grant.at.0);
        span.filter(|ms| (1..=MAX_MS).contains(ms)).ok_or(GrantError::Span)?;
        Ok(grant)
    }

    /// Whether it counts at this moment.
    pub fn is_in_force(&self, at: Millis) -> bool {
        (self.at..self.until).contains(&at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_has_a_giver_and_an_end_within_a_day() {
        let grant = Grant::parse(r#"{"by": "sue", "at": 1000, "until": 5000}"#).unwrap();
        let in_force = [999, 1000, 4999, 5000].map(|at| grant.is_in_force(Millis(at)));
        assert_eq!(in_force, [false, true, true, false]);
        for bad in [
            r#"{"at": 1000, "until": 5000}"#,
            r#"{"by": "sue", "at": 1000}"#,
            r#"{"by": "sue", "at": 1000, "until": 1000}"#,
            r#"{"by": "sue", "at": 1000, "until": 86401001}"#,
            r#"{"by": "sue", "at": 1000, "until": 5000, "levle": 2}"#,
        ] {
            assert!(Grant::parse(bad).is_err(), "{bad} was taken");
        }
    }
}
