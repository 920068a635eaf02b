//! Blocks that must not be believed: each is forged by hand and named by what is wrong with it.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{
    Block, BlockError, BlockFault, Entry, Folder, Kind, MessageError, NewObjects, Object, Objects, State,
};
use model::{BlockId, ObjectId};

/// A house with one block of carol's, one of the node's, and both on main.
fn house() -> (House, Block, Block, Block) {
    let mut house = House::new();
    let carol = house.write("carol", &[change("people/erik.toml", "name = \"Erik\"\n")]);
    let front = house.events("front", 2);
    assert!(house.merge(&[carol, front]).is_empty());
    let (documents, events, merge) = (house.read(carol), house.read(front), house.read(house.main));
    (house, documents, events, merge)
}

/// The tree of a block with other bytes at a path.
fn tree_with(house: &mut House, tree: ObjectId, at: &str, content: Option<&[u8]>) -> ObjectId {
    let mut new = NewObjects::default();
    let parts: Vec<&str> = at.split('/').collect();
    let root = put(house, Some(tree), &parts, content, &mut new).unwrap();
    house.store.store(&new);
    root
}

fn put(
    house: &House,
    tree: Option<ObjectId>,
    parts: &[&str],
    content: Option<&[u8]>,
    new: &mut NewObjects,
) -> Option<ObjectId> {
    let bytes = tree.map_or(Vec::new(), |tree| house.store.read(&tree).unwrap().unwrap().bytes);
    let mut entries = entries(&bytes);
    let old = entries.iter().find(|(_, name, _)| name == parts[0]).map(|(_, _, id)| *id);
    let id = match parts {
        [_] => content.map(|content| ("100644", new.insert(Kind::Blob, content.to_vec()))),
        [_, rest @ ..] => put(house, old, rest, content, new).map(|id| ("40000", id)),
        [] => None,
    };
    entries.retain(|(_, name, _)| name != parts[0]);
    entries.extend(id.map(|(mode, id)| (mode.to_string(), parts[0].to_string(), id)));
    (!entries.is_empty()).then(|| new.insert(Kind::Tree, encode(&mut entries)))
}

type RawEntry = (String, String, ObjectId);

fn entries(mut tree: &[u8]) -> Vec<RawEntry> {
    let mut all = Vec::new();
    while !tree.is_empty() {
        let end = tree.iter().position(|byte| *byte == 0).unwrap();
        let (mode, name) = std::str::from_utf8(&tree[..end]).unwrap().split_once(' ').unwrap();
        let id = ObjectId::new(tree[end + 1..end + 33].try_into().unwrap());
        all.push((mode.into(), name.into(), id));
        tree = &tree[end + 33..];
    }
    all
}

fn encode(entries: &mut [RawEntry]) -> Vec<u8> {
    let order = |(mode, name, _): &RawEntry| if mode == "40000" { format!("{name}/") } else { name.clone() };
    entries.sort_by_key(order);
    raw(entries)
}

fn raw(entries: &[RawEntry]) -> Vec<u8> {
    let one =
        |(mode, name, id): &RawEntry| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", id.as_bytes()].concat();
    entries.iter().flat_map(one).collect()
}

/// What is wrong with a copy of `block` that has another tree.
fn fault_of_tree(house: &mut House, block: &Block, author: &str, tree: ObjectId) -> String {
    let forged = house.forged(&Forged { tree, ..Forged::like(block, author) });
    house.fault(&forged)
}

#[test]
fn a_true_copy_is_taken_so_the_forgeries_fail_for_their_own_reason() {
    let (mut house, documents, events, merge) = house();
    for (block, author) in [(&documents, "carol"), (&events, "front"), (&merge, "front")] {
        let copy = house.forged(&Forged::like(block, author));
        assert_eq!(copy.id, block.id);
        ledger::check_block(&house.store, &copy).unwrap();
    }
}

#[test]
fn a_truncated_block_is_refused_at_every_length() {
    let (house, documents, ..) = house();
    let bytes = house.store.read(&documents.id.into()).unwrap().unwrap().bytes;
    for end in 0..bytes.len() {
        assert!(Block::parse(&bytes[..end]).is_err(), "{end} of {} bytes were taken", bytes.len());
    }
    assert_eq!(Block::parse(&bytes).unwrap(), documents);
}

#[test]
fn one_changed_byte_anywhere_is_refused() {
    let (house, documents, ..) = house();
    let bytes = house.store.read(&documents.id.into()).unwrap().unwrap().bytes;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let taken =
            Block::parse(&changed).is_ok_and(|block| ledger::check_block(&house.store, &block).is_ok());
        assert!(!taken, "byte {at} may be {:?}", changed[at] as char);
    }
}

#[test]
fn a_block_by_a_stranger_is_refused() {
    let (mut house, documents, ..) = house();
    let mut forged = Forged::like(&documents, "mallory");
    forged.key = key("mallory");
    let block = house.forged(&forged);
    assert!(house.fault(&block).contains("stranger"));
}

#[test]
fn a_block_signed_by_another_key_or_over_other_bytes_is_refused() {
    let (mut house, documents, ..) = house();
    let mut forged = Forged::like(&documents, "carol");
    forged.key = key("mallory");
    let block = house.forged(&forged);
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Signature(_))));
    let other = Forged::like(&documents, "carol").with_message("Change by carol", "Change by bob");
    let bytes = with_signature(&other.unsigned(), &documents.signature);
    let block = Block::parse(&bytes).unwrap();
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Signature(_))));
    let for_files = key("carol").sign("file", documents.signed.as_slice()).unwrap();
    let block =
        Block::parse(&with_signature(&Forged::like(&documents, "carol").unsigned(), &for_files)).unwrap();
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Signature(_))));
}

#[test]
fn an_unsigned_block_and_one_with_a_header_of_its_own_are_refused() {
    let (_, documents, ..) = house();
    let unsigned = Forged::like(&documents, "carol").unsigned();
    assert!(matches!(Block::parse(unsigned.as_bytes()), Err(BlockError::Unsigned)));
    let signed = String::from_utf8(Forged::like(&documents, "carol").bytes()).unwrap();
    for header in ["encoding latin-1\n", "mergetag x\n", "gpgsig x\n"] {
        let other = signed.replacen("gpgsig-sha256 ", &format!("{header}gpgsig-sha256 "), 1);
        assert!(matches!(Block::parse(other.as_bytes()), Err(BlockError::Header { .. })), "{header:?}");
    }
}

#[test]
fn a_block_by_a_revoked_key_is_refused() {
    let mut house = House::new();
    house.change("alice", &[revoked_key("person:carol", "alice", 5)]);
    let dora = house.write("bob", &[change("people/dora.toml", "name = \"D\"\n")]);
    let mut forged = Forged::like(&house.read(dora), "carol");
    forged.parents.truncate(1);
    let block = house.forged(&forged);
    assert!(house.fault(&block).contains("was revoked by alice"));
}

#[test]
fn a_block_in_another_name_is_refused() {
    let (mut house, documents, ..) = house();
    let mut forged = Forged::like(&documents, "carol");
    forged.key = key("carol");
    let unsigned = forged.unsigned().replace("carol <", "alice <");
    let signature = key("carol").sign("git", unsigned.as_bytes()).unwrap();
    let block = Block::parse(&with_signature(&unsigned, &signature)).unwrap();
    assert!(house.fault(&block).contains("in the name of alice"));
    forged.author = "alice";
    let block = house.forged(&forged);
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Signature(_))));
}

#[test]
fn another_organisations_block_is_refused_wherever_it_is_grafted_in() {
    let (mut house, documents, events, merge) = house();
    let mut state = first_state();
    state.push(change("people/zoe.toml", "name = \"Zoe\"\n"));
    let other = first_block(state).unwrap().sign(&key("alice")).unwrap();
    house.store.store(&other.objects);
    let mut on_other = Forged::like(&documents, "carol");
    on_other.parents = vec![other.id];
    let block = house.forged(&on_other);
    assert!(house.fault(&block).contains("organisation"));
    let other_org = other.id.to_string();
    let mut theirs = Forged::like(&documents, "carol").with_message(&documents.org.to_string(), &other_org);
    theirs.org = other_org[..12].into();
    let block = house.forged(&theirs);
    assert!(house.fault(&block).contains("organisation"));
    let grafted =
        Forged { parents: vec![merge.parents[0], events.id, block.id], ..Forged::like(&merge, "front") };
    let block = house.forged(&grafted);
    assert!(house.fault(&block).contains("organisation"));
}

#[test]
fn the_author_must_name_the_organisation_of_the_block() {
    let (_, documents, ..) = house();
    let mut forged = Forged::like(&documents, "carol");
    forged.org = "0123456789ab".into();
    assert!(matches!(Block::parse(&forged.bytes()), Err(BlockError::Author { .. })));
    let text = Forged::like(&documents, "carol").unsigned();
    for (from, to) in [("+0000", "+0100"), (" +0000\ncommitter", " -0000\ncommitter"), ("carol <", "Carol <")]
    {
        let unsigned = text.replace(from, to);
        let bytes = with_signature(&unsigned, &documents.signature);
        assert!(Block::parse(&bytes).is_err(), "{to:?} was taken");
    }
}

#[test]
fn a_tree_with_a_path_outside_the_rules_is_refused() {
    let (mut house, documents, ..) = house();
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
    let (mut house, documents, ..) = house();
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
    let (mut house, documents, ..) = house();
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
    let (mut house, documents, ..) = house();
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
    let (mut house, documents, ..) = house();
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
    let (mut house, documents, ..) = house();
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
    let (mut house, documents, events, merge) = house();
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
    let (mut house, _, events, merge) = house();
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
    let (mut house, _, events, _) = house();
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
fn a_sequence_that_jumps_or_goes_back_is_refused() {
    let (mut house, documents, ..) = house();
    for (to, author) in [("Ledger-Sequence: 0", "carol"), ("Ledger-Sequence: 2", "carol")] {
        let block = house.forged(&Forged::like(&documents, author).with_message("Ledger-Sequence: 1", to));
        assert!(
            matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Sequence { .. })),
            "{to}"
        );
    }
    let second = house.write("carol", &[change("people/fred.toml", "name = \"F\"\n")]);
    let second = house.read(second);
    for to in ["Ledger-Sequence: 1", "Ledger-Sequence: 3"] {
        let block = house.forged(&Forged::like(&second, "carol").with_message("Ledger-Sequence: 2", to));
        assert!(
            matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Sequence { .. })),
            "{to}"
        );
    }
}

#[test]
fn a_block_dated_before_a_parent_is_refused() {
    let (mut house, documents, _, merge) = house();
    for (block, author) in [(&documents, "carol"), (&merge, "front")] {
        let mut forged = Forged::like(block, author);
        forged.seconds = 1;
        let block = house.forged(&forged);
        assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Time { .. })));
    }
}

#[test]
fn parents_that_are_not_what_they_should_be_are_refused() {
    let (mut house, documents, events, merge) = house();
    let mut on_writer = Forged::like(&documents, "carol");
    on_writer.parents = vec![events.id];
    on_writer.seconds += 60;
    let block = house.forged(&on_writer);
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::NotOnMain { .. })));
    let mut of_other = Forged::like(&documents, "carol");
    of_other.parents.push(events.id);
    of_other.seconds += 60;
    let block = house.forged(&of_other);
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::NotOwn { .. })));
    let next = house.write("carol", &[change("people/fred.toml", "name = \"F\"\n")]);
    house.merge(&[next]);
    let later = house.write("carol", &[change("people/gina.toml", "name = \"G\"\n")]);
    let back = Forged { parents: vec![merge.parents[0], later], ..Forged::like(&house.read(later), "carol") };
    let block = house.forged(&back.with_message("Ledger-Sequence: 3", "Ledger-Sequence: 4"));
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::WentBack)));
    let none = Forged { parents: vec![], ..Forged::like(&documents, "carol") };
    assert!(matches!(Block::parse(&none.bytes()), Err(BlockError::Parents { found: 0, .. })));
}

#[test]
fn a_merge_block_whose_tree_is_not_the_merge_is_refused() {
    let (mut house, documents, _, merge) = house();
    let fault = fault_of_tree(&mut house, &merge, "front", documents.tree);
    assert!(fault.contains("is not the merge"), "{fault}");
    let swapped: Vec<BlockId> = [merge.parents[0], merge.parents[2], merge.parents[1]].into();
    let block = house.forged(&Forged { parents: swapped, ..Forged::like(&merge, "front") });
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::HeadOrder)));
    let twice = [&merge.parents[..], &merge.parents[2..]].concat();
    let block = house.forged(&Forged { parents: twice, ..Forged::like(&merge, "front") });
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::HeadOrder)));
    let left_out = format!("Ledger-Left-Out: {} no reason\n", documents.id);
    let mut says = Forged::like(&merge, "front");
    says.message.push_str(&left_out);
    let block = house.forged(&says);
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::LeftOut { .. })));
}

#[test]
fn a_merge_block_by_no_validator_or_of_another_height_is_refused() {
    let (mut house, _, _, merge) = house();
    let block = house.forged(&Forged::like(&merge, "back"));
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::NotValidator { .. })));
    for to in ["Ledger-Height: 0", "Ledger-Height: 2"] {
        let block = house.forged(&Forged::like(&merge, "front").with_message("Ledger-Height: 1", to));
        assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Height { .. })), "{to}");
    }
}

#[test]
fn a_merge_that_takes_the_same_head_again_is_refused() {
    let (mut house, documents, events, merge) = house();
    let mut again = Forged::like(&merge, "front").with_message("Ledger-Height: 1", "Ledger-Height: 2");
    again.parents = vec![merge.id, documents.id, events.id];
    let block = house.forged(&again);
    assert!(house.fault(&block).contains("main contains it already"));
    let head = house.main;
    house.main = block.id;
    assert!(house.verify().is_err());
    house.main = head;
}

#[test]
fn a_second_genesis_or_one_with_another_height_is_no_block() {
    let (mut house, documents, _, merge) = house();
    let genesis = house.read(merge.parents[0]);
    let with_parent = Forged { parents: vec![merge.id], ..Forged::like(&genesis, "alice") };
    assert!(matches!(Block::parse(&with_parent.bytes()), Err(BlockError::Parents { .. })));
    let block =
        house.forged(&Forged::like(&genesis, "alice").with_message("Ledger-Height: 0", "Ledger-Height: 1"));
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Height { .. })));
    let second = house.forged(&Forged::like(&genesis, "alice").with_message("Begin", "Begin again"));
    ledger::check_block(&house.store, &second).unwrap();
    let mut grafted = Forged::like(&merge, "front");
    grafted.parents.push(second.id);
    let block = house.forged(&grafted);
    assert!(house.fault(&block).contains("organisation"));
    let mut on_second = Forged::like(&documents, "carol");
    on_second.parents = vec![second.id];
    let block = house.forged(&on_second);
    assert!(house.fault(&block).contains("organisation"));
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
fn a_block_of_another_protocol_says_what_to_do() {
    let (_, documents, ..) = house();
    let forged = Forged::like(&documents, "carol").with_message("Ledger-Protocol: 1", "Ledger-Protocol: 2");
    let error = Block::parse(&forged.bytes()).unwrap_err();
    assert!(matches!(error, BlockError::Message(MessageError::Protocol { found: 2 })));
    assert!(error.to_string().contains("update this box"));
}

#[test]
fn a_missing_or_damaged_object_is_named() {
    let (mut house, documents, ..) = house();
    let gone = house.store.forget(&documents.tree).unwrap();
    assert!(house.fault(&documents).contains(&format!("the tree {} is missing", documents.tree)));
    house.store.put_as(documents.tree, Object { kind: Kind::Tree, bytes: Vec::new() });
    assert!(house.fault(&documents).contains("it is damaged"));
    assert!(house.verify().is_err());
    house.store.put_as(documents.tree, gone);
    house.verify().unwrap();
}

#[test]
fn a_writer_with_two_lines_is_left_out_and_never_verifies() {
    let (mut house, documents, ..) = house();
    house.own.remove(&id("carol"));
    let second_line = house.write("carol", &[change("people/fred.toml", "name = \"F\"\n")]);
    assert_eq!(house.read(second_line).sequence, documents.sequence);
    let left_out = house.merge(&[second_line]);
    assert!(left_out[0].1.contains("another line of the same writer"), "{left_out:?}");
}

#[test]
fn verification_names_the_faulty_block() {
    let (mut house, documents, events, merge) = house();
    let next = house.write("carol", &[change("people/fred.toml", "name = \"F\"\n")]);
    house.merge(&[next]);
    house.verify().unwrap();
    for id in [documents.id, events.id, merge.id] {
        let good = house.store.forget(&id.into()).unwrap();
        let error = house.verify().unwrap_err();
        assert!(error.to_string().contains(&id.to_string()), "{error}");
        house.store.put_as(id.into(), good);
    }
}
