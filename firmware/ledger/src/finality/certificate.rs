//! The proof that a block is final: precommits of validators with more than two thirds of the weight.
//!
//! It stands in a trailer of the next merge block, where organisation, branch, height and block follow from that block's
//! first parent, and as a whole text beside the store for the head, which has no next block yet. Anybody with the
//! validators of the height can check it.

use super::{
    ballot::{Ballot, BallotKind},
    signed_lines,
    text::{Lines, TextError, parse_signature, same},
    validators::{MAX_VALIDATORS, Validators},
};
use model::{BlockId, KeyError, KeyId, Name, OrgId, RawSignature};
use std::collections::BTreeMap;

const CERTIFICATE: &str = "ledger-certificate-1";
const SIGNATURE_BYTES: usize = 124;
/// The most bytes of a certificate, in either form.
const MAX_BYTES: usize = 512 + MAX_VALIDATORS * SIGNATURE_BYTES;

/// Precommits for one block. The signatures are not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The organisation.
    pub org: OrgId,
    /// The branch.
    pub branch: Name,
    /// The height.
    pub height: u64,
    /// The round in which enough precommits came together.
    pub round: u32,
    /// The block.
    pub block: BlockId,
    /// Who signed.
    pub signatures: BTreeMap<KeyId, RawSignature>,
}

/// Why a certificate shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    /// Signed by somebody who has no vote at this height.
    #[error("{key} signed the certificate and is no validator of {branch} at height {height}")]
    Stranger {
        /// The key.
        key: KeyId,
        /// The branch.
        branch: Name,
        /// The height.
        height: u64,
    },
    /// A signature does not fit.
    #[error("the certificate of height {height}: {source}")]
    Signature {
        /// The height.
        height: u64,
        /// Which one.
        source: KeyError,
    },
    /// Too few signed.
    #[error("validators with {signed} of {total} signed the certificate; it needs more than two thirds")]
    TooFew {
        /// Weight of those who signed.
        signed: u64,
        /// All weight.
        total: u64,
    },
}

impl Certificate {
    /// Whether it shows that the block is final. `validators` are those of the state before the block.
    pub fn check(&self, validators: &Validators) -> Result<(), CertificateFault> {
        let text = self.ballot().to_bytes();
        for (key, signature) in &self.signatures {
            let public = validators.public(key).ok_or_else(|| self.stranger(*key))?;
            let checked = public.verify_raw(&text, signature);
            checked.map_err(|source| CertificateFault::Signature { height: self.height, source })?;
        }
        if validators.is_quorum(self.signatures.keys()) {
            return Ok(());
        }
        let signed = self.signatures.keys().map(|key| validators.weight(key)).sum();
        Err(CertificateFault::TooFew { signed, total: validators.total() })
    }

    fn stranger(&self, key: KeyId) -> CertificateFault {
        CertificateFault::Stranger { key, branch: self.branch.clone(), height: self.height }
    }

    /// What each of them signed.
    pub fn ballot(&self) -> Ballot {
        Ballot {
            org: self.org,
            branch: self.branch.clone(),
            height: self.height,
            round: self.round,
            kind: BallotKind::Precommit,
            block: Some(self.block),
        }
    }

    /// The value of the trailer `Ledger-Certificate`: `<round> <key>:<signature> ...`, sorted by key.
    pub fn to_trailer(&self) -> String {
        let signatures = self
            .signatures
            .iter()
            .map(|(key, signature)| format!(" {key}:{}", super::text::encode(signature)));
        format!("{}{}", self.round, signatures.collect::<String>())
    }

    /// Reads a trailer's value; the rest is what the block that carries it says of its first parent.
    pub fn from_trailer(
        org: OrgId,
        branch: Name,
        height: u64,
        block: BlockId,
        trailer: &str,
    ) -> Result<Self, TextError> {
        const WANTED: &str = "<round> <key>:<signature> ...";
        let (what, len) = ("certificate", trailer.len());
        if len > MAX_BYTES {
            return Err(TextError::TooLong { what, len, limit: MAX_BYTES });
        }
        let wrong = || TextError::Line { line: 1, wanted: WANTED };
        let mut parts = trailer.split(' ');
        let round = parts.next().and_then(|round| round.parse().ok()).ok_or_else(wrong)?;
        let signatures = parts.map(|part| parse_signature(&part.replacen(':', " ", 1)).ok_or_else(wrong));
        let signatures = signatures.collect::<Result<_, _>>()?;
        let certificate = Self { org, branch, height, round, block, signatures };
        same(what, trailer.as_bytes(), certificate.to_trailer().as_bytes())?;
        Ok(certificate)
    }

    /// The whole certificate as a text.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { org, branch, height, round, block, signatures } = self;
        let head = format!(
            "{CERTIFICATE}\norg {org}\nbranch {branch}\nheight {height}\nround {round}\nblock {block}\n"
        );
        (head + &signed_lines::write(signatures)).into_bytes()
    }

    /// Reads what [`Certificate::to_bytes`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, TextError> {
        let mut lines = Lines::new(bytes, "certificate", MAX_BYTES)?;
        lines.heading(CERTIFICATE)?;
        let certificate = Self {
            org: lines.field("org")?,
            branch: lines.field("branch")?,
            height: lines.field("height")?,
            round: lines.field("round")?,
            block: lines.field("block")?,
            signatures: signed_lines::read(&mut lines)?,
        };
        same("certificate", bytes, &certificate.to_bytes())?;
        Ok(certificate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SigningKey;

    fn keys() -> Vec<SigningKey> {
        (0..4).map(|n| SigningKey::from_seed(&[n; 32])).collect()
    }

    fn validators() -> Validators {
        let weights = keys().into_iter().map(|key| (key.public().id(), (key.public(), 1)));
        Validators { weights: weights.collect() }
    }

    fn certificate(signers: &[SigningKey]) -> Certificate {
        let mut certificate = Certificate {
            org: OrgId::new([1; 32]),
            branch: "main".parse().unwrap(),
            height: 5,
            round: 0,
            block: BlockId::new([9; 32]),
            signatures: BTreeMap::new(),
        };
        let text = certificate.ballot().to_bytes();
        let sign = |key: &SigningKey| (key.public().id(), key.sign_raw(&text));
        certificate.signatures = signers.iter().map(sign).collect();
        certificate
    }

    #[test]
    fn three_of_four_make_a_block_final_and_two_do_not() {
        assert!(certificate(&keys()[1..]).check(&validators()).is_ok());
        let fault = certificate(&keys()[..2]).check(&validators()).unwrap_err();
        assert!(matches!(fault, CertificateFault::TooFew { signed: 2, total: 4 }), "{fault}");
    }

    #[test]
    fn a_stranger_or_a_wrong_signature_spoils_the_whole() {
        let mut stranger = keys();
        stranger.push(SigningKey::from_seed(&[50; 32]));
        let fault = certificate(&stranger).check(&validators()).unwrap_err();
        assert!(matches!(fault, CertificateFault::Stranger { .. }), "{fault}");
        let mut wrong = certificate(&keys());
        wrong.round = 1;
        let fault = wrong.check(&validators()).unwrap_err();
        assert!(matches!(fault, CertificateFault::Signature { .. }), "{fault}");
    }

    #[test]
    fn both_forms_read_as_they_are_written() {
        let certificate = certificate(&keys());
        assert_eq!(Certificate::parse(&certificate.to_bytes()).unwrap(), certificate);
        let Certificate { org, branch, height, block, .. } = certificate.clone();
        let again = Certificate::from_trailer(org, branch, height, block, &certificate.to_trailer());
        assert_eq!(again.unwrap(), certificate);
    }

    #[test]
    fn signatures_twice_unsorted_or_spelt_otherwise_are_refused() {
        let certificate = certificate(&keys());
        let text = String::from_utf8(certificate.to_bytes()).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.swap(6, 7);
        let unsorted = lines.join("\n") + "\n";
        let last = text.lines().last().unwrap();
        for other in
            [unsorted, format!("{text}{last}\n"), text.replace("==", ""), text.replace("round 0", "round 00")]
        {
            assert!(Certificate::parse(other.as_bytes()).is_err(), "{other} was taken");
        }
    }
}
