//! The end of a run: all is healed, and within bounded time all boxes agree and nothing is missing.

use crate::{
    book::Violation,
    net::short,
    node::{Manner, Node},
    plan::Plan,
    report::{Failure, chain},
    world::World,
};
use ledger::{Objects, State};
use model::{BlockId, Event, KeyId, Millis};
use replica::{Depot, MemoryDepot, Replica};
use std::collections::BTreeSet;

impl World {
    /// Everything works again: power, disks, lines. Liars stay liars, copies stay copies.
    pub(crate) fn heal(&mut self) -> Result<(), Failure> {
        self.healed = Some(self.now);
        self.net.heal();
        for place in 0..self.nodes.len() {
            let node = &mut self.nodes[place];
            node.slow = Millis(0);
            if let Some(disk) = node.disk() {
                disk.set_full(false);
                disk.cut_power_at(None);
            }
            if !node.is_on() {
                self.start(place)?;
            }
        }
        self.reconnect()
    }

    /// Whether all agree. If they do not for too long, that is a failure.
    pub(crate) fn is_over(&self, since: Millis) -> Result<bool, Failure> {
        let Some(what) = self.apart() else {
            self.check_end()?;
            return Ok(true);
        };
        let ms = self.now.since(since);
        if ms > Plan::HEALING.0 { Err(self.failure(Violation::Apart { ms, what })) } else { Ok(false) }
    }

    fn honest(&self) -> impl Iterator<Item = (usize, &Node, &Replica<MemoryDepot>)> {
        let honest = self.nodes.iter().enumerate().filter(|(_, node)| node.manner == Manner::Honest);
        honest.filter_map(|(place, node)| Some((place, node, node.look()?)))
    }

    /// Who is not where the others are.
    fn apart(&self) -> Option<String> {
        let mains: BTreeSet<BlockId> = self.honest().map(|(_, _, replica)| replica.main().block).collect();
        if mains.len() != 1 {
            return Some(format!("{} different heads of main\n{}", mains.len(), self.standing()));
        }
        for (_, node, replica) in self.honest() {
            if !node.wal.is_empty() && self.book.revoked_at(&node.id()).is_none() {
                return Some(format!("{} has events in no block", node.name));
            }
            if let Some(waiting) = replica.waiting().next() {
                return Some(format!("{} waits at {}\n{}", waiting.short(), node.name, self.standing()));
            }
        }
        let unseen =
            self.copies().find(|copy| !self.is_seen(&copy.id()) && self.lines_of(&copy.id()).len() > 1);
        unseen.map(|copy| format!("the key of {} is in use twice, and nobody has noticed", copy.name))
    }

    /// Nothing is missing, and the whole repeats from the ledger alone.
    fn check_end(&self) -> Result<(), Failure> {
        let Some((_, first, replica)) = self.honest().next() else { return Ok(()) };
        let (objects, head) = (replica.objects(), replica.main());
        let whole = ledger::verify(objects, head.block, &mut |_| {});
        let verified = whole.and_then(|_| ledger::verify_head(objects, head.block, replica.certificate()));
        verified.map_err(|error| {
            let (node, error) = (first.name.to_string(), chain(&error));
            self.failure(Violation::Unverified { node, error })
        })?;
        let state = State::at_tree(objects, head.tree);
        for (place, node) in self.nodes.iter().enumerate() {
            self.check_events(&state, objects, place, node).map_err(|violation| self.failure(violation))?;
        }
        self.check_copies().map_err(|violation| self.failure(violation))
    }

    /// Every acknowledged event of an honest box that still counts is on main, and reads as it was acknowledged.
    fn check_events(
        &self,
        state: &State<'_>,
        objects: &dyn Objects,
        place: usize,
        node: &Node,
    ) -> Result<(), Violation> {
        if node.manner != Manner::Honest {
            return Ok(());
        }
        let found = ledger::last_event(objects, state, &node.name)?;
        let counts = self.book.revoked_at(&node.id()).is_none();
        if counts && found < node.last_event {
            let (name, acknowledged) = (node.name.to_string(), node.last_event);
            return Err(Violation::Lost { node: name, acknowledged, found, place: "on main" });
        }
        for path in state.list(&format!("log/{}", node.name))? {
            let bytes = state.read(&path)?.unwrap_or_default();
            for line in String::from_utf8_lossy(&bytes).split_inclusive('\n') {
                let seq = Event::parse(line).map_or(0, |event| event.seq);
                if self.load.lines.get(&(place, seq)).is_none_or(|known| known != line) {
                    return Err(Violation::Altered { node: node.name.to_string(), seq });
                }
            }
        }
        Ok(())
    }

    /// The key of a copied card that was noticed counts no more on main.
    fn check_copies(&self) -> Result<(), Violation> {
        let counts = |copy: &&Node| self.is_seen(&copy.id()) && self.book.revoked_at(&copy.id()).is_none();
        match self.copies().find(counts) {
            Some(copy) => {
                Err(Violation::CloneCounts { node: format!("{} {}", copy.name, short(&copy.id())) })
            }
            None => Ok(()),
        }
    }

    fn copies(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.manner == Manner::Clone)
    }

    /// Whether an honest box knows both lines of a key.
    fn is_seen(&self, key: &KeyId) -> bool {
        self.honest().any(|(_, _, replica)| replica.clones().any(|(copied, ..)| copied == *key))
    }

    /// The different ends of lines that boxes with this key have written, if anybody talks to those.
    fn lines_of(&self, key: &KeyId) -> BTreeSet<BlockId> {
        let heard = |place: usize| !self.net.neighbours(place).is_empty();
        let own = self.nodes.iter().enumerate().filter(|(place, node)| node.id() == *key && heard(*place));
        let own = own.filter_map(|(_, node)| node.look());
        let heads: Vec<BlockId> = own.filter_map(|replica| replica.head_of(key)).collect();
        let mut ends: BTreeSet<BlockId> = heads.iter().copied().collect();
        let Some((_, _, replica)) = self.honest().next() else { return ends };
        // A head below another one is no line of its own.
        for head in heads {
            let mut next =
                ledger::Block::read(replica.depot().objects(), head).ok().and_then(|block| block.own());
            while let Some(below) = next {
                ends.remove(&below);
                next =
                    ledger::Block::read(replica.depot().objects(), below).ok().and_then(|block| block.own());
            }
        }
        ends
    }
}
