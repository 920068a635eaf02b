//! Power cuts at random moments of updates: of looking, writing, reading back, of the boot state's changes, of a trial.
//!
//! The box goes from one release to the other and back, again and again, and its power is cut all the while, with what its card had not flushed (`cache`).
//! Each start comes up with one of the two, whole, for its root is verified; and what was begun goes on by itself.

use super::{cache::Cache, machine::Machine, random::Random, update::Space};
use crate::shell::{Done, say};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

/// Both are whole; the box is asked for the one that it does not run.
const RELEASES: [&str; 2] = ["1.0.0", "1.1.0"];
/// A cut comes at most so long after the doors are open: somewhat longer than an update takes that nothing disturbs.
const SPAN: Duration = Duration::from_secs(60);

/// What is counted.
#[derive(Default)]
struct Tally {
    /// Cuts by the stage that they met.
    stages: BTreeMap<String, usize>,
    asked: usize,
    changed: usize,
    unflushed: usize,
}

/// `update --cuts N`.
pub fn run(space: &mut Space<'_>, cuts: usize, seed: u64) -> Done {
    let name = space.last().to_owned();
    say(&format!("image-test: {cuts} power cuts of {name} amid updates, seed {seed}"));
    walk::Place::power(space, &name, false)?;
    let (begun, mut random, mut tally, mut ran) = (Instant::now(), Random(seed), Tally::default(), None);
    for number in 1..=cuts {
        say(&format!("cut {number} of {cuts}, {:.0} s", begun.elapsed().as_secs_f32()));
        let runs = cut(space, &name, &mut random, &mut tally)
            .map_err(|error| format!("cut {number}, seed {seed}: {error}"))?;
        tally.changed += usize::from(ran.replace(runs.clone()).is_some_and(|ran| ran != runs));
    }
    let machine = comes_up(space, &name, None)?;
    let runs = release(&machine.page("/api/updates")?)?;
    machine.cut()?;
    let Tally { stages, asked, changed, unflushed } = tally;
    say(&format!(
        "image-test: {cuts} power cuts in {:.0} s, by the stage that they met: {stages:?};\n  {unflushed} writes were in the card's \
         cache; {asked} updates begun, the release changed {changed} times, {runs} runs at the end; every start came up with a whole one",
        begun.elapsed().as_secs_f32()
    ));
    Ok(())
}

/// One start and its end. Answers the release that came up.
fn cut(space: &mut Space<'_>, name: &str, random: &mut Random, tally: &mut Tally) -> Done<String> {
    let cache = Cache::of(&space.card(name))?;
    let machine = comes_up(space, name, Some(&cache))?;
    let state = machine.page("/api/updates")?;
    let runs = release(&state)?;
    if state["asked"].is_null() && state["stage"] == "nothing" {
        let other = RELEASES.iter().find(|release| **release != runs).unwrap_or(&RELEASES[0]);
        space.laptop(&format!("{name} ledgerctl image now {other}"))?;
        tally.asked += 1;
    }
    thread::sleep(random.between(Duration::ZERO, SPAN));
    let stage =
        machine.page("/api/updates").map_or_else(|_| "restarting".to_owned(), |state| word(&state["stage"]));
    *tally.stages.entry(stage).or_default() += 1;
    machine.cut()?;
    tally.unflushed += cache.lose(random)?;
    Ok(runs)
}

fn comes_up(space: &Space<'_>, name: &str, cache: Option<&Cache>) -> Done<Machine> {
    let mut machine = space.switch_on(space.number(name)?, cache.map(|cache| cache.log.as_path()))?;
    machine.until_ready()?;
    Ok(machine)
}

/// The release that runs: one of the two.
fn release(state: &Value) -> Done<String> {
    let runs = word(&state["running"]["version"]);
    if RELEASES.contains(&runs.as_str()) {
        Ok(runs)
    } else {
        Err(format!("the box runs {runs:?}: {state}").into())
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or("nothing known").to_owned()
}
