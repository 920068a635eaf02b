//! The JSON of the admin API: what ledgerctl and the page say to ledgerd, and hear from it.
//!
//! Described in docs/formats/admin-api.md. Fields are only ever added; a reader ignores those it does not
//! know. Times are milliseconds since 1970, ids are lower-case hex, bytes are base64.

mod updates;
mod visitors;

pub use updates::{
    FailedRelease, ListedRelease, NodeUpdates, PastUpdate, Progress, ReleaseName, UpdateNow, Updates, Wanted,
};
pub use visitors::{GitAccess, GitServe, GitToken, NewGitToken, SessionStatus, SignIn, SignInLink};

use crate::home::main_branch;
use model::{BlockId, Event, KeyId, Millis, Name, ObjectId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `GET /v1/status`: the box at a glance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The version of ledgerd.
    pub version: String,
    /// The organisation's id.
    pub org: String,
    /// The organisation's name.
    pub org_name: String,
    /// The organisation's IANA time zone.
    pub timezone: String,
    /// This node's name.
    pub node: Name,
    /// The branch that the box follows.
    #[serde(default = "main_branch")]
    pub branch: Name,
    /// The newest block of that branch.
    pub head: BlockId,
    /// Its height.
    pub height: u64,
    /// When that block was made.
    pub head_at: Millis,
    /// Events of this node.
    pub events: EventCounts,
    /// What the clock says and whether to believe it.
    pub clock: ClockStatus,
    /// The board.
    pub board: BoardStatus,
    /// The dapps that this node runs.
    pub dapps: Vec<DappStatus>,
    /// What is wrong with the disk, if anything.
    pub disk_trouble: Option<String>,
    /// When ledgerd started.
    pub started: Millis,
    /// How this box agrees with others; none while the keeper is too busy to say.
    #[serde(default)]
    pub agreement: Option<Agreement>,
    /// The other boxes.
    #[serde(default)]
    pub network: Network,
}

/// Who votes, and what waits for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Whether this box alone makes blocks final.
    pub alone: bool,
    /// The nodes that vote on main's blocks.
    pub validators: Vec<ValidatorStatus>,
    /// Writers whose newest blocks wait for a merge that counts.
    pub waiting: u64,
    /// Writers whose newest blocks stay out until they mend them.
    pub left_out: u64,
    /// Whether the tentative state is another than the final one.
    pub tentative: bool,
    /// Keys that are in use twice: a copied card, a restored backup.
    pub clones: Vec<CloneStatus>,
    /// What peers have done wrong.
    pub conduct: BTreeMap<KeyId, Conduct>,
}

/// A node that votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorStatus {
    /// Its key.
    pub key: KeyId,
    /// Its name.
    pub node: Name,
    /// Its weight.
    pub weight: u64,
}

/// A key in use twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloneStatus {
    /// The key.
    pub key: KeyId,
    /// A head of each of its two lines.
    pub heads: [BlockId; 2],
}

/// What a peer has done wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conduct {
    /// How often.
    pub misdeeds: u32,
    /// What it was last, in a word.
    pub last: String,
    /// Until when it is banned.
    pub banned_until: Option<Millis>,
}

/// The other boxes of the organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Whether there is a network.
    pub on: bool,
    /// Why there is none, if there should be one.
    pub trouble: Option<String>,
    /// Where this box can be reached, as far as it knows.
    pub addresses: Vec<String>,
    /// How long it has heard from no other box, in milliseconds; 0 if there is no other.
    pub stale_ms: u64,
    /// The other nodes of the ledger, by name.
    pub peers: Vec<PeerStatus>,
}

/// Another node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Its name.
    pub node: Name,
    /// Its key.
    pub key: KeyId,
    /// Whether it is connected.
    pub connected: bool,
    /// Where it is reached, if not through a relay.
    pub address: Option<String>,
    /// How long a byte takes there and back, in microseconds.
    pub round_trip_us: Option<u64>,
    /// Bytes sent on this connection, all overhead included.
    pub sent_bytes: u64,
    /// Bytes received on it.
    pub received_bytes: u64,
}

/// How many events this node has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCounts {
    /// All that were ever acknowledged; each survives a power cut.
    pub durable: u64,
    /// Those of them that wait in the write-ahead log for their block.
    pub pending: u64,
}

/// The clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockStatus {
    /// The time that goes into events and blocks.
    pub now: Millis,
    /// Whether the machine's clock can be right.
    pub trusted: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// The board.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BoardStatus {
    /// Its name, such as `sim`.
    pub name: String,
    /// Whether it is simulated: taps and contacts can be made up.
    pub simulated: bool,
}

/// One dapp on this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DappStatus {
    /// Its name.
    pub name: Name,
    /// Its version, from the manifest in the ledger.
    pub version: String,
    /// `unpacking`, `starting`, `running`, `waiting` (for the next start), `stopped` or `broken`.
    pub state: String,
    /// Why it is not running, or what the last end was.
    pub reason: Option<String>,
    /// Starts since ledgerd runs.
    pub starts: u64,
    /// Since when it has been in this state.
    pub since: Millis,
}

/// `GET /v1/dapps`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dapps {
    /// By name.
    pub dapps: Vec<DappStatus>,
}

/// `GET /v1/devices`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Devices {
    /// The board.
    pub board: BoardStatus,
    /// Its devices in the order of the pin map.
    pub devices: Vec<DeviceStatus>,
}

/// One device of the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Its logical name, such as `strike`.
    pub name: Name,
    /// `reader`, `relay`, `lamp`, `buzzer`, `contact` or `button`.
    pub kind: String,
    /// Whether it is on (drawn, lit, sounding, open, pressed); a reader has no level.
    pub on: Option<bool>,
}

/// `GET /v1/log`: events of this node, newest last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Log {
    /// The events.
    pub events: Vec<LogEntry>,
}

/// An event and where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// The node whose log it is in.
    pub node: Name,
    /// Its block; none while it waits in the write-ahead log.
    pub block: Option<BlockId>,
}

/// The query of `GET /v1/log`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LogQuery {
    /// Only events of this dapp.
    pub dapp: Option<Name>,
    /// Only events of this kind.
    pub kind: Option<Name>,
    /// Only events whose line has this text.
    pub text: Option<String>,
    /// Only events of this node with a higher count.
    pub after: Option<u64>,
    /// Only events at or after this moment.
    pub since: Option<Millis>,
    /// At most so many: the newest, or with `after` the oldest; 100 unless told, 1000 at most.
    pub limit: Option<usize>,
}

/// `POST /v1/invites`: a ticket for a new box is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invite {
    /// What the new box is to show: 32 hex digits that nobody can guess.
    pub secret: String,
    /// Until when.
    pub expires: Millis,
}

/// The answer to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invitation {
    /// The ticket's text.
    pub ticket: String,
    /// Until when it is good.
    pub expires: Millis,
}

/// `GET /v1/joins`: boxes that wait for a person's word.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Joins {
    /// Each of them.
    pub waiting: Vec<Join>,
}

/// A box that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Join {
    /// What it wants to be called.
    pub name: Name,
    /// Its key's id.
    pub key: KeyId,
    /// Its key.
    pub public: model::PublicKey,
    /// The board that it runs on.
    pub board: Name,
    /// Where it hangs.
    pub place: String,
    /// When it asked first.
    pub asked: Millis,
}

/// `POST /v1/joins/reject`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reject {
    /// The box's key.
    pub key: KeyId,
}

/// `POST /v1/blocks`: a writer's new blocks, to be merged into main.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Proposal {
    /// The newest block of the writer's branch.
    pub head: BlockId,
    /// Every object that the ledger does not have yet.
    pub objects: Vec<WireObject>,
}

/// `PUT /v1/branch`: which branch the box follows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Follow {
    /// Its name.
    pub branch: Name,
}

/// `POST /v1/node/rotate`: the box's key is replaced.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rotate {
    /// What people call the new key.
    pub label: String,
}

/// A git object in a proposal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WireObject {
    /// Its id: checked against the bytes.
    pub id: ObjectId,
    /// `blob`, `tree` or `commit`.
    pub kind: String,
    /// Its bytes in base64, without git's header.
    pub bytes: String,
}

/// The answer to a proposal, a change of documents, or a flush: where main is now, and how what was asked stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The newest block of main.
    pub block: BlockId,
    /// Its height.
    pub height: u64,
    /// How the blocks stand that were written.
    #[serde(default)]
    pub state: Standing,
    /// Why they were left out, if they were.
    #[serde(default)]
    pub reason: Option<String>,
    /// The newest of these blocks; none if there was nothing to write.
    #[serde(default)]
    pub head: Option<BlockId>,
}

/// How a writer's blocks stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Main has them.
    #[default]
    Final,
    /// They wait for a merge that counts.
    Waiting,
    /// They stay out until their writer mends them.
    LeftOut,
    /// This box has not heard of them.
    Unknown,
}

/// `GET /v1/proposals`: the newest blocks of each writer that are not final, or were not long ago.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Proposals {
    /// The newest block of main.
    pub block: BlockId,
    /// Its height.
    pub height: u64,
    /// Newest last.
    pub proposals: Vec<ProposalStatus>,
}

/// The query of `GET /v1/proposals`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ProposalsQuery {
    /// Those that are final too.
    #[serde(default)]
    pub all: bool,
    /// Only the one that this block belongs to, final or not.
    #[serde(default)]
    pub head: Option<BlockId>,
}

/// A writer's newest block and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalStatus {
    /// The block.
    pub head: BlockId,
    /// The key that signed it.
    pub key: KeyId,
    /// The name of the key's owner.
    pub writer: Name,
    /// When it was written.
    pub at: Millis,
    /// What it says about itself.
    pub subject: String,
    /// How it stands.
    pub state: Standing,
    /// Why it was left out.
    pub reason: Option<String>,
}

/// `POST /v1/tap`: a badge held to a reader of the simulated board.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tap {
    /// The reader; the only one if there is one.
    pub reader: Option<Name>,
    /// The card's number as people write it: decimal, or hex after `0x`. It is not kept.
    pub number: String,
}

/// `PUT /v1/contacts/{name}`: a contact or button of the simulated board.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Level {
    /// Open or pressed.
    pub on: bool,
}

/// An empty answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Done {}

/// `PUT /v1/chunks?cutter=`: the answer after the file in the body was cut and kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stored {
    /// The text of the manifest; commit it in the file's place within an hour, or `gc` may take the chunks.
    pub manifest: String,
    /// Chunks that were new.
    pub new_chunks: u64,
}

/// A line of `POST /v1/chunks/verify`: progress, or the end.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum VerifyLine {
    /// On the way.
    Progress {
        /// Bytes looked at.
        done: u64,
        /// Bytes to look at.
        of: u64,
    },
    /// The end.
    Report {
        /// Chunks that are whole.
        good: u64,
        /// What is wrong, one line each.
        bad: Vec<String>,
    },
}

/// The answer to `POST /v1/chunks/gc`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Collected {
    /// Chunks kept.
    pub kept: u64,
    /// Chunks removed.
    pub removed: u64,
    /// Bytes freed on disk.
    pub freed_bytes: u64,
}

/// A line of `GET /v1/live`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Live {
    /// A device changed its level.
    Device(DeviceStatus),
    /// A badge was held to a reader. Which one is not told.
    Badge {
        /// The reader.
        device: Name,
        /// When.
        at: Millis,
    },
    /// An event was acknowledged.
    Event(LogEntry),
    /// A dapp changed its state.
    Dapp(DappStatus),
    /// Main moved, or the counts of events did.
    Ledger {
        /// The newest block of main.
        head: BlockId,
        /// Its height.
        height: u64,
        /// Events of this node.
        events: EventCounts,
    },
    /// Nothing happened for a while.
    Alive {},
}

/// What every refusal looks like.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refusal {
    /// The error.
    pub error: RefusalText,
}

/// The three parts of a refusal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefusalText {
    /// A short word for programs, such as `denied`.
    pub code: String,
    /// What was wrong, and where.
    pub message: String,
    /// What to do about it; may be empty.
    #[serde(default)]
    pub hint: String,
}

/// `GET /api/demo`: sample badges, only while a demo runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DemoBadges {
    /// What to show, and the number to hold to the reader.
    pub badges: Vec<DemoBadge>,
    /// Anything else in the file, kept.
    #[serde(flatten)]
    pub more: BTreeMap<String, serde_json::Value>,
}

/// One sample badge.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DemoBadge {
    /// Whose it is and what to expect.
    pub label: String,
    /// The number as people write it.
    pub number: String,
}
