//! `reservations/<machine>/<name>.toml`, as far as a machine cares: whose it is, and when.
//!
//! Another dapp writes these documents, so fields that are not of use here are skipped. One that cannot be read
//! reserves nothing and is a fault.

use model::{Millis, Name};
use serde::Deserialize;

/// For so long before a reservation whoever begins is told of it, in milliseconds.
const NOTICE_MS: u64 = 3_600_000;

/// A checked reservation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reservation {
    /// Whose.
    pub person: Name,
    /// From when.
    pub from: Millis,
    /// Until when.
    pub until: Millis,
}

/// What the reservations of a machine say to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Nothing.
    Free,
    /// Somebody else comes within the hour.
    Soon(&'a Reservation),
    /// It is somebody else's.
    Taken(&'a Reservation),
}

/// A document that is not a reservation.
#[derive(Debug, thiserror::Error)]
pub enum ReservationError {
    /// A field is missing or of the wrong type.
    #[error("{0}")]
    Shape(#[source] serde_json::Error),
    /// It ends before it begins.
    #[error("until must be after from")]
    Span,
}

impl Reservation {
    /// Reads `reservations/<machine>/<name>.toml` as JSON.
    pub fn parse(json: &str) -> Result<Self, ReservationError> {
        let reservation: Self = serde_json::from_str(json).map_err(ReservationError::Shape)?;
        if reservation.from < reservation.until { Ok(reservation) } else { Err(ReservationError::Span) }
    }

    fn is_in_force(&self, at: Millis) -> bool {
        (self.from..self.until).contains(&at)
    }
}

impl<'a> Standing<'a> {
    /// How a machine with these reservations stands for a person. Where two are in force, each holds for its own person.
    pub fn of(reservations: &[&'a Reservation], person: &Name, at: Millis) -> Self {
        let now = || reservations.iter().filter(|one| one.is_in_force(at));
        if now().any(|one| one.person == *person) {
            return Self::Free;
        }
        if let Some(taken) = now().max_by_key(|one| one.until) {
            return Self::Taken(taken);
        }
        let soon =
            |one: &&&Reservation| one.person != *person && at < one.from && one.from < at.plus(NOTICE_MS);
        reservations.iter().filter(soon).min_by_key(|one| one.from).map_or(Self::Free, |one| Self::Soon(one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn a_reservation_makes_others_wait_and_is_announced_an_hour_before() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let of = |person: &str, from: u64, until: u64| Reservation {
            person: name(person),
            from: Millis(from * HOUR),
            until: Millis(until * HOUR),
        };
        let (bobs, anns, late) = (of("bob", 10, 12), of("ann", 11, 13), of("bob", 20, 21));
        let all = [&bobs, &anns, &late];
        for (person, at, wanted) in [
            ("bob", 10 * HOUR, Standing::Free),
            ("ann", 10 * HOUR, Standing::Taken(&bobs)),
            ("ann", 11 * HOUR, Standing::Free),
            ("tom", 11 * HOUR, Standing::Taken(&anns)),
            ("tom", 13 * HOUR, Standing::Free),
            ("tom", 9 * HOUR, Standing::Free),
            ("tom", 9 * HOUR + 1, Standing::Soon(&bobs)),
            ("bob", 19 * HOUR + 1, Standing::Free),
        ] {
            assert_eq!(Standing::of(&all, &name(person), Millis(at)), wanted, "{person} at {at}");
        }
    }

    #[test]
    fn fields_of_others_are_skipped_and_what_is_no_reservation_is_refused() {
        assert!(Reservation::parse(r#"{"person": "bob", "from": 1, "until": 2, "colour": "red"}"#).is_ok());
        for bad in [r#"{"person": "bob", "from": 2, "until": 2}"#, r#"{"from": 1, "until": 2}"#, "[]"] {
            assert!(Reservation::parse(bad).is_err(), "{bad} was taken");
        }
    }
}
