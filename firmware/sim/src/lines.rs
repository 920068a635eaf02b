//! Which boxes are connected: made, closed, broken, and tried again.

use crate::{dice::Dice, mail::BREAK_MS, net::Pair, node::Node, plan::Plan, report::Failure, world::World};
use model::KeyId;

impl World {
    pub(crate) fn close(&mut self, place: usize, peer: KeyId) -> Result<(), Failure> {
        let Some(other) = self.nodes[place].peers.remove(&peer) else { return Ok(()) };
        self.net.close(place, other, self.now.0 + 60_000);
        let me = self.nodes[place].id();
        self.nodes[other].peers.remove(&me);
        self.call(other, |replica, now| replica.disconnected(me, now))
    }

    pub(crate) fn broken(&mut self, number: u64, from: usize, to: usize) -> Result<(), Failure> {
        if self.net.number(from, to) != Some(number) {
            return Ok(());
        }
        self.net.close(from, to, self.now.0 + BREAK_MS);
        self.disconnect((from, to))
    }

    /// Makes and cuts connections as things stand.
    pub(crate) fn reconnect(&mut self) -> Result<(), Failure> {
        let on: Vec<bool> = self.nodes.iter().map(Node::is_on).collect();
        let (gone, come) = self.net.settle(&|place| on[place], self.now.0);
        gone.into_iter().try_for_each(|pair| self.disconnect(pair))?;
        come.into_iter().try_for_each(|pair| self.connect(pair))
    }

    fn connect(&mut self, (a, b): Pair) -> Result<(), Failure> {
        for (place, other) in [(a, b), (b, a)] {
            let peer = self.nodes[other].id();
            self.nodes[place].peers.insert(peer, other);
            self.call(place, |replica, now| replica.connected(peer, now))?;
        }
        Ok(())
    }

    fn disconnect(&mut self, (a, b): Pair) -> Result<(), Failure> {
        for (place, other) in [(a, b), (b, a)] {
            let peer = self.nodes[other].id();
            if self.nodes[place].peers.get(&peer) == Some(&other) {
                self.nodes[place].peers.remove(&peer);
                self.call(place, |replica, now| replica.disconnected(peer, now))?;
            }
        }
        Ok(())
    }
}

/// Those to whom a box is connected: all, or a ring with a few more by chance, so that nobody is alone.
pub(crate) fn neighbours(place: usize, plan: &Plan, dice: &mut Dice) -> Vec<usize> {
    if plan.degree >= plan.nodes {
        return (0..plan.nodes).collect();
    }
    let next = (place + 1) % plan.nodes;
    let more = (2..plan.degree / 2 + 1).map(|_| dice.index(plan.nodes));
    std::iter::once(next).chain(more).collect()
}
