//! FastCDC as of 2020, by the `fastcdc` crate, normalisation level 1, no seed.
//!
//! Xia et al., "The Design of Fast Content-Defined Chunking for Data Deduplication Based Storage Systems",
//! IEEE TPDS 2020. The crate's cuts are part of our format: a test pins them, so an upgrade that moves them
//! fails there and not in somebody's ledger.

use fastcdc::v2020;

use crate::sizes::{Limits, MAX_CHUNK_BYTES, Sizes, SizesError};

const LIMITS: Limits = Limits {
    min: (v2020::MINIMUM_MIN as u32, v2020::MINIMUM_MAX as u32),
    avg: (v2020::AVERAGE_MIN as u32, v2020::AVERAGE_MAX as u32),
    max: (v2020::MAXIMUM_MIN as u32, MAX_CHUNK_BYTES),
    even: true,
};

/// The FastCDC cutter with its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FastCdc(Sizes);

impl FastCdc {
    /// A cutter with these sizes: even, 64 bytes to 8 MiB.
    pub fn new(min: u32, avg: u32, max: u32) -> Result<Self, SizesError> {
        Sizes::check(min, avg, max, &LIMITS).map(Self)
    }

    /// 16, 64 and 256 KiB: small enough for updates, large enough for few names.
    pub(crate) fn usual() -> Self {
        Self::new(16 << 10, 64 << 10, 256 << 10).expect("because these lie within the limits")
    }

    /// The sizes.
    pub fn sizes(&self) -> &Sizes {
        &self.0
    }

    /// The end of the chunk that begins at `start`.
    pub(crate) fn end(&self, bytes: &[u8], start: usize) -> usize {
        let size = |bytes: u32| bytes as usize;
        let rest = &bytes[start..];
        let (min, avg, max) = (size(self.0.min()), size(self.0.avg()), size(self.0.max()));
        let (_, length) = v2020::FastCDC::new(rest, min, avg, max).cut(0, rest.len());
        start + length
    }
}
