//! Random operations, with every chunk's fate kept in a map beside.

use std::collections::{BTreeMap, HashSet};

use chunk::chunk_id;
use proptest::prelude::*;
use store::chunks::{Chunks, GetError};

use super::{Home, content};

/// How sure we are of a chunk.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    /// It must be there, also after a power cut.
    Durable,
    /// It must be there until the power goes.
    Put,
    /// It may be there.
    Perhaps,
}

#[derive(Clone, Debug)]
enum Step {
    Put(usize),
    Sync,
    Collect { keep_every: usize, pinned: bool },
    Reopen,
    PowerCut(u64),
    Verify,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0usize..40).prop_map(Step::Put),
        2 => Just(Step::Sync),
        1 => (1usize..6, any::<bool>()).prop_map(|(keep_every, pinned)| Step::Collect { keep_every, pinned }),
        1 => Just(Step::Reopen),
        1 => any::<u64>().prop_map(Step::PowerCut),
        1 => Just(Step::Verify),
    ]
}

struct Twin {
    home: Home,
    chunks: Option<Chunks>,
    fates: BTreeMap<usize, Fate>,
}

impl Twin {
    fn chunks(&self) -> &Chunks {
        self.chunks.as_ref().unwrap()
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Put(number) => {
                assert_eq!(self.chunks().put(&content(number)).unwrap(), chunk_id(&content(number)));
                let fate = self.fates.entry(number).or_insert(Fate::Perhaps);
                if *fate == Fate::Perhaps {
                    *fate = Fate::Put;
                }
            }
            Step::Sync => {
                self.chunks().sync().unwrap();
                self.fate_of_all(Fate::Put, Fate::Durable);
            }
            Step::Collect { keep_every, pinned } => self.collect(keep_every, pinned),
            Step::Reopen => {
                self.chunks = None;
                self.chunks = Some(self.home.open());
            }
            Step::PowerCut(seed) => {
                self.chunks = None;
                self.home = self.home.after_power_cut(self.home.disk.operations(), seed);
                self.chunks = Some(self.home.open());
                self.fate_of_all(Fate::Put, Fate::Perhaps);
            }
            Step::Verify => assert_eq!(self.chunks().verify(&mut |_| ()).unwrap().damaged, []),
        }
    }

    fn fate_of_all(&mut self, from: Fate, to: Fate) {
        self.fates.values_mut().filter(|fate| **fate == from).for_each(|fate| *fate = to);
    }

    fn collect(&mut self, keep_every: usize, pinned: bool) {
        let kept = |number: &usize| number.is_multiple_of(keep_every);
        let reachable: HashSet<_> =
            self.fates.keys().filter(|n| kept(n)).map(|n| chunk_id(&content(*n))).collect();
        let pin = self.chunks().pin();
        if pinned {
            self.chunks().put(&content(41)).unwrap();
            self.fates.insert(41, Fate::Put);
        }
        let report = self.chunks().gc(&reachable).unwrap();
        assert_eq!(report.damaged, []);
        drop(pin);
        for (number, fate) in &mut self.fates {
            let stays = kept(number) || (pinned && *number == 41);
            if !stays {
                *fate = Fate::Perhaps;
            }
        }
    }

    fn compare(&self) {
        for (&number, &fate) in &self.fates {
            let plain = content(number);
            match self.chunks().get(&chunk_id(&plain)) {
                Ok(got) => assert_eq!(got, plain),
                Err(GetError::Missing(_)) if fate == Fate::Perhaps => {}
                Err(error) => panic!("chunk {number}, which is {fate:?}: {error}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_packs_agree_with_a_map_whatever_happens(steps in prop::collection::vec(step(), 1..80)) {
        let home = Home::new();
        let chunks = Some(home.open());
        let mut twin = Twin { home, chunks, fates: BTreeMap::new() };
        for step in &steps {
            twin.apply(step);
            twin.compare();
        }
    }
}
