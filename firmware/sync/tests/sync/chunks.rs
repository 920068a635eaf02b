//! Chunks from several peers at once.

use crate::world::World;
use chunk::chunk_id;
use model::ChunkId;
use sync::{Limits, Misdeed, Response};

fn chunk(n: u32) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = vec![0; 2_000 + n as usize % 3_000];
    hasher.update(&n.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn give(world: &mut World, site: usize, numbers: impl Iterator<Item = u32>) -> Vec<ChunkId> {
    let chunks: Vec<Vec<u8>> = numbers.map(chunk).collect();
    let ids = chunks.iter().map(|bytes| chunk_id(bytes)).collect();
    world.sites[site].chunks.extend(chunks.into_iter().map(|bytes| (chunk_id(&bytes), bytes)));
    ids
}

fn want(world: &mut World, site: usize, ids: &[ChunkId]) {
    let now = world.now;
    world.sites[site].sync.want_chunks(ids.iter().map(|id| (*id, 4_000)), now);
    world.pump(site);
}

fn small() -> Limits {
    Limits { response_bytes: 32 * 1024, in_flight_bytes: 256 * 1024, ..Limits::default() }
}

#[test]
fn all_who_have_them_give_their_part() {
    let mut world = World::with(4, small());
    let ids = give(&mut world, 0, 0..1000);
    give(&mut world, 1, 0..1000);
    give(&mut world, 2, 0..1000);
    world.connect_all();
    world.run(100);
    world.served = vec![0; 4];
    want(&mut world, 3, &ids);
    world.run(5_000);
    assert_eq!(world.sites[3].sync.chunks_wanted(), 0);
    assert_eq!(world.sites[3].chunks, world.sites[0].chunks);
    let all: u64 = world.served.iter().sum();
    assert!(world.served[..3].iter().all(|bytes| *bytes > all / 5), "{:?}", world.served);
    assert!(all < 1000 * 3_700, "each came once: {all} bytes");
}

#[test]
fn chunks_that_only_one_has_are_found_and_those_that_nobody_has_are_waited_for() {
    let mut world = World::with(4, small());
    let mut ids = give(&mut world, 0, 0..50);
    ids.extend(give(&mut world, 1, 50..100));
    let late = chunk_id(&chunk(500));
    ids.push(late);
    world.connect_all();
    world.run(100);
    want(&mut world, 3, &ids);
    world.run(10_000);
    assert_eq!(world.sites[3].chunks.len(), 100);
    let absent = &world.sites[3].absent;
    assert!(!absent.is_empty() && absent.iter().all(|id| *id == late), "of the others somebody has each");
    give(&mut world, 2, 500..501);
    world.run(6_000);
    assert!(world.sites[3].chunks.contains_key(&late));
    assert_eq!(world.misdeeds(), 0);
}

#[test]
fn what_is_no_longer_wanted_is_not_asked_for() {
    let mut world = World::with(2, small());
    let ids = give(&mut world, 0, 0..20);
    want(&mut world, 1, &ids);
    world.sites[1].sync.unwant_chunks(&ids[..19]);
    world.connect_all();
    world.run(10_000);
    assert_eq!(world.sites[1].chunks.keys().collect::<Vec<_>>(), [&ids[19]]);
}

#[test]
fn a_wrong_length_in_a_manifest_costs_a_request_and_nothing_else() {
    let mut world = World::with(2, small());
    let bytes = vec![7; 100_000];
    let ids = [chunk_id(&bytes)];
    world.sites[0].chunks.insert(ids[0], bytes);
    world.connect_all();
    want(&mut world, 1, &ids);
    world.run(10_000);
    assert_eq!(world.sites[1].chunks.len(), 1);
    assert_eq!(world.misdeeds(), 0);
}

#[test]
fn who_gives_other_bytes_is_left_and_who_breaks_off_is_replaced() {
    let mut world = World::with(3, small());
    let ids = give(&mut world, 0, 0..300);
    give(&mut world, 1, 0..300);
    world.sites[0].lie = Some(Box::new(|answer| match Response::parse(&answer) {
        Ok(Response::Chunks { mut frames }) => {
            let last = frames.len() - 1;
            frames[last] ^= 1;
            Response::Chunks { frames }.to_bytes()
        }
        _ => answer,
    }));
    world.connect_all();
    world.run(100);
    want(&mut world, 2, &ids);
    for _ in 0..20 {
        world.run(12);
        world.disconnect(1, 2);
        world.connect(1, 2);
    }
    world.run(20_000);
    assert_eq!(world.sites[2].chunks, world.sites[1].chunks);
    let liar = world.sites[0].key;
    assert!(
        world.sites[2].misdeeds.iter().all(|(peer, misdeed)| *peer == liar && *misdeed == Misdeed::Damaged)
    );
    assert!(!world.is_connected(0, 2), "a ban at the second time");
}

#[test]
fn memory_in_flight_stays_below_its_limit() {
    let limits = Limits { response_bytes: 64 * 1024, in_flight_bytes: 100 * 1024, ..Limits::default() };
    let mut world = World::with(3, limits);
    let ids = give(&mut world, 0, 0..100);
    give(&mut world, 1, 0..100);
    world.connect_all();
    world.run(100);
    let before = world.traffic.answers;
    want(&mut world, 2, &ids);
    let end = world.now.plus(3);
    while world.step(end) {}
    assert!(world.traffic.answers - before <= 1, "the second answer would not fit beside the first");
    world.run(5_000);
    assert_eq!(world.sites[2].chunks.len(), 100);
}

#[test]
fn a_slow_line_is_not_asked_for_more_than_it_bears() {
    let rate = sync::Rate { per_second: 50_000, burst: 100_000 };
    let mut world = World::with(2, Limits { fetched_bytes: rate, ..small() });
    let ids = give(&mut world, 0, 0..300);
    world.connect_all();
    world.run(100);
    want(&mut world, 1, &ids);
    world.run(4_000);
    let bytes = world.traffic.answer_bytes;
    assert!((200_000..=340_000).contains(&bytes), "{bytes} bytes in four seconds");
    world.run(30_000);
    assert_eq!(world.sites[1].chunks.len(), 300);
}
