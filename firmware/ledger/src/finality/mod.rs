//! Finality: which merge block of a height counts for good, and how that is shown to anybody.
//!
//! [`Validators`] says who votes, [`Certificate`] shows that more than two thirds of their weight did, [`Evidence`] that
//! one of them voted twice. [`Engine`] takes part in the vote of one height at a time: Malachite (the Tendermint
//! algorithm without I/O) decides what to do, this folder gives it our keys, texts and time. The bytes are
//! docs/formats/finality.md, the reasons docs/decisions/0008-finality.md.

mod ballot;
mod certificate;
mod clerk;
mod context;
mod early;
mod engine;
mod evidence;
mod journal;
mod message;
mod poll;
mod signed_lines;
mod text;
mod timers;
mod translate;
mod validators;

pub use ballot::{Ballot, BallotKind, Proposal, SignedBallot, SignedProposal};
pub use certificate::{Certificate, CertificateFault};
pub use engine::{Effect, Engine, Heard, Trouble};
pub use evidence::{Evidence, EvidenceFault};
pub use journal::JournalError;
pub use message::{
    Cast, MAX_MESSAGE_BYTES, MAX_ROUND, Message, MessageFault, Polka, RoundChange, RoundChangeKind,
};
pub use text::TextError;
pub use timers::Timeouts;
pub use validators::{MAX_VALIDATORS, MAX_WEIGHT, Validators, ValidatorsError};
