//! Many boxes, many heads, and random histories against a twin.

use crate::{
    house::House,
    site::{Outgoing, Site},
    world::World,
};
use model::{BlockId, KeyId, Millis, RefName};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use sync::{Head, Limits};

#[test]
fn gossip_reaches_everybody_once() {
    let mut world = World::new(12);
    // A ring with some chords.
    for n in 0..12 {
        world.connect(n, (n + 1) % 12);
    }
    (0..4).for_each(|n| world.connect(n, n + 6));
    world.run(1_000);
    let before = world.traffic.frames;
    let word = |n: usize| format!("word {n}").into_bytes();
    (0..12).for_each(|n| world.spread(n, &word(n)));
    world.run(1_000);
    for (n, site) in world.sites.iter().enumerate() {
        let heard: BTreeSet<Vec<u8>> = site.gossip.iter().cloned().collect();
        assert_eq!((heard.len(), site.gossip.len()), (11, 11), "box {n}");
        assert!(!heard.contains(&word(n)), "its own does not come back");
    }
    let frames = world.traffic.frames - before;
    assert!(frames <= 12 * 2 * 16, "{frames} frames over 16 lines for 12 words");
    println!("gossip {:.1} frames/word on 16 lines of 12 boxes", frames as f64 / 12.0);
}

fn writers(count: u16, changed: u16) -> BTreeMap<RefName, BlockId> {
    let head = |n: u16| {
        let mut key = [0; 16];
        key[..2].copy_from_slice(&n.to_le_bytes());
        let block = BlockId::new([if n < changed { 2 } else { 1 }; 32]);
        (RefName::writer(KeyId::new(key)), block)
    };
    (0..count).map(head).collect()
}

/// Two boxes with such heads meet; gives the bytes of all frames until they say nothing more.
fn bytes_to_agree(ours: &BTreeMap<RefName, BlockId>, theirs: &BTreeMap<RefName, BlockId>) -> u64 {
    let house = House::new("Test", 2);
    let mut sites: Vec<Site> = (0..2).map(|node| Site::new(&house, node, Limits::default())).collect();
    for (site, refs) in sites.iter_mut().zip([ours, theirs]) {
        site.refs.extend(refs.clone());
        let heads = site.refs.iter().map(|(name, block)| Head::new(name.clone(), *block)).collect();
        site.sync.set_heads(heads, Millis(0));
    }
    let (now, keys) = (Millis(5), [sites[0].key, sites[1].key]);
    sites[0].sync.connected(keys[1], now);
    sites[1].sync.connected(keys[0], now);
    let mut bytes = 0;
    loop {
        let said: Vec<Vec<Outgoing>> = sites.iter_mut().map(|site| site.pump(now)).collect();
        if said.iter().all(Vec::is_empty) {
            return bytes;
        }
        for (from, outgoing) in said.into_iter().enumerate() {
            for outgoing in outgoing {
                if let Outgoing::Frame(_, frame) = outgoing {
                    bytes += frame.len() as u64;
                    let site = &mut sites[1 - from];
                    site.sync.received(keys[from], &frame, &site.store, now);
                }
            }
        }
    }
}

#[test]
fn a_thousand_writers_are_agreed_on_in_few_bytes() {
    let all = writers(1000, 0);
    let mut last = 0;
    for (changed, most) in [(0, 200), (1, 3_000), (10, 5_000), (100, 20_000), (1000, 150_000)] {
        let bytes = bytes_to_agree(&all, &writers(1000, changed));
        println!("heads {bytes} bytes for {changed} of 1000 that changed");
        assert!(bytes <= most && bytes >= last, "{bytes} bytes for {changed} changes");
        last = bytes;
    }
    let whole = bytes_to_agree(&BTreeMap::new(), &all);
    println!("heads {whole} bytes for all 1000 to a new box");
    assert!(whole < 1000 * 72, "{whole}");
}

/// What happens to three boxes.
#[derive(Debug, Clone, Copy)]
enum Step {
    Write(usize),
    Merge,
    Connect(usize, usize),
    Disconnect(usize, usize),
    Run(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pair = || (0_usize..3, 1_usize..3).prop_map(|(one, step)| (one, (one + step) % 3));
    let step = prop_oneof![
        3 => (0_usize..3).prop_map(Step::Write),
        1 => Just(Step::Merge),
        2 => pair().prop_map(|(one, other)| Step::Connect(one, other)),
        1 => pair().prop_map(|(one, other)| Step::Disconnect(one, other)),
        4 => (1_u64..40).prop_map(Step::Run),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is written where, whatever lines break when: once they are whole, everybody has what the twin has, and
    /// nobody has anything against anybody.
    #[test]
    fn boxes_agree_with_the_twin_in_the_end(steps in steps()) {
        let limits = Limits { response_bytes: 6 * 1024, ..Limits::default() };
        let mut world = World::with(3, limits);
        let mut twin: BTreeMap<RefName, BlockId> = BTreeMap::from([(RefName::main(), world.house.genesis)]);
        for step in steps {
            match step {
                Step::Write(site) => {
                    world.write(site, 2);
                    let site = &world.sites[site];
                    twin.insert(RefName::writer(site.key), site.own().unwrap());
                }
                Step::Merge => {
                    if world.sites[0].refs.len() > 1 && can_merge(&world.sites[0]) {
                        world.merge(0);
                        twin.insert(RefName::main(), world.sites[0].main());
                    }
                }
                Step::Connect(one, other) if !world.is_connected(one, other) => world.connect(one, other),
                Step::Connect(..) => {}
                Step::Disconnect(one, other) => world.disconnect(one, other),
                Step::Run(ms) => world.run(ms),
            }
        }
        for (one, other) in [(0, 1), (1, 2), (0, 2)] {
            if !world.is_connected(one, other) {
                world.connect(one, other);
            }
        }
        world.run(60_000);
        for site in &world.sites {
            prop_assert_eq!(&site.refs, &twin, "box {}", site.node);
            prop_assert!(site.refs.values().all(|head| site.holds(*head)));
            prop_assert!(site.sync.is_synced());
        }
        prop_assert_eq!(world.misdeeds(), 0);
    }
}

/// Whether some head is not on main yet.
fn can_merge(site: &Site) -> bool {
    let heads: Vec<BlockId> =
        site.refs.iter().filter(|(name, _)| **name != RefName::main()).map(|(_, head)| *head).collect();
    let meta = ledger::Meta { author: site.key, at: Millis(0), subject: "Try".into(), dapp: None };
    ledger::merge_block(&site.store, site.main(), &heads, meta).is_ok_and(|merged| merged.draft.is_some())
}
