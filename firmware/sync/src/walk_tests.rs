//! The walk against a twin that knows every ancestor.

use super::*;
use ledger::{MemoryObjects, NewObjects};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Blocks by number: the parents of each are earlier ones.
struct History {
    objects: MemoryObjects,
    ids: Vec<BlockId>,
    parents: Vec<Vec<usize>>,
}

impl History {
    fn new(parents: Vec<Vec<usize>>, step: &dyn Fn(usize) -> u64) -> Self {
        let (mut objects, mut ids, mut times) = (MemoryObjects::default(), Vec::new(), Vec::new());
        for (n, below) in parents.iter().enumerate() {
            let at = below.iter().map(|parent: &usize| times[*parent]).max().unwrap_or(0) + step(n);
            let lines: String = below.iter().map(|parent| format!("parent {}\n", ids[*parent])).collect();
            let text = format!("tree {}\n{lines}author n{n} <k@o> {at} +0000\n", "00".repeat(32));
            let mut new = NewObjects::default();
            let id: BlockId = new.insert(Kind::Commit, text.into_bytes()).into();
            objects.store(&new);
            ids.push(id);
            times.push(at);
        }
        Self { objects, ids, parents }
    }

    fn closure(&self, from: &[usize]) -> BTreeSet<usize> {
        let (mut found, mut stack) = (BTreeSet::new(), from.to_vec());
        while let Some(n) = stack.pop() {
            if found.insert(n) {
                stack.extend(&self.parents[n]);
            }
        }
        found
    }

    fn missing(&self, want: &[usize], have: &[usize]) -> Vec<usize> {
        let ids = |list: &[usize]| list.iter().map(|n| self.ids[*n]).collect::<Vec<_>>();
        let found = missing(&self.objects, &ids(want), &ids(have)).unwrap();
        found.iter().map(|id| self.ids.iter().position(|other| other == id).unwrap()).collect()
    }
}

fn check(history: &History, want: &[usize], have: &[usize]) {
    let found = history.missing(want, have);
    let expected: BTreeSet<usize> = &history.closure(want) - &history.closure(have);
    assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), expected, "{want:?} without {have:?}");
    assert_eq!(found.len(), expected.len(), "one came twice");
    let mut here = history.closure(have);
    for n in found {
        assert!(history.parents[n].iter().all(|parent| here.contains(parent)), "{n} came too early");
        here.insert(n);
    }
}

#[test]
fn a_long_chain_neither_overflows_nor_costs_more_than_a_read_a_block() {
    let parents = (0..50_000_usize).map(|n| n.checked_sub(1).into_iter().collect()).collect();
    let history = History::new(parents, &|_| 1);
    let before = history.objects.reads();
    assert_eq!(missing(&history.objects, &[history.ids[49_999]], &[]).unwrap().len(), 50_000);
    assert_eq!(history.objects.reads() - before, 50_000);
    let before = history.objects.reads();
    let ids = &history.ids;
    assert_eq!(missing(&history.objects, &[ids[49_999]], &[ids[49_990]]).unwrap().len(), 9);
    assert!(history.objects.reads() - before < 40, "only what is new is looked at");
}

#[test]
fn unknown_blocks_on_either_side_are_passed_over() {
    let history = History::new(vec![vec![], vec![0]], &|_| 1);
    let unknown = BlockId::new([9; 32]);
    let found = missing(&history.objects, &[unknown, history.ids[1]], &[unknown]).unwrap();
    assert_eq!(found, [history.ids[0], history.ids[1]]);
}

proptest! {
    /// Any history, also with all its blocks in one second.
    #[test]
    fn it_finds_what_the_twin_finds(
        links in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 1..4), 1..40),
        steps in prop::collection::vec(0_u64..2, 41),
        want in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        have in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut parents = vec![Vec::new()];
        for (n, below) in links.iter().enumerate() {
            let set: BTreeSet<usize> = below.iter().map(|index| index.index(n + 1)).collect();
            parents.push(set.into_iter().rev().collect());
        }
        let history = History::new(parents, &|n| steps[n]);
        let pick = |list: &[prop::sample::Index]| -> Vec<usize> {
            list.iter().map(|index| index.index(history.ids.len())).collect()
        };
        check(&history, &pick(&want), &pick(&have));
    }
}
