//! How a new box comes to belong to an organisation.
//!
//! Somebody makes a [`Ticket`] on a box of the organisation and carries it to the new one. That one [`Knock`]s with the ticket's
//! secret, waits until a person has put its key into the ledger, and then fetches the ledger: from the ticket's
//! checkpoint on it believes nothing that it has not checked, below it the hashes. Format: docs/formats/join.md.

mod approval;
mod asking;
mod door;
mod fetch;
mod invites;
mod knock;
mod ticket;

pub use approval::{ApprovalError, approval};
pub use asking::{JoinError, Joining, Progress, join};
pub use door::{Door, DoorError};
pub use fetch::FetchError;
pub use invites::{Asker, Heard, Invites, TooManyInvites};
pub use knock::{Answer, Knock, KnockError, Welcome};
pub use ticket::{Secret, Ticket, TicketError};
