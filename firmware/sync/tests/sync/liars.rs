//! Boxes that lie, dawdle and flood. Each is found out, remembered and left; the others get everything from each other.

use crate::{house::House, site::Site, world::World};
use model::{BlockId, ChunkId, Millis, RefName};
use sync::{Head, Limits, MAX_FRAME_BYTES, Message, Misdeed, PackReader, PackWriter, Reason, Response};

/// Box 0 has a history, box 1 has it too and is honest, box 2 is new. Box 0 lies; box 2 meets it first.
fn met_by_a_liar(lie: impl FnMut(Vec<u8>) -> Vec<u8> + 'static) -> World {
    let mut world = World::new(3);
    world.connect(0, 1);
    for _ in 0..5 {
        world.write(0, 3);
        world.merge(0);
    }
    world.run(1_000);
    world.sites[0].lie = Some(Box::new(lie));
    world.connect(0, 2);
    world.run(100);
    world.connect(1, 2);
    world.run(60_000);
    world
}

/// Box 2 has everything in the end and holds `misdeed` against box 0, and nothing against anybody else.
fn assert_found_out(world: &World, misdeed: Misdeed) {
    assert_eq!(world.sites[2].refs, world.sites[1].refs);
    let held = &world.sites[2].misdeeds;
    assert!(held.contains(&(world.sites[0].key, misdeed)), "{held:?}");
    assert!(held.iter().all(|(peer, _)| *peer == world.sites[0].key), "{held:?}");
    assert!(world.sites[1].misdeeds.is_empty() && world.sites[0].misdeeds.is_empty());
}

/// Changes the pack of an answer of blocks.
fn in_pack(mut change: impl FnMut(Vec<u8>) -> Vec<u8>) -> impl FnMut(Vec<u8>) -> Vec<u8> {
    move |answer| match Response::parse(&answer) {
        Ok(Response::Blocks { more, pack }) => Response::Blocks { more, pack: change(pack) }.to_bytes(),
        _ => answer,
    }
}

/// Takes a pack apart and puts it together again, with the right checksum.
fn repacked(pack: &[u8], change: impl FnOnce(&mut Vec<ledger::Object>)) -> Vec<u8> {
    let mut reader = PackReader::open(pack, u64::MAX).unwrap();
    let mut objects = Vec::new();
    while let Some(object) = reader.next_object().unwrap() {
        objects.push(object);
    }
    change(&mut objects);
    let mut writer = PackWriter::new();
    objects.iter().for_each(|object| writer.add(object));
    writer.finish()
}

#[test]
fn bytes_that_changed_on_the_way() {
    let world = met_by_a_liar(in_pack(|mut pack| {
        let middle = pack.len() / 2;
        pack[middle] ^= 1;
        pack
    }));
    assert_found_out(&world, Misdeed::Damaged);
}

#[test]
fn an_answer_that_is_none() {
    assert_found_out(&met_by_a_liar(|_| vec![77]), Misdeed::Damaged);
    assert_found_out(&met_by_a_liar(|_| Vec::new()), Misdeed::Damaged);
}

#[test]
fn a_block_that_somebody_changed() {
    let world = met_by_a_liar(in_pack(|pack| {
        repacked(&pack, |objects| {
            let commit = objects.iter_mut().find(|object| object.kind == ledger::Kind::Commit).unwrap();
            let text = String::from_utf8(commit.bytes.clone()).unwrap();
            commit.bytes = text.replace("\n\nEvents\n", "\n\nEvent\n").into_bytes();
        })
    }));
    let liar = world.sites[0].key;
    let held = &world.sites[2].misdeeds;
    assert!(
        held.iter()
            .any(|(peer, misdeed)| *peer == liar && matches!(misdeed, Misdeed::Damaged | Misdeed::Faulty(_))),
        "{held:?}"
    );
    assert_eq!(world.sites[2].refs, world.sites[1].refs);
}

#[test]
fn more_than_was_asked_for() {
    let world = met_by_a_liar(in_pack(|pack| {
        repacked(&pack, |objects| {
            // Small on the wire, large in memory.
            let bytes = vec![0; 64 << 20];
            objects.insert(0, ledger::Object { kind: ledger::Kind::Blob, bytes });
        })
    }));
    assert_found_out(&world, Misdeed::Oversized);
}

#[test]
fn objects_that_no_block_has() {
    let world = met_by_a_liar(in_pack(|pack| {
        repacked(&pack, |objects| {
            objects.insert(0, ledger::Object { kind: ledger::Kind::Blob, bytes: b"rubbish".to_vec() });
        })
    }));
    assert_found_out(&world, Misdeed::Unasked);
}

#[test]
fn blocks_of_another_organisation() {
    let mut other = House::new("Other", 1);
    let mut site = Site::new(&other, 0, Limits::default());
    let block = site.write(&mut other, 1, Millis(0));
    let request =
        sync::Request::Blocks { want: vec![block], have: Vec::new(), after: None, max_bytes: 1 << 20 };
    let grafted = sync::serve(&site.store, &(), &request, 1 << 20).unwrap().to_bytes();
    let world = met_by_a_liar(move |_| grafted.clone());
    assert_found_out(&world, Misdeed::Grafted);
    let liar = world.sites[0].key;
    let banned = |(peer, reason): &(_, Reason)| *peer == liar && matches!(reason, Reason::Banned(_));
    assert!(world.sites[2].closed.iter().any(banned));
}

#[test]
fn blocks_without_what_they_build_on() {
    let world = met_by_a_liar(in_pack(|pack| {
        repacked(&pack, |objects| {
            let first = objects.iter().position(|object| object.kind == ledger::Kind::Commit).unwrap();
            objects.drain(..=first);
        })
    }));
    assert_found_out(&world, Misdeed::Damaged);
}

#[test]
fn a_promise_that_is_not_kept() {
    let nothing = PackWriter::new().finish();
    let world = met_by_a_liar(move |_| Response::Blocks { more: false, pack: nothing.clone() }.to_bytes());
    assert_found_out(&world, Misdeed::Withheld);
}

#[test]
fn later_and_later_for_ever_keeps_nobody_waiting() {
    let world = met_by_a_liar(|_| Response::Later { ms: u32::MAX }.to_bytes());
    assert_eq!(world.sites[2].refs, world.sites[1].refs);
}

#[test]
fn who_drips_block_by_block_keeps_nobody_waiting() {
    let mut world = World::new(3);
    // Box 0 gives one block at a time and takes four seconds for each.
    world.sites[0] = Site::new(&world.house, 0, Limits { response_bytes: 1, ..Limits::default() });
    world.connect(0, 1);
    for _ in 0..60 {
        world.write(0, 3);
        world.merge(0);
    }
    world.run(1_000);
    world.sites[0].answers_after_ms = 4_000;
    world.connect(0, 2);
    world.run(6_000);
    world.connect(1, 2);
    world.run(10_000);
    assert_eq!(world.sites[2].refs, world.sites[1].refs);
    assert_eq!(world.sites[2].misdeeds, []);
}

#[test]
fn a_block_that_is_said_to_be_too_large_for_any_answer() {
    let world = met_by_a_liar(|_| Response::Larger { bytes: u32::MAX }.to_bytes());
    assert_found_out(&world, Misdeed::Damaged);
}

#[test]
fn a_head_that_is_older_than_one_announced_before() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run(100);
    world.write(0, 1);
    let old = world.sites[0].own().unwrap();
    world.write(0, 1);
    world.run(100);
    let frame = Message::Heads(vec![Head::new(RefName::writer(world.sites[0].key), old)]).to_bytes();
    world.send_raw(0, 1, frame);
    world.run(100);
    assert_eq!(world.sites[1].misdeeds, [(world.sites[0].key, Misdeed::Replayed)]);
    assert_eq!(world.sites[1].refs, world.sites[0].refs);
}

#[test]
fn frames_of_rubbish_and_of_any_size_end_in_a_ban() {
    for (frame, misdeed) in [
        (vec![0xff; 100], Misdeed::Damaged),
        (vec![0; MAX_FRAME_BYTES + 1], Misdeed::Oversized),
        (Message::Gossip(vec![0; sync::MAX_GOSSIP_BYTES + 1]).to_bytes(), Misdeed::Oversized),
    ] {
        let mut world = World::new(2);
        world.connect(0, 1);
        world.run(100);
        world.send_raw(0, 1, frame.clone());
        world.send_raw(0, 1, frame);
        world.run(100);
        assert_eq!(world.sites[1].misdeeds, [(world.sites[0].key, misdeed); 2]);
        assert!(!world.is_connected(0, 1));
        world.connect(0, 1);
        assert!(!world.is_connected(0, 1), "it is banned for a minute");
        world.run(60_000);
        world.connect(0, 1);
        world.run(100);
        assert!(world.is_connected(0, 1), "and forgiven after it");
    }
}

#[test]
fn whoever_speaks_before_it_says_who_it_is_or_speaks_another_protocol_is_not_heard() {
    let mut world = World::new(2);
    let (one, other) = (world.sites[0].key, world.sites[1].key);
    let site = &mut world.sites[1];
    site.sync.connected(one, Millis(1));
    let gossip = Message::Gossip(b"early".to_vec()).to_bytes();
    site.sync.received(one, &gossip, &site.store, Millis(2));
    site.pump(Millis(2));
    assert_eq!((site.misdeeds.as_slice(), site.gossip.len()), (&[(one, Misdeed::Unasked)][..], 0));
    let org = world.house.org;
    for (protocol, org, reason) in [
        (9, org, Reason::OtherProtocol(9)),
        (sync::SYNC_PROTOCOL, model::OrgId::new([1; 32]), Reason::OtherOrganisation),
    ] {
        let site = &mut world.sites[0];
        site.sync.connected(other, Millis(1));
        let hello = Message::Hello(sync::Hello { protocol, org, software: "?".into() }).to_bytes();
        site.sync.received(other, &hello, &site.store, Millis(2));
        site.pump(Millis(2));
        assert_eq!(site.closed.pop(), Some((other, reason)));
    }
}

#[test]
fn a_flood_of_frames_is_shut_out() {
    let mut world = World::new(2);
    world.connect(0, 1);
    world.run(100);
    for n in 0..5_000_u32 {
        world.send_raw(0, 1, Message::Gossip(n.to_le_bytes().to_vec()).to_bytes());
    }
    world.run(100);
    let limit = Limits::default().frames;
    assert!(world.sites[1].gossip.len() as u64 <= limit.burst + limit.per_second);
    assert!(world.sites[1].misdeeds.iter().all(|(_, misdeed)| *misdeed == Misdeed::TooFast));
    assert!(!world.is_connected(0, 1));
}

#[test]
fn who_asks_for_all_heads_again_and_again_is_shut_out() {
    let mut world = World::new(2);
    let head = |n: u32| {
        let mut key = [0; 16];
        key[..4].copy_from_slice(&n.to_le_bytes());
        Head::new(RefName::writer(model::KeyId::new(key)), BlockId::new([1; 32]))
    };
    world.sites[1].sync.set_heads((0..2_000).map(head).collect(), Millis(0));
    world.connect(0, 1);
    world.run(100);
    let before = world.traffic.frame_bytes;
    for _ in 0..1_000 {
        let all = Message::Sketch { buckets: (0..=255).collect(), heads: Vec::new() };
        world.send_raw(0, 1, all.to_bytes());
    }
    world.run(100);
    assert!(!world.is_connected(0, 1));
    let limit = Limits::default().frame_bytes.burst;
    assert!(world.traffic.frame_bytes - before < limit, "{}", world.traffic.frame_bytes - before);
}

#[test]
fn many_requests_are_put_off_and_then_shut_out() {
    let mut world = World::with(2, Limits::default());
    world.connect(0, 1);
    world.run(100);
    let (peer, now) = (world.sites[1].key, world.now);
    let request = sync::Request::Chunks { ids: vec![ChunkId::new([1; 32])], max_bytes: 1 }.to_bytes();
    let sync = &mut world.sites[0].sync;
    let answers: Vec<_> = (0..500).map(|_| sync.asked(peer, &request, now)).collect();
    let served = answers.iter().filter(|asked| matches!(asked, sync::Asked::Serve { .. })).count();
    assert_eq!(served, 4, "so many at a time");
    assert!(answers.contains(&sync::Asked::Refuse), "and none for who is banned");
}

#[test]
fn a_peer_that_says_nothing_is_let_go() {
    let mut world = World::new(2);
    let (one, silent) = (&mut world.sites[0], BlockId::new([1; 32]));
    let peer = model::KeyId::new(silent.as_bytes()[..16].try_into().unwrap());
    one.sync.connected(peer, Millis(0));
    one.sync.tick(&one.store, Millis(59_000));
    one.pump(Millis(59_000));
    assert!(one.closed.is_empty());
    one.sync.tick(&one.store, Millis(60_000));
    one.pump(Millis(60_000));
    assert_eq!(one.closed, [(peer, Reason::Silent)]);
}
