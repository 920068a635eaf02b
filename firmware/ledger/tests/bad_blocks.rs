//! Blocks that must not be believed: each is forged by hand and named by what is wrong with it.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{Block, BlockError, BlockFault, MessageError, Objects};
use model::BlockId;

#[test]
fn a_true_copy_is_taken_so_the_forgeries_fail_for_their_own_reason() {
    let (mut house, documents, events, merge) = merged_house();
    for (block, author) in [(&documents, "carol"), (&events, "front"), (&merge, "front")] {
        let copy = house.forged(&Forged::like(block, author));
        assert_eq!(copy.id, block.id);
        ledger::check_block(&house.store, &copy).unwrap();
    }
}

#[test]
fn a_truncated_block_is_refused_at_every_length() {
    let (house, documents, ..) = merged_house();
    let bytes = house.store.read(&documents.id.into()).unwrap().unwrap().bytes;
    for end in 0..bytes.len() {
        assert!(Block::parse(&bytes[..end]).is_err(), "{end} of {} bytes were taken", bytes.len());
    }
    assert_eq!(Block::parse(&bytes).unwrap(), documents);
}

#[test]
fn one_changed_byte_anywhere_is_refused() {
    let (house, documents, ..) = merged_house();
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
    let (mut house, documents, ..) = merged_house();
    let mut forged = Forged::like(&documents, "mallory");
    forged.key = key("mallory");
    let block = house.forged(&forged);
    assert!(house.fault(&block).contains("stranger"));
}

#[test]
fn a_block_signed_by_another_key_or_over_other_bytes_is_refused() {
    let (mut house, documents, ..) = merged_house();
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
    let (_, documents, ..) = merged_house();
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
    let (mut house, documents, ..) = merged_house();
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
    let (mut house, documents, events, merge) = merged_house();
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
    let (_, documents, ..) = merged_house();
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
fn a_sequence_that_jumps_or_goes_back_is_refused() {
    let (mut house, documents, ..) = merged_house();
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
    let (mut house, documents, _, merge) = merged_house();
    for (block, author) in [(&documents, "carol"), (&merge, "front")] {
        let mut forged = Forged::like(block, author);
        forged.seconds = 1;
        let block = house.forged(&forged);
        assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Time { .. })));
    }
}

#[test]
fn parents_that_are_not_what_they_should_be_are_refused() {
    let (mut house, documents, events, merge) = merged_house();
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
    let (mut house, documents, _, merge) = merged_house();
    let fault = fault_of_tree(&mut house, &merge, "front", documents.tree);
    assert!(fault.contains("is not the merge"), "{fault}");
    let swapped: Vec<BlockId> = [merge.parents[0], merge.parents[2], merge.parents[1]].into();
    let block = house.forged(&Forged { parents: swapped, ..Forged::like(&merge, "front") });
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::HeadOrder)));
    let empty = Forged { parents: vec![merge.parents[0]], ..Forged::like(&merge, "front") };
    assert!(matches!(Block::parse(&empty.bytes()), Err(BlockError::Parents { found: 1, .. })));
    let says_why = format!("{}Ledger-Left-Out: {} no reason\n", empty.message, documents.id);
    let block = house.forged(&Forged { message: says_why, ..empty });
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::NotTheMerge { .. })));
    let twice = [&merge.parents[..], &merge.parents[2..]].concat();
    let block = house.forged(&Forged { parents: twice, ..Forged::like(&merge, "front") });
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Head { .. })));
    let left_out = format!("Ledger-Left-Out: {} no reason\n", documents.id);
    let mut says = Forged::like(&merge, "front");
    says.message.push_str(&left_out);
    let block = house.forged(&says);
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::LeftOut { .. })));
}

#[test]
fn a_merge_block_by_no_validator_or_of_another_height_is_refused() {
    let (mut house, _, _, merge) = merged_house();
    let block = house.forged(&Forged::like(&merge, "back"));
    assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::NotValidator { .. })));
    for to in ["Ledger-Height: 0", "Ledger-Height: 2"] {
        let block = house.forged(&Forged::like(&merge, "front").with_message("Ledger-Height: 1", to));
        assert!(matches!(ledger::check_block(&house.store, &block), Err(BlockFault::Height { .. })), "{to}");
    }
}

#[test]
fn a_merge_that_takes_the_same_head_again_is_refused() {
    let (mut house, documents, events, merge) = merged_house();
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
    let (mut house, documents, _, merge) = merged_house();
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
fn a_block_of_another_protocol_says_what_to_do() {
    let (_, documents, ..) = merged_house();
    let forged = Forged::like(&documents, "carol").with_message("Ledger-Protocol: 1", "Ledger-Protocol: 2");
    let error = Block::parse(&forged.bytes()).unwrap_err();
    assert!(matches!(error, BlockError::Message(MessageError::Protocol { found: 2 })));
    assert!(error.to_string().contains("update this box"));
}

#[test]
fn a_merge_that_takes_a_second_line_and_leaves_the_key_in_power_is_refused() {
    let (mut house, documents, ..) = merged_house();
    house.own.remove(&id("carol"));
    let second_line = house.write("carol", &[change("people/fred.toml", "name = \"F\"\n")]);
    assert_eq!(house.read(second_line).sequence, documents.sequence);
    let bob = house.write("bob", &[change("people/fred.toml", "name = \"F\"\n")]);
    house.merge(&[bob]);
    let merge = house.read(house.main);
    let parents = vec![merge.parents[0], second_line];
    let forged = house.forged(&Forged { parents, ..Forged::like(&merge, "front") });
    assert!(matches!(ledger::check_block(&house.store, &forged), Err(BlockFault::LeftOut { .. })));
    house.main = forged.id;
    let error = house.verify().unwrap_err().to_string();
    assert!(error.contains("another line of the same writer"), "{error}");
}

#[test]
fn verification_names_the_faulty_block() {
    let (mut house, documents, events, merge) = merged_house();
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
