//! The installation step by step: what it waits for and says, what a person may do, and what comes back from a card that is worn.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod common;

use common::{
    rig::{NAMES, new_order, old_release, rules},
    version,
};
use slots::{Left, Order as BootOrder, Slot, Slots};
use std::collections::BTreeSet;
use update::{
    Act, Busy, Doing, Effect, Happened, Latest, May, NoWayBack, Order, OrderError, PartSource, Record, Seen,
    Start, Updater, Uptime,
};

/// A machine, and a card that does all it is asked at once.
struct Bench {
    updater: Updater,
    slots: Slots,
    now: Uptime,
    acts: Vec<Act>,
}

impl Bench {
    fn new(record: Record, slots: Slots) -> Self {
        let latest = Latest { record, number: 3, next: 0 };
        let release = Some(old_release());
        let start = Start { latest, slots, running: Slot::A, release };
        let now = Uptime(0);
        Self { updater: Updater::start(rules(), start, now), slots, now, acts: vec![] }
    }

    /// Does what it wants, and answers fetches by this; until it wants nothing more.
    fn go(&mut self, fetch: impl Fn(&Act) -> Happened) {
        for _ in 0..200 {
            let effects = self.updater.next(self.now);
            for Effect { ticket, act } in &effects {
                let happened = self.answer(act, &fetch);
                self.acts.push(act.clone());
                self.updater.happened(*ticket, happened, self.now);
            }
            if effects.is_empty() {
                return;
            }
        }
        panic!("it never stops: {:?}", self.acts);
    }

    fn answer(&mut self, act: &Act, fetch: &impl Fn(&Act) -> Happened) -> Happened {
        match act {
            Act::Boot(verb) => {
                let result = verb.apply(&mut self.slots, Slot::A);
                Happened::Booted(self.slots, result)
            }
            Act::Look(_) => Happened::Looked(BTreeSet::new()),
            Act::ReadBack { .. } => Happened::ReadBack { bad: BTreeSet::new(), root_fits: true },
            Act::Fetch { .. } => fetch(act),
            _ => Happened::Done,
        }
    }

    fn wait(&mut self, ms: u64) {
        self.now = self.now.plus(ms);
    }

    fn said(&self) -> String {
        self.updater.status().to_string()
    }

    fn did(&self, wanted: impl Fn(&Act) -> bool) -> usize {
        self.acts.iter().filter(|act| wanted(act)).count()
    }
}

fn good() -> Slots {
    Slots::from_parts(BootOrder::both(Slot::A), [Left::ALL; 2], [true; 2])
}

/// A box with this boot state that was told of a release, and what it may do.
fn begun(may: May, slots: Slots) -> Bench {
    let mut bench = Bench::new(Record::default(), slots);
    bench.updater.allow(may, 0);
    bench.updater.begin(new_order(None)).unwrap();
    bench
}

fn done(_: &Act) -> Happened {
    Happened::Done
}

#[test]
fn it_says_how_far_it_is_and_why_it_waits() {
    let mut bench = Bench::new(Record::default(), good());
    assert_eq!(bench.said(), "nothing to install");
    bench.updater.allow(May::Write("this box waits for a person to say so".to_owned()), 0);
    bench.updater.begin(new_order(None)).unwrap();
    assert_eq!(bench.updater.status().doing, Doing::Looking);
    bench.go(|act| match act {
        Act::Fetch { part, .. } if part.as_str() == NAMES[0] => Happened::Missing,
        _ => Happened::Done,
    });
    assert_eq!(
        bench.said(),
        "1.4.0: writing, 48 of 64 bytes in place (75 %), 6 of 22 bytes fetched; \
         waits: nobody who is connected has 2 of its chunks; next try 5 s after the start"
    );
    bench.wait(5_000);
    bench.go(done);
    assert_eq!(
        bench.said(),
        "1.4.0: ready for the restart, 64 of 64 bytes in place (100 %), 22 of 22 bytes fetched; \
         waits: this box waits for a person to say so"
    );
    bench.updater.allow(May::All, 9);
    bench.go(done);
    assert_eq!(bench.acts.last(), Some(&Act::Restart));
    assert_eq!(bench.updater.height_before(), Some(9));
    assert_eq!(bench.slots.order(), BootOrder::both(Slot::B));
}

#[test]
fn nothing_is_written_while_it_may_not_or_before_the_running_release_has_proven_itself() {
    let mut bench = begun(May::Nothing("quiet hours".to_owned()), good());
    bench.go(done);
    assert_eq!(
        bench.said(),
        "1.4.0: looking what is there already, 0 of 64 bytes in place (0 %); waits: quiet hours"
    );
    assert_eq!(bench.did(|act| matches!(act, Act::Boot(_))), 0, "the old slot stays as long as it can");
    let mut young = begun(May::All, Slots::unknown());
    young.go(done);
    assert!(
        young.said().ends_with("waits: the release that runs has not proven itself yet"),
        "{}",
        young.said()
    );
    young.wait(2_000);
    young.go(done);
    assert_eq!(young.acts.last(), Some(&Act::Restart));
}

#[test]
fn a_segment_that_is_of_no_use_is_not_tried_again() {
    let mut bench = begun(May::All, good());
    let is_segment =
        |act: &Act| matches!(act, Act::Fetch { task, .. } if matches!(task.way, update::Way::Segment(..)));
    bench.go(|act| if is_segment(act) { Happened::Useless } else { Happened::Done });
    assert_eq!(bench.did(is_segment), 2);
    assert_eq!(bench.acts.last(), Some(&Act::Restart));
}

#[test]
fn a_card_that_does_not_hold_what_is_written_is_given_up_and_told() {
    let mut bench = begun(May::All, good());
    for _ in 0..200 {
        for Effect { ticket, act } in bench.updater.next(bench.now) {
            let happened = match &act {
                Act::ReadBack { .. } => Happened::ReadBack { bad: BTreeSet::from([0]), root_fits: true },
                other => bench.answer(other, &done),
            };
            bench.acts.push(act);
            bench.updater.happened(ticket, happened, bench.now);
        }
    }
    let failure = bench.updater.memory().failure(&new_order(None).release().id).cloned().unwrap();
    assert_eq!(failure.reason, "the card does not hold what is written to it");
    assert_eq!(bench.did(|act| matches!(act, Act::Report(_))), 1);
    assert_eq!(bench.slots.order(), BootOrder::one(Slot::A));
}

#[test]
fn a_wrong_hash_tree_is_never_tried() {
    let mut bench = begun(May::All, good());
    for _ in 0..200 {
        for Effect { ticket, act } in bench.updater.next(bench.now) {
            let happened = match &act {
                Act::ReadBack { .. } => Happened::ReadBack { bad: BTreeSet::new(), root_fits: false },
                other => bench.answer(other, &done),
            };
            bench.acts.push(act);
            bench.updater.happened(ticket, happened, bench.now);
        }
    }
    let failure = bench.updater.memory().failures().next().cloned().unwrap();
    assert_eq!(failure.reason, "the hash tree of boot.vfat has not the top that the release names");
    assert_eq!(bench.did(|act| *act == Act::Restart), 0);
}

#[test]
fn nobody_goes_back_by_hand_to_what_is_below_the_floor_or_not_good_or_not_known() {
    let held = |version: &str| Seen { version: common::version(version), id: old_release().id };
    let mut record = Record::default();
    record.memory.learn(&common::approved(&{
        let mut release = common::plain("1.3.0");
        release.floor = Some(version("1.2.0"));
        release
    }));
    let back = |record: &Record, slots: Slots| Bench::new(record.clone(), slots).updater.go_back();
    assert!(matches!(back(&record, good()), Err(NoWayBack::Unknown { slot: Slot::B, .. })));
    record.slots.set(Slot::B, Some(held("1.1.0")));
    assert_eq!(
        back(&record, good()).unwrap_err().to_string(),
        "slot B holds 1.1.0, and nobody goes back below 1.2.0"
    );
    record.slots.set(Slot::B, Some(held("1.2.0")));
    assert!(matches!(back(&record, Slots::fresh(Slot::A)), Err(NoWayBack::NotGood(Slot::B))));
    let mut bench = Bench::new(record, good());
    bench.updater.go_back().unwrap();
    assert_eq!(bench.updater.go_back(), Err(NoWayBack::Already));
    assert_eq!(bench.updater.begin(new_order(None)), Err(Busy::Back));
    bench.go(done);
    assert_eq!(bench.acts.last(), Some(&Act::Restart));
    assert_eq!(bench.slots.order().first(), Slot::B);
}

#[test]
fn what_was_gone_back_from_is_told_and_not_taken_again() {
    let mut bench = Bench::new(Record::default(), good());
    bench.updater.go_back().unwrap();
    bench.go(done);
    let saved = bench.acts.iter().find_map(|act| match act {
        Act::Save { bytes, .. } => Some(Record::parse(bytes).unwrap().1),
        _ => None,
    });
    let latest = Latest { record: saved.unwrap(), number: 9, next: 1 };
    let start = Start { latest, slots: bench.slots, running: Slot::B, release: None };
    let mut after = Bench { updater: Updater::start(rules(), start, Uptime(0)), ..bench };
    after.acts.clear();
    after.go(done);
    let reason = "a person went back from it";
    assert_eq!(after.updater.memory().failure(&old_release().id).unwrap().reason, reason);
    assert_eq!(after.did(|act| matches!(act, Act::Report(report) if report.reason == reason)), 1);
}

#[test]
fn another_release_takes_the_place_of_one_that_is_being_written_and_none_of_one_on_trial() {
    let mut bench = begun(May::Write("not yet".to_owned()), good());
    bench.go(|_| Happened::Missing);
    bench.updater.begin(new_order(Some("1.3.0"))).unwrap();
    assert_eq!(bench.updater.job().release(), Some(new_order(Some("1.3.0")).release()));
    bench.wait(100_000);
    bench.updater.allow(May::All, 0);
    bench.go(done);
    assert!(matches!(bench.updater.begin(new_order(None)), Err(Busy::Trial(_))));
}

#[test]
fn an_order_takes_the_manifests_that_the_release_names_and_no_others() {
    let approved = common::approved(&common::plain("1.4.0"));
    let source = |name: &str| PartSource {
        name: name.parse().unwrap(),
        manifest: b"manifest 1\n".to_vec(),
        near: Default::default(),
        deltas: vec![],
    };
    assert!(matches!(Order::new(&approved, vec![]), Err(OrderError::NoManifest(_))));
    let others = vec![source(NAMES[1]), source(NAMES[0])];
    assert!(matches!(Order::new(&approved, others), Err(OrderError::OtherManifest(_))));
}
