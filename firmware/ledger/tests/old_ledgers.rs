//! Ledgers of earlier versions open for ever.
//!
//! `old/protocol-1.objects` was written by the version that knew one box and one branch: events, documents for
//! people and for a dapp, a conflict and a revoked key that were left out. It is packed by zlib: a line `head <id>`,
//! then each object as a line `<kind> <length>` and its bytes.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

use ledger::{Block, BlockKind, Kind, MemoryObjects, NewObjects, State, verify, verify_from};
use model::BlockId;
use std::io::Read;

fn open(packed: &[u8]) -> (MemoryObjects, BlockId) {
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    let (mut rest, mut head, mut new) = (&bytes[..], None, NewObjects::default());
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let (word, value) = std::str::from_utf8(&rest[..end]).unwrap().split_once(' ').unwrap();
        rest = &rest[end + 1..];
        let kind = match word {
            "head" => {
                head = Some(value.parse().unwrap());
                continue;
            }
            "blob" => Kind::Blob,
            "tree" => Kind::Tree,
            _ => Kind::Commit,
        };
        let (object, after) = rest.split_at(value.parse().unwrap());
        new.insert(kind, object.to_vec());
        rest = after;
    }
    let mut store = MemoryObjects::default();
    store.store(&new);
    (store, head.unwrap())
}

#[test]
fn a_ledger_of_one_box_and_one_branch_verifies_and_reads_as_it_did() {
    let (store, head) = open(include_bytes!("old/protocol-1.objects"));
    let report = verify(&store, head, &mut |_| {}).unwrap();
    assert_eq!((report.height, report.blocks, report.events, report.is_final), (4, 12, 9, true));
    let block = Block::read(&store, head).unwrap();
    assert_eq!((block.kind, block.branch.as_str()), (BlockKind::Merge, "main"));
    assert!(block.certificate.is_none() && block.verdicts.is_empty() && block.joins.is_none());
    assert!(block.left_out[0].1.contains("was revoked by alice"));
    let state = State::at(&store, head).unwrap();
    assert_eq!(state.keys().unwrap().len(), 5);
    assert_eq!(state.list("log").unwrap().len(), 3);
    verify_from(&store, block.parents[0], head, &mut |_| {}).unwrap();
}
