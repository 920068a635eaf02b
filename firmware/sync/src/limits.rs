//! How much a peer may have of this box: numbers with their reasons, all in one place.
//!
//! Limits of a format are constants beside the format; these here are choices, which a box may make otherwise.

/// A rate: so much a second for ever, and so much at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Units a second.
    pub per_second: u64,
    /// The most units at once.
    pub burst: u64,
}

/// What each peer may do and how much of this box's memory all of them may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Frames from one peer.
    pub frames: Rate,
    /// Bytes of frames from one peer.
    pub frame_bytes: Rate,
    /// Requests of one peer.
    pub requests: Rate,
    /// Bytes of answers to one peer.
    pub served_bytes: Rate,
    /// Bytes of answers that are asked of peers: what the line to this box bears.
    pub fetched_bytes: Rate,
    /// Where one answer ends, given or asked for.
    pub response_bytes: u32,
    /// Bytes of answers that are on their way or wait to be stored, of all peers together.
    pub in_flight_bytes: u64,
    /// How long an answer may take, in milliseconds.
    pub response_ms: u64,
    /// After this pause a box says that it lives, in milliseconds.
    pub alive_ms: u64,
    /// A peer that says nothing for so long is gone, in milliseconds.
    pub silent_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A partition that heals brings some hundred frames at once; votes come by tens a second.
            frames: Rate { per_second: 200, burst: 2_000 },
            frame_bytes: Rate { per_second: 1 << 20, burst: 8 << 20 },
            requests: Rate { per_second: 100, burst: 400 },
            // The network is the limit, unless somebody says otherwise.
            served_bytes: Rate { per_second: 256 << 20, burst: 256 << 20 },
            fetched_bytes: Rate { per_second: 256 << 20, burst: 256 << 20 },
            response_bytes: 2 << 20,
            in_flight_bytes: 16 << 20,
            response_ms: 30_000,
            alive_ms: 20_000,
            silent_ms: 60_000,
        }
    }
}
