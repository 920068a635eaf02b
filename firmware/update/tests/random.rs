//! Random cuts, failures of everything, stops of the agent and a person's hand in between: the box always boots a whole release, and
//! comes to rest in one that is good, with the record empty of work and the ledger told.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod common;

use common::{
    disk::{Area, Tear},
    rig::{End, Fault, Hand, Rig, Temper, new_image, new_order, old_image},
};
use proptest::prelude::*;
use slots::{Left, Slot, Standing, Status};
use std::{collections::BTreeMap, sync::OnceLock};
use update::{Job, Order, Outcome, latest};

#[derive(Clone, Debug)]
enum Trouble {
    Cut(usize, u64),
    Stop(usize),
}

fn any_trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        3 => (0usize..40, any::<u64>()).prop_map(|(at, seed)| Trouble::Cut(at, seed)),
        1 => (1usize..25).prop_map(Trouble::Stop),
    ]
}

fn any_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Missing),
        Just(Fault::Useless),
        Just(Fault::Refused),
        Just(Fault::Denied),
        Just(Fault::Rots)
    ]
}

fn any_temper() -> impl Strategy<Value = Temper> {
    prop_oneof![2 => Just(Temper::Works), 1 => Just(Temper::Sick), 1 => Just(Temper::Hangs)]
}

fn order(floor: bool) -> &'static Order {
    static ORDERS: [OnceLock<Order>; 2] = [OnceLock::new(), OnceLock::new()];
    ORDERS[usize::from(floor)].get_or_init(|| new_order(floor.then_some("1.4.0")))
}

/// Lives through the troubles one by one, and then in peace.
fn live(rig: &mut Rig, troubles: &[Trouble]) -> Slot {
    let mut running = None;
    for trouble in troubles {
        let operations = rig.disk.borrow().operations;
        rig.disk.borrow_mut().cut = None;
        match trouble {
            Trouble::Cut(at, seed) => {
                rig.disk.borrow_mut().cut = Some((operations + at, Tear::Random(*seed)))
            }
            Trouble::Stop(effects) => rig.stop_after = Some(rig.effects + effects),
        }
        // After a stop the agent alone is started again, and what it wrote may still be in the card's cache.
        let Some(slot) = running.take().or_else(|| rig.boot()) else { continue };
        running = (rig.run(slot) == End::Stopped).then_some(slot);
    }
    (rig.disk.borrow_mut().cut, rig.stop_after) = (None, None);
    if let Some(slot) = running
        && rig.run(slot) == End::Rest
    {
        return slot;
    }
    rig.come_to_rest()
}

fn check(rig: &Rig, running: Slot, peaceful: bool) -> Result<(), TestCaseError> {
    let [first, second] = [0, 1].map(|at| rig.disk.borrow().seen(Area::Record(at)));
    let (record, slots) = (latest(&first, &second).record, rig.slots());
    let (new, old) = (rig.holds(running, &new_image()), rig.holds(running, &old_image()));
    prop_assert!(new || old);
    prop_assert_eq!(record.job, Job::Idle);
    prop_assert_eq!(slots.standing(running), Standing::Settled);
    prop_assert_eq!(slots.status(running), Status::Good(Left::ALL));
    prop_assert!(record.reports.is_empty(), "{:?} {:#?}", record.reports, rig.steps);
    let failed = record.memory.failure(&rig.order.release().id);
    let told = |outcome| rig.told.iter().any(|report| report.outcome == outcome);
    prop_assert!(!old || failed.is_some(), "what does not run is remembered as failed");
    // Who went back may come to run it again: the older release may fall back to it.
    prop_assert!(!new || failed.is_none() || told(Outcome::WentBack), "{:?} {:#?}", failed, rig.steps);
    prop_assert!(!new || rig.temper == Temper::Works);
    prop_assert!(!new || told(Outcome::Installed));
    prop_assert!(!old || told(Outcome::RolledBack) || told(Outcome::NotWritten) || told(Outcome::WentBack));
    prop_assert!(!peaceful || new == (rig.temper == Temper::Works));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_box_lives_through_anything_and_comes_to_rest(
        temper in any_temper(),
        floor in any::<bool>(),
        troubles in prop::collection::vec(any_trouble(), 0..8),
        faults in prop::collection::btree_map(1usize..80, any_fault(), 0..12),
        hands in prop::collection::btree_map(1usize..80, prop_oneof![Just(Hand::GoesBack), Just(Hand::Cancels)], 0..3),
    ) {
        let mut rig = Rig::new(temper, floor.then_some("1.4.0"), order(floor));
        (rig.faults, rig.hands) = (faults, hands);
        let running = live(&mut rig, &troubles);
        check(&rig, running, false)?;
    }

    #[test]
    fn where_only_the_lines_and_the_card_are_bad_at_times_the_update_comes_through(
        temper in any_temper(),
        faults in prop::collection::btree_map(1usize..60, any_fault(), 0..6),
        troubles in prop::collection::vec(any_trouble(), 0..3),
    ) {
        let mut rig = Rig::new(temper, None, order(false));
        (rig.faults, rig.hands) = (faults, BTreeMap::new());
        let running = live(&mut rig, &troubles);
        check(&rig, running, true)?;
    }
}
