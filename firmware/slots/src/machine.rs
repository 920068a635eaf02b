//! The boot state as a machine: what each verb of userspace, and the boot loader's step, make of it.
//!
//! A slot is *unbootable* (not in the order: being written, or declared bad), *on trial* (in the order, never
//! committed since it was written) or *good*. Every start costs the slot an attempt, good ones too, so that a good
//! slot whose root has rotted falls back as a new one does; a commit gives the attempts back. A verb either refuses
//! and changes nothing, or leaves a state in which at least one slot is in the order.

use crate::slot::{Left, Order, Slot};

/// What is known of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Not to be booted: it is being written, or was declared bad.
    Unbootable,
    /// Written, and never committed since.
    OnTrial(Left),
    /// Committed.
    Good(Left),
}

/// What the boot loader did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Boot {
    /// The slot it starts.
    pub slot: Slot,
    /// The attempts that are left after this one.
    pub left: Left,
    /// Whether all were used up, and every slot of the order was given its attempts again.
    pub refilled: bool,
}

/// How the running slot stands in the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is the first, and good.
    Settled,
    /// It is the first, and not committed yet.
    OnTrial,
    /// The other one is to be tried at the next start.
    NextIs(Slot),
    /// The other one comes first, and has used up its attempts.
    FellBackFrom(Slot),
    /// It is not in the order, and runs all the same: somebody started it by hand.
    Unlisted,
}

/// Why a verb was refused. The state is as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The running slot would be written, or tried as if it were new.
    #[error("slot {0} is running")]
    Running(Slot),
    /// The only good slot may be the other one.
    #[error("slot {0} is running on trial: commit it before the other one is given up")]
    RunningOnTrial(Slot),
    /// It can boot already: nothing was written since.
    #[error("slot {0} was not given up for writing")]
    NotWritten(Slot),
    /// There is nothing proven to go back to.
    #[error("slot {0} is not good")]
    NotGood(Slot),
    /// Nothing would be left.
    #[error("slot {0} is the only one that may boot")]
    OnlyOne(Slot),
}

/// The boot state: which slots may boot, in which order, how often still, and which have proven themselves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slots {
    order: Order,
    left: [Left; 2],
    good: [bool; 2],
}

impl Slots {
    /// A card on which one slot was just written: it is on trial until its agent commits it.
    pub fn fresh(slot: Slot) -> Self {
        Self::from_parts(Order::one(slot), [Left::ALL; 2], [false; 2])
    }

    /// A new card with both slots written, and what the boot script takes where no copy of the state can be read: A,
    /// then B, nothing proven.
    pub fn unknown() -> Self {
        Self::from_parts(Order::both(Slot::A), [Left::ALL; 2], [false; 2])
    }

    /// A state from its parts. What is kept of a slot outside of the order has no meaning and is dropped.
    pub fn from_parts(order: Order, left: [Left; 2], good: [bool; 2]) -> Self {
        let mut slots = Self { order, left, good };
        slots.forget_unlisted();
        slots
    }

    /// The slots that may boot, in their order.
    pub fn order(&self) -> Order {
        self.order
    }

    /// The attempts that a slot has left.
    pub fn left(&self, slot: Slot) -> Left {
        self.left[slot.index()]
    }

    /// Whether a slot was committed since it was written.
    pub fn is_good(&self, slot: Slot) -> bool {
        self.good[slot.index()]
    }

    /// What is known of a slot.
    pub fn status(&self, slot: Slot) -> Status {
        match (self.order.has(slot), self.is_good(slot)) {
            (false, _) => Status::Unbootable,
            (true, false) => Status::OnTrial(self.left(slot)),
            (true, true) => Status::Good(self.left(slot)),
        }
    }

    /// How the running slot stands.
    pub fn standing(&self, running: Slot) -> Standing {
        let first = self.order.first();
        if !self.order.has(running) {
            return Standing::Unlisted;
        }
        if first == running {
            return if self.is_good(running) { Standing::Settled } else { Standing::OnTrial };
        }
        match self.left(first) {
            Left::NONE => Standing::FellBackFrom(first),
            _ => Standing::NextIs(first),
        }
    }

    /// The boot loader's step: the first slot with an attempt left has one less. When none has any, all of the
    /// order are given theirs again. The new state is saved before the kernel starts.
    pub fn boot(&mut self) -> Boot {
        let ready = self.order.slots().find(|slot| self.left(*slot) != Left::NONE);
        let refilled = ready.is_none();
        if refilled {
            self.left = [Left::ALL; 2];
            self.forget_unlisted();
        }
        let slot = ready.unwrap_or(self.order.first());
        let left = self.left(slot).less();
        self.left[slot.index()] = left;
        Boot { slot, left, refilled }
    }

    /// Gives the slot that is not running up for writing. To be saved before the first byte of it is written.
    pub fn write(&mut self, target: Slot, running: Slot) -> Result<(), Refusal> {
        if target == running {
            return Err(Refusal::Running(target));
        }
        if !self.is_good(running) {
            return Err(Refusal::RunningOnTrial(running));
        }
        self.order = Order::one(running);
        self.forget_unlisted();
        Ok(())
    }

    /// Puts a slot that was written, synced and read back on trial: it comes first at the next start.
    pub fn try_next(&mut self, target: Slot, running: Slot) -> Result<(), Refusal> {
        if target == running {
            return Err(Refusal::Running(target));
        }
        if self.order.has(target) {
            return Err(Refusal::NotWritten(target));
        }
        self.order = Order::both(target);
        self.left[target.index()] = Left::ALL;
        Ok(())
    }

    /// The running slot works. Safe to repeat. A slot that waits for its trial keeps its place; one that comes first
    /// and has used up its attempts goes behind, or out if it was never good.
    pub fn commit(&mut self, running: Slot) {
        let other = running.other();
        self.order = match self.status(other) {
            Status::OnTrial(Left::NONE) | Status::Unbootable => Order::one(running),
            Status::Good(Left::NONE) => Order::both(running),
            Status::OnTrial(_) | Status::Good(_) if self.order.has(running) => self.order,
            Status::OnTrial(_) | Status::Good(_) => Order::both(other),
        };
        self.left[running.index()] = Left::ALL;
        self.good[running.index()] = true;
        self.forget_unlisted();
    }

    /// A slot is bad: it is not booted again before it is written anew.
    pub fn fail(&mut self, slot: Slot) -> Result<(), Refusal> {
        if !self.order.has(slot.other()) {
            return Err(Refusal::OnlyOne(slot));
        }
        self.order = Order::one(slot.other());
        self.forget_unlisted();
        Ok(())
    }

    /// Back to the other slot at the next start, which must be good. The running one stays behind it.
    pub fn roll_back(&mut self, running: Slot) -> Result<(), Refusal> {
        let target = running.other();
        if !self.is_good(target) {
            return Err(Refusal::NotGood(target));
        }
        self.order = if self.order.has(running) { Order::both(target) } else { Order::one(target) };
        self.left[target.index()] = Left::ALL;
        Ok(())
    }

    fn forget_unlisted(&mut self) {
        for slot in Slot::BOTH {
            if !self.order.has(slot) {
                self.left[slot.index()] = Left::NONE;
                self.good[slot.index()] = false;
            }
        }
    }
}
