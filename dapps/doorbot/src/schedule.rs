//! Weekly schedules: when a plan opens a door, in the organisation's time zone.
//!
//! A window has a weekly beginning and end on the wall clock; each week's window is turned into two moments, and
//! a moment is inside or not. So a window that ends in the hour that daylight saving repeats ends once and
//! does not open again, and one that begins in the hour that it skips begins when that hour would have ended.

use dapp::kit::time::zoned;
use jiff::{ToSpan, civil, tz::TimeZone};
use model::Millis;
use serde::Deserialize;

/// The most windows of a schedule.
const MAX_WINDOWS: usize = 64;
const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A checked schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// What people call it.
    pub title: String,
    /// Windows of nearly a whole week, because their end is on the day of their beginning and before it.
    pub backwards: Vec<String>,
    windows: Vec<Window>,
}

/// A weekly window in minutes of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// The weekday on which it begins, 0 is Monday.
    day: u32,
    /// The minute of that day.
    minute: u32,
    /// How long it lasts on the wall clock: 1 to [`WEEK`].
    minutes: u32,
}

/// A document that is not a schedule.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// A field is missing, unknown or of the wrong type.
    #[error("{0}")]
    Shape(#[source] serde_json::Error),
    /// Not a time of the week.
    #[error("{0:?} is not a time: write \"18:00\" with `days`, or \"fri 18:00\" without")]
    Time(String),
    /// Not a weekday.
    #[error("{0:?} is not a day: mon, tue, wed, thu, fri, sat or sun")]
    Day(String),
    /// Too many windows.
    #[error("{0} windows, at most {MAX_WINDOWS} are taken")]
    TooMany(usize),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    title: String,
    #[serde(default)]
    windows: Vec<WindowDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowDocument {
    days: Option<Vec<String>>,
    from: String,
    until: String,
}

impl Schedule {
    /// Reads `doorbot/schedules/<name>.toml` as JSON.
    pub fn parse(json: &str) -> Result<Self, ScheduleError> {
        let document: Document = serde_json::from_str(json).map_err(ScheduleError::Shape)?;
        let mut windows = Vec::new();
        for window in &document.windows {
            windows.extend(window.windows()?);
            if windows.len() > MAX_WINDOWS {
                return Err(ScheduleError::TooMany(windows.len()));
            }
        }
        let backwards = document.windows.iter().filter(|window| window.is_backwards());
        let backwards = backwards.map(|window| format!("{} to {}", window.from, window.until)).collect();
        Ok(Self { title: document.title, backwards, windows })
    }

    /// Whether it is open at a moment.
    pub fn is_open(&self, at: Millis, zone: &TimeZone) -> bool {
        let inside =
            |window: &Window| window.around(at, zone, -7..=0).any(|(begin, end)| begin <= at && at < end);
        self.windows.iter().any(inside)
    }

    /// When it opens next; none if it never does.
    pub fn next_opening(&self, at: Millis, zone: &TimeZone) -> Option<Millis> {
        let begins = self.windows.iter().flat_map(|window| window.around(at, zone, 0..=8));
        begins.map(|(begin, _)| begin).filter(|begin| *begin > at).min()
    }
}

impl Window {
    /// The window's beginnings and ends on the days that are so many after the day of `at`.
    fn around(
        self,
        at: Millis,
        zone: &TimeZone,
        days: std::ops::RangeInclusive<i32>,
    ) -> impl Iterator<Item = (Millis, Millis)> {
        let today = zoned(at, zone).map(|zoned| zoned.date());
        let zone = zone.clone();
        days.filter_map(move |days| {
            let date = today?.checked_add(days.days()).ok()?;
            if date.weekday().to_monday_zero_offset() as u32 != self.day {
                return None;
            }
            let begin = moment(date, self.minute, &zone)?;
            Some((begin, moment(date, self.minute + self.minutes, &zone)?))
        })
    }
}

/// The moment at which the wall clock shows `minute` minutes after `date` began. A time that daylight saving
/// skips is taken as late as it was skipped; one that it repeats, the first time.
fn moment(date: civil::Date, minute: u32, zone: &TimeZone) -> Option<Millis> {
    let date = date.checked_add(i64::from(minute / DAY).days()).ok()?;
    let time = civil::time((minute % DAY / 60) as i8, (minute % 60) as i8, 0, 0);
    let zoned = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
    u64::try_from(zoned.timestamp().as_millisecond()).ok().map(Millis)
}

impl WindowDocument {
    fn is_backwards(&self) -> bool {
        let times = (self.days.is_none()).then(|| (time_of_week(&self.from), time_of_week(&self.until)));
        matches!(times, Some((Ok(from), Ok(until))) if from / DAY == until / DAY && until < from)
    }

    fn windows(&self) -> Result<Vec<Window>, ScheduleError> {
        match &self.days {
            Some(days) => {
                let (from, until) = (time_of_day(&self.from)?, time_of_day(&self.until)?);
                let minutes = if until > from { until - from } else { until + DAY - from };
                days.iter().map(|name| Ok(Window { day: day(name)?, minute: from % DAY, minutes })).collect()
            }
            None => {
                let (from, until) = (time_of_week(&self.from)?, time_of_week(&self.until)?);
                let minutes = if until > from { until - from } else { until + WEEK - from };
                Ok(vec![Window { day: from / DAY % 7, minute: from % DAY, minutes }])
            }
        }
    }
}

fn day(name: &str) -> Result<u32, ScheduleError> {
    let found = DAYS.iter().position(|day| *day == name);
    found.map(|day| day as u32).ok_or_else(|| ScheduleError::Day(shown(name)))
}

/// `18:00` as minutes of a day, up to `24:00`.
fn time_of_day(text: &str) -> Result<u32, ScheduleError> {
    let digits = |text: &str| -> Option<u32> {
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
    };
    let minutes = text.split_once(':').and_then(|(hour, minute)| match (digits(hour)?, digits(minute)?) {
        (24, 0) => Some(DAY),
        (hour @ 0..24, minute @ 0..60) => Some(hour * 60 + minute),
        _ => None,
    });
    minutes.ok_or_else(|| ScheduleError::Time(shown(text)))
}

/// `fri 18:00` as minutes of a week.
fn time_of_week(text: &str) -> Result<u32, ScheduleError> {
    let (name, time) = text.split_once(' ').ok_or_else(|| ScheduleError::Time(shown(text)))?;
    Ok(day(name)? * DAY + time_of_day(time.trim_start())?)
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOBBYIST: &str = r#"{"title": "Nights and weekends", "windows": [
        {"from": "fri 18:00", "until": "mon 06:00"},
        {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "18:00", "until": "06:00"}]}"#;

    fn detroit() -> TimeZone {
        TimeZone::get("America/Detroit").unwrap()
    }

    /// Local time in Detroit; of a repeated hour, the first.
    fn at(text: &str) -> Millis {
        let local: civil::DateTime = text.parse().unwrap();
        Millis(local.to_zoned(detroit()).unwrap().timestamp().as_millisecond() as u64)
    }

    fn schedule(json: &str) -> Schedule {
        Schedule::parse(json).unwrap()
    }

    #[test]
    fn hobbyists_come_at_night_and_at_weekends() {
        let hobbyist = schedule(HOBBYIST);
        for (time, open) in [
            ("2026-11-23T05:59", true), // Monday
            ("2026-11-23T06:00", false),
            ("2026-11-23T17:59", false),
            ("2026-11-23T18:00", true),
            ("2026-11-24T00:00", true),
            ("2026-11-24T05:59", true),
            ("2026-11-24T06:00", false),
            ("2026-11-27T17:59", false), // Friday
            ("2026-11-27T18:00", true),
            ("2026-11-28T12:00", true),
            ("2026-11-29T23:59", true),
        ] {
            assert_eq!(hobbyist.is_open(at(time), &detroit()), open, "{time}");
        }
    }

    #[test]
    fn a_schedule_without_windows_never_opens() {
        let never = schedule("{}");
        assert!(!never.is_open(at("2026-11-23T12:00"), &detroit()));
        assert_eq!(never.next_opening(at("2026-11-23T12:00"), &detroit()), None);
    }

    #[test]
    fn a_whole_day_and_a_whole_week_have_no_hole() {
        let days = r#"["mon","tue","wed","thu","fri","sat","sun"]"#;
        for whole in [
            format!(r#"{{"windows":[{{"days":{days},"from":"00:00","until":"24:00"}}]}}"#),
            r#"{"windows":[{"from":"wed 12:00","until":"wed 12:00"}]}"#.to_string(),
        ] {
            let whole = schedule(&whole);
            let mut time = at("2026-10-25T00:00");
            while time < at("2026-11-09T00:00") {
                assert!(whole.is_open(time, &detroit()), "closed at {time}");
                time = time.plus(17 * 60_000);
            }
        }
    }

    #[test]
    fn the_next_opening_is_told() {
        let next = |time| schedule(HOBBYIST).next_opening(at(time), &detroit());
        assert_eq!(next("2026-11-23T12:00"), Some(at("2026-11-23T18:00")));
        let weekly = schedule(r#"{"windows":[{"from":"wed 12:00","until":"wed 13:00"}]}"#);
        assert_eq!(weekly.next_opening(at("2026-11-25T12:00"), &detroit()), Some(at("2026-12-02T12:00")));
    }

    #[test]
    fn in_the_hour_that_is_repeated_a_window_ends_once() {
        // Detroit sets its clocks back on 2026-11-01 at 02:00: 01:00 to 02:00 comes twice.
        let until = schedule(r#"{"windows":[{"days":["sat"],"from":"22:00","until":"01:30"}]}"#);
        let first = at("2026-11-01T01:29");
        assert!(until.is_open(first, &detroit()));
        assert!(!until.is_open(first.plus(60_000), &detroit()));
        assert!(!until.is_open(first.plus(45 * 60_000), &detroit()), "the second 01:14 is not in it");
    }

    #[test]
    fn in_the_hour_that_is_skipped_a_window_begins_when_the_hour_is_over() {
        // Detroit sets its clocks forward on 2026-03-08 at 02:00: 02:30 does not exist.
        let from = schedule(r#"{"windows":[{"days":["sun"],"from":"02:30","until":"04:00"}]}"#);
        assert!(!from.is_open(at("2026-03-08T01:59"), &detroit()));
        assert!(from.is_open(at("2026-03-08T03:30"), &detroit()));
        assert!(!from.is_open(at("2026-03-08T04:00"), &detroit()));
    }

    #[test]
    fn a_misspelt_window_is_refused_with_its_text() {
        for (bad, text) in [
            (r#"{"windows":[{"from":"18:00","until":"06:00"}]}"#, "18:00"),
            (r#"{"windows":[{"days":["mon"],"from":"fri 18:00","until":"06:00"}]}"#, "fri 18:00"),
            (r#"{"windows":[{"days":["monday"],"from":"18:00","until":"06:00"}]}"#, "monday"),
            (r#"{"windows":[{"days":["mon"],"from":"24:30","until":"06:00"}]}"#, "24:30"),
            (r#"{"windows":[{"days":["mon"],"from":"1:00","until":"06:00"}]}"#, "1:00"),
            (r#"{"window":[]}"#, "window"),
        ] {
            let error = Schedule::parse(bad).unwrap_err().to_string();
            assert!(error.contains(text), "{bad}: {error}");
        }
    }
}
