//! A box that is the only validator: what it writes is final at once, whatever happens to its power.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{Outcome, State};
use model::Millis;
use replica::{Depot, Effect, MemoryDepot, Replica, ReplicaError, Status};

#[test]
fn a_write_is_one_commit_and_final_at_once() {
    let mut replica = open(founded(false));
    let before = replica.depot().steps();
    let written = replica.write_events(&name("front"), &[event(1), event(2)], now(1)).unwrap();
    assert_eq!(
        (written.status, written.height, written.last_event),
        (Status::Final { height: 1 }, 1, Some(2))
    );
    // One pack, the writer's reference, main's reference.
    assert_eq!(replica.depot().steps() - before, 3);
}

#[test]
fn a_crash_at_any_step_loses_nothing_that_was_said_to_be_written() {
    for cut in 1..6 {
        let mut depot = founded(false);
        depot.cut_power_at(Some(cut));
        let Ok(mut replica) = Replica::open(depot, options(), now(0)) else { panic!("it only reads") };
        let written = replica.write_events(&name("front"), &[event(1)], now(1)).is_ok();
        let again = replica.write_events(&name("front"), &[event(2)], now(2)).is_ok();
        let mut depot = replica.into_depot();
        depot.restart();
        let mut replica = Replica::open(depot, options(), now(3)).unwrap();
        let late = Millis(10_000);
        replica.tick(replica::Now { elapsed: late, clock: now(3).clock }).unwrap();
        let state = State::at_tree(replica.objects(), replica.main().tree);
        let kept = ledger::last_event(replica.objects(), &state, &name("front")).unwrap();
        let said = u64::from(written) + u64::from(again);
        assert!(kept >= said, "cut at {cut}: {said} were said to be written, {kept} are there");
    }
}

#[test]
fn a_proposal_that_conflicts_is_an_error_and_leaves_nothing() {
    let mut replica = open(founded(false));
    let first = person_block(&replica, "people/dora.toml", "one");
    let second = person_block(&replica, "people/dora.toml", "two");
    replica.accept(&name("front"), &[], first.id, &first.objects, now(1)).unwrap();
    let error = replica.accept(&name("front"), &[], second.id, &second.objects, now(2)).unwrap_err();
    assert!(matches!(error, ReplicaError::SecondLine { .. }), "{error}");
    assert_eq!(replica.status_of(second.id).unwrap(), Status::Unknown);
}

#[test]
fn what_a_judge_has_to_see_waits_for_it_and_stays_out_if_it_says_no() {
    for (outcome, is_in) in [(Outcome::Pass, true), (Outcome::Fail(vec!["no".into()]), false)] {
        let mut replica = open(founded(true));
        let block = person_block(&replica, "desk/thing.toml", "one");
        let written = replica.accept(&name("front"), &[], block.id, &block.objects, now(1)).unwrap();
        assert_eq!(written.status, Status::Waiting);
        // Meanwhile events are durable and wait too.
        let events = replica.write_events(&name("front"), &[event(1)], now(1)).unwrap();
        assert_eq!(events.status, Status::Waiting);
        let tasks: Vec<_> = replica
            .take_effects()
            .into_iter()
            .filter_map(|effect| if let Effect::Judge(task) = effect { Some(task) } else { None })
            .collect();
        assert_eq!(tasks.len(), 1);
        replica.judged(tasks[0].id(), outcome, now(2)).unwrap();
        match replica.status_of(block.id).unwrap() {
            Status::Final { .. } => assert!(is_in),
            Status::LeftOut { reason } => assert!(!is_in && reason.contains("desk"), "{reason}"),
            other => panic!("{other:?}"),
        }
        // Main says so, to all who have it and after any crash.
        let again = open(replica.depot().clone());
        assert_eq!(again.status_of(block.id).unwrap(), replica.status_of(block.id).unwrap());
        settle(&mut replica, 20_000);
        assert!(matches!(replica.status_of(events.head.unwrap()).unwrap(), Status::Final { .. }));
    }
}

#[test]
fn a_full_disk_refuses_a_write_and_takes_it_later() {
    let mut replica = open(founded(false));
    replica.depot_mut().set_full(true);
    let error = replica.write_events(&name("front"), &[event(1)], now(1)).unwrap_err();
    assert!(matches!(&error, ReplicaError::Depot(error) if error.is_full), "{error}");
    replica.depot_mut().set_full(false);
    replica.write_events(&name("front"), &[event(1)], now(2)).unwrap();
}

#[test]
fn an_empty_depot_is_named_as_such() {
    let error = Replica::open(MemoryDepot::default(), options(), now(0)).err().unwrap();
    assert!(error.to_string().contains("main"), "{error}");
    assert!(MemoryDepot::default().note("nothing").unwrap().is_none());
}
