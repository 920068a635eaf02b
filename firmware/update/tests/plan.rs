//! The plan of bytes: against every choice there is, for small parts; and never dearer than the part compressed.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

use chunk::{Builder, FileHasher, Manifest, chunk_id, delta::Delta};
use model::ChunkId;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use update::{Ground, Near, Segment, Task, Way, fetched, plan, segments};

/// A part whose chunks are named by letters: equal letters are equal chunks, of 64 bytes and more.
fn manifest(letters: &[u8]) -> Manifest {
    let mut builder = Builder::new("rabin:1:64:1024".parse().unwrap());
    for letter in letters {
        builder.push(named(*letter), length(*letter)).unwrap();
    }
    builder.finish(FileHasher::new().finish())
}

fn named(letter: u8) -> ChunkId {
    chunk_id(&[letter])
}

fn length(letter: u8) -> u32 {
    64 + u32::from(letter) * 7
}

#[derive(Clone, Debug)]
struct Case {
    letters: Vec<u8>,
    there: BTreeSet<usize>,
    near: Vec<u8>,
    deltas: Vec<Vec<Segment>>,
    useless: BTreeSet<(usize, usize)>,
}

impl Case {
    fn plan(&self) -> Vec<Task> {
        let near = |id: &ChunkId| self.near.iter().any(|n| named(*n) == *id).then_some(Near::Slot);
        plan(&Ground {
            manifest: &manifest(&self.letters),
            there: &self.there,
            near: &near,
            deltas: &self.deltas,
            useless: &self.useless,
        })
    }

    fn usable(&self) -> Vec<((usize, usize), &Segment)> {
        let all = self.deltas.iter().enumerate();
        let all = all.flat_map(|(d, of)| of.iter().enumerate().map(move |(s, segment)| ((d, s), segment)));
        all.filter(|(way, _)| !self.useless.contains(way)).collect()
    }

    /// The letters that are neither in place nor on the card.
    fn missing(&self) -> BTreeSet<u8> {
        let there: BTreeSet<u8> = self.there.iter().map(|at| self.letters[*at]).collect();
        let here = |letter: &u8| self.near.contains(letter) || there.contains(letter);
        self.letters.iter().copied().filter(|letter| !here(letter)).collect()
    }

    /// The bytes of a choice of segments, and the rest plain.
    fn cost(&self, chosen: &[&Segment]) -> u64 {
        let made = |letter: &u8| {
            let makes = |segment: &&Segment| {
                segment.chunks.iter().cloned().flatten().any(|at| self.letters[at] == *letter)
            };
            chosen.iter().any(makes)
        };
        let plain = self.missing().into_iter().filter(|letter| !made(letter));
        plain.map(|letter| u64::from(length(letter))).sum::<u64>()
            + chosen.iter().map(|segment| segment.bytes).sum::<u64>()
    }

    /// The least of all choices there are.
    fn least(&self) -> u64 {
        let all = self.usable();
        let choice = |bits: u32| -> Vec<&Segment> {
            let some = all.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1);
            some.map(|(_, (_, segment))| *segment).collect()
        };
        (0..1 << all.len()).map(|bits| self.cost(&choice(bits))).min().unwrap()
    }
}

fn segment(chunks: &[std::ops::Range<usize>], bytes: u64) -> Segment {
    Segment { chunks: chunks.to_vec(), frame: named(0), bytes }
}

/// A segment of one range.
fn one(chunks: std::ops::Range<usize>, bytes: u64) -> Segment {
    segment(std::slice::from_ref(&chunks), bytes)
}

fn case(letters: &str, deltas: Vec<Vec<Segment>>) -> Case {
    let letters = letters.bytes().map(|b| b - b'a').collect();
    Case { letters, there: BTreeSet::new(), near: vec![], deltas, useless: BTreeSet::new() }
}

#[test]
fn what_lies_on_the_card_is_copied_and_what_repeats_is_fetched_once() {
    let mut case = case("abcabd", vec![]);
    case.near = vec![0];
    case.there = BTreeSet::from([2]);
    let tasks = case.plan();
    let ways: Vec<(Way, Vec<usize>)> = tasks.iter().map(|task| (task.way, task.writes.clone())).collect();
    assert_eq!(ways, [(Way::Copy, vec![0, 3]), (Way::Plain, vec![1, 4]), (Way::Plain, vec![5])]);
    assert_eq!(fetched(&tasks), u64::from(length(1) + length(3)));
}

#[test]
fn a_chunk_that_is_in_place_is_the_source_of_its_like() {
    let mut case = case("aab", vec![]);
    case.there = BTreeSet::from([0, 2]);
    let tasks = case.plan();
    assert_eq!(tasks.len(), 1);
    assert_eq!((tasks[0].near, &tasks[0].writes), (Some(Near::Target(0)), &vec![1]));
}

#[test]
fn a_segment_is_taken_where_it_is_cheaper_and_one_that_is_useless_is_not() {
    let mut case = case("abcd", vec![vec![one(0..2, 50), one(2..4, 500)]]);
    let ways = |case: &Case| case.plan().iter().map(|task| task.way).collect::<Vec<_>>();
    assert_eq!(ways(&case), [Way::Segment(0, 0), Way::Plain, Way::Plain]);
    case.useless.insert((0, 0));
    assert_eq!(ways(&case), [Way::Plain; 4]);
}

#[test]
fn a_segment_that_names_chunks_beyond_the_end_does_no_harm() {
    let case = case("ab", vec![vec![segment(&[0..2, 7..9], 10)]]);
    assert_eq!(case.plan().len(), 1);
}

#[test]
fn a_delta_counts_if_it_makes_this_part_and_its_source_is_whole_here() {
    let part = manifest(&[1, 2, 3]);
    let made =
        chunk::delta::Segment { frame: named(9), frame_bytes: 50, chunks: vec![0..1, 2..3], prefix: vec![] };
    let delta = |old, old_size, new| Delta { old, old_size, new, segments: vec![made.clone()] };
    let ours = delta([1; 32], 100, part.hash);
    assert_eq!(
        segments(&ours, &part, &[[2; 32], [1; 32]]),
        [Segment { frame: named(9), ..segment(&[0..1, 2..3], 50) }]
    );
    assert!(segments(&ours, &part, &[[2; 32]]).is_empty());
    assert!(segments(&delta([1; 32], 100, [7; 32]), &part, &[[1; 32]]).is_empty());
    assert_eq!(segments(&delta([0; 32], 0, part.hash), &part, &[]).len(), 1, "from nothing");
}

#[test]
fn ten_thousand_chunks_and_segments_are_planned_at_once() {
    let letters = (0..10_000u32).map(|n| chunk_id(&n.to_be_bytes()));
    let mut builder = Builder::new("rabin:1:64:1024".parse().unwrap());
    letters.for_each(|id| builder.push(id, 1000).unwrap());
    let manifest = builder.finish([0; 32]);
    let of = |step: usize| (0..10_000 / step).map(|n| one(n * step..n * step + step, 990)).collect();
    let (there, useless) = (BTreeSet::new(), BTreeSet::new());
    let tasks = plan(&Ground {
        manifest: &manifest,
        there: &there,
        near: &|_| None,
        deltas: &[of(1), of(2), of(5)],
        useless: &useless,
    });
    assert_eq!(fetched(&tasks), 2000 * 990);
}

prop_compose! {
    fn any_segment(chunks: usize)(
        a in 0..chunks, b in 0..chunks, c in 0..chunks, d in 0..chunks, two in any::<bool>(), bytes in 1u64..300,
    ) -> Segment {
        let mut ends = [a, b, c, d];
        ends.sort_unstable();
        let [a, b, c, d] = ends;
        if two && b < c { segment(&[a..b + 1, c..d + 1], bytes) } else { one(a..b + 1, bytes) }
    }
}

fn any_case() -> impl Strategy<Value = Case> {
    prop::collection::vec(0u8..12, 1..12).prop_flat_map(|letters| {
        let chunks = letters.len();
        let deltas = prop::collection::vec(prop::collection::vec(any_segment(chunks), 0..4), 0..3);
        let there = prop::collection::btree_set(0..chunks, 0..3);
        let near = prop::collection::vec(0u8..12, 0..3);
        let useless = prop::collection::btree_set((0usize..3, 0usize..4), 0..2);
        (Just(letters), there, near, deltas, useless).prop_map(|(letters, there, near, deltas, useless)| {
            Case { letters, there, near, deltas, useless }
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_missing_chunk_is_written_once_and_by_a_way_that_gives_it(case in any_case()) {
        let mut written: BTreeMap<usize, Way> = BTreeMap::new();
        for task in case.plan() {
            for number in &task.writes {
                prop_assert!(written.insert(*number, task.way).is_none(), "{number} twice");
                let letter = case.letters[*number];
                let made = match task.way {
                    Way::Copy => !case.missing().contains(&letter) && task.fetches == 0,
                    Way::Plain => task.fetches == u64::from(length(letter)),
                    Way::Segment(delta, segment) => {
                        let numbers = case.deltas[delta][segment].chunks.iter().cloned().flatten();
                        !case.useless.contains(&(delta, segment)) && numbers.map(|at| case.letters[at]).any(|l| l == letter)
                    }
                };
                prop_assert!(made, "{number} by {:?}", task.way);
            }
        }
        let all: BTreeSet<usize> = (0..case.letters.len()).filter(|n| !case.there.contains(n)).collect();
        prop_assert_eq!(written.into_keys().collect::<BTreeSet<_>>(), all);
    }

    #[test]
    fn a_plan_costs_no_more_than_all_plain_or_any_one_delta_and_no_less_than_the_best(case in any_case()) {
        let cost = fetched(&case.plan());
        prop_assert!(cost <= case.cost(&[]));
        for (delta, _) in case.deltas.iter().enumerate() {
            let alone: Vec<&Segment> =
                case.usable().into_iter().filter(|((of, _), _)| *of == delta).map(|(_, segment)| segment).collect();
            prop_assert!(cost <= case.cost(&alone));
        }
        prop_assert!(cost >= case.least());
    }

    #[test]
    fn of_one_delta_whose_segments_are_apart_the_plan_is_the_best(case in any_case(), ends in prop::collection::btree_set(1usize..12, 1..5)) {
        let mut case = case;
        let mut distinct: Vec<u8> = (0..case.letters.len() as u8).collect();
        std::mem::swap(&mut case.letters, &mut distinct);
        let mut start = 0;
        let ends = ends.into_iter().filter(|end| *end <= case.letters.len());
        let apart = ends.map(|end| one(std::mem::replace(&mut start, end)..end, 20 + (end as u64 * 37) % 150));
        case.deltas = vec![apart.collect()];
        prop_assert_eq!(fetched(&case.plan()), case.least());
    }

    #[test]
    fn with_a_delta_from_nothing_a_plan_is_never_dearer_than_the_part_compressed(case in any_case(), percent in 5u64..90) {
        let mut case = case;
        case.useless.clear();
        let bytes = |range: std::ops::Range<usize>| -> u64 {
            case.letters[range].iter().map(|letter| u64::from(length(*letter)) * percent / 100).sum()
        };
        let spans = (0..case.letters.len()).step_by(3).map(|at| at..(at + 3).min(case.letters.len()));
        let whole: Vec<Segment> = spans.map(|span| one(span.clone(), bytes(span))).collect();
        let compressed: u64 = whole.iter().map(|segment| segment.bytes).sum();
        case.deltas.push(whole);
        prop_assert!(fetched(&case.plan()) <= compressed);
    }
}
