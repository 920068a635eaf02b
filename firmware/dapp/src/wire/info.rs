//! `GET /v1/info`: where the dapp runs and what time it is there.

use model::{BlockId, Millis, Name, OrgId};
use serde::{Deserialize, Serialize};

/// The answer of `GET /v1/info`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Info {
    /// The organisation's id: the id of its genesis block.
    pub org: OrgId,
    /// The organisation's name for people.
    pub org_name: String,
    /// The organisation's IANA time zone, such as `America/Detroit`.
    pub timezone: String,
    /// The node's name.
    pub node: Name,
    /// The name of the dapp that asks.
    pub dapp: Name,
    /// The newest block of main that the node has.
    pub head: BlockId,
    /// That block's height.
    pub height: u64,
    /// The protocol level of the ledger.
    pub protocol: u64,
    /// The node's clock.
    pub clock: Clock,
    /// How long the node has heard nothing from other nodes, in milliseconds; 0 for an organisation of one node.
    pub stale_ms: u64,
}

/// The node's clock and whether to believe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// What it shows.
    pub now: Millis,
    /// Whether it can be right: synchronised, or a battery-backed clock not before the newest block.
    pub trusted: bool,
    /// Why it is trusted or not, for people.
    pub reason: String,
}
