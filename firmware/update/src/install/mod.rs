//! The installation as a machine: it says what is to be done next, and is told what became of it.
//!
//! [`Updater`] holds the record and the boot state, and hands out effects one by one; while a slot is being written, several at a time
//! ([`writer`]). Nothing is done before the record that says so is durable. Started anew at any moment, it goes on from record
//! and boot state alone; where those two disagree the boot state is right. The order that makes it safe:
//!
//! 1. `Writing` saved, target given up (`write`), then the first byte; all synced; all read back;
//! 2. `Trying` saved, `try_next`, restart;
//! 3. healthy: `commit`, the old slot given up if it is below the floor, then `Idle` saved;
//! 4. not healthy: `Failing` saved with reason and log, `fail`, restart; in the old slot told, `Idle` saved, and only then `commit`.

mod asked;
mod effect;
mod order;
mod status;
mod steps;
mod updater;
mod work;
mod writer;

pub use asked::{Busy, May, NoWayBack, Start, UpdaterRules};
pub use effect::{Act, Effect, Happened, Place, Ticket, Verb};
pub use order::{Order, OrderError, PartOrder, PartSource, manifest_id};
pub use status::{Doing, Status};
pub use updater::Updater;
pub use writer::WIDTH;
