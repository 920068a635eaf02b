//! The fixed rules that a change of documents can break.

use crate::{
    keys::Owner,
    policy::{Denied, PolicyError},
    state::StateError,
    trailers::PROTOCOL,
};
use model::{DocumentError, KeyId, Name, StatePath};

/// A rule that a change breaks.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The policy does not let the signer write there.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// A log was touched by something else than a block of events.
    #[error("{path}: log files are added by blocks of events, and never changed or removed")]
    Log {
        /// The file.
        path: StatePath,
    },
    /// Neither a document nor a manifest.
    #[error(
        "{path}: only documents (*.toml) and manifests (*.manifest) are kept here; large files go into chunks"
    )]
    FileKind {
        /// The file.
        path: StatePath,
    },
    /// Not a document.
    #[error("{path}: {source}")]
    Document {
        /// The file.
        path: StatePath,
        /// What is wrong.
        source: DocumentError,
    },
    /// TOML, but in another spelling.
    #[error("{path}: the document is not in canonical form")]
    NotCanonical {
        /// The file.
        path: StatePath,
    },
    /// Not a manifest.
    #[error("{path}: {source}")]
    Manifest {
        /// The file.
        path: StatePath,
        /// What is wrong.
        source: chunk::ManifestError,
    },
    /// A document that must stay was removed.
    #[error("{path}: this document is never removed (keys are revoked instead)")]
    Removed {
        /// The file.
        path: StatePath,
    },
    /// A revocation was changed or taken back.
    #[error("{path} ({}): what is revoked stays revoked; add a new key, badge or certificate instead", .keys.join("."))]
    Unrevoked {
        /// The file.
        path: StatePath,
        /// The keys to the mark.
        keys: Vec<String>,
    },
    /// A mark where a merge could not keep it.
    #[error("{path}: `revoked` inside an array cannot be merged; use tables")]
    MarkInArray {
        /// The file.
        path: StatePath,
    },
    /// The document has not the name or place that its folder asks for.
    #[error("{path}: this folder holds documents named {wanted} alone")]
    Place {
        /// The file.
        path: StatePath,
        /// What its folder asks for.
        wanted: &'static str,
    },
    /// The public key is another than the document's name says.
    #[error("{path}: the public key in it has the id {found}")]
    KeyId {
        /// The file.
        path: StatePath,
        /// The id of the key in it.
        found: KeyId,
    },
    /// A key was given to somebody else.
    #[error("{path}: the key belongs to {owner} for ever; revoke it and add another")]
    KeyOwner {
        /// The file.
        path: StatePath,
        /// Whose it is.
        owner: Owner,
    },
    /// A key is dated after the block that adds it.
    #[error("{path}: `added` is later than the block that adds the key; set this box's clock")]
    KeyAdded {
        /// The file.
        path: StatePath,
    },
    /// What says which key took the place of which is untrue or was changed.
    #[error("{path}: a key replaces another of its owner, once and for ever")]
    KeyReplaced {
        /// The file.
        path: StatePath,
    },
    /// A node names a key that is not its own.
    #[error("{path}: the key {key} does not belong to this node in keys/")]
    NodeKey {
        /// The file.
        path: StatePath,
        /// The key.
        key: KeyId,
    },
    /// The organisation's protocol changed.
    #[error("{path}: `protocol` is {found}, this software speaks {PROTOCOL}")]
    Protocol {
        /// The file.
        path: StatePath,
        /// What it says.
        found: u32,
    },
    /// Nobody could change the policy any more.
    #[error(
        "nobody could change policy.toml after this: keep at least one person with an unrevoked key in a role that a rule lets write policy.toml"
    )]
    NoOwner,
    /// Nobody could make merge blocks any more.
    #[error(
        "nobody could add to {branch} after this: keep at least one unrevoked key with a weight above 0 in branches/{branch}.toml"
    )]
    NoValidator {
        /// The branch.
        branch: Name,
    },
}

impl RuleError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        matches!(self, Self::State(error) if error.is_store_failure())
    }
}

impl From<PolicyError> for RuleError {
    fn from(error: PolicyError) -> Self {
        Self::State(error.into())
    }
}
