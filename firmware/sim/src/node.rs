//! One simulated box: a replica, its disk, and the write-ahead log that its agent would have.

use crate::founding::BEGIN;
use ledger::State;
use model::{Event, KeyId, Millis, Name, SigningKey};
use replica::{MemoryDepot, Now, Options, Replica, ReplicaError};
use std::collections::BTreeMap;

/// What a box does to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Honest,
    /// Votes twice, sends damaged bytes, keeps answers to itself, has judges that say the opposite.
    Liar,
    /// Runs with a key that another box has as well.
    Clone,
}

/// What went over the wire at one box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames, requests and answers sent.
    pub messages: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// A box.
pub(crate) struct Node {
    pub(crate) name: Name,
    pub(crate) key: SigningKey,
    pub(crate) manner: Manner,
    /// The running replica, or the disk of a box that is off.
    power: Power,
    /// Durable events that are in no block yet.
    pub(crate) wal: Vec<Event>,
    /// The number of the last event that was acknowledged.
    pub(crate) last_event: u64,
    /// How wrong its clock is.
    pub(crate) clock_off: i64,
    /// How long its disk takes for anything.
    pub(crate) slow: Millis,
    /// When it is woken next.
    pub(crate) wake: Option<Millis>,
    /// Which box it talks to under which key.
    pub(crate) peers: BTreeMap<KeyId, usize>,
    pub(crate) server: sync::Server,
    pub(crate) sent: Traffic,
}

enum Power {
    On(Box<Replica<MemoryDepot>>),
    Off(MemoryDepot),
    /// For the moment of a change.
    Between,
}

impl Node {
    pub(crate) fn new(name: Name, key: SigningKey, disk: MemoryDepot) -> Self {
        Self {
            name,
            key,
            manner: Manner::Honest,
            power: Power::Off(disk),
            wal: Vec::new(),
            last_event: 0,
            clock_off: 0,
            slow: Millis(0),
            wake: None,
            peers: BTreeMap::new(),
            server: sync::Server::new(),
            sent: Traffic::default(),
        }
    }

    pub(crate) fn id(&self) -> KeyId {
        self.key.public().id()
    }

    pub(crate) fn is_on(&self) -> bool {
        matches!(self.power, Power::On(_))
    }

    /// What the box takes for the time.
    pub(crate) fn now(&self, elapsed: Millis) -> Now {
        let clock = BEGIN.0.saturating_add(elapsed.0).saturating_add_signed(self.clock_off);
        Now { elapsed, clock: Millis(clock) }
    }

    pub(crate) fn replica(&mut self) -> Option<&mut Replica<MemoryDepot>> {
        match &mut self.power {
            Power::On(replica) => Some(replica),
            _ => None,
        }
    }

    pub(crate) fn look(&self) -> Option<&Replica<MemoryDepot>> {
        match &self.power {
            Power::On(replica) => Some(replica),
            _ => None,
        }
    }

    /// The disk, on or off.
    pub(crate) fn disk(&mut self) -> Option<&mut MemoryDepot> {
        match &mut self.power {
            Power::On(replica) => Some(replica.depot_mut()),
            Power::Off(disk) => Some(disk),
            Power::Between => None,
        }
    }

    /// Takes the power away.
    pub(crate) fn stop(&mut self) {
        self.power = match std::mem::replace(&mut self.power, Power::Between) {
            Power::On(replica) => Power::Off(replica.into_depot()),
            other => other,
        };
        self.wake = None;
        self.peers.clear();
    }

    /// Starts the box from what its disk holds. If the power goes while it starts, it is off as before.
    pub(crate) fn start(&mut self, elapsed: Millis) -> Result<(), ReplicaError> {
        let now = self.now(elapsed);
        let Power::Off(mut disk) = std::mem::replace(&mut self.power, Power::Between) else { return Ok(()) };
        disk.restart();
        let copy = disk.clone();
        match Replica::open(disk, Options::new(self.key.clone()), now) {
            Ok(replica) => self.power = Power::On(Box::new(replica)),
            Err(error) => {
                self.power = Power::Off(copy);
                return Err(error);
            }
        }
        let last = self.last_in_blocks()?;
        self.wal.retain(|event| event.seq > last);
        Ok(())
    }

    /// The number of the node's last event that its own line, or main, holds.
    pub(crate) fn last_in_blocks(&self) -> Result<u64, ReplicaError> {
        let Some(replica) = self.look() else { return Ok(0) };
        let objects = replica.objects();
        let on_main = ledger::last_event(objects, &State::at_tree(objects, replica.main().tree), &self.name)?;
        let Some(own) = replica.head_of(&self.id()) else { return Ok(on_main) };
        let own = ledger::last_event(objects, &State::at(objects, own)?, &self.name)?;
        Ok(own.max(on_main))
    }

    /// A second box with the same card.
    pub(crate) fn copy(&mut self) -> Option<Self> {
        let disk = self.disk()?.clone();
        let mut copy = Self::new(self.name.clone(), self.key.clone(), disk);
        copy.manner = Manner::Clone;
        (copy.wal, copy.last_event) = (self.wal.clone(), self.last_event);
        Some(copy)
    }
}
