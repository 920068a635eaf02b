//! Merges with judges: what goes in, what stays out with which reason, and that anybody finds the same again.
//!
//! The judges here are functions from what a judge reads to what it says, so every rule can be stated in a line.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{Broken, Change, Checking, JudgeTask, Making, Merged, Outcome, Step, check_block};
use model::{BlockId, ObjectId};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;

type Rule = fn(&str, &Value) -> Outcome;

fn fail(reason: &str) -> Outcome {
    Outcome::Fail(vec![reason.into()])
}

fn ask(rule: Rule, task: &JudgeTask) -> Outcome {
    rule(task.dapp.as_str(), &serde_json::from_slice(&task.input).unwrap())
}

/// A dapp with a judge: its manifest and an image.
fn judge(dapp: &str, reads: &str, writes: &str) -> [Change; 2] {
    let manifest =
        format!("name = \"{dapp}\"\nversion = \"1\"\nreads = [{reads}]\nwrites = [{writes}]\n[judge]\n");
    [change(&format!("dapps/{dapp}/dapp.toml"), &manifest), image(dapp, 0)]
}

fn image(dapp: &str, version: u8) -> Change {
    let bytes = [version; 3];
    let cutter = chunk::Cutter::default();
    let id = chunk::chunk_id(&bytes);
    let manifest = chunk::Manifest { cutter, size: 3, hash: *id.as_bytes(), chunks: vec![(id, 3)] }.to_text();
    change(&format!("dapps/{dapp}/image.manifest"), &manifest)
}

/// A house where `desk` judges people, and `rooms` judges what is below rooms/ and sees the people too.
fn house() -> House {
    let mut house = House::new();
    let policy = POLICY.replace("\"doorbot/**\"", "\"doorbot/**\", \"rooms/**\"");
    assert!(house.change("alice", &[change("policy.toml", &policy)]).is_empty());
    let dapps = [judge("desk", "", "\"people/*\""), judge("rooms", "\"people/*\"", "")].concat();
    assert!(house.change("alice", &dapps).is_empty(), "a judge that is not there yet judges nothing");
    house
}

/// Makes the merge with these judges, keeps it, and checks it as everybody else would.
fn merge(house: &mut House, heads: &[BlockId], rule: Rule) -> Merged {
    let merged = make(house, heads, rule);
    if let Some(draft) = merged.draft.clone() {
        let block = draft.sign(&key("front")).unwrap();
        house.store.store(&block.objects);
        house.main = block.id;
        check(house, block.id, rule).unwrap();
        house.verify().unwrap();
    }
    merged
}

fn make(house: &mut House, heads: &[BlockId], rule: Rule) -> Merged {
    let meta = house.meta("front");
    let mut making = Making::begin(&house.store, house.main, heads, meta).unwrap();
    let mut asked = BTreeSet::new();
    loop {
        match making.step(&house.store).unwrap() {
            Step::Done(merged) => return merged,
            Step::Judge(tasks) => {
                assert!(!tasks.is_empty());
                for task in tasks {
                    assert!(asked.insert(task.id()), "nothing is asked twice");
                    making.answer(task.id(), ask(rule, &task));
                }
            }
        }
    }
}

fn check(house: &House, block: BlockId, rule: Rule) -> Result<Vec<String>, String> {
    let block = house.read(block);
    let mut checking = Checking::begin(&house.store, &block).map_err(|fault| fault.to_string())?;
    loop {
        match checking.step().map_err(|fault| fault.to_string())? {
            Step::Done(()) => return Ok(checking.judges().map(ToString::to_string).collect()),
            Step::Judge(tasks) => {
                tasks.iter().for_each(|task| checking.answer(task.id(), ask(rule, task)));
            }
        }
    }
}

fn reasons(merged: &Merged) -> Vec<(BlockId, String)> {
    merged.left_out.iter().map(|(head, reason)| (*head, reason.to_string())).collect()
}

fn verdicts(house: &House) -> Vec<String> {
    house.read(house.main).verdicts.iter().map(|line| line.dapp.to_string()).collect()
}

fn person(name: &str) -> Change {
    change(&format!("people/{name}.toml"), &format!("name = \"{name}\"\n"))
}

fn room(name: &str, who: &str) -> Change {
    change(&format!("rooms/{name}.toml"), &format!("who = \"{who}\"\n"))
}

const CONTENT: Rule = |_, _| Outcome::Pass;

/// Nobody is called Erik; a room is somebody's who is there; nobody has two rooms.
const STRICT: Rule = |dapp, input| {
    let merged = input["merged"].as_object().unwrap();
    if dapp == "desk" {
        let erik = merged.contains_key("people/erik.toml");
        return if erik { fail("nobody is called Erik") } else { Outcome::Pass };
    }
    let rooms = merged.iter().filter(|(path, _)| path.starts_with("rooms/"));
    let owners: Vec<&str> = rooms.map(|(_, room)| room["who"].as_str().unwrap()).collect();
    match owners.iter().find(|who| !merged.contains_key(&format!("people/{who}.toml"))) {
        Some(who) => fail(&format!("{who} has a room and is not there")),
        None if owners.iter().collect::<BTreeSet<_>>().len() < owners.len() => fail("one room each"),
        None => Outcome::Pass,
    }
};

#[test]
fn a_merge_that_touches_no_judge_is_done_at_once_and_carries_no_verdict() {
    let mut house = house();
    let events = house.events("front", 2);
    let door = house.write("alice", &[change("doorbot/doors/a.toml", "open = 1\n")]);
    let never: Rule = |_, _| panic!("nobody is to be asked");
    assert!(merge(&mut house, &[events, door], never).left_out.is_empty());
    assert!(verdicts(&house).is_empty());
}

#[test]
fn judges_that_are_content_sign_the_merge_with_their_verdicts() {
    let mut house = house();
    let carol = house.write("carol", &[person("erika")]);
    let alice = house.write("alice", &[room("one", "dora")]);
    assert!(merge(&mut house, &[carol, alice], STRICT).left_out.is_empty());
    assert_eq!(verdicts(&house), ["desk", "rooms"]);
    assert_eq!(check(&house, house.main, STRICT).unwrap(), ["desk", "rooms"]);
}

#[test]
fn the_head_that_a_judge_fails_stays_out_with_the_reason_and_the_others_go_in() {
    let mut house = house();
    let bob = house.write("bob", &[person("erika")]);
    let carol = house.write("carol", &[person("erik")]);
    let alice = house.write("alice", &[person("fred"), room("one", "dora")]);
    let merged = merge(&mut house, &[carol, alice, bob], STRICT);
    assert_eq!(reasons(&merged), [(carol, "judge desk: nobody is called Erik".into())]);
    assert_eq!(house.read(house.main).heads(), [bob, alice]);
    assert_eq!(verdicts(&house), ["desk", "rooms"]);
    assert!(house.document("people/erik.toml").is_none() && house.document("people/fred.toml").is_some());
    assert_eq!(house.read(house.main).left_out, reasons(&merged));
}

#[test]
fn what_is_wrong_together_leaves_the_later_head_out() {
    let mut house = house();
    let alice = house.write("alice", &[room("one", "dora")]);
    let bob = house.write("bob", &[room("two", "dora")]);
    let merged = merge(&mut house, &[bob, alice], STRICT);
    assert_eq!(reasons(&merged), [(bob, "judge rooms: one room each".into())]);
    assert_eq!(verdicts(&house), ["rooms"]);
}

#[test]
fn a_judge_is_asked_again_when_what_it_reads_changes_beside_what_it_decides() {
    let mut house = house();
    let alice = house.write("alice", &[room("one", "dora")]);
    let carol = house.write("carol", &[remove("people/dora.toml")]);
    let merged = merge(&mut house, &[carol, alice], STRICT);
    assert_eq!(reasons(&merged), [(carol, "judge rooms: dora has a room and is not there".into())]);
    assert_eq!(verdicts(&house), ["rooms"]);
}

#[test]
fn what_a_judge_reads_alone_does_not_call_it() {
    let mut house = house();
    let head = house.write("carol", &[person("fred")]);
    assert!(merge(&mut house, &[head], STRICT).left_out.is_empty());
    assert_eq!(verdicts(&house), ["desk"]);
}

#[test]
fn the_events_of_a_node_go_in_when_a_judge_fails_its_documents() {
    let mut house = house();
    house.write_for("back", "desk", &[person("erik")]).unwrap();
    let back = house.events("back", 3);
    let merged = merge(&mut house, &[back], STRICT);
    assert_eq!(reasons(&merged), [(back, "judge desk: nobody is called Erik".into())]);
    assert_eq!(house.read(house.main).heads(), [back]);
    assert!(verdicts(&house).is_empty() && house.document("people/erik.toml").is_none());
    assert_eq!(house.verify().unwrap().events, 3);
}

#[test]
fn the_author_of_a_head_that_failed_mends_it() {
    let mut house = house();
    let erik = house.write("carol", &[person("erik")]);
    merge(&mut house, &[erik], STRICT);
    let mended = house.write("carol", &[remove("people/erik.toml"), person("erika")]);
    assert!(merge(&mut house, &[mended], STRICT).left_out.is_empty());
    assert!(house.document("people/erika.toml").is_some());
}

#[test]
fn a_broken_judge_is_named_with_how_it_broke() {
    for (broken, said) in [
        (Broken::TimedOut, "it did not answer within its time"),
        (Broken::Killed, "it crashed"),
        (Broken::Memory, "it used more memory than its manifest allows"),
        (Broken::Exit(3), "it ended with code 3"),
        (Broken::NotAnAnswer, "the last line that it wrote is no answer"),
        (Broken::TooLong, "it wrote more than an answer may be long"),
        (Broken::Differs, "asked twice, it gave two answers"),
    ] {
        let mut house = house();
        let head = house.write("carol", &[person("fred")]);
        let meta = house.meta("front");
        let mut making = Making::begin(&house.store, house.main, &[head], meta).unwrap();
        let merged = loop {
            match making.step(&house.store).unwrap() {
                Step::Done(merged) => break merged,
                Step::Judge(tasks) => {
                    tasks.iter().for_each(|task| making.answer(task.id(), Outcome::Broken(broken)));
                }
            }
        };
        assert!(merged.draft.is_none());
        assert_eq!(reasons(&merged), [(head, format!("judge desk: {said}"))]);
    }
}

#[test]
fn where_nothing_goes_in_a_block_says_why_and_nothing_else() {
    let mut house = house();
    let (head, before) = (house.write("carol", &[person("fred")]), house.main);
    let said = [(head, "judge desk: its image cannot be had\nat all".to_string())];
    let meta = house.meta("front");
    let draft = ledger::refusal_block(&house.store, before, &said, meta.clone()).unwrap();
    let block = draft.sign(&key("front")).unwrap();
    house.store.store(&block.objects);
    house.main = block.id;
    house.verify().unwrap();
    let read = house.read(block.id);
    assert_eq!(read.left_out, [(head, "judge desk: its image cannot be had at all".to_string())]);
    assert_eq!((read.tree, read.heads(), read.height), (house.read(before).tree, &[][..], Some(3)));
    let by_carol = house.meta("carol");
    let draft = ledger::refusal_block(&house.store, before, &said, by_carol);
    let error = draft.unwrap_err().to_string();
    assert!(error.contains("validator"), "{error}");
    assert!(ledger::refusal_block(&house.store, head, &said, meta).is_err());
}

#[test]
fn a_judge_without_an_image_passes_nothing_until_it_has_one() {
    let mut house = house();
    let [manifest, _] = judge("gate", "", "");
    let policy = POLICY.replace("\"doorbot/**\"", "\"doorbot/**\", \"gate/**\"");
    house.change("alice", &[manifest, change("policy.toml", &policy)]);
    let head = house.write("alice", &[change("gate/a.toml", "a = 1\n")]);
    let merged = merge(&mut house, &[head], CONTENT);
    assert_eq!(reasons(&merged), [(head, "judge gate: its image cannot be had".into())]);
    let head = house.write("bob", &[image("gate", 0), change("gate/a.toml", "a = 1\n")]);
    assert_eq!(merge(&mut house, &[head], CONTENT).left_out.len(), 1, "the judge before the merge judges");
    let head = house.write("bob", &[remove("gate/a.toml"), image("gate", 0)]);
    assert!(merge(&mut house, &[head], CONTENT).left_out.is_empty());
    let head = house.write("bob", &[change("gate/a.toml", "a = 1\n")]);
    assert!(merge(&mut house, &[head], CONTENT).left_out.is_empty());
}

#[test]
fn a_broken_judge_can_be_replaced_and_keeps_nobody_from_revoking() {
    let mut house = house();
    let badge = "name = \"Gina\"\n[badges.ab]\nlabel = \"l\"\n";
    let head = house.write("carol", &[change("people/gina.toml", badge)]);
    merge(&mut house, &[head], CONTENT);
    let no: Rule = |_, _| Outcome::Broken(Broken::TimedOut);
    let mark = format!("{badge}[badges.ab.revoked]\nat = 5\nby = \"carol\"\nreason = \"lost\"\n");
    let revoke = house.write("carol", &[change("people/gina.toml", &mark)]);
    let replace = house.write("alice", &[image("desk", 1), revoked_key("person:bob", "alice", 5)]);
    assert!(merge(&mut house, &[revoke, replace], no).left_out.is_empty());
    assert!(house.document("people/gina.toml").unwrap().get(&["badges", "ab", "revoked"]).is_some());
    let more = mark.replace("Gina", "Gin");
    let head = house.write("carol", &[change("people/gina.toml", &more)]);
    assert_eq!(merge(&mut house, &[head], no).left_out.len(), 1, "anything beside the mark is judged");
}

#[test]
fn what_a_head_revokes_goes_in_though_a_judge_keeps_its_documents_out() {
    let mut house = house();
    let badge = "name = \"Gina\"\n[badges.ab]\nlabel = \"l\"\n";
    let head = house.write("carol", &[change("people/gina.toml", badge)]);
    merge(&mut house, &[head], STRICT);
    let mark = format!("{badge}[badges.ab.revoked]\nat = 5\nby = \"carol\"\nreason = \"lost\"\n");
    let head = house.write("carol", &[change("people/gina.toml", &mark), person("erik")]);
    let room = house.write("alice", &[room("one", "dora")]);
    let merged = merge(&mut house, &[head, room], STRICT);
    assert_eq!(reasons(&merged), [(head, "judge desk: nobody is called Erik".into())]);
    assert!(house.document("people/gina.toml").unwrap().get(&["badges", "ab", "revoked"]).is_some());
    assert!(house.document("people/erik.toml").is_none());
    assert_eq!(verdicts(&house), ["rooms"]);
}

#[test]
fn where_no_judge_can_be_run_what_it_would_have_to_see_stays_out() {
    let mut house = house();
    let carol = house.write("carol", &[person("fred")]);
    let alice = house.write("alice", &[change("doorbot/doors/a.toml", "open = 1\n")]);
    let left_out = house.merge(&[carol, alice]);
    assert_eq!(left_out, [(carol, "judge desk: this box could not run it".into())]);
    house.verify().unwrap();
}

#[test]
fn of_very_many_heads_that_a_judge_fails_some_wait_for_the_next_merge() {
    let mut house = House::new();
    let mut changes = judge("desk", "", "\"people/*\"").to_vec();
    let people: Vec<String> = (0..40).map(|n| format!("p{n}")).collect();
    changes.extend(people.iter().map(|name| key_document(&format!("person:{name}"))));
    let names = people.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    changes.push(change("policy.toml", &POLICY.replace("[\"carol\"]", &format!("[\"carol\", {names}]"))));
    assert!(house.change("alice", &changes).is_empty());
    let heads: Vec<BlockId> =
        people.iter().map(|name| house.write(name, &[person(&format!("x{name}"))])).collect();
    let no: Rule = |_, _| fail("no");
    let merged = merge(&mut house, &heads, no);
    assert_eq!((merged.left_out.len(), merged.deferred.len()), (32, 8));
    assert!(merged.deferred.iter().all(|head| heads.contains(head)));
}

#[test]
fn a_block_without_a_verdict_or_with_a_strange_one_is_refused_by_everybody() {
    let mut house = house();
    let head = house.write("carol", &[person("fred")]);
    let draft = make(&mut house, &[head], CONTENT).draft.unwrap();
    let block = draft.sign(&key("front")).unwrap();
    house.store.store(&block.objects);
    let good = house.read(block.id);
    check_block(&house.store, &good).unwrap();
    let line = format!("Ledger-Verdict: {}\n", good.verdicts[0]);
    for (from, to, fault) in [
        (line.as_str(), "", "verdicts of the judges [], the merge needs those of [desk]"),
        ("Ledger-Verdict: desk", "Ledger-Verdict: rooms", "judges [rooms]"),
        (line.as_str(), &format!("{line}{}", line.replace("desk", "rooms")), "judges [desk, rooms]"),
    ] {
        let forged = house.forged(&Forged::like(&good, "front").with_message(from, to));
        let said = check(&house, forged.id, CONTENT).unwrap_err();
        assert!(said.contains(fault), "{said}");
        assert!(
            ledger::verify(&house.store, forged.id, &mut |_| {}).unwrap_err().to_string().contains(fault)
        );
    }
    let other = format!("Ledger-Verdict: desk {}\n", ObjectId::new([7; 32]));
    let forged = house.forged(&Forged::like(&good, "front").with_message(&line, &other));
    ledger::verify(&house.store, forged.id, &mut |_| {}).unwrap();
    assert!(check(&house, forged.id, CONTENT).unwrap_err().contains("desk is not the one in the block"));
    let said = check(&house, good.id, |_, _| fail("never")).unwrap_err();
    assert_eq!(said, "asked again, the judge desk does not pass the merge: never");
}

#[test]
fn a_head_is_barred_in_the_name_of_no_judge_that_does_not_see_it() {
    let mut house = house();
    house.write_for("back", "desk", &[person("erik")]).unwrap();
    let back = house.events("back", 1);
    let merged = make(&mut house, &[back], STRICT);
    let block = merged.draft.unwrap().sign(&key("front")).unwrap();
    house.store.store(&block.objects);
    let good = house.read(block.id);
    for judge in ["judge ghost:", "judge doorbot:"] {
        let forged = house.forged(&Forged::like(&good, "front").with_message("judge desk:", judge));
        let said = house.fault(&forged);
        assert!(said.contains("left out or taken in"), "{said}");
    }
}

#[test]
fn a_judge_reads_what_its_manifest_names_in_one_spelling_and_nothing_else() {
    let mut house = house();
    let events = house.events("front", 1);
    let head = house.write("alice", &[room("one", "dora"), change("doorbot/doors/a.toml", "open = 1\n")]);
    let meta = house.meta("front");
    let mut making = Making::begin(&house.store, house.main, &[head, events], meta).unwrap();
    let Step::Judge(tasks) = making.step(&house.store).unwrap() else { panic!("a judge is asked") };
    let [task] = &tasks[..] else { panic!("one judge is asked") };
    let main = house.read(house.main);
    let at = house.read(head).at.max(house.read(events).at).0 + 1000;
    let dora = r#"{"name":"Dora","plan":"full","state":"active"}"#;
    let wanted = format!(
        "{{\"at\":{at},\"base\":{{\"people/dora.toml\":{dora}}},\"branch\":\"main\",\
         \"changes\":[{{\"new\":{{\"who\":\"dora\"}},\"old\":null,\"path\":\"rooms/one.toml\"}}],\
         \"dapp\":\"rooms\",\"height\":{},\"merged\":{{\"people/dora.toml\":{dora},\"rooms/one.toml\":{{\"who\":\"dora\"}}}},\
         \"org\":\"{}\"}}\n",
        main.height.unwrap() + 1,
        main.org,
    );
    assert_eq!(String::from_utf8(task.input.clone()).unwrap(), wanted);
    assert!(matches!(making.step(&house.store).unwrap(), Step::Judge(again) if again == tasks));
}

#[test]
fn a_store_that_fails_while_judges_are_sought_gives_an_error_and_never_a_merge_without_them() {
    let mut house = house();
    let head = house.write("carol", &[person("fred")]);
    let meta = house.meta("front");
    let mut making = Making::begin(&house.store, house.main, &[head], meta).unwrap();
    let before = house.store.reads();
    assert!(matches!(making.step(&house.store).unwrap(), Step::Judge(_)));
    for nth in 1..=house.store.reads() - before {
        house.store.fail_at(nth);
        assert!(making.step(&house.store).unwrap_err().is_store_failure(), "read {nth}");
    }
}

/// A judge whose mind nobody knows, but which always says the same to the same.
fn moody(seed: u8) -> impl Fn(&JudgeTask) -> Outcome {
    move |task| {
        let id = task.id().0;
        match id[0].wrapping_add(seed) % 4 {
            0 => fail("a mood"),
            1 => Outcome::Broken(Broken::Differs),
            _ => Outcome::Pass,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_judges_say_the_merge_ends_is_one_and_is_found_again(
        seed: u8,
        deeds in prop::collection::vec((0..4u8, 0..3u8), 1..5),
        order in Just((0..4usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut house = house();
        let mut heads = Vec::new();
        for ((what, who), author) in deeds.iter().zip(["alice", "bob", "carol", "back"]) {
            let who = format!("w{who}");
            heads.push(match (author, what) {
                ("back", _) => {
                    house.write_for("back", "desk", &[person(&who)]).unwrap();
                    house.events("back", 1)
                }
                ("carol", _) | (_, 0) => house.write(author, &[person(&who)]),
                (_, 1) => house.write(author, &[room(&who, author)]),
                _ => house.write(author, &[person(&who), room(author, &who)]),
            });
        }
        let say = moody(seed);
        let meta = house.meta("front");
        let made = |heads: &[BlockId]| {
            let mut making = Making::begin(&house.store, house.main, heads, meta.clone()).unwrap();
            loop {
                match making.step(&house.store).unwrap() {
                    Step::Done(merged) => return merged,
                    Step::Judge(tasks) => tasks.iter().for_each(|task| making.answer(task.id(), say(task))),
                }
            }
        };
        let merged = made(&heads);
        let listed: Vec<BlockId> = order.iter().filter_map(|n| heads.get(*n)).copied().collect();
        prop_assert_eq!(&made(&listed).draft, &merged.draft);
        let Some(draft) = merged.draft else { return Ok(()) };
        let block = draft.sign(&key("front")).unwrap();
        house.store.store(&block.objects);
        let block = house.read(block.id);
        let mut checking = Checking::begin(&house.store, &block).unwrap();
        while let Step::Judge(tasks) = checking.step().unwrap() {
            tasks.iter().for_each(|task| checking.answer(task.id(), say(task)));
        }
        ledger::verify(&house.store, block.id, &mut |_| {}).unwrap();
    }
}
