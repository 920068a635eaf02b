//! What is to happen, by virtual time and then by the order in which it was put there.

use crate::{net::Wire, troubles::Trouble};
use ledger::{Outcome, TaskId};
use model::Millis;
use std::collections::BTreeMap;

/// Something that is to happen.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A box is woken.
    Wake(usize),
    /// Something arrives over a connection.
    Arrive { number: u64, from: usize, to: usize, wire: Wire },
    /// A judge has spoken at a box.
    Judged { node: usize, task: TaskId, outcome: Outcome },
    /// A badge is held to a reader.
    Tap(usize),
    /// A box puts its events into blocks.
    Flush(usize),
    /// A person writes.
    Write,
    /// A connection broke: something sent over it was lost.
    Break { number: u64, from: usize, to: usize },
    /// Connections are tried again.
    Reconnect,
    /// Something goes wrong, or right again.
    Trouble(Trouble),
    /// Nothing goes wrong any more.
    Heal,
}

/// All that is to happen.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    things: BTreeMap<(Millis, u64), What>,
    orders: u64,
}

impl Agenda {
    /// Puts something there; what was put before it for the same moment comes before it.
    pub(crate) fn put(&mut self, at: Millis, what: What) {
        self.orders += 1;
        self.things.insert((at, self.orders), what);
    }

    /// The next thing, and when it happens.
    pub(crate) fn next(&mut self) -> Option<(Millis, What)> {
        self.things.pop_first().map(|((at, _), what)| (at, what))
    }
}

impl What {
    /// Its kind, its place and its length, for the digest of a run.
    pub(crate) fn digest(&self) -> [u64; 3] {
        let (kind, place, length) = match self {
            Self::Wake(place) => (1, *place, 0),
            Self::Arrive { to, wire, .. } => (2, *to, wire.length()),
            Self::Judged { node, .. } => (3, *node, 0),
            Self::Tap(place) => (4, *place, 0),
            Self::Flush(place) => (5, *place, 0),
            Self::Write => (6, 0, 0),
            Self::Reconnect => (7, 0, 0),
            Self::Trouble(_) => (8, 0, 0),
            Self::Heal => (9, 0, 0),
            Self::Break { to, .. } => (10, *to, 0),
        };
        [kind, place as u64, length]
    }

    /// For whoever watches.
    pub(crate) fn describe(&self) -> String {
        let Self::Arrive { from, to, wire, .. } = self else { return format!("{self:?}") };
        let kind = match wire {
            Wire::Frame(bytes) => match sync::Message::parse(bytes) {
                Ok(message) => format!("{message:?}").chars().take(60).collect(),
                Err(error) => error.to_string(),
            },
            Wire::Request { .. } => "request".into(),
            Wire::Response { bytes, .. } => format!("response {:?}", bytes.as_ref().map(|b| b.len())),
        };
        format!("{from} -> {to}: {kind}")
    }
}
