//! States that no block may make: trees, documents, logs, keys and policies that break a rule.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{BlockFault, Entry, Folder, Kind, NewObjects, Object, Objects, State};

#[test]
fn a_tree_with_a_path_outside_the_rules_is_refused() {
    let (mut house, documents, ..) = merged_house();
    for at in [
        "people/Erik.toml",
        "people/.git",
        "people/-x.toml",
        "a..b/x.toml",
        "people/x.lock",
        "people/erik\u{e9}.toml",
    ] {
        let tree = tree_with(&mut house, documents.tree, at, Some(b"a = 1\n"));
        let fault = fault_of_tree(&mut house, &documents, "carol", tree);
        assert!(fault.contains("not a name"), "{at:?}: {fault}");
    }
    let deep = "people/a/b/c/d/e/f/g/h.toml";
    let tree = tree_with(&mut house, documents.tree, deep, Some(b"a = 1\n"));
    assert!(fault_of_tree(&mut house, &documents, "carol", tree).contains("cannot be in a state tree"));
    for at in ["people/run.sh", "readme", "people/note.md"] {
        let tree = tree_with(&mut house, documents.tree, at, Some(b"hello"));
        let fault = fault_of_tree(&mut house, &documents, "carol", tree);
        assert!(fault.contains("only documents (*.toml) and manifests"), "{at:?}: {fault}");
    }
}

#[test]
fn symlinks_submodules_programs_and_unsorted_or_doubled_names_are_refused() {
    let (mut house, documents, ..) = merged_house();
    let bytes = house.store.read(&documents.tree).unwrap().unwrap().bytes;
    let good = entries(&bytes);
    let file = good.iter().find(|(_, name, _)| name == "org.toml").unwrap().2;
    let mut faults = Vec::new();
    for mode in ["120000", "160000", "100755", "100664", "0100644"] {
        let mut all = good.clone();
        all.push((mode.into(), "zz.toml".into(), file));
        faults.push((raw(&all), mode));
    }
    let mut unsorted = good.clone();
    unsorted.reverse();
    faults.push((raw(&unsorted), "unsorted"));
    let mut doubled = good.clone();
    doubled.insert(0, good[0].clone());
    faults.push((raw(&doubled), "doubled"));
    let mut padded = good.clone();
    padded.iter_mut().filter(|entry| entry.0 == "40000").for_each(|entry| entry.0 = "040000".into());
    faults.push((raw(&padded), "padded"));
    for (bytes, what) in faults {
        assert!(Folder::parse(&bytes).is_err(), "{what} was taken");
        let mut new = NewObjects::default();
        let tree = new.insert(Kind::Tree, bytes);
        house.store.store(&new);
        let forged = house.forged(&Forged { tree, ..Forged::like(&documents, "carol") });
        assert!(ledger::check_block(&house.store, &forged).is_err(), "{what} was taken in a block");
    }
    assert!(matches!(Folder::parse(&bytes).unwrap().get("org.toml"), Some(Entry::File(_))));
}

#[test]
fn an_empty_folder_is_refused() {
    let (mut house, documents, ..) = merged_house();
    let mut new = NewObjects::default();
    let empty = new.insert(Kind::Tree, Vec::new());
    let bytes = house.store.read(&documents.tree).unwrap().unwrap().bytes;
    let mut all = entries(&bytes);
    all.push(("40000".into(), "empty".into(), empty));
    let tree = new.insert(Kind::Tree, encode(&mut all));
    house.store.store(&new);
    assert!(fault_of_tree(&mut house, &documents, "carol", tree).contains("is empty"));
}

#[test]
fn a_folder_that_holds_itself_many_times_over_is_not_read_for_ever() {
    let (mut house, documents, ..) = merged_house();
    let mut new = NewObjects::default();
    let mut inner = new.insert(Kind::Blob, b"a = 1\n".to_vec());
    for level in 0..7 {
        let (mode, end) = if level == 0 { ("100644", ".toml") } else { ("40000", "") };
        let mut all: Vec<RawEntry> = (0..500).map(|n| (mode.into(), format!("n{n}{end}"), inner)).collect();
        inner = new.insert(Kind::Tree, encode(&mut all));
    }
    let bytes = house.store.read(&documents.tree).unwrap().unwrap().bytes;
    let mut all = entries(&bytes);
    all.push(("40000".into(), "bomb".into(), inner));
    let tree = new.insert(Kind::Tree, encode(&mut all));
    house.store.store(&new);
    assert!(fault_of_tree(&mut house, &documents, "carol", tree).contains("differ in more than"));
}

#[test]
fn a_document_that_is_not_canonical_toml_is_refused() {
    let (mut house, documents, ..) = merged_house();
    for (bytes, says) in [
        (&b"name = \"E\" # comment\n"[..], "canonical"),
        (b"name = \n", "not TOML"),
        (b"\xff\xfe", "UTF-8"),
        (b"[[list]]\nrevoked = 1\n", "inside an array"),
    ] {
        let tree = tree_with(&mut house, documents.tree, "people/erik.toml", Some(bytes));
        let fault = fault_of_tree(&mut house, &documents, "carol", tree);
        assert!(fault.contains(says), "{fault}");
    }
}

#[test]
fn writing_where_the_policy_does_not_let_one_is_refused() {
    let (mut house, documents, ..) = merged_house();
    for at in ["doorbot/doors/front.toml", "policy.toml", "elsewhere/x.toml"] {
        let content: &[u8] = if at == "policy.toml" { POLICY.as_bytes() } else { b"a = 1\n" };
        let text = model::Document::parse(content).unwrap().to_canonical().unwrap();
        let text = text.replace("[\"carol\"]", "[\"carol\", \"dora\"]");
        let tree = tree_with(&mut house, documents.tree, at, Some(text.as_bytes()));
        let fault = fault_of_tree(&mut house, &documents, "carol", tree);
        assert!(fault.contains(at), "{fault}");
    }
    let as_dapp = Forged::like(&documents, "carol")
        .with_message("Ledger-Sequence: 1\n", "Ledger-Sequence: 1\nLedger-Dapp: desk\n");
    let block = house.forged(&as_dapp);
    assert!(house.fault(&block).contains("cannot write for a dapp"));
}

#[test]
fn a_log_file_is_neither_changed_nor_deleted_nor_written_by_others() {
    let (mut house, documents, events, merge) = merged_house();
    let log = State::at(&house.store, merge.id).unwrap().list("log").unwrap()[0].to_string();
    let by_people = tree_with(&mut house, documents.tree, "log/front/1970-01/01/000009.jsonl", Some(b"{}\n"));
    assert!(fault_of_tree(&mut house, &documents, "carol", by_people).contains("blocks of events"));
    let after = house.events("front", 1);
    let after = house.read(after);
    let line = event(3).to_line().unwrap();
    for (content, what) in [(None, "deleted"), (Some(line.as_bytes()), "changed")] {
        let tree = tree_with(&mut house, after.tree, &log, content);
        let fault = fault_of_tree(&mut house, &after, "front", tree);
        assert!(fault.contains("adds the file") || fault.contains("log file"), "{what}: {fault}");
    }
    let mut of_other = Forged::like(&events, "back");
    of_other.tree = events.tree;
    let block = house.forged(&of_other);
    assert!(house.fault(&block).contains("adds the file log/back/"));
}

#[test]
fn a_writer_who_forgets_log_files_that_main_has_is_refused() {
    let (mut house, _, events, merge) = merged_house();
    let mut forged = Forged::like(&events, "front").with_message("Ledger-Events: 1-2", "Ledger-Events: 1-1");
    forged.tree = tree_with(
        &mut house,
        events.tree,
        "log/front/1970-01/01/000001.jsonl",
        Some(event(1).to_line().unwrap().as_bytes()),
    );
    let other = house.forged(&forged);
    ledger::check_block(&house.store, &other).unwrap();
    let next = house.events("front", 1);
    let mut onward = Forged::like(&house.read(next), "front");
    onward.parents = vec![merge.id, other.id];
    let block = house.forged(&onward);
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::LogChanged { .. })));
}

#[test]
fn events_that_skip_repeat_or_are_miscounted_are_refused() {
    let (mut house, _, events, _) = merged_house();
    let file = "log/front/1970-01/01/000001.jsonl";
    let lines = |seqs: &[u64]| seqs.iter().map(|seq| event(*seq).to_line().unwrap()).collect::<String>();
    for (seqs, says) in [
        (&[1, 3][..], "where 2 comes next"),
        (&[2, 3], "where 1 comes next"),
        (&[1, 1], "where 2 comes next"),
        (&[1], "the block says events 1-2"),
    ] {
        let tree = tree_with(&mut house, events.tree, file, Some(lines(seqs).as_bytes()));
        let fault = fault_of_tree(&mut house, &events, "front", tree);
        assert!(fault.contains(says), "{seqs:?}: {fault}");
    }
    let elsewhere = tree_with(&mut house, events.tree, file, None);
    let elsewhere = tree_with(
        &mut house,
        elsewhere,
        "log/front/1970-01/01/000002.jsonl",
        Some(lines(&[1, 2]).as_bytes()),
    );
    assert!(fault_of_tree(&mut house, &events, "front", elsewhere).contains("adds the file"));
}

#[test]
fn a_genesis_that_does_not_authorise_itself_is_refused() {
    let without = |path: &str| -> Vec<_> {
        first_state().into_iter().filter(|change| !change.path.as_str().contains(path)).collect()
    };
    for missing in ["org.toml", "policy.toml", "branches", &id("alice").to_string()] {
        assert!(first_block(without(missing)).is_err(), "a genesis without {missing} was drafted");
    }
    let mut state = first_state();
    state.retain(|change| change.path.as_str() != "policy.toml");
    state.push(change("policy.toml", &POLICY.replace("[\"alice\", \"bob\"]", "[\"bob\"]")));
    let error = first_block(state).unwrap_err().to_string();
    assert!(error.contains("person:alice may not write it"), "{error}");
    let mut state = first_state();
    state.push(change("log/front/1970-01/01/000001.jsonl", "{}\n"));
    assert!(first_block(state).unwrap_err().to_string().contains("blocks of events"));
}

#[test]
fn nobody_locks_the_organisation_out_of_its_policy() {
    let mut house = House::new();
    let refused = |house: &mut House, changes: &[ledger::Change], says: &str| {
        let error = house.draft("alice", changes).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    let nobody = POLICY.replace("owner = [\"alice\", \"bob\"]", "owner = []");
    refused(&mut house, &[change("policy.toml", &nobody)], "nobody could change policy.toml after this");
    let stranger = POLICY.replace("owner = [\"alice\", \"bob\"]", "owner = [\"zoe\"]");
    refused(&mut house, &[change("policy.toml", &stranger)], "nobody could change policy.toml after this");
    let no_rule = POLICY.replace("\"policy.toml\", ", "");
    refused(&mut house, &[change("policy.toml", &no_rule)], "nobody could change policy.toml after this");
    let both = [revoked_key("person:alice", "alice", 5), revoked_key("person:bob", "alice", 5)];
    refused(&mut house, &both, "nobody could change policy.toml after this");
    refused(&mut house, &[revoked_key("node:front", "alice", 5)], "nobody could add to main after this");
    refused(&mut house, &[remove("policy.toml")], "never removed");
    refused(&mut house, &[change("policy.toml", &POLICY.replace("paths", "path"))], "policy.toml");
}

#[test]
fn a_key_tells_the_truth_stays_with_its_owner_and_is_never_unrevoked() {
    let mut house = House::new();
    let refused = |house: &mut House, changes: &[ledger::Change], says: &str| {
        let error = house.draft("alice", changes).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    let mut other_name = key_document("person:carol");
    other_name.path = path(&format!("keys/{}.toml", id("mallory")));
    refused(&mut house, &[other_name], "the public key in it has the id");
    let mut given_away = key_document("person:carol");
    given_away.content = given_away
        .content
        .map(|text| String::from_utf8(text).unwrap().replace("person:carol", "person:bob").into());
    refused(&mut house, &[given_away], "belongs to person:carol for ever");
    refused(&mut house, &[remove(&format!("keys/{}.toml", id("carol")))], "never removed");
    let mut early = key_document("person:mallory");
    early.content =
        early.content.map(|text| String::from_utf8(text).unwrap().replace("= 1000", "= 99999999999").into());
    refused(&mut house, &[early], "set this box's clock");
    let node = format!("key = \"{}\"\nboard = \"sim\"\nplace = \"x\"\n", id("back"));
    refused(&mut house, &[change("nodes/front.toml", &node)], "does not belong to this node");
    house.change("alice", &[revoked_key("person:carol", "alice", 5)]);
    refused(&mut house, &[key_document("person:carol")], "what is revoked stays revoked");
    refused(&mut house, &[revoked_key("person:carol", "alice", 6)], "what is revoked stays revoked");
    let certificate =
        "name = \"D\"\n\n[certificates.laser]\nlevel = 1\n\n[certificates.laser.revoked]\nat = 1\n";
    house.change("alice", &[change("people/dora.toml", certificate)]);
    refused(&mut house, &[change("people/dora.toml", "name = \"D\"\n")], "certificates.laser.revoked");
    refused(&mut house, &[remove("people/dora.toml")], "certificates.laser.revoked");
}

#[test]
fn a_missing_or_damaged_object_is_named() {
    let (mut house, documents, ..) = merged_house();
    let gone = house.store.forget(&documents.tree).unwrap();
    assert!(house.fault(&documents).contains(&format!("the tree {} is missing", documents.tree)));
    house.store.put_as(documents.tree, Object { kind: Kind::Tree, bytes: Vec::new() });
    assert!(house.fault(&documents).contains("it is damaged"));
    assert!(house.verify().is_err());
    house.store.put_as(documents.tree, gone);
    house.verify().unwrap();
}
