//! The index by itself; with blocks it is tested in tests/index.rs.

use super::*;
use crate::wal::tests::event;

fn node() -> Name {
    "front-door".parse().unwrap()
}

fn filled(home: &Path) -> Index {
    let mut index = Index::open(home).unwrap();
    index.add(&node(), &(1..=20).map(event).collect::<Vec<_>>()).unwrap();
    index
}

fn seqs(index: &Index, query: Query) -> Vec<u64> {
    index.query(&query).unwrap().iter().map(|row| row.event.seq).collect()
}

#[test]
fn the_newest_come_first_and_after_a_number_the_oldest() {
    let home = tempfile::tempdir().unwrap();
    let index = filled(home.path());
    assert_eq!(seqs(&index, Query { limit: 3, ..Query::default() }), [20, 19, 18]);
    let after = Query { node: Some(node()), after: Some(16), limit: 3, ..Query::default() };
    assert_eq!(seqs(&index, after), [17, 18, 19]);
}

#[test]
fn events_are_found_by_dapp_kind_and_text_and_text_is_no_pattern() {
    let home = tempfile::tempdir().unwrap();
    let index = filled(home.path());
    let kind = |kind: &str| Query { kind: Some(kind.parse().unwrap()), ..Query::default() };
    let text = |text: &str| Query { text: Some(text.into()), ..Query::default() };
    assert_eq!(seqs(&index, kind("access")).len(), 20);
    assert_eq!(seqs(&index, kind("denied")).len(), 0);
    assert_eq!(seqs(&index, text("ALICE")).len(), 20);
    assert_eq!(seqs(&index, text("\"n\":17")), [17]);
    assert_eq!(seqs(&index, text("%")).len(), 0);
    assert_eq!(seqs(&index, text("' OR 1 --")).len(), 0);
    let dapp = Query { dapp: Some("lockout".parse().unwrap()), ..Query::default() };
    assert_eq!(seqs(&index, dapp).len(), 0);
}

#[test]
fn an_event_comes_back_as_it_was_and_adding_it_again_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut index = filled(home.path());
    index.add(&node(), &[event(5)]).unwrap();
    let row = &index.query(&Query { text: Some("\"n\":5}".into()), ..Query::default() }).unwrap()[0];
    assert_eq!((&row.event, &row.node, row.block), (&event(5), &node(), None));
    assert_eq!(index.len().unwrap(), 20);
}

#[test]
fn a_killed_process_leaves_its_rows_and_a_power_cut_an_empty_index() {
    let home = tempfile::tempdir().unwrap();
    drop(filled(home.path()));
    let index = Index::open(home.path()).unwrap();
    assert_eq!(index.len().unwrap(), 20);
    index.sqlite.execute("UPDATE open SET boot = 'another start of the machine'", []).unwrap();
    drop(index);
    assert!(Index::open(home.path()).unwrap().is_empty().unwrap());
}

#[test]
fn a_closed_index_is_trusted_after_a_restart_of_the_machine() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path()).close().unwrap();
    let sqlite = Connection::open(home.path().join(FILE)).unwrap();
    let open: u32 = sqlite.query_row("SELECT count(*) FROM open", [], |row| row.get(0)).unwrap();
    assert_eq!(open, 0);
    drop(sqlite);
    assert_eq!(Index::open(home.path()).unwrap().len().unwrap(), 20);
}

#[test]
fn garbage_in_the_place_of_an_index_is_thrown_away() {
    let home = tempfile::tempdir().unwrap();
    for garbage in [&b"not a database, but long enough to look like one"[..], &[0; 5000], b""] {
        fs::write(home.path().join(FILE), garbage).unwrap();
        assert!(Index::open(home.path()).unwrap().is_empty().unwrap());
    }
    let mut bytes = {
        filled(home.path()).close().unwrap();
        fs::read(home.path().join(FILE)).unwrap()
    };
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4000].fill(0xee);
    fs::write(home.path().join(FILE), bytes).unwrap();
    assert!(Index::open(home.path()).unwrap().len().unwrap() <= 20);
}
