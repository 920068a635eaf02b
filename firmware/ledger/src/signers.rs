//! The allowed-signers file for git.
use crate::state::{State, StateError};

/// The text of an allowed-signers file with every key of the state.
pub fn allowed_signers(state: &State<'_>) -> Result<String, StateError> {
    let _ = state;
    todo!()
}
