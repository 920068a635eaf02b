//! Two kinds of time: ticks that only go forward, for timers, and the agent's clock, for calendars.
//!
//! A clock can be wrong, jump, or be in 1970 until the network comes. Timers must not care, and the calendar
//! must know: so the clock is what the agent said last, carried on by ticks, with its trust.

use jiff::tz::TimeZone;
use model::Millis;
use std::ops::Add;

/// Milliseconds since the program started; never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Ticks(pub u64);

impl Ticks {
    /// How long ago `earlier` was, in milliseconds.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Ticks {
    type Output = Self;
    fn add(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// The agent's clock as it was said last.
#[derive(Debug, Clone)]
pub struct Clock {
    said: Millis,
    at: Ticks,
    stale_ms: u64,
    trusted: bool,
    zone: TimeZone,
}

/// The time at one moment, and how far to believe it.
#[derive(Debug, Clone)]
pub struct Now {
    /// The time.
    pub at: Millis,
    /// Whether calendar and expiry can be checked against it.
    pub trusted: bool,
    /// How long the node has heard nothing from others, in milliseconds.
    pub stale_ms: u64,
    /// The organisation's time zone.
    pub zone: TimeZone,
}

impl Clock {
    /// Before the agent said anything: not trusted.
    pub fn unknown() -> Self {
        Self { said: Millis(0), at: Ticks(0), stale_ms: 0, trusted: false, zone: TimeZone::UTC }
    }

    /// What the agent says at `at`. A time zone that nobody knows makes the calendar useless, so the clock is
    /// not trusted then.
    pub fn told(info: &crate::wire::Info, at: Ticks) -> Self {
        let zone = TimeZone::get(&info.timezone);
        Self {
            said: info.clock.now,
            at,
            stale_ms: info.stale_ms,
            trusted: info.clock.trusted && zone.is_ok(),
            zone: zone.unwrap_or(TimeZone::UTC),
        }
    }

    /// The time at `at`, carried on by ticks if the agent has been silent since.
    pub fn at(&self, at: Ticks) -> Now {
        let passed = at.since(self.at);
        Now {
            at: self.said.plus(passed),
            trusted: self.trusted,
            stale_ms: self.stale_ms.saturating_add(if self.stale_ms > 0 { passed } else { 0 }),
            zone: self.zone.clone(),
        }
    }
}

/// A moment as a member reads it, such as `Monday 18:00`, and its date, such as `2026-11-23`.
pub fn for_people(at: Millis, zone: &TimeZone) -> Option<(String, String)> {
    let zoned = zoned(at, zone)?;
    Some((zoned.strftime("%A %H:%M").to_string(), zoned.date().to_string()))
}

/// The moment in the zone; none for moments beyond the calendar (year 9999).
pub fn zoned(at: Millis, zone: &TimeZone) -> Option<jiff::Zoned> {
    let timestamp = jiff::Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?;
    Some(timestamp.to_zoned(zone.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    fn info(timezone: &str) -> wire::Info {
        wire::Info {
            org: model::OrgId::new([1; 32]),
            org_name: "Space".into(),
            timezone: timezone.into(),
            node: "front-door".parse().unwrap(),
            dapp: "doorbot".parse().unwrap(),
            head: model::BlockId::new([1; 32]),
            height: 1,
            protocol: 1,
            clock: wire::Clock { now: Millis(1_000_000), trusted: true, reason: String::new() },
            stale_ms: 500,
        }
    }

    #[test]
    fn the_clock_goes_on_when_the_agent_is_away() {
        let clock = Clock::told(&info("America/Detroit"), Ticks(100));
        let now = clock.at(Ticks(1100));
        assert_eq!((now.at, now.stale_ms, now.trusted), (Millis(1_001_000), 1500, true));
    }

    #[test]
    fn a_time_zone_that_nobody_knows_makes_the_clock_untrusted() {
        assert!(!Clock::told(&info("Mars/Olympus"), Ticks(0)).at(Ticks(0)).trusted);
        assert!(!Clock::unknown().at(Ticks(5)).trusted);
    }

    #[test]
    fn people_read_times_in_their_own_zone() {
        let zone = TimeZone::get("America/Detroit").unwrap();
        let shown = for_people(Millis(1_795_351_805_007), &zone).unwrap();
        assert_eq!(shown, ("Sunday 07:50".to_string(), "2026-11-22".to_string()));
        assert_eq!(for_people(Millis(u64::MAX), &zone), None);
    }
}
