//! Every verb from every state that a box can reach, with the power going at any moment.
//!
//! A box is its boot state, what really lies in its slots, and which one runs. The agent of this model does what a real one
//! may: it writes, tries, commits what works, gives up what does not. The boot loader knows none of that; it must find a
//! slot that works all the same.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod common;

use common::{every_next, every_state};
use slots::{Boot, Left, MAX_LEFT, Order, Slot, Slots, Standing, Status};
use std::collections::BTreeSet;

/// What lies in a slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Content {
    /// A system that becomes healthy.
    Works,
    /// A system that never does.
    Dud,
    /// Half of one.
    Half,
}

/// One box.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Appliance {
    slots: Slots,
    content: [Content; 2],
    running: Option<Slot>,
}

impl Appliance {
    fn content(&mut self, slot: Slot) -> &mut Content {
        &mut self.content[usize::from(slot == Slot::B)]
    }

    fn holds(&self, slot: Slot) -> Content {
        self.content[usize::from(slot == Slot::B)]
    }

    /// Whatever may happen next: each what the box is then.
    fn next(&self, rot: bool) -> Vec<Self> {
        let Some(running) = self.running else { return vec![self.started()] };
        let mut all = vec![Self { running: None, ..*self }];
        all.extend(self.writing(running));
        all.extend(self.judging(running));
        if rot {
            all.extend(Slot::BOTH.map(|slot| {
                let mut rotten = *self;
                *rotten.content(slot) = Content::Dud;
                rotten
            }));
        }
        all
    }

    fn started(&self) -> Self {
        let mut after = *self;
        after.running = Some(after.slots.boot().slot);
        after
    }

    fn writing(&self, running: Slot) -> Vec<Self> {
        let target = running.other();
        let mut all = Vec::new();
        let mut given_up = *self;
        if given_up.slots.write(target, running).is_ok() {
            all.push(given_up);
        }
        if self.slots.status(target) != Status::Unbootable {
            return all;
        }
        for content in [Content::Half, Content::Works, Content::Dud] {
            let mut written = *self;
            *written.content(target) = content;
            all.push(written);
        }
        let mut tried = *self;
        if self.holds(target) != Content::Half && tried.slots.try_next(target, running).is_ok() {
            all.push(tried);
        }
        all
    }

    fn judging(&self, running: Slot) -> Vec<Self> {
        let mut all = Vec::new();
        if self.holds(running) == Content::Works {
            let mut committed = *self;
            committed.slots.commit(running);
            all.push(committed);
        }
        for slot in Slot::BOTH {
            let mut failed = *self;
            if self.holds(slot) == Content::Dud && failed.slots.fail(slot).is_ok() {
                all.push(failed);
            }
        }
        let mut back = *self;
        if back.slots.roll_back(running).is_ok() {
            all.push(back);
        }
        all
    }

    fn may_boot_what_works(&self) -> bool {
        self.slots.order().slots().any(|slot| self.holds(slot) == Content::Works)
    }
}

/// Every box that can come to be, from a card that was flashed with slot A, or with the same in both.
fn every_box(rot: bool) -> BTreeSet<Appliance> {
    let first = |slots, content| Appliance { slots, content, running: None };
    let one = first(Slots::fresh(Slot::A), [Content::Works, Content::Half]);
    let both = first(Slots::unknown(), [Content::Works; 2]);
    let mut seen = BTreeSet::from([one, both]);
    let mut ahead = vec![one, both];
    while let Some(appliance) = ahead.pop() {
        for next in appliance.next(rot) {
            if seen.insert(next) {
                ahead.push(next);
            }
        }
    }
    seen
}

/// How many starts it takes until something runs that works, when nothing ever commits.
fn starts_until_it_works(appliance: &Appliance) -> Option<u8> {
    let mut slots = appliance.slots;
    (1..=u8::MAX).take(100).find(|_| appliance.holds(slots.boot().slot) == Content::Works)
}

#[test]
fn a_half_written_slot_never_starts() {
    for appliance in every_box(true) {
        for slot in appliance.slots.order().slots() {
            assert_ne!(appliance.holds(slot), Content::Half, "{appliance:?}");
        }
        if let Some(running) = appliance.running {
            assert_ne!(appliance.holds(running), Content::Half, "{appliance:?}");
        }
    }
}

#[test]
fn there_is_always_a_slot_that_works_and_it_starts_within_seven_attempts() {
    let boxes = every_box(false);
    assert!(boxes.len() > 100, "{} boxes are too few to mean anything", boxes.len());
    for appliance in boxes {
        let starts = starts_until_it_works(&appliance);
        assert!(starts.is_some_and(|starts| starts <= 2 * MAX_LEFT + 1), "{starts:?}: {appliance:?}");
    }
}

#[test]
fn where_slots_rot_what_still_works_is_found() {
    for appliance in every_box(true).into_iter().filter(Appliance::may_boot_what_works) {
        let starts = starts_until_it_works(&appliance);
        assert!(starts.is_some_and(|starts| starts <= 2 * MAX_LEFT + 1), "{starts:?}: {appliance:?}");
    }
}

#[test]
fn the_running_slot_is_never_written() {
    for slots in every_state() {
        for running in Slot::BOTH {
            let mut after = slots;
            assert!(after.write(running, running).is_err());
            assert!(after.try_next(running, running).is_err());
            assert_eq!(after, slots, "a verb that is refused changes nothing");
        }
    }
}

#[test]
fn a_slot_given_up_for_writing_is_out_of_the_order_and_what_runs_is_in_it() {
    for mut slots in every_state() {
        if slots.write(Slot::B, Slot::A).is_ok() {
            assert_eq!(slots.order(), Order::one(Slot::A));
            assert_eq!(slots.status(Slot::B), Status::Unbootable);
            assert!(slots.is_good(Slot::A));
        }
    }
}

#[test]
fn only_a_slot_that_was_given_up_is_tried_and_only_a_good_one_rolled_back_to() {
    for slots in every_state() {
        let (mut tried, mut back) = (slots, slots);
        let unbootable = slots.status(Slot::B) == Status::Unbootable;
        assert_eq!(tried.try_next(Slot::B, Slot::A).is_ok(), unbootable, "{slots:?}");
        assert!(!unbootable || tried.status(Slot::B) == Status::OnTrial(Left::ALL), "{slots:?}");
        let good = matches!(slots.status(Slot::B), Status::Good(_));
        assert_eq!(back.roll_back(Slot::A).is_ok(), good, "{slots:?}");
        assert!(!good || back.status(back.order().first()) == Status::Good(Left::ALL), "{slots:?}");
    }
}

#[test]
fn a_trial_that_is_never_committed_falls_back_after_three() {
    let mut slots = Slots::fresh(Slot::A);
    slots.commit(Slot::A);
    slots.try_next(Slot::B, Slot::A).unwrap();
    let started: Vec<Slot> = (0..4).map(|_| slots.boot().slot).collect();
    assert_eq!(started, [Slot::B, Slot::B, Slot::B, Slot::A]);
    assert_eq!(slots.standing(Slot::A), Standing::FellBackFrom(Slot::B));
    slots.commit(Slot::A);
    assert_eq!(slots.status(Slot::B), Status::Unbootable);
    assert_eq!(slots.standing(Slot::A), Standing::Settled);
}

#[test]
fn a_good_slot_that_rots_falls_back_after_three_too() {
    let mut slots = Slots::fresh(Slot::A);
    slots.commit(Slot::A);
    slots.try_next(Slot::B, Slot::A).unwrap();
    slots.commit(Slot::B);
    let started: Vec<Slot> = (0..4).map(|_| slots.boot().slot).collect();
    assert_eq!(started, [Slot::B, Slot::B, Slot::B, Slot::A]);
    slots.commit(Slot::A);
    assert_eq!(slots.order(), Order::both(Slot::A), "it was good once: it stays, behind");
}

#[test]
fn a_commit_before_the_restart_leaves_the_trial_in_its_place() {
    let mut slots = Slots::fresh(Slot::A);
    slots.commit(Slot::A);
    slots.try_next(Slot::B, Slot::A).unwrap();
    slots.commit(Slot::A);
    assert_eq!(slots.standing(Slot::A), Standing::NextIs(Slot::B));
}

#[test]
fn a_commit_said_twice_is_one_commit() {
    for mut slots in every_state() {
        slots.commit(Slot::A);
        let once = slots;
        slots.commit(Slot::A);
        assert_eq!(slots, once);
    }
}

#[test]
fn when_all_are_used_up_there_is_another_round() {
    for state in every_state() {
        let mut slots = state;
        let starts: Vec<Boot> = (0..7).map(|_| slots.boot()).collect();
        assert!(starts.iter().all(|start| state.order().has(start.slot)), "{state:?}");
        assert!(starts.iter().any(|start| start.refilled), "{state:?}");
        assert!(starts.iter().all(|start| start.left.count() < MAX_LEFT), "{state:?}");
    }
}

#[test]
fn no_verb_and_no_start_leaves_the_states_that_there_are() {
    let every: BTreeSet<Slots> = every_state().into_iter().collect();
    assert_eq!(every.len(), 2 * 8 + 2 * 64);
    for state in &every {
        assert!(every_next(state).iter().all(|next| every.contains(next)), "{state:?}");
    }
}
