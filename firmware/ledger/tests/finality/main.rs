//! The voting engine among others: agreement under loss, crashes and lies, with a seed for each run.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod node;
mod noise;
mod single;
mod world;

use node::Conduct;
use world::{Event, Weather, World, key, validators};

#[test]
fn four_boxes_agree_in_the_first_round_when_all_is_well() {
    let mut world = World::new(4, 1, Weather::FAIR);
    world.run_to(10);
    assert!(world.final_blocks.values().all(|certificate| certificate.round == 0));
    assert_eq!(world.troubles, Vec::<String>::new());
}

#[test]
fn one_seed_is_one_story() {
    let run = |seed| {
        let mut world = World::new(4, seed, Weather::CRASHES);
        world.run_to(3);
        world.trace()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn loss_reordering_and_repetition_delay_agreement_and_do_not_break_it() {
    for (count, seeds) in [(4, 20), (7, 6)] {
        for seed in 0..seeds {
            World::new(count, seed, Weather::STORM).run_to(4);
        }
    }
}

#[test]
fn a_validator_that_crashes_never_votes_otherwise_than_before() {
    for (count, seeds) in [(4, 20), (7, 6)] {
        for seed in 0..seeds {
            let mut world = World::new(count, seed, Weather::CRASHES);
            world.run_to(4);
            assert_eq!(world.troubles, Vec::<String>::new(), "seed {seed}");
        }
    }
}

#[test]
fn a_silent_third_stops_nobody() {
    for seed in 0..5 {
        World::new(4, seed, Weather::STORM).conduct(0, Conduct::Silent).run_to(4);
        let seven = World::new(7, seed, Weather::CRASHES);
        seven.conduct(1, Conduct::Silent).conduct(4, Conduct::Silent).run_to(3);
    }
}

#[test]
fn a_third_that_votes_twice_changes_nothing_and_is_found_out() {
    for seed in 0..6 {
        let mut four = World::new(4, seed, Weather::STORM).conduct(2, Conduct::TwoFaced);
        four.run_to(3);
        assert!(!four.evidence.is_empty(), "seed {seed}: nobody noticed");
        only_accused(&four, &[2]);
    }
}

#[test]
fn who_crashes_among_liars_does_not_forget_what_bound_it() {
    for seed in 0..3 {
        let seven = World::new(7, seed, Weather::CRASHES).conduct(0, Conduct::TwoFaced);
        let mut seven = seven.conduct(5, Conduct::TwoFaced);
        seven.run_to(2);
        only_accused(&seven, &[0, 5]);
    }
}

fn only_accused(world: &World, liars: &[usize]) {
    let liars: Vec<_> = liars.iter().map(|n| key(*n).public().id()).collect();
    assert!(world.evidence.iter().all(|evidence| liars.contains(&evidence.by())), "an honest box is accused");
    assert_eq!(world.troubles, Vec::<String>::new());
}

#[test]
fn a_bad_block_is_voted_down_and_the_next_proposal_is_made_final() {
    for seed in 0..4 {
        let mut world = World::new(4, seed, Weather::FAIR).conduct(3, Conduct::Proposer);
        world.run_to(6);
        assert!(world.final_blocks.values().any(|certificate| certificate.round > 0), "seed {seed}");
    }
}

#[test]
fn without_a_quorum_nothing_is_final_and_with_it_back_the_same_round_goes_on() {
    for seed in 0..3 {
        let mut world = World::new(4, seed, Weather::FAIR);
        world.run_to(2);
        world.cut_off = [0, 1].into();
        let heights: Vec<u64> = world.nodes.iter().map(|node| node.height).collect();
        world.run_for(600_000);
        let before = world.published;
        world.run_for(3_600_000);
        assert!(world.nodes.iter().zip(heights).all(|(node, was)| node.height <= was + 1), "seed {seed}");
        assert!(world.published - before < 4 * 4 * 180 + 100, "they chatter: {}", world.published - before);
        world.cut_off.clear();
        world.run_to(5);
    }
}

#[test]
fn both_sides_of_a_cut_crash_and_agree_afterwards() {
    for seed in 0..4 {
        let mut world = World::new(7, seed, Weather::CRASHES);
        world.run_to(1);
        world.cut_off = [0, 1, 2].into();
        world.run_for(60_000);
        world.cut_off = [3, 4, 5].into();
        world.run_for(60_000);
        world.cut_off.clear();
        world.run_to(4);
    }
}

#[test]
fn the_weight_counts_and_not_the_number() {
    let weights = [5, 4, 1, 1];
    let mut world = weighted(&weights);
    world.cut_off = [2, 3].into();
    world.run_for(600_000);
    assert!(world.nodes[0].height > 3, "nine of eleven is a quorum");
    let mut world = weighted(&weights);
    world.cut_off = [1].into();
    world.run_for(600_000);
    assert!(world.nodes.iter().all(|node| node.height == 1), "seven of eleven is none");
}

#[test]
fn many_rounds_without_a_proposal_fill_no_disk() {
    for seed in 0..2 {
        let mut world = World::new(4, seed, Weather::CRASHES);
        for node in &mut world.nodes {
            node.has_news = false;
            node.engine.as_mut().unwrap().begin(world.now);
        }
        world.run_for(2_000_000);
        for node in &mut world.nodes {
            let round = node.engine.as_ref().and_then(|engine| engine.round()).map_or(0, |(_, round)| round);
            let kept = node.kept.as_ref().map_or(0, Vec::len);
            assert!(
                (round == 0 || round > 12) && kept < 40_000,
                "seed {seed}: {kept} bytes in round {round}"
            );
            node.has_news = true;
        }
        world.run_to(2);
        assert_eq!(world.troubles, Vec::<String>::new(), "seed {seed}");
    }
}

fn weighted(weights: &[u64]) -> World {
    let mut world = World::new(weights.len(), 3, Weather::FAIR);
    for n in 0..weights.len() {
        world.nodes[n] = node::Node::new(n, validators(weights));
        world.nodes[n].start(world.now);
        world.after(1, n, Event::Begin);
    }
    world
}

#[test]
fn nobody_votes_while_nothing_waits() {
    let mut world = World::new(4, 5, Weather::FAIR);
    for node in &mut world.nodes {
        node.has_news = false;
    }
    world.run_for(3_600_000);
    assert_eq!(world.published, 0);
    for node in &mut world.nodes {
        node.has_news = true;
    }
    (0..4).for_each(|n| world.after(1, n, Event::Begin));
    world.run_to(1);
}
