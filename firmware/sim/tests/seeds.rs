//! Seeds with all that can go wrong; each must end with all boxes in agreement and nothing lost.

use model::Millis;
use sim::{Plan, World};
use std::sync::atomic::{AtomicU64, Ordering};

const SEEDS: u64 = 200;
/// How long things happen in each, in virtual time.
const MINUTES: u64 = 10;

fn run(seed: u64) -> Result<sim::Report, String> {
    let plan = Plan::new(7, seed, Millis(MINUTES * 60_000));
    let report = World::new(plan).and_then(|mut world| world.run());
    report.map_err(|failure| failure.to_string())
}

#[test]
fn two_hundred_seeds_of_seven_boxes_keep_every_promise() {
    let (next, threads) = (AtomicU64::new(1), std::thread::available_parallelism().map_or(2, usize::from));
    let failures: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed > SEEDS {
                    return failures;
                }
                failures.extend(run(seed).err());
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} of {SEEDS} seeds failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_seed_runs_the_same_way_twice() {
    assert_eq!(run(3).unwrap(), run(3).unwrap());
}

#[test]
fn one_box_alone_and_one_validator_among_many_agree() {
    for (nodes, seed) in [(1, 1), (5, 1), (5, 3), (5, 4), (5, 5), (5, 7)] {
        let plan = Plan { validators: 1, ..Plan::new(nodes, seed, Millis(MINUTES * 60_000)) };
        let report = World::new(plan).and_then(|mut world| world.run()).map_err(|error| error.to_string());
        assert!(report.unwrap().blocks > 1);
    }
}

#[test]
fn a_run_stops_at_the_step_it_is_told() {
    let plan = Plan { until: Some(500), ..Plan::new(7, 1, Millis(MINUTES * 60_000)) };
    let report = World::new(plan).and_then(|mut world| world.run()).map_err(|error| error.to_string());
    assert_eq!(report.unwrap().steps, 500);
}
