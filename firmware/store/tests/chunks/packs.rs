//! What packs promise when nothing goes wrong.

use std::collections::HashSet;

use chunk::{MAX_CHUNK_BYTES, chunk_id};
use model::ChunkId;
use store::{
    chunks::{Chunks, GetError, PutError},
    crash::Fault,
};

use super::{Home, content, ends_in};

fn put_all(chunks: &Chunks, numbers: impl Iterator<Item = usize>) -> Vec<ChunkId> {
    let ids = numbers.map(|number| chunks.put(&content(number)).unwrap()).collect();
    chunks.sync().unwrap();
    ids
}

#[test]
fn a_chunk_is_kept_once() {
    let home = Home::new();
    let chunks = home.open();
    put_all(&chunks, 0..10);
    let once = chunks.usage();
    put_all(&chunks, 0..10);
    assert_eq!((chunks.usage(), once.chunks), (once, 10));
}

#[test]
fn full_packs_have_an_index_and_opening_them_reads_no_data() {
    let home = Home::new();
    let chunks = home.open();
    put_all(&chunks, 0..40);
    let usage = chunks.usage();
    drop(chunks);
    assert_eq!(home.files().iter().filter(|path| ends_in(path, "index")).count() + 1, usage.packs);
    let disk = home.faulty(Fault::Once, usize::MAX);
    let chunks = home.try_open(&disk).unwrap();
    assert_eq!(chunks.usage(), usage);
    assert!(disk.calls() < 20 * usage.packs, "{} calls for {usage:?}", disk.calls());
    assert_eq!(*chunks.opened(), Default::default());
}

#[test]
fn a_name_with_the_same_beginning_is_another_chunk() {
    let home = Home::new();
    let chunks = home.open();
    let mut bytes = *chunks.put(b"here").unwrap().as_bytes();
    bytes[31] ^= 1;
    let like_it = ChunkId::new(bytes);
    assert!(!chunks.contains(&like_it).unwrap());
    assert!(matches!(chunks.get(&like_it), Err(GetError::Missing(id)) if id == like_it));
    assert!(chunks.contains(&chunk_id(b"here")).unwrap());
}

#[test]
fn the_longest_chunk_is_taken_and_a_longer_one_refused() {
    let home = Home::new();
    let chunks = home.open();
    let longest = vec![1; MAX_CHUNK_BYTES as usize];
    let id = chunks.put(&longest).unwrap();
    assert_eq!(chunks.get(&id).unwrap(), longest);
    let longer = vec![1; MAX_CHUNK_BYTES as usize + 1];
    assert!(matches!(chunks.put(&longer), Err(PutError::TooLong(_))));
}

#[test]
fn collecting_frees_what_nothing_reaches() {
    let home = Home::new();
    let chunks = home.open();
    let ids = put_all(&chunks, 0..40);
    let before = chunks.usage();
    let reachable: HashSet<_> = ids.iter().copied().step_by(5).collect();
    let report = chunks.gc(&reachable).unwrap();
    let after = chunks.usage();
    assert_eq!(report.kept, 8);
    assert_eq!(report.freed_bytes, before.bytes - after.bytes);
    assert!(after.bytes < before.bytes / 2, "{before:?} became {after:?}");
    assert!(reachable.iter().all(|id| chunks.get(id).is_ok()));
    drop(chunks);
    let again = home.open();
    assert!(reachable.iter().all(|id| again.get(id).is_ok()));
    assert_eq!(again.usage(), after);
}

#[test]
fn collecting_everything_leaves_no_pack() {
    let home = Home::new();
    let chunks = home.open();
    put_all(&chunks, 0..40);
    assert_eq!(chunks.gc(&HashSet::new()).unwrap().removed, 40);
    assert_eq!((chunks.usage().chunks, home.files().len()), (0, 0));
    chunks.put(&content(1)).unwrap();
    assert!(chunks.get(&chunk_id(&content(1))).is_ok());
}

#[test]
fn collecting_twice_changes_nothing() {
    let home = Home::new();
    let chunks = home.open();
    let ids = put_all(&chunks, 0..40);
    let reachable: HashSet<_> = ids.into_iter().step_by(3).collect();
    chunks.gc(&reachable).unwrap();
    let usage = chunks.usage();
    assert_eq!(chunks.gc(&reachable).unwrap().freed_bytes, 0);
    assert_eq!(chunks.usage(), usage);
}

#[test]
fn what_is_put_or_found_under_a_pin_survives_a_collection() {
    let home = Home::new();
    let chunks = home.open();
    put_all(&chunks, 0..20);
    let pin = chunks.pin();
    let found = chunks.put(&content(3)).unwrap();
    let fresh = chunks.put(&content(30)).unwrap();
    chunks.gc(&HashSet::new()).unwrap();
    assert!(chunks.get(&found).is_ok() && chunks.get(&fresh).is_ok());
    assert!(chunks.get(&chunk_id(&content(4))).is_err());
    drop(pin);
    chunks.gc(&HashSet::new()).unwrap();
    assert!(chunks.get(&found).is_err());
}
