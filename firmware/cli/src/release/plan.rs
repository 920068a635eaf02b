//! How a release goes out, as people write it: `10% at 2026-11-24, 50% at 2 days, 100% at 5 days`.
//!
//! A step without a time begins now. That both times and shares rise is the release's own rule.

use crate::{
    error::{Result, misused},
    when,
};
use jiff::tz::TimeZone;
use model::Millis;
use update::{Rollout, Step};

const EXAMPLE: &str =
    "write \"10% now, 50% at 2 days, 100% at 2026-11-30\": shares and times rise, and the last share is 100%";

/// Reads a rollout; durations count on from now.
pub fn rollout(text: &str, hold: Option<u32>, now: Millis, zone: &TimeZone) -> Result<Rollout> {
    let steps = text.split(',').map(|part| step(part.trim(), now, zone)).collect::<Result<Vec<Step>>>()?;
    let rise = steps.is_sorted_by(|a, b| a.at < b.at && a.percent < b.percent);
    let whole =
        steps.last().is_some_and(|step| step.percent == 100) && steps.iter().all(|step| step.percent > 0);
    if rise && whole {
        return Ok(Rollout { hold, steps });
    }
    Err(misused(format!("the rollout {text:?} does not rise to 100%"), EXAMPLE))
}

fn step(text: &str, now: Millis, zone: &TimeZone) -> Result<Step> {
    let wrong = || misused(format!("{text:?} is not a step of a rollout"), EXAMPLE);
    let (percent, rest) = text.split_once('%').ok_or_else(wrong)?;
    let percent: u8 = percent.trim().parse().map_err(|_| wrong())?;
    let at = match rest.trim() {
        "" | "now" | "at now" => now,
        rest => when::future(rest.strip_prefix("at ").ok_or_else(wrong)?, now, zone)?,
    };
    Ok(Step { at, percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_795_351_805_000);

    fn read(text: &str) -> Result<Rollout> {
        rollout(text, Some(2), NOW, &TimeZone::UTC)
    }

    #[test]
    fn steps_are_shares_and_times() {
        let read = read("10% now, 50% at 2h, 100% at 2026-11-24 06:00").unwrap();
        let steps: Vec<(u8, u64)> = read.steps.iter().map(|step| (step.percent, step.at.0)).collect();
        assert_eq!(steps, [(10, NOW.0), (50, NOW.0 + 7_200_000), (100, 1_795_500_000_000)]);
        assert_eq!(read.hold, Some(2));
    }

    #[test]
    fn what_does_not_rise_to_all_boxes_is_refused_with_an_example() {
        for bad in [
            "",
            "10",
            "10% soon",
            "10% at soon",
            "300%",
            "50%",
            "100% at 2h, 50% at 3h",
            "50% at 2h, 100% at 1h",
            "0%, 100% at 1h",
        ] {
            let error = read(bad).expect_err(bad);
            assert!(crate::error::hint_of(&error).is_some(), "{bad:?}");
        }
    }
}
