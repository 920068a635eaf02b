//! Whose fault an error is.

use super::{CoreError, Fault};
use store::{CommitError, wal::WalError};

impl Fault {
    /// Whether nobody who asked can help it.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::DiskFull)
    }
}

impl CoreError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Append(WalError::Disk(error)) if error.is_full() => Fault::DiskFull,
            Self::Append(WalError::Event { .. }) => Fault::TooLarge,
            Self::Commit(error) if CommitError::is_full(error) => Fault::DiskFull,
            Self::TooManyBlocks(_) => Fault::TooLarge,
            Self::Faulty { .. } | Self::LeftOut { .. } | Self::NotAWriters(_) | Self::Draft(_) => {
                Fault::Conflict
            }
            _ => Fault::Ours,
        }
    }
}
