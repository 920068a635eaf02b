//! From what went wrong below to what is answered.

use super::refused::Refused;
use crate::{core::Fault, devices::chain, keeper::KeeperError};
use dapp::wire::ErrorCode;

impl From<KeeperError> for Refused {
    fn from(error: KeeperError) -> Self {
        let message = chain(&error);
        match error {
            KeeperError::Busy => Self::new(ErrorCode::TooMany, message).hint("wait a second"),
            KeeperError::Stopping => Self::new(ErrorCode::Stopping, message).hint("come again"),
            KeeperError::Event(_) => {
                Self::new(ErrorCode::TooLarge, message).hint("put large things into chunks, or say less")
            }
            KeeperError::Index(_) => {
                Self::new(ErrorCode::Failed, message).hint("the events themselves are safe")
            }
            KeeperError::Core(core) => match core.fault() {
                Fault::Denied => Self::new(ErrorCode::Denied, message)
                    .hint("policy.toml says who may write what (`ledgerctl policy`)"),
                Fault::Conflict => {
                    Self::new(ErrorCode::Conflict, message).hint("read what is there now and try again")
                }
                Fault::TooLarge => Self::new(ErrorCode::TooLarge, message),
                Fault::DiskFull => {
                    Self::new(ErrorCode::DiskFull, message).hint("make room on the disk; nothing was kept")
                }
                Fault::Ours => Self::new(ErrorCode::Failed, message).hint("ledgerd's own messages say more"),
            },
        }
    }
}
