//! The admin API: what `ledgerctl` and the page ask the agent.
//!
//! On `DIR/run/admin.sock` below `/v1`, and for the page below `/api/v1` on 127.0.0.1:8080. Errors are those of
//! the local API. Packs and chunks travel as raw bytes (`application/octet-stream`), all else as JSON.

use super::{Clock, DeviceInfo, JsonMap};
use model::{BlockId, ChunkId, Millis, Name, OrgId};
use serde::{Deserialize, Serialize};

/// The answer of `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The organisation's id.
    pub org: OrgId,
    /// The organisation's name for people.
    pub org_name: String,
    /// The organisation's IANA time zone.
    pub timezone: String,
    /// The node's name.
    pub node: Name,
    /// The board's name, such as `sim`.
    pub board: Name,
    /// The agent's version.
    pub version: String,
    /// The protocol level of the ledger.
    pub protocol: u64,
    /// The newest block of main.
    pub head: BlockId,
    /// That block's height.
    pub height: u64,
    /// The node's clock.
    pub clock: Clock,
    /// How long the node has heard nothing from other nodes, in milliseconds.
    pub stale_ms: u64,
    /// When the agent started.
    pub started: Millis,
    /// The `seq` of the newest event of this node; 0 if there is none.
    pub last_event: u64,
    /// How many of them wait in the write-ahead log to become a block.
    pub events_pending: u64,
    /// The dapps of this node.
    pub dapps: Vec<DappStatus>,
}

/// The answer of `GET /v1/dapps`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DappList {
    /// The dapps of this node, by name.
    pub dapps: Vec<DappStatus>,
}

/// How a dapp does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DappStatus {
    /// Its name.
    pub name: Name,
    /// Its version, as its manifest says.
    pub version: String,
    /// What it does now.
    pub state: DappState,
    /// Since when.
    pub since: Millis,
    /// How often it was started again since the agent started.
    pub restarts: u64,
    /// Its process, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Its memory, while it runs, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Why it stopped last, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a dapp does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DappState {
    /// Its image is unpacked or its container made.
    Starting,
    /// It runs.
    Running,
    /// It died and waits for its next start.
    Waiting,
    /// It is not to run.
    Stopped,
    /// It cannot run: its manifest, image or limits are wrong.
    Failed,
}

/// The query of `GET /v1/log`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    /// Only of this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Name>,
    /// Only of this dapp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dapp: Option<Name>,
    /// Only of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Name>,
    /// Only with this text in the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Only at or after this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Millis>,
    /// Only before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
    /// The newest so many; 100 if not said, 1000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// The answer of `GET /v1/log`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogPage {
    /// The events, oldest first.
    pub events: Vec<LogEvent>,
}

/// An event of any node and dapp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEvent {
    /// The node that wrote it.
    pub node: Name,
    /// That node's count of its events.
    pub seq: u64,
    /// When, by that node's clock.
    pub at: Millis,
    /// The dapp that said so.
    pub dapp: Name,
    /// What kind of thing happened.
    pub kind: Name,
    /// What was kept about it.
    pub data: JsonMap,
    /// The block that has it; none while it waits in the write-ahead log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockId>,
}

impl LogEvent {
    /// An event of a node.
    pub fn new(node: Name, event: model::Event, block: Option<BlockId>) -> Self {
        let model::Event { at, dapp, data, kind, seq } = event;
        Self { node, seq, at, dapp, kind, data, block }
    }
}

/// The query of `POST /v1/blocks`; the body is a git pack with every object that the ledger lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlocksQuery {
    /// The newest of the blocks in the pack: the head of its writer's branch.
    pub head: BlockId,
}

/// The answer of `POST /v1/blocks`: verified and merged. Blocks that break the policy, conflict or are not
/// signed as they should be are refused with `denied`, `conflict` or `bad-request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlocksMerged {
    /// The block of main that has them.
    pub block: BlockId,
    /// That block's height.
    pub height: u64,
}

/// The answer of `POST /v1/flush`: pending events are in a block now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flushed {
    /// The newest block of main.
    pub block: BlockId,
    /// That block's height.
    pub height: u64,
    /// How many events went into blocks.
    pub events: u64,
}

/// The body of `POST /v1/tap` (simulated board only): a badge is held to a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tap {
    /// The reader's name.
    pub reader: Name,
    /// The card's number: decimal digits, or hex after `0x`.
    pub number: String,
}

/// The body of `PUT /v1/contacts/{name}` (simulated board only): a door opens, a button is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetContact {
    /// On = open, pressed.
    pub on: bool,
}

/// The body of `POST /v1/chunks/missing`, and its answer: which of these does the node not have?
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkIds {
    /// Names of chunks. `PUT /v1/chunks/{id}` and `GET /v1/chunks/{id}` carry one as raw bytes.
    pub chunks: Vec<ChunkId>,
}

/// A line of `GET /v1/live`. The first is a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum LiveLine {
    /// Everything as it is.
    Snapshot {
        /// The node.
        status: Box<Status>,
        /// Every device of the board.
        devices: Vec<DeviceInfo>,
    },
    /// A device changed.
    Device {
        /// When.
        at: Millis,
        /// The device as it is now.
        device: DeviceInfo,
    },
    /// A reader read something; the number stays in the agent.
    Reading {
        /// When.
        at: Millis,
        /// The reader.
        reader: Name,
        /// Whether it was a badge.
        good: bool,
    },
    /// An event is durable.
    Event {
        /// The event.
        event: LogEvent,
    },
    /// Main has a new block.
    Head {
        /// The block.
        block: BlockId,
        /// Its height.
        height: u64,
    },
    /// A dapp started, stopped or died.
    Dapp {
        /// The dapp as it is now.
        dapp: DappStatus,
    },
    /// Nothing new; the stream lives.
    Alive {},
    /// A line of a later version: skip it.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_lines_read_as_documented() {
        let device =
            DeviceInfo { name: "strike".parse().unwrap(), kind: crate::wire::DeviceKind::Relay, on: true };
        let line = LiveLine::Device { at: Millis(5), device };
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"type":"device","at":5,"device":{"name":"strike","kind":"relay","on":true}}"#
        );
        assert_eq!(serde_json::from_str::<LiveLine>(r#"{"type":"new"}"#).unwrap(), LiveLine::Unknown);
    }

    #[test]
    fn a_log_event_keeps_what_the_event_said() {
        let event = model::Event {
            at: Millis(5),
            dapp: "doorbot".parse().unwrap(),
            data: JsonMap::new(),
            kind: "access".parse().unwrap(),
            seq: 9,
        };
        let record = LogEvent::new("front-door".parse().unwrap(), event, None);
        assert_eq!(
            serde_json::to_string(&record).unwrap(),
            r#"{"node":"front-door","seq":9,"at":5,"dapp":"doorbot","kind":"access","data":{}}"#
        );
    }
}
