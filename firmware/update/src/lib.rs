//! Releases of the operating system: what one says, who must have signed it, which one this box wants, and how it is installed.
//!
//! A release is a text ([`Release`]) that lies in the ledger; enough of the policy's release signers must have signed its very
//! bytes ([`Authority::approve`]), and only what they approved ([`Approved`]) goes further. Formats: docs/formats/release.md; why it is
//! so: docs/decisions/0019-update.md. There is no clock, file, socket or randomness here: time and facts arrive as
//! arguments, effects leave as values.

mod approval;
mod check;
mod facts;
mod gate;
mod install;
mod memory;
mod plan;
mod record;
mod refusal;
mod release;
mod report;
mod rollout;
mod verity;
mod version;
mod want;

pub use approval::{Approval, Approved, Authority, Ignored, NotApproved, RELEASE_NAMESPACE, Signer, sign};
pub use check::{
    MAX_BOARDS, MAX_DELTAS, MAX_NOTES_BYTES, MAX_PART_BYTES, MAX_PARTS, MAX_RELEASE_BYTES, MAX_STEPS,
    ReleaseError,
};
pub use facts::{DAY_MINUTES, Facts, Hours, Mode, Tally, Wishes};
pub use gate::{Check, Gate, GateRules, Uptime, Verdict};
pub use install::{
    Act, Busy, Doing, Effect, Happened, May, NoWayBack, Order, OrderError, PartOrder, PartSource, Place,
    Start, Status, Ticket, Updater, UpdaterRules, Verb, WIDTH, manifest_id,
};
pub use memory::{Failure, MAX_CHANNELS, MAX_FAILURES, MAX_REASON_BYTES, Memory, Seen};
pub use plan::{Ground, Near, Segment, Task, Way, fetched, plan, segments};
pub use record::{Held, Job, Latest, MAX_LOG_BYTES, MAX_REPORTS, RECORD_BYTES, Record, RecordError, latest};
pub use refusal::{Refused, may_install};
pub use release::{DeltaOffer, Kind, Part, Release, VERITY_BLOCK_BYTES, Verity};
pub use report::{Outcome, Report};
pub use rollout::{Rollout, Share, Step, place_of};
pub use verity::TreeHasher;
pub use version::{MAX_VERSION_BYTES, Version, VersionError};
pub use want::{Answer, Choice, Nothing, Why, want};
