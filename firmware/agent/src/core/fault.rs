//! Whose fault an error is.

use super::{CoreError, Fault};
use ledger::{BlockFault, DraftError, Reason, RuleError};
use replica::ReplicaError;
use store::{LockError, OpenError, wal::WalError};

impl Fault {
    /// Whether nobody who asked can help it.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::DiskFull)
    }
}

impl CoreError {
    /// Whether somebody else has the ledger open now.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Open(OpenError::Lock(LockError::Held { .. })))
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Append(WalError::Disk(error)) if error.is_full() => Fault::DiskFull,
            Self::Append(WalError::Event { .. }) => Fault::TooLarge,
            Self::Replica(error) => of_replica(error),
            Self::GivingUp | Self::NoNextKey => Fault::Conflict,
            _ => Fault::Ours,
        }
    }
}

fn of_replica(error: &ReplicaError) -> Fault {
    match error {
        ReplicaError::Depot(error) if error.is_full => Fault::DiskFull,
        ReplicaError::TooManyBlocks(_) => Fault::TooLarge,
        ReplicaError::Faulty { fault, .. } | ReplicaError::Draft(DraftError::Refused(fault)) => {
            of_fault(fault)
        }
        ReplicaError::LeftOut { reason, .. } => of_reason(reason),
        ReplicaError::Draft(error) if error.is_store_failure() => Fault::Ours,
        ReplicaError::Block(error) if error.is_store_failure() => Fault::Ours,
        ReplicaError::NotAWriters(_)
        | ReplicaError::NotAFork(_)
        | ReplicaError::BranchExists(_)
        | ReplicaError::SecondLine { .. }
        | ReplicaError::Draft(_)
        | ReplicaError::Block(_)
        | ReplicaError::Tree(_) => Fault::Conflict,
        _ => Fault::Ours,
    }
}

fn of_fault(fault: &BlockFault) -> Fault {
    match fault {
        _ if fault.is_store_failure() => Fault::Ours,
        BlockFault::Rule(RuleError::Denied(_)) | BlockFault::Signer(_) | BlockFault::Signature(_) => {
            Fault::Denied
        }
        BlockFault::Head { reason, .. } => of_reason(reason),
        _ => Fault::Conflict,
    }
}

fn of_reason(reason: &Reason) -> Fault {
    match reason {
        Reason::Denied(_) | Reason::Signer(_) | Reason::Rule(RuleError::Denied(_)) => Fault::Denied,
        Reason::Fault { fault, .. } => of_fault(fault),
        _ => Fault::Conflict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{BlockId, KeyId};

    #[test]
    fn a_second_line_of_a_key_is_the_askers_conflict() {
        let (key, block) = (KeyId::new([1; 16]), BlockId::new([2; 32]));
        assert_eq!(CoreError::from(ReplicaError::SecondLine { key, block }).fault(), Fault::Conflict);
    }
}
