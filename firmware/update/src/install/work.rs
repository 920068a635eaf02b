//! One part that is being written: what is in place, what is planned, what was set aside.

use super::effect::Place;
use crate::{Ground, Near, PartOrder, Segment, Task, Verity, Way, plan};
use chunk::Manifest;
use model::{ChunkId, Name};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A part that is being written.
#[derive(Clone, Debug)]
pub struct PartWork {
    pub name: Name,
    pub verity: Option<Verity>,
    manifest: Manifest,
    offsets: Vec<u64>,
    near: BTreeMap<ChunkId, Near>,
    deltas: Vec<Vec<Segment>>,
    useless: BTreeSet<(usize, usize)>,
    there: BTreeSet<usize>,
    /// What is being written just now.
    away: BTreeSet<usize>,
    queue: VecDeque<Task>,
    aside: Vec<Task>,
}

impl PartWork {
    pub fn new(order: PartOrder) -> Self {
        let PartOrder { name, verity, manifest, near, deltas } = order;
        let mut end = 0;
        let starts = manifest.chunks.iter().map(|(_, length)| {
            let start = end;
            end += u64::from(*length);
            start
        });
        let offsets = starts.collect();
        Self {
            name,
            verity,
            manifest,
            offsets,
            near,
            deltas,
            useless: BTreeSet::new(),
            there: BTreeSet::new(),
            away: BTreeSet::new(),
            queue: VecDeque::new(),
            aside: Vec::new(),
        }
    }

    /// Takes what lies in the target, and plans the rest.
    pub fn looked(&mut self, good: &BTreeSet<usize>) {
        self.there = good.iter().copied().filter(|number| *number < self.manifest.chunks.len()).collect();
        self.plan();
    }

    fn plan(&mut self) {
        // What is being written just now will be there, or comes back and is planned then.
        let there: BTreeSet<usize> = self.there.union(&self.away).copied().collect();
        let near = |id: &ChunkId| self.near.get(id).copied();
        let ground = Ground {
            manifest: &self.manifest,
            there: &there,
            near: &near,
            deltas: &self.deltas,
            useless: &self.useless,
        };
        self.queue = plan(&ground).into();
        self.aside.clear();
    }

    pub fn next(&mut self) -> Option<Task> {
        let task = self.queue.pop_front()?;
        self.away.extend(&task.writes);
        Some(task)
    }

    pub fn places(&self, task: &Task) -> Vec<Place> {
        let place = |number: &usize| {
            let (id, length) = self.manifest.chunks[*number];
            Place { number: *number, offset: self.offsets[*number], length, id }
        };
        task.writes.iter().map(place).collect()
    }

    fn back(&mut self, task: &Task) {
        for number in &task.writes {
            self.away.remove(number);
        }
    }

    pub fn written(&mut self, task: &Task) {
        self.back(task);
        self.there.extend(&task.writes);
    }

    /// It is not to be had now.
    pub fn set_aside(&mut self, task: Task) {
        self.back(&task);
        self.aside.push(task);
    }

    /// This way does not lead to the chunks: another one is planned.
    pub fn useless(&mut self, task: &Task) {
        self.back(task);
        match task.way {
            Way::Segment(delta, segment) => {
                self.useless.insert((delta, segment));
            }
            Way::Copy => {
                for number in &task.writes {
                    self.near.remove(&self.manifest.chunks[*number].0);
                }
                if let Some(Near::Target(number)) = task.near {
                    self.there.remove(&number);
                }
            }
            // What was not the chunk is the peer's fault, and the transport's to find out.
            Way::Plain => {}
        }
        self.plan();
    }

    pub fn take_up_again(&mut self) {
        self.queue.extend(self.aside.drain(..));
    }

    /// How many chunks were set aside.
    pub fn aside(&self) -> usize {
        self.aside.iter().map(|task| task.writes.len()).sum()
    }

    /// Takes what was read back wrong, and plans it anew.
    pub fn found_bad(&mut self, bad: &BTreeSet<usize>) {
        self.there.retain(|number| !bad.contains(number));
        self.plan();
    }

    pub fn is_whole(&self) -> bool {
        self.there.len() == self.manifest.chunks.len()
    }

    pub fn done(&self) -> u64 {
        self.there.iter().map(|number| u64::from(self.manifest.chunks[*number].1)).sum()
    }

    pub fn size(&self) -> u64 {
        self.manifest.size
    }

    pub fn to_fetch(&self) -> u64 {
        self.queue.iter().chain(&self.aside).map(|task| task.fetches).sum()
    }
}
