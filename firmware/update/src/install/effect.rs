//! What the machine wants done, and what it is told of it.
//!
//! Every effect has a ticket; what happened comes back with it. An effect whose ticket the machine does not know any more
//! does nothing. *Durable* means that it is there after a power cut the moment the answer is given.

use crate::{Report, Task, Verity};
use model::{ChunkId, Name};
use slots::{Refusal, Slot, Slots};
use std::collections::BTreeSet;

/// The name of an effect that is under way.
pub type Ticket = u64;

/// Something to be done.
#[derive(Clone, PartialEq, Debug)]
pub struct Effect {
    /// To be given back with what happened.
    pub ticket: Ticket,
    /// What to do.
    pub act: Act,
}

/// What to do.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    /// Write a place of the record, whole and durable.
    Save {
        /// 0 or 1.
        place: usize,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// Change the boot state by a verb, durable and read back.
    Boot(Verb),
    /// Hash every chunk of a part that lies in the target, and say which are right.
    Look(Name),
    /// Come by chunks, check each by its name, and write each at its places in the target.
    Fetch {
        /// The part.
        part: Name,
        /// By which way, and where they go.
        task: Task,
        /// The chunks of `task.writes`, in its order.
        places: Vec<Place>,
    },
    /// Make all that was written of a part durable.
    Sync(Name),
    /// Read a part back from the card itself, past every cache: which chunks are not right, and whether the hash tree has its
    /// top.
    ReadBack {
        /// The part.
        part: Name,
        /// The hash tree, if it has one.
        verity: Option<Verity>,
    },
    /// Restart the box.
    Restart,
    /// Tell the ledger, for good.
    Report(Report),
}

/// Where a chunk goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its number in the part.
    pub number: usize,
    /// Where it begins in the part, in bytes.
    pub offset: u64,
    /// Its length.
    pub length: u32,
    /// Its name.
    pub id: ChunkId,
}

/// A verb of the boot state; the running slot is the one that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// The slot is given up for writing.
    Write(Slot),
    /// The slot is tried at the next start.
    TryNext(Slot),
    /// The running slot works.
    Commit,
    /// The slot is bad.
    Fail(Slot),
    /// Back to the other slot.
    RollBack,
}

impl Verb {
    /// What the verb makes of a state.
    pub fn apply(self, slots: &mut Slots, running: Slot) -> Result<(), Refusal> {
        match self {
            Self::Write(target) => slots.write(target, running),
            Self::TryNext(target) => slots.try_next(target, running),
            Self::Commit => {
                slots.commit(running);
                Ok(())
            }
            Self::Fail(slot) => slots.fail(slot),
            Self::RollBack => slots.roll_back(running),
        }
    }
}

/// What became of an effect.
#[derive(Clone, PartialEq, Debug)]
pub enum Happened {
    /// It was done: a place saved, a part synced, the ledger told, the chunks written.
    Done,
    /// The boot state as it is now, changed or, if the verb was refused, not.
    Booted(Slots, Result<(), Refusal>),
    /// The chunks of a part that are right.
    Looked(BTreeSet<usize>),
    /// What was read back.
    ReadBack {
        /// The chunks that are not right.
        bad: BTreeSet<usize>,
        /// Whether the hash tree has the top that it should have; true where there is none.
        root_fits: bool,
    },
    /// Nobody has it now.
    Missing,
    /// What came of this way are not the chunks: the frame, its source or the copy is damaged.
    Useless,
    /// It went wrong, in the system's words.
    Failed(String),
}
