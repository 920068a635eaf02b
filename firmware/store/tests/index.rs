//! The index beside a real ledger: it follows the blocks, and is made again from them alone.
// A test that panics has failed, and that is what it is for.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Org, badge};
use model::Event;
use std::sync::Arc;
use store::{
    RefName, Store,
    crash::RecordingDisk,
    index::{FILE, Index, Query},
};

fn seqs(index: &Index, query: &Query) -> Vec<u64> {
    index.query(query).unwrap().iter().map(|row| row.event.seq).collect()
}

fn catch_up(index: &mut Index, store: &Store) -> u64 {
    let heads: Vec<_> = store.refs().unwrap().into_values().collect();
    index.catch_up(&store.objects(), &heads, &mut |_| {}).unwrap()
}

#[test]
fn it_follows_the_blocks_and_comes_back_from_them_alone() {
    let (org, home) = (Org::new(), tempfile::tempdir().unwrap());
    let disk = Arc::new(RecordingDisk::new(home.path()).unwrap());
    let mut store = org.open(home.path(), disk).unwrap();
    org.genesis(&mut store);
    let mut index = Index::open(home.path()).unwrap();
    for round in 0..10 {
        let events: Vec<Event> =
            store.append(&(0..7).map(|n| badge(round * 7 + n)).collect::<Vec<_>>()).unwrap();
        index.add(&org.name, &events).unwrap();
        org.flush(&mut store, 5);
        assert_eq!(catch_up(&mut index, &store), 5);
    }
    assert_eq!(catch_up(&mut index, &store), 0, "nothing is read twice");
    let newest = index.query(&Query { limit: 1, ..Query::default() }).unwrap().remove(0);
    assert_eq!((newest.event.seq, newest.block), (70, None), "it waits in the log");
    let oldest = index.query(&Query { after: Some(0), limit: 1, ..Query::default() }).unwrap().remove(0);
    assert!(oldest.block.is_some() && oldest.node == org.name);
    let all = seqs(&index, &Query { limit: 100, ..Query::default() });

    drop(index);
    std::fs::remove_file(home.path().join(FILE)).unwrap();
    let mut index = Index::open(home.path()).unwrap();
    let mut last = 0;
    let heads = [store.head(&RefName::main()).unwrap().unwrap()];
    assert_eq!(index.catch_up(&store.objects(), &heads, &mut |events| last = events).unwrap(), 50);
    assert_eq!(last, 50, "progress was told");
    index.add(&org.name, store.pending()).unwrap();
    assert_eq!(seqs(&index, &Query { limit: 100, ..Query::default() }), all);
}
