//! Randomness of the system, for keys and secrets: drawn here, so that ledgerd needs none.

use crate::error::Result;

/// Bytes that nobody can guess.
pub fn draw<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("the system gives no randomness: {e}"))?;
    Ok(bytes)
}
