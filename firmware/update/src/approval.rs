//! Who signed a release, and whether that is enough.
//!
//! k of n release signers of the policy sign the document's very bytes (SSHSIG, in a namespace of its own, so that no
//! signature over a block or a file is one over a release). A signer counts once, however many keys or signatures he has. A
//! signature that does not count does no harm: else whoever may add one could stop every release. It is named when there are too few.

use crate::{Release, ReleaseError};
use model::{KeyError, KeyId, PublicKey, ReleaseId, SigningKey};
use std::{collections::BTreeSet, fmt};

/// The namespace of signatures over releases, as `ssh-keygen -Y sign -n` takes it.
pub const RELEASE_NAMESPACE: &str = "ledger-release";

/// One signature over a release: armoured, as OpenSSH writes it, without a line feed at the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    /// The text.
    pub signature: String,
}

/// Signs a release's text.
pub fn sign(text: &[u8], key: &SigningKey) -> Result<Approval, KeyError> {
    Ok(Approval { signature: key.sign(RELEASE_NAMESPACE, text)? })
}

/// Somebody who may sign releases.
#[derive(Clone, PartialEq, Debug)]
pub struct Signer {
    /// Who, as the policy has it: `release:images`, `person:alice`.
    pub name: String,
    /// The keys that count now: neither revoked nor replaced.
    pub keys: Vec<PublicKey>,
}

/// Who must have signed, as the policy of today says. Its history does not count: keys are changed by changing it.
#[derive(Clone, PartialEq, Debug)]
pub struct Authority {
    threshold: usize,
    signers: Vec<Signer>,
}

/// A release that enough have signed. The only kind that a box looks at.
#[derive(Clone, PartialEq, Debug)]
pub struct Approved {
    release: Release,
    id: ReleaseId,
    signers: Vec<String>,
}

/// A signature that does not count, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ignored {
    /// Not a signature, or not in OpenSSH's spelling.
    Unreadable,
    /// The policy does not name the key.
    Stranger(KeyId),
    /// Over other bytes, or for another purpose.
    Mismatch(KeyId),
    /// The same signer signed before.
    Again(KeyId),
}

/// A release that does not count.
#[derive(Debug, thiserror::Error)]
pub enum NotApproved {
    /// It is none.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// There is no signature at all.
    #[error("the release is not signed; {need} of the policy's release signers must sign it")]
    Unsigned {
        /// So many must.
        need: usize,
    },
    /// There are signatures, and too few count.
    #[error("the release is signed by {have} of the {need} who must sign it{}", reasons(.ignored))]
    TooFew {
        /// So many signed.
        have: usize,
        /// So many must.
        need: usize,
        /// The others.
        ignored: Vec<Ignored>,
    },
    /// Nobody may release here.
    #[error("the policy names nobody who may sign releases of this channel")]
    Nobody,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str("one signature cannot be read"),
            Self::Stranger(key) => write!(f, "the key {key} is not one of the policy's release keys"),
            Self::Mismatch(key) => write!(f, "the signature of {key} is not over this release"),
            Self::Again(key) => write!(f, "the signer with the key {key} signed before"),
        }
    }
}

fn reasons(ignored: &[Ignored]) -> String {
    let reasons: Vec<String> = ignored.iter().map(Ignored::to_string).collect();
    if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) }
}

impl Authority {
    /// So many of these must sign. Fewer than one are none, and then nobody can.
    pub fn new(threshold: usize, signers: Vec<Signer>) -> Self {
        Self { threshold, signers }
    }

    /// Reads a release and counts who signed it.
    pub fn approve(&self, text: &[u8], approvals: &[Approval]) -> Result<Approved, NotApproved> {
        let release = Release::parse(text)?;
        let need = self.threshold;
        if need == 0 || self.signers.is_empty() {
            return Err(NotApproved::Nobody);
        }
        if approvals.is_empty() {
            return Err(NotApproved::Unsigned { need });
        }
        let mut signed = BTreeSet::new();
        let mut ignored = Vec::new();
        for approval in approvals {
            match self.signer_of(text, approval, &signed) {
                Ok(signer) => {
                    signed.insert(signer);
                }
                Err(reason) => ignored.push(reason),
            }
        }
        if signed.len() < need {
            return Err(NotApproved::TooFew { have: signed.len(), need, ignored });
        }
        let signers = signed.into_iter().map(str::to_owned).collect();
        Ok(Approved { release, id: Release::id_of(text), signers })
    }

    fn signer_of<'a>(
        &'a self,
        text: &[u8],
        approval: &Approval,
        signed: &BTreeSet<&str>,
    ) -> Result<&'a str, Ignored> {
        let key = PublicKey::of_signature(&approval.signature).map_err(|_| Ignored::Unreadable)?;
        let id = key.id();
        let signer = self.signers.iter().find(|signer| signer.keys.contains(&key));
        let signer = signer.ok_or(Ignored::Stranger(id))?;
        match key.verify(RELEASE_NAMESPACE, text, &approval.signature) {
            Ok(()) if signed.contains(signer.name.as_str()) => Err(Ignored::Again(id)),
            Ok(()) => Ok(&signer.name),
            Err(KeyError::Mismatch(_)) => Err(Ignored::Mismatch(id)),
            Err(_) => Err(Ignored::Unreadable),
        }
    }
}

impl Approved {
    /// What it says.
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// Its name.
    pub fn id(&self) -> ReleaseId {
        self.id
    }

    /// Who signed it, sorted.
    pub fn signers(&self) -> &[String] {
        &self.signers
    }
}
