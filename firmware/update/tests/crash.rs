//! The power goes at every write, every sync and every change of the boot state of an update: the box boots the old release or the new one,
//! whole, and the update goes on by itself to its end.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod common;

use common::{
    disk::{TEARS, Tear},
    rig::{Rig, Temper, new_image, new_order, old_image},
};
use slots::{Left, Slot, Standing, Status};
use update::{Job, Order, Outcome, Record};

/// How an update must have ended, whatever came in between.
fn check_the_end(rig: &Rig, running: Slot, what: &str) {
    let slots = rig.slots();
    let record = record(rig);
    assert_eq!(record.job, Job::Idle, "{what}");
    assert_eq!(slots.standing(running), Standing::Settled, "{what}: {slots:?}");
    assert_eq!(slots.status(running), Status::Good(Left::ALL), "{what}");
    assert!(record.reports.is_empty(), "{what}: all was told");
    let told = |outcome| rig.told.iter().any(|report| report.outcome == outcome);
    if rig.temper == Temper::Works {
        assert!(rig.holds(running, &new_image()), "{what}: the old release runs: {:#?}", rig.steps);
        assert!(told(Outcome::Installed) && !told(Outcome::RolledBack), "{what}: {:?}", rig.told);
        let other = slots.status(running.other());
        assert_eq!(other == Status::Unbootable, rig.floor.is_some(), "{what}: {other:?}");
    } else {
        assert!(rig.holds(running, &old_image()), "{what}: the new release runs");
        assert!(told(Outcome::RolledBack) && !told(Outcome::Installed), "{what}: {:?}", rig.told);
        assert_eq!(slots.status(running.other()), Status::Unbootable, "{what}");
        assert!(record.memory.failure(&rig.order.release().id).is_some(), "{what}");
    }
}

fn record(rig: &Rig) -> Record {
    let [first, second] = [0, 1].map(|at| rig.disk.borrow().seen(common::disk::Area::Record(at)));
    update::latest(&first, &second).record
}

/// One update with a cut at such operations; how many operations it had.
fn with_cuts(temper: Temper, floor: Option<&'static str>, order: &Order, cuts: &[(usize, Tear)]) -> usize {
    let mut rig = Rig::new(temper, floor, order);
    for (at, tear) in cuts {
        let operations = rig.disk.borrow().operations;
        rig.disk.borrow_mut().cut = Some((operations + at, *tear));
        while !rig.disk.borrow().off {
            let Some(running) = rig.boot() else { break };
            if rig.run(running) == common::rig::End::Rest {
                break;
            }
        }
    }
    rig.disk.borrow_mut().cut = None;
    let running = rig.come_to_rest();
    check_the_end(&rig, running, &format!("{temper:?} {floor:?}, cut at {cuts:?}"));
    rig.disk.borrow().operations
}

const CASES: [(Temper, Option<&str>); 4] =
    [(Temper::Works, None), (Temper::Works, Some("1.4.0")), (Temper::Sick, None), (Temper::Hangs, None)];

#[test]
fn an_update_without_a_cut_ends_as_it_should() {
    for (temper, floor) in CASES {
        let operations = with_cuts(temper, floor, &new_order(floor), &[]);
        assert!(operations >= 30, "{operations} operations are too few to mean anything");
    }
}

#[test]
fn a_cut_at_every_operation_leaves_a_box_that_boots_and_goes_on() {
    for (temper, floor) in CASES {
        let order = new_order(floor);
        let operations = with_cuts(temper, floor, &order, &[]);
        for at in 0..operations {
            for tear in TEARS {
                with_cuts(temper, floor, &order, &[(at, tear)]);
            }
        }
    }
}

#[test]
fn a_second_cut_at_every_operation_after_the_first_does_no_more_harm() {
    let order = new_order(None);
    for (temper, _) in [CASES[0], CASES[2]] {
        let operations = with_cuts(temper, None, &order, &[]);
        for first in 0..operations {
            for second in 0..operations {
                let tears = [TEARS[first % TEARS.len()], TEARS[second % TEARS.len()]];
                with_cuts(temper, None, &order, &[(first, tears[0]), (second, tears[1])]);
            }
        }
    }
}
