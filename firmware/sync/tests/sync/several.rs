//! Boxes that all tell the truth.

use crate::world::World;
use sync::Limits;

/// A box with a history: `blocks` of events, each merged.
fn history(world: &mut World, site: usize, blocks: usize) {
    for _ in 0..blocks {
        world.write(site, 5);
        world.merge(site);
    }
}

/// Limits that make many small pieces of a small history.
fn small() -> Limits {
    Limits { response_bytes: 8 * 1024, ..Limits::default() }
}

#[test]
fn a_new_box_gets_everything_oldest_first_and_nothing_twice() {
    let mut world = World::with(2, small());
    history(&mut world, 0, 20);
    world.connect(0, 1);
    world.run(1_000);
    world.assert_agreed();
    assert_eq!(world.sites[1].blocks_came, 40);
    assert!(world.traffic.answers > 5, "{:?}", world.traffic);
    assert_eq!(world.misdeeds(), 0);
}

#[test]
fn what_is_written_while_connected_is_told_at_once() {
    let mut world = World::new(3);
    world.connect(0, 1);
    world.connect(1, 2);
    world.run(100);
    for site in [2, 0, 1, 2] {
        world.write(site, 1);
        world.run(100);
        world.assert_agreed();
    }
    let before = world.sites.iter().map(|site| site.blocks_came).sum::<usize>();
    assert_eq!(before, 8, "four blocks, each to two boxes, once");
    assert_eq!(world.misdeeds(), 0);
}

#[test]
fn both_sides_of_a_cut_get_what_the_other_wrote_and_no_more() {
    let mut world = World::with(4, small());
    world.connect_all();
    history(&mut world, 0, 10);
    world.run(1_000);
    for other in [2, 3] {
        world.disconnect(0, other);
        world.disconnect(1, other);
    }
    for _ in 0..10 {
        (1..4).for_each(|site| world.write(site, 3));
        world.write(0, 3);
        world.merge(0);
        world.run(100);
    }
    let before: Vec<usize> = world.sites.iter().map(|site| site.blocks_came).collect();
    for other in [2, 3] {
        world.connect(0, other);
        world.connect(1, other);
    }
    world.run(5_000);
    world.assert_agreed();
    for (site, before) in world.sites.iter().zip(before) {
        let lacked = if site.node < 2 { 20 } else { 30 };
        let came = site.blocks_came - before;
        assert!((lacked..=lacked + 10).contains(&came), "box {} got {came} of {lacked}", site.node);
    }
    assert_eq!(world.misdeeds(), 0);
}

#[test]
fn a_transfer_goes_on_where_it_broke_off_with_any_peer() {
    let mut world = World::with(3, small());
    history(&mut world, 0, 40);
    world.connect(0, 1);
    world.run(2_000);
    let mut from = 0;
    while !world.sites[2].sync.is_synced() || world.sites[2].refs != world.sites[0].refs {
        world.connect(from, 2);
        world.run(25);
        world.disconnect(from, 2);
        from = 1 - from;
        assert!(world.now.0 < 60_000, "it gets nowhere");
    }
    let came = world.sites[2].blocks_came;
    assert!((80..=100).contains(&came), "{came} blocks came for 80");
    assert_eq!(world.misdeeds(), 0);
}

#[test]
fn a_disk_that_is_full_for_a_while_is_nobodys_fault() {
    let mut world = World::with(2, small());
    history(&mut world, 0, 10);
    world.sites[1].disk_full = true;
    world.connect(0, 1);
    world.run(5_000);
    assert_eq!(world.sites[1].refs.len(), 1);
    world.sites[1].disk_full = false;
    world.run(5_000);
    world.assert_agreed();
    assert_eq!(world.misdeeds(), 0);
}

#[test]
fn a_block_larger_than_an_answer_gets_an_answer_of_its_own() {
    let mut world = World::with(2, Limits { response_bytes: 1_000, ..Limits::default() });
    history(&mut world, 0, 5);
    world.connect(0, 1);
    world.run(5_000);
    world.assert_agreed();
    assert_eq!(world.misdeeds(), 0);
}

#[test]
fn a_block_that_is_no_head_comes_from_whoever_has_it() {
    let mut world = World::new(3);
    world.connect_all();
    world.run(100);
    // A block that only box 1 has, and of which it tells nobody.
    let site = &mut world.sites[1];
    let block = world.house.events(&site.store, 1, site.main(), None, 3);
    site.store.store(&block.objects);
    for from in [Some(world.sites[0].key), None] {
        let now = world.now;
        let site = &mut world.sites[2];
        site.sync.want_block(block.id, from, &site.store, now);
        world.pump(2);
        world.run(2_000);
        assert!(world.sites[2].holds(block.id));
        assert!(world.sites[2].sync.is_synced());
    }
    assert_eq!(world.misdeeds(), 0);
}

#[test]
fn a_block_that_nobody_has_is_given_up_after_a_minute() {
    let mut world = World::new(2);
    world.connect_all();
    world.run(100);
    let (now, site) = (world.now, &mut world.sites[0]);
    site.sync.want_block(model::BlockId::new([9; 32]), None, &site.store, now);
    world.pump(0);
    world.run(1_000);
    assert!(!world.sites[0].sync.is_synced());
    world.run(60_000);
    assert!(world.sites[0].sync.is_synced());
    let answers = world.traffic.answers;
    world.run(60_000);
    assert_eq!((world.traffic.answers, world.misdeeds()), (answers, 0));
}

#[test]
fn many_heads_of_one_moment_come_in_few_requests() {
    let mut world = World::new(40);
    (1..40).for_each(|site| world.connect(0, site));
    world.run(100);
    (1..40).for_each(|site| world.write(site, 1));
    world.run(500);
    world.connect(1, 2);
    world.run(1_000);
    world.assert_agreed();
    let answers = world.traffic.answers;
    assert!(answers < 39 + 39 * 6, "{answers} answers for 39 blocks to 39 boxes each");
    println!("star of 40: {answers} answers, {} frames for 39 blocks", world.traffic.frames);
}
