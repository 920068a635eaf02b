//! Time as people write and read it: moments in the organisation's time zone, durations back from now.
//!
//! Taken are `2h`, `3 days`, `90m` (so long ago, or so long from now), `2026-11-22`, `2026-11-22 18:00` (in
//! the organisation's zone) and RFC 3339 with an offset.

use crate::error::{Result, misused};
use jiff::{Span, Timestamp, Zoned, civil, tz::TimeZone};
use model::Millis;

/// The moment of the machine's clock.
pub fn now() -> Millis {
    Millis(u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0))
}

/// The zone of an IANA name; UTC if it is unknown here.
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The zone of an IANA name, refused if there is none.
pub fn checked_zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name)
        .map_err(|_| misused(format!("{name:?} is not a time zone"), "an IANA name, such as Europe/Berlin"))
}

/// The zone that this machine keeps, by its IANA name.
pub fn system_zone() -> String {
    TimeZone::system().iana_name().filter(|name| !name.is_empty()).unwrap_or("UTC").to_string()
}

/// A moment for people, such as `2026-11-22 18:00:05`.
pub fn show(at: Millis, zone: &TimeZone) -> String {
    zoned(at, zone).map_or_else(|| at.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn zoned(at: Millis, zone: &TimeZone) -> Option<Zoned> {
    let at = Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?;
    Some(at.to_zoned(zone.clone()))
}

/// Reads a moment that has passed: a bare duration counts back from `now`.
pub fn past(text: &str, now: Millis, zone: &TimeZone) -> Result<Millis> {
    parse(text, now, zone, -1)
}

/// Reads a moment to come: a bare duration counts on from `now`.
pub fn future(text: &str, now: Millis, zone: &TimeZone) -> Result<Millis> {
    parse(text, now, zone, 1)
}

fn parse(text: &str, now: Millis, zone: &TimeZone, sign: i64) -> Result<Millis> {
    let text = text.trim();
    let moment = absolute(text, zone).or_else(|| relative(text, now, zone, sign));
    moment.and_then(|at| u64::try_from(at.as_millisecond()).ok()).map(Millis).ok_or_else(|| {
        misused(
            format!("{text:?} is not a time"),
            "write 2h, 3 days, 2026-11-22, \"2026-11-22 18:00\" or 2026-11-22T18:00:00Z",
        )
    })
}

fn absolute(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let moment: civil::DateTime = text.parse().ok()?;
    Some(moment.to_zoned(zone.clone()).ok()?.timestamp())
}

fn relative(text: &str, now: Millis, zone: &TimeZone, sign: i64) -> Option<Timestamp> {
    let span: Span = text.parse().ok()?;
    let now = zoned(now, zone)?;
    Some(now.checked_add(span.checked_mul(sign).ok()?).ok()?.timestamp())
}

/// How long ago, in one unit, such as `3 h ago`.
pub fn ago(ms: u64) -> String {
    if ms < 1_000 { "just now".to_string() } else { format!("{} ago", span(ms)) }
}

/// A length of time in one unit, such as `3 h`.
pub fn span(ms: u64) -> String {
    let (value, unit) = match ms {
        0..=59_999 => (ms / 1000, "s"),
        60_000..=3_599_999 => (ms / 60_000, "min"),
        3_600_000..=86_399_999 => (ms / 3_600_000, "h"),
        _ => (ms / 86_400_000, "d"),
    };
    format!("{value} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_795_351_805_007);

    fn berlin() -> TimeZone {
        zone("Europe/Berlin")
    }

    #[test]
    fn moments_are_read_in_the_zone_of_the_organisation() {
        for (text, ms) in [
            ("2h", NOW.0 - 7_200_000),
            ("3 days", NOW.0 - 3 * 86_400_000),
            ("2026-11-22", 1_795_302_000_000),
            ("2026-11-22 12:00", 1_795_345_200_000),
            ("2026-11-22T11:00:00Z", 1_795_345_200_000),
        ] {
            assert_eq!(past(text, NOW, &berlin()).unwrap().0, ms, "{text}");
        }
        assert_eq!(future("1h", NOW, &berlin()).unwrap().0, NOW.0 + 3_600_000);
    }

    #[test]
    fn what_is_no_time_is_refused_with_examples() {
        for bad in ["", "soon", "2026-13-01", "-"] {
            let error = past(bad, NOW, &berlin()).unwrap_err();
            assert!(crate::error::hint_of(&error).unwrap().contains("2026-11-22"), "{bad:?}");
        }
    }

    #[test]
    fn a_moment_shows_as_the_wall_clock() {
        assert_eq!(show(NOW, &berlin()), "2026-11-22 13:50:05");
        assert_eq!(show(NOW, &TimeZone::UTC), "2026-11-22 12:50:05");
    }

    #[test]
    fn an_unknown_zone_is_refused() {
        assert!(checked_zone("Mars/Olympus").is_err());
    }

    #[test]
    fn ages_are_in_one_unit() {
        assert_eq!(ago(500), "just now");
        assert_eq!(ago(61_000), "1 min ago");
        assert_eq!(ago(90_000_000), "1 d ago");
    }
}
