//! The proof that a validator voted twice: two ballots of one key for the same vote, for different blocks.
//!
//! It carries the public key, so anybody can check it without a ledger. Only the holder of the key can have made it:
//! a box that lies, or two boxes that run with one key because a card was copied.

use super::{
    ballot::{Ballot, SignedBallot},
    text::{Lines, TextError, decode, encode, optional, or_nil, same},
};
use model::{BlockId, KeyError, KeyId, PublicKey, RawSignature};

const EVIDENCE: &str = "ledger-evidence-1";
const MAX_BYTES: usize = 1024;

/// Two ballots of one key, not checked yet. They differ in the block alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Whose.
    pub key: PublicKey,
    /// The ballot for the smaller block; no block is smaller than any.
    pub first: Ballot,
    /// The block of the other one.
    pub second: Option<BlockId>,
    /// The signatures over both.
    pub signatures: [RawSignature; 2],
}

/// Why it shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceFault {
    /// The ballots are for different votes, or by different keys, or for the same block.
    #[error("the two ballots do not contradict each other")]
    NoContradiction,
    /// A signature does not fit.
    #[error(transparent)]
    Signature(#[from] KeyError),
}

impl Evidence {
    /// Makes it from two ballots that contradict each other, and checks it.
    pub fn new(key: &PublicKey, a: &SignedBallot, b: &SignedBallot) -> Result<Self, EvidenceFault> {
        let (a, b) = if a.ballot.block <= b.ballot.block { (a, b) } else { (b, a) };
        let second = b.ballot.block;
        if b.ballot != (Ballot { block: second, ..a.ballot.clone() }) || a.by != b.by {
            return Err(EvidenceFault::NoContradiction);
        }
        let signatures = [a.signature, b.signature];
        let evidence = Self { key: key.clone(), first: a.ballot.clone(), second, signatures };
        evidence.check().map(|()| evidence)
    }

    /// Whose.
    pub fn by(&self) -> KeyId {
        self.key.id()
    }

    /// Whether the key's holder signed both, and they contradict each other.
    pub fn check(&self) -> Result<(), EvidenceFault> {
        if self.first.block >= self.second {
            return Err(EvidenceFault::NoContradiction);
        }
        let second = Ballot { block: self.second, ..self.first.clone() };
        self.key.verify_raw(&self.first.to_bytes(), &self.signatures[0])?;
        self.key.verify_raw(&second.to_bytes(), &self.signatures[1])?;
        Ok(())
    }

    /// The evidence as a text.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Ballot { org, branch, height, round, kind, block } = &self.first;
        let side =
            |block: Option<&BlockId>, signature| format!("block {} {}\n", or_nil(block), encode(signature));
        let head = format!(
            "{EVIDENCE}\nkey {}\norg {org}\nbranch {branch}\nheight {height}\nround {round}\nkind {kind}\n",
            self.key
        );
        let [first, second] = &self.signatures;
        (head + &side(block.as_ref(), first) + &side(self.second.as_ref(), second)).into_bytes()
    }

    /// Reads what [`Evidence::to_bytes`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, TextError> {
        let mut lines = Lines::new(bytes, "evidence", MAX_BYTES)?;
        lines.heading(EVIDENCE)?;
        let key = lines.field("key")?;
        let (org, branch) = (lines.field("org")?, lines.field("branch")?);
        let (height, round, kind) = (lines.field("height")?, lines.field("round")?, lines.field("kind")?);
        let (block, first) = side(&mut lines)?;
        let (second, other) = side(&mut lines)?;
        let first_ballot = Ballot { org, branch, height, round, kind, block };
        let evidence = Self { key, first: first_ballot, second, signatures: [first, other] };
        same("evidence", bytes, &evidence.to_bytes())?;
        Ok(evidence)
    }
}

fn side(lines: &mut Lines<'_>) -> Result<(Option<BlockId>, RawSignature), TextError> {
    const WANTED: &str = "block <block> <signature>";
    let line = lines.next(WANTED)?;
    let read = || {
        let (block, signature) = line.strip_prefix("block ")?.split_once(' ')?;
        Some((optional(block)?, decode(signature)?))
    };
    read().ok_or(lines.wrong(WANTED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finality::BallotKind;
    use model::{OrgId, SigningKey};

    fn signed(key: &SigningKey, round: u32, block: Option<u8>) -> SignedBallot {
        let (org, branch) = (OrgId::new([1; 32]), "main".parse().unwrap());
        let block = block.map(|byte| BlockId::new([byte; 32]));
        Ballot { org, branch, height: 4, round, kind: BallotKind::Prevote, block }.sign(key)
    }

    #[test]
    fn two_ballots_for_one_vote_are_evidence_in_either_order() {
        let key = SigningKey::from_seed(&[1; 32]);
        let (a, b) = (signed(&key, 0, Some(3)), signed(&key, 0, None));
        let evidence = Evidence::new(&key.public(), &a, &b).unwrap();
        assert_eq!(evidence, Evidence::new(&key.public(), &b, &a).unwrap());
        assert_eq!(evidence.by(), key.public().id());
        let again = Evidence::parse(&evidence.to_bytes()).unwrap();
        assert_eq!(again, evidence);
        assert!(again.check().is_ok());
    }

    #[test]
    fn what_does_not_contradict_is_no_evidence() {
        let (key, other) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let ballot = signed(&key, 0, Some(3));
        for second in [ballot.clone(), signed(&key, 1, Some(4)), signed(&other, 0, Some(4))] {
            assert!(Evidence::new(&key.public(), &ballot, &second).is_err(), "{second:?}");
        }
        assert!(Evidence::new(&other.public(), &ballot, &signed(&key, 0, None)).is_err(), "another's name");
    }
}
