//! What the machine is given and asked, and why it says no.

use crate::{GateRules, Latest, Seen, Version};
use slots::{Slot, Slots};

/// How it behaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpdaterRules {
    /// What a trial is held to.
    pub gate: GateRules,
    /// How long a slot that is not on trial must have run until its start counts as good.
    pub settle_ms: u64,
    /// How often a release is put on trial that comes back unseen.
    pub tries: u8,
}

/// What a start finds.
#[derive(Clone, PartialEq, Debug)]
pub struct Start {
    /// The record that counts.
    pub latest: Latest,
    /// The boot state.
    pub slots: Slots,
    /// The slot that runs.
    pub running: Slot,
    /// The release that runs, if its document is known.
    pub release: Option<Seen>,
}

/// How far it may go now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum May {
    /// Write, and restart into it.
    All,
    /// Write, and wait with the restart; why.
    Write(String),
    /// Nothing; why.
    Nothing(String),
}

/// A release cannot be begun now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// Another one is on trial, or the box goes back from it.
    #[error("the release {0} is on trial")]
    Trial(Version),
    /// The box goes back to the other slot.
    #[error("the box goes back to its other slot")]
    Back,
    /// Writes of another release are under way; ask again.
    #[error("writes of the release {0} are still under way")]
    Writes(Version),
}

/// There is no going back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWayBack {
    /// The other slot has nothing proven.
    #[error("slot {0} holds nothing that was ever healthy here")]
    NotGood(Slot),
    /// It holds something too old.
    #[error("slot {slot} holds {version}, and nobody goes back below {floor}")]
    BelowFloor {
        /// Which.
        slot: Slot,
        /// What it holds.
        version: Version,
        /// The floor.
        floor: Version,
    },
    /// There is a floor, and what the slot holds is not known.
    #[error("it is not known what slot {slot} holds, and nobody goes back below {floor}")]
    Unknown {
        /// Which.
        slot: Slot,
        /// The floor.
        floor: Version,
    },
    /// The box does so already.
    #[error("the box goes back already")]
    Already,
}
