//! Which release a box wants: a table, and what holds in every case.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod common;

use common::{approved, facts, plain, releases, rollout, version, wishes};
use model::{KeyId, Millis, ReleaseId};
use proptest::prelude::*;
use update::{
    Answer, Approved, Facts, Hours, Kind, Memory, Mode, Refused, Release, Seen, Tally, Wishes, may_install,
    place_of, want,
};

fn says(known: &[Approved], wishes: &Wishes, facts: &Facts) -> String {
    want(known, wishes, facts).to_string()
}

fn with(of: &str, change: impl FnOnce(&mut Release)) -> Release {
    let mut release = plain(of);
    change(&mut release);
    release
}

#[test]
fn the_newest_release_for_board_and_channel_is_wanted() {
    let known = releases(&[
        plain("1.1.0"),
        plain("1.2.0"),
        with("1.9.0", |r| r.channel = "beta".parse().unwrap()),
        with("1.9.1", |r| r.boards = vec!["raspberrypi".parse().unwrap()]),
        with("1.9.2", |r| r.kind = Kind::Disk),
    ]);
    assert_eq!(says(&known, &wishes(), &facts("1.0.0")), "1.2.0 now");
    assert_eq!(says(&known, &wishes(), &facts("1.2.0")), "the newest release runs");
    assert_eq!(says(&known, &wishes(), &facts("1.3.0")), "the newest release runs");
    let alone = "there is no release for this board in this channel";
    assert_eq!(says(&known[2..], &wishes(), &facts("1.0.0")), alone);
}

#[test]
fn the_mode_says_how_far_it_goes() {
    let known = releases(&[plain("1.2.0")]);
    let mode = |mode| Wishes { mode, ..wishes() };
    let prefetch = "1.2.0 is fetched now, and installed when a person says so";
    assert_eq!(says(&known, &mode(Mode::PrefetchOnly), &facts("1.0.0")), prefetch);
    let by_hand = "1.2.0 later: this box waits for a person to say so";
    assert_eq!(says(&known, &mode(Mode::ByHand), &facts("1.0.0")), by_hand);
    let asked = Wishes { asked: Some(version("1.2.0")), ..mode(Mode::ByHand) };
    assert_eq!(says(&known, &asked, &facts("1.0.0")), "1.2.0 now");
}

#[test]
fn a_rollout_comes_by_share_and_time() {
    let known =
        releases(&[with("1.2.0", |r| r.rollout = rollout(None, &[(2_000_000, 1), (3_000_000, 100)]))]);
    let mut facts = facts("1.0.0");
    assert_eq!(says(&known, &wishes(), &facts), "1.2.0 later: it goes out from 1970-01-01T00:33:20.000Z on");
    facts.now = Millis(2_000_000);
    facts.node = node(&known[0], |place| place > u32::MAX / 2);
    assert_eq!(
        says(&known, &wishes(), &facts),
        "1.2.0 later: it goes to 1 of 100 boxes now, and to this one from 1970-01-01T00:50:00.000Z on"
    );
    let Answer::Later(_, why) = want(&known, &wishes(), &facts) else { panic!("not later") };
    assert_eq!(why.look_again(), Some(Millis(3_000_000)));
    facts.node = node(&known[0], |place| place < u32::MAX / 200);
    assert_eq!(says(&known, &wishes(), &facts), "1.2.0 now");
}

/// The key of a box with such a place in a release's line.
fn node(release: &Approved, place: impl Fn(u32) -> bool) -> KeyId {
    let all = (0..100_000u128).map(|n| KeyId::new(n.to_be_bytes()));
    all.into_iter().find(|node| place(place_of(node, &release.id()))).unwrap()
}

#[test]
fn a_rollout_that_failed_too_often_is_held_and_the_one_before_is_taken() {
    let held = with("1.3.0", |r| r.rollout = rollout(Some(2), &[(0, 100)]));
    let known = releases(&[plain("1.2.0"), held]);
    let mut facts = facts("1.0.0");
    facts.reports.insert(known[1].id(), Tally { tried: 5, failed: 1 });
    assert_eq!(says(&known, &wishes(), &facts), "1.3.0 now");
    facts.reports.insert(known[1].id(), Tally { tried: 5, failed: 2 });
    assert_eq!(says(&known, &wishes(), &facts), "1.2.0 now; not 1.3.0: held, for it failed on 2 of 5 boxes");
    facts.running = version("1.2.0");
    assert_eq!(says(&known, &wishes(), &facts), "1.3.0 later: held, for it failed on 2 of 5 boxes");
    let asked = Wishes { asked: Some(version("1.3.0")), ..wishes() };
    assert_eq!(says(&known, &asked, &facts), "1.3.0 now", "a person decides");
}

#[test]
fn quiet_hours_end() {
    let known = releases(&[plain("1.2.0")]);
    let quiet = Wishes { quiet: Hours::new(540, 1320), ..wishes() };
    let until = Millis(1_000_000).plus(720 * 60_000);
    assert_eq!(says(&known, &quiet, &facts("1.0.0")), format!("1.2.0 later: quiet hours until {until}"));
    let night = Facts { minute: 1320, ..facts("1.0.0") };
    assert_eq!(says(&known, &quiet, &night), "1.2.0 now");
}

#[test]
fn a_release_in_between_is_taken_first() {
    let known =
        releases(&[plain("1.1.0"), plain("1.2.0"), with("1.4.0", |r| r.from = Some(version("1.2.0")))]);
    let needs = "this box must run 1.2.0 or newer first, and no such release is open to it";
    assert_eq!(says(&known, &wishes(), &facts("1.0.0")), format!("1.2.0 now; not 1.4.0: {needs}"));
    assert_eq!(says(&known, &wishes(), &facts("1.2.0")), "1.4.0 now");
    assert_eq!(says(&known[2..], &wishes(), &facts("1.0.0")), format!("1.4.0 later: {needs}"));
    let asked = Wishes { asked: Some(version("1.4.0")), ..wishes() };
    assert_eq!(says(&known, &asked, &facts("1.0.0")), format!("1.4.0 later: {needs}"));
}

#[test]
fn what_failed_here_is_not_tried_again_by_itself() {
    let known = releases(&[plain("1.2.0")]);
    let mut facts = facts("1.0.0");
    let seen = Seen { version: version("1.2.0"), id: known[0].id() };
    facts.memory.fail(seen, "the reader was not found");
    let failed = "1.2.0 later: it failed here: the reader was not found";
    assert_eq!(says(&known, &wishes(), &facts), failed);
    let pinned = Wishes { pinned: Some(version("1.2.0")), ..wishes() };
    assert_eq!(says(&known, &pinned, &facts), failed);
    let asked = Wishes { asked: Some(version("1.2.0")), ..wishes() };
    assert_eq!(says(&known, &asked, &facts), "1.2.0 now");
    let better = releases(&[plain("1.2.0"), plain("1.2.1")]);
    assert_eq!(says(&better, &wishes(), &facts), "1.2.1 now");
}

#[test]
fn a_pinned_box_goes_to_its_version_and_stays_there() {
    let known = releases(&[plain("1.1.0"), plain("1.2.0"), plain("1.3.0")]);
    let pinned = |at: &str| Wishes { pinned: Some(version(at)), ..wishes() };
    assert_eq!(says(&known, &pinned("1.2.0"), &facts("1.0.0")), "1.2.0 now");
    assert_eq!(says(&known, &pinned("1.2.0"), &facts("1.2.0")), "this box stays at 1.2.0");
    assert_eq!(says(&known, &pinned("1.2.0"), &facts("1.3.0")), "1.2.0 now", "back, too");
    let gone = "there is no release 1.2.5 for this board in this channel";
    assert_eq!(says(&known, &pinned("1.2.5"), &facts("1.0.0")), gone);
}

#[test]
fn nobody_goes_back_below_the_floor_also_not_by_hand() {
    let known = releases(&[plain("1.1.0"), with("1.3.0", |r| r.floor = Some(version("1.2.0")))]);
    let mut facts = facts("1.3.0");
    facts.memory = learnt(&known);
    let below = "nobody goes back to 1.1.0: the releases of this channel forbid it below 1.2.0";
    for wishes in [
        Wishes { pinned: Some(version("1.1.0")), ..wishes() },
        Wishes { asked: Some(version("1.1.0")), ..wishes() },
    ] {
        assert_eq!(says(&known, &wishes, &facts), below);
        assert_eq!(says(&known[..1], &wishes, &facts), below, "the floor is remembered");
    }
    let refused = may_install(&known[0], &known, &wishes(), &facts, true).unwrap_err();
    assert!(matches!(refused, Refused::BelowFloor { .. }), "{refused}");
    facts.running = version("1.0.0");
    assert_eq!(says(&known, &wishes(), &facts), "1.3.0 now");
}

fn learnt(known: &[Approved]) -> Memory {
    let mut memory = Memory::default();
    for approved in known {
        memory.learn(approved);
    }
    memory
}

#[test]
fn an_old_document_is_no_news() {
    let known = releases(&[plain("1.1.0"), plain("1.2.0"), plain("1.3.0")]);
    let mut facts = facts("1.1.0");
    facts.memory = learnt(&known);
    let hidden =
        "the release 1.3.0 was seen here and is gone or changed, and nothing older is taken in its place";
    assert_eq!(says(&known[..2], &wishes(), &facts), hidden);
    let refused = may_install(&known[1], &known[..2], &wishes(), &facts, false).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the release 1.2.0 is not newer than 1.3.0, which this box has or has seen; only a person who names it may install it"
    );
    let asked = Wishes { asked: Some(version("1.2.0")), ..wishes() };
    assert_eq!(says(&known[..2], &asked, &facts), "1.2.0 now");
    facts.running = version("1.3.0");
    assert_eq!(says(&known[..2], &wishes(), &facts), "the newest release runs");
}

#[test]
fn a_version_is_used_once() {
    let (one, other) = (plain("1.2.0"), with("1.2.0", |r| r.notes = "Other.".to_owned()));
    let known = releases(&[plain("1.1.0"), one, other]);
    assert_eq!(says(&known, &wishes(), &facts("1.0.0")), "1.1.0 now", "neither is taken");
    for first in [1, 2] {
        let mut facts = facts("1.0.0");
        facts.memory = learnt(&known[first..=first]);
        let Answer::Now(choice) = want(&known, &wishes(), &facts) else { panic!("nothing is wanted") };
        assert_eq!(choice.release.id(), known[first].id(), "the one that was seen first");
        let refused = may_install(&known[3 - first], &known, &wishes(), &facts, true).unwrap_err();
        assert_eq!(refused.to_string(), "this box has seen another release 1.2.0: a version is used once");
    }
}

#[test]
fn what_is_not_for_this_box_is_refused_with_a_sentence() {
    let refused = |release: Release, running: &str| {
        let approved = approved(&release);
        may_install(&approved, std::slice::from_ref(&approved), &wishes(), &facts(running), true)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused(with("1.2.0", |r| r.boards = vec!["beaglebone".parse().unwrap()]), "1.0.0"),
        "the release 1.2.0 is for beaglebone, and this box is a qemu-aarch64"
    );
    assert_eq!(
        refused(with("1.2.0", |r| r.channel = "beta".parse().unwrap()), "1.0.0"),
        "the release 1.2.0 is of the channel beta, and this box follows stable"
    );
    assert_eq!(
        refused(with("1.2.0", |r| r.kind = Kind::Dapp), "1.0.0"),
        "qemu-aarch64 1.2.0 is a dapp, and not the operating system of a box"
    );
    assert_eq!(
        refused(with("1.4.0", |r| r.from = Some(version("1.2.0"))), "1.1.0"),
        "the release 1.4.0 can be installed from 1.2.0 on, and this box runs 1.1.0: install one in between first"
    );
}

/// One of a few releases, such that they get in each other's way.
fn any_release() -> impl Strategy<Value = Release> {
    let optional = |most: u8| prop::option::weighted(0.3, 0..most);
    let steps = prop::collection::vec((0u64..50, 1u8..=50), 1..3);
    let plan = prop::option::of((prop::option::of(1u32..4), steps));
    let who = (0u8..8, 0u8..8, 0u8..8);
    (1u8..12, optional(12), optional(12), who, plan).prop_map(|(minor, from, floor, who, plan)| {
        with(&format!("1.{minor}.0"), |release| {
            release.from = from.filter(|from| *from < minor).map(|from| version(&format!("1.{from}.0")));
            release.floor = floor.filter(|floor| *floor <= minor).map(|at| version(&format!("1.{at}.0")));
            let (board, channel, kind) = who;
            if board == 0 {
                release.boards = vec!["beaglebone".parse().unwrap()];
            }
            if channel == 0 {
                release.channel = "beta".parse().unwrap();
            }
            if kind == 0 {
                release.kind = Kind::Disk;
            }
            let rising = plan.map(|(hold, steps)| {
                let mut sum = (0, 0);
                let rise = steps.into_iter().map(|(at, percent)| {
                    sum = (sum.0 + at + 1, sum.1 + percent);
                    sum
                });
                rollout(hold, &rise.collect::<Vec<_>>())
            });
            release.rollout = rising.flatten();
        })
    })
}

fn any_known() -> impl Strategy<Value = Vec<Approved>> {
    prop::collection::vec(any_release(), 0..7).prop_map(|all| releases(&all))
}

fn any_wishes() -> impl Strategy<Value = Wishes> {
    let mode = prop_oneof![Just(Mode::Automatic), Just(Mode::PrefetchOnly), Just(Mode::ByHand)];
    let named = || prop::option::weighted(0.3, (0u8..12).prop_map(|minor| version(&format!("1.{minor}.0"))));
    (mode, named(), named()).prop_map(|(mode, pinned, asked)| Wishes { mode, pinned, asked, ..wishes() })
}

prop_compose! {
    fn any_facts(known: Vec<Approved>)(
        running in 0u8..12,
        learnt in prop::collection::vec(any::<bool>(), 7),
        failed in prop::collection::vec(0u8..5, 7),
        tallies in prop::collection::vec((0u32..4, 0u32..4), 7),
        node in any::<[u8; 16]>(),
        now in 0u64..120,
    ) -> Facts {
        let mut facts = facts(&format!("1.{running}.0"));
        (facts.node, facts.now) = (KeyId::new(node), Millis(now));
        for (at, approved) in known.iter().enumerate() {
            let seen = Seen { version: approved.release().version.clone(), id: approved.id() };
            if learnt[at] && approved.release().channel == wishes().channel {
                facts.memory.learn(approved);
            }
            if failed[at] == 0 {
                facts.memory.fail(seen, "it did not start");
            }
            let (well, bad) = tallies[at];
            facts.reports.insert(approved.id(), Tally { tried: well + bad, failed: bad });
        }
        facts
    }
}

fn any_case() -> impl Strategy<Value = (Vec<Approved>, Vec<bool>, Wishes, Facts)> {
    let known = any_known();
    known.prop_flat_map(|known| {
        let shown = prop::collection::vec(prop::bool::weighted(0.8), 7);
        (Just(known.clone()), shown, any_wishes(), any_facts(known))
    })
}

/// What the box would fetch or install.
fn chosen<'a>(answer: &Answer<'a>) -> Option<&'a Approved> {
    match answer {
        Answer::Now(choice) | Answer::Prefetch(choice) => Some(choice.release),
        _ => None,
    }
}

fn is_named(approved: &Approved, wishes: &Wishes) -> bool {
    let version = Some(&approved.release().version);
    version == wishes.pinned.as_ref() || version == wishes.asked.as_ref()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_box_never_wants_what_it_may_not_install((known, shown, wishes, facts) in any_case()) {
        let shown: Vec<Approved> =
            known.into_iter().zip(shown).filter(|(_, shown)| *shown).map(|(known, _)| known).collect();
        let answer = want(&shown, &wishes, &facts);
        if let Some(approved) = chosen(&answer) {
            let named = is_named(approved, &wishes);
            let allowed = may_install(approved, &shown, &wishes, &facts, named);
            prop_assert!(allowed.is_ok(), "{answer}: {}", allowed.unwrap_err());
            let release = approved.release();
            prop_assert!(release.version > facts.running || named, "back by itself: {answer}");
            let floor = facts.memory.floor();
            prop_assert!(release.version > facts.running || floor.is_none_or(|floor| release.version >= *floor));
        }
    }

    #[test]
    fn a_hold_stops_boxes_that_have_not_begun((known, _, wishes, mut facts) in any_case()) {
        for approved in &known {
            facts.reports.insert(approved.id(), Tally { tried: 9, failed: 9 });
        }
        let answer = want(&known, &wishes, &facts);
        if let Some(approved) = chosen(&answer).filter(|approved| !is_named(approved, &wishes)) {
            let hold = approved.release().rollout.as_ref().and_then(|rollout| rollout.hold);
            prop_assert_eq!(hold, None, "{}", answer);
        }
    }

    #[test]
    fn a_release_that_is_open_to_a_box_stays_open(
        release in any_release(), node in any::<[u8; 16]>(), now in 0u64..120, later in 0u64..120,
    ) {
        let known = releases(&[release]);
        let at = |now: u64| Facts { node: KeyId::new(node), now: Millis(now), ..facts("0.1.0") };
        let (before, after) = (at(now), at(now + later));
        let wished = wishes();
        if let Answer::Now(_) = want(&known, &wished, &before) {
            prop_assert!(matches!(want(&known, &wished, &after), Answer::Now(_)));
        }
        if let Answer::Later(_, why) = want(&known, &wished, &before)
            && let Some(look) = why.look_again()
        {
            let then = Facts { now: look, ..before };
            let first = known[0].release().rollout.as_ref().unwrap().steps[0].at;
            let share_grew = look > Millis(now) && look >= first;
            prop_assert!(share_grew, "looking again at {look} is of no use");
            let known_turn = matches!(why, update::Why::Share { .. });
            prop_assert!(!known_turn || matches!(want(&known, &wished, &then), Answer::Now(_)));
        }
    }

    #[test]
    fn the_order_in_which_releases_are_known_does_not_matter((known, _, wishes, facts) in any_case()) {
        let mut turned = known.clone();
        turned.reverse();
        prop_assert_eq!(says(&known, &wishes, &facts), says(&turned, &wishes, &facts));
    }

    #[test]
    fn what_was_learnt_only_rises(known in any_known()) {
        let mut memory = Memory::default();
        for approved in &known {
            let (newest, floor) = (memory.newest(&wishes().channel).cloned(), memory.floor().cloned());
            memory.learn(approved);
            prop_assert!(memory.floor().cloned() >= floor);
            let now = memory.newest(&wishes().channel).map(|seen| &seen.version);
            prop_assert!(now >= newest.as_ref().map(|seen| &seen.version));
            prop_assert!(!memory.learn(approved), "the same twice is no news");
        }
    }
}

#[test]
fn a_place_is_another_one_for_each_release() {
    let node = KeyId::new([7; 16]);
    assert_ne!(place_of(&node, &ReleaseId::new([1; 32])), place_of(&node, &ReleaseId::new([2; 32])));
}
