//! What goes wrong: cuts, crashes, full and slow disks, wrong clocks, copied cards, lossy lines, liars.
//!
//! All of it is drawn from the seed. Liars and copied validators together stay under a third of the validators,
//! which is all that the vote promises to bear.

use crate::{agenda::What, book::Violation, node::Manner, report::Failure, world::World};
use model::Millis;
use std::collections::BTreeSet;

/// Something that goes wrong, or ends.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// The network falls into so many parts.
    Cut(u64),
    /// The parts find each other.
    Join,
    /// A box loses its power, at the n-th thing from now that it would make durable.
    Crash { place: usize, nth: u64 },
    /// It has power again.
    Start(usize),
    /// A disk is full, or not any more.
    Full(usize, bool),
    /// A disk takes so long for everything.
    Slow(usize, Millis),
    /// A clock is off by so many milliseconds.
    Clock(usize, i64),
    /// A box's card is copied and the copy put to use elsewhere.
    Copy(usize),
    /// So many of a thousand messages are lost, and others take up to so long.
    Lossy(u64, u64),
}

/// The mean pause between two troubles.
const TROUBLE_EVERY: u64 = 4 * 60_000;

impl World {
    /// Draws all that will go wrong.
    pub(crate) fn plan_troubles(&mut self) {
        let liars = self.dice.below(self.plan.liars_max() as u64 + 1) as usize;
        for place in 0..liars {
            // The last of the validators; people write at the first boxes.
            self.nodes[self.plan.validators - 1 - place].manner = Manner::Liar;
        }
        self.faulty = liars;
        for place in 0..self.plan.nodes {
            let off = match self.dice.below(4) {
                0 => -(self.dice.below(400 * 86_400_000) as i64),
                1 => self.dice.below(86_400_000) as i64,
                _ => 0,
            };
            self.nodes[place].clock_off = off;
        }
        let (mut at, end) = (0, self.plan.lasts.0);
        loop {
            at += self.dice.pause(TROUBLE_EVERY);
            if at >= end {
                break;
            }
            let (trouble, lasts, after) = self.draw();
            self.later(at, What::Trouble(trouble));
            if let Some(after) = after {
                self.later(at + lasts, What::Trouble(after));
            }
        }
    }

    fn draw(&mut self) -> (Trouble, u64, Option<Trouble>) {
        let place = self.dice.index(self.plan.nodes);
        let lasts = self.dice.pause(5 * 60_000);
        let (trouble, after) = match self.dice.below(10) {
            0..=2 => (Trouble::Cut(self.dice.between(2, 3)), Some(Trouble::Join)),
            3..=5 => {
                let nth = self.dice.between(1, 8);
                (Trouble::Crash { place, nth }, Some(Trouble::Start(place)))
            }
            6 => (Trouble::Full(place, true), Some(Trouble::Full(place, false))),
            7 => {
                let slow = Millis(self.dice.between(100, 3_000));
                (Trouble::Slow(place, slow), Some(Trouble::Slow(place, Millis(0))))
            }
            8 => match self.dice.below(3) {
                0 => (Trouble::Copy(place), None),
                _ => (Trouble::Clock(place, self.dice.below(7_200_000) as i64 - 3_600_000), None),
            },
            _ => {
                let (loss, delay) = (self.dice.between(2, 60), self.dice.between(50, 2_000));
                (Trouble::Lossy(loss, delay), Some(Trouble::Lossy(0, 30)))
            }
        };
        (trouble, lasts, after)
    }

    pub(crate) fn trouble(&mut self, trouble: Trouble) -> Result<(), Failure> {
        if self.healed.is_some() {
            return Ok(());
        }
        match trouble {
            Trouble::Cut(parts) => {
                for place in 0..self.nodes.len() {
                    self.net.side[place] = self.dice.below(parts);
                }
            }
            Trouble::Join => self.net.side.iter_mut().for_each(|side| *side = 0),
            Trouble::Crash { place, nth } => {
                if let Some(disk) = self.nodes[place].disk() {
                    disk.cut_power_at(Some(nth));
                }
            }
            Trouble::Start(place) => {
                // It may not have come to its n-th step at all.
                self.lost_power(place)?;
                self.start(place)?;
            }
            Trouble::Full(place, full) => {
                if let Some(disk) = self.nodes[place].disk() {
                    disk.set_full(full);
                }
            }
            Trouble::Slow(place, slow) => self.nodes[place].slow = slow,
            Trouble::Clock(place, off) => self.nodes[place].clock_off = off,
            Trouble::Copy(place) => self.copy_card(place)?,
            Trouble::Lossy(loss, delay) => (self.net.loss_permille, self.net.delay_max) = (loss, delay),
        }
        self.reconnect()
    }

    /// A box lost its power: whatever it wanted to do is gone.
    pub(crate) fn lost_power(&mut self, place: usize) -> Result<(), Failure> {
        self.nodes[place].stop();
        self.reconnect()
    }

    /// The card of a box is copied, and the copy talks to half of the others in its place.
    fn copy_card(&mut self, place: usize) -> Result<(), Failure> {
        let copied = self.nodes.iter().any(|node| node.manner == Manner::Clone);
        let votes = place < self.plan.validators;
        if copied || self.nodes[place].manner != Manner::Honest || self.nodes.len() < 3 {
            return Ok(());
        }
        if votes && self.faulty >= self.plan.liars_max() {
            return Ok(());
        }
        self.faulty += usize::from(votes);
        let Some(copy) = self.nodes[place].copy() else { return Ok(()) };
        self.nodes[place].manner = Manner::Clone;
        let clone = self.nodes.len();
        self.nodes.push(copy);
        let others: BTreeSet<usize> =
            self.net.neighbours(place).into_iter().filter(|_| self.dice.permille(500)).collect();
        self.net.add(clone, []);
        self.net.take_over(clone, place, &others);
        self.start(clone)?;
        let (tap, flush) = (self.dice.pause(self.plan.tap_every.0), self.dice.pause(5_000));
        self.later(tap, What::Tap(clone));
        self.later(flush, What::Flush(clone));
        Ok(())
    }

    /// What is acknowledged is durable: in the box's own blocks or in its log.
    pub(crate) fn check_durable(&self, place: usize) -> Result<(), Failure> {
        let node = &self.nodes[place];
        let in_blocks = node.last_in_blocks().unwrap_or(0);
        let found = node.wal.last().map_or(in_blocks, |event| event.seq).max(in_blocks);
        if found >= node.last_event {
            return Ok(());
        }
        let (name, acknowledged) = (node.name.to_string(), node.last_event);
        Err(self.failure(Violation::Lost { node: name, acknowledged, found, place: "on its own disk" }))
    }
}
