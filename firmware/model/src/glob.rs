//! Patterns over paths of the state tree, as manifests and the policy write them.
//!
//! A pattern is parts with `/` between them. `*` stands for exactly one part, `**` for any number of parts,
//! also none; every other part stands for itself. Nothing matches inside a part: `people/a*` is refused
//! rather than taken for something that it is not.

use crate::{name::Name, path::StatePath};
use std::{fmt, str::FromStr};

/// A checked pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    One,
    Any,
    Is(Name),
}

/// Text that is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// One part is neither a name nor `*` nor `**`.
    #[error(
        "pattern {pattern:?}: the part {part:?} is neither a name nor '*' (one part) nor '**' (any number)"
    )]
    Part {
        /// The whole pattern.
        pattern: String,
        /// The part that is wrong.
        part: String,
    },
    /// Too long, or with too many parts.
    #[error("pattern {pattern:?} is over {} bytes or {} parts", StatePath::MAX_BYTES, StatePath::MAX_LEVELS)]
    Size {
        /// The pattern's beginning.
        pattern: String,
    },
}

impl Glob {
    /// Whether the pattern stands for this path.
    pub fn matches(&self, path: &StatePath) -> bool {
        let parts: Vec<&str> = path.parts().collect();
        matches(&self.0, &parts)
    }

    /// Whether some path at or below `folder` could match: then watching the folder makes sense.
    pub fn reaches(&self, folder: &StatePath) -> bool {
        let parts: Vec<&str> = folder.parts().collect();
        reaches(&self.0, &parts)
    }
}

fn matches(pattern: &[Part], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((Part::Any, rest)), _) => {
            matches(rest, path) || path.split_first().is_some_and(|(_, deeper)| matches(pattern, deeper))
        }
        (Some((Part::One, rest)), Some((_, deeper))) => matches(rest, deeper),
        (Some((Part::Is(name), rest)), Some((part, deeper))) => {
            name.as_str() == *part && matches(rest, deeper)
        }
        _ => false,
    }
}

fn reaches(pattern: &[Part], folder: &[&str]) -> bool {
    match (pattern.split_first(), folder.split_first()) {
        (_, None) | (Some((Part::Any, _)), _) => true,
        (None, Some(_)) => false,
        (Some((Part::One, rest)), Some((_, deeper))) => reaches(rest, deeper),
        (Some((Part::Is(name), rest)), Some((part, deeper))) => {
            name.as_str() == *part && reaches(rest, deeper)
        }
    }
}

impl FromStr for Glob {
    type Err = GlobError;
    fn from_str(text: &str) -> Result<Self, GlobError> {
        let shown = || text.chars().take(80).collect::<String>();
        if text.len() > StatePath::MAX_BYTES || text.split('/').count() > StatePath::MAX_LEVELS {
            return Err(GlobError::Size { pattern: shown() });
        }
        let part = |part: &str| match part {
            "*" => Ok(Part::One),
            "**" => Ok(Part::Any),
            name => name
                .parse()
                .map(Part::Is)
                .map_err(|_| GlobError::Part { pattern: shown(), part: name.chars().take(80).collect() }),
        };
        text.split('/').map(part).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |part: &Part| match part {
            Part::One => "*".to_string(),
            Part::Any => "**".to_string(),
            Part::Is(name) => name.to_string(),
        };
        f.write_str(&self.0.iter().map(text).collect::<Vec<_>>().join("/"))
    }
}

impl serde::Serialize for Glob {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Glob {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(text: &str) -> Glob {
        text.parse().unwrap()
    }

    fn path(text: &str) -> StatePath {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_is_one_part_and_two_are_any_number() {
        assert!(glob("people/*").matches(&path("people/alice.toml")));
        assert!(!glob("people/*").matches(&path("people")));
        assert!(!glob("people/*").matches(&path("people/a/b.toml")));
        assert!(glob("doorbot/**").matches(&path("doorbot/doors/front.toml")));
        assert!(glob("doorbot/**").matches(&path("doorbot")));
        assert!(glob("**/x.toml").matches(&path("a/b/x.toml")));
        assert!(!glob("doorbot/**").matches(&path("doorbots/x.toml")));
        assert!(glob("policy.toml").matches(&path("policy.toml")));
    }

    #[test]
    fn a_folder_is_reached_where_something_below_it_could_match() {
        assert!(glob("doorbot/doors/*").reaches(&path("doorbot")));
        assert!(glob("doorbot/**").reaches(&path("doorbot/doors")));
        assert!(glob("people/*").reaches(&path("people")));
        assert!(!glob("people/*").reaches(&path("keys")));
        assert!(!glob("people/*").reaches(&path("people/alice.toml/x")));
    }

    #[test]
    fn a_star_inside_a_part_is_refused_rather_than_misread() {
        for bad in ["people/a*", "", "/people", "people//x", "***", "../x", "A/*"] {
            assert!(bad.parse::<Glob>().is_err(), "{bad:?} was taken");
        }
        assert_eq!(glob("a/*/**").to_string(), "a/*/**");
    }
}
