//! What a validator signs: ballots, and the proposal of the one whose turn it is.
//!
//! The signature is over the text itself, which begins with the name of its format: a signature over a ballot fits nothing
//! else that the same key signs. A ballot binds organisation, branch, height, round, kind and block; the block
//! binds its parents, its tree and all that went before.

use super::text::{Lines, TextError, or_nil, parse_signature, same, signature_text};
use model::{BlockId, KeyError, KeyId, Name, OrgId, PublicKey, RawSignature, SigningKey};
use std::{fmt, str::FromStr};

const BALLOT: &str = "ledger-vote-1";
const PROPOSAL: &str = "ledger-proposal-1";
const MAX_BYTES: usize = 512;

/// Which of the two votes of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BallotKind {
    /// The proposed block is good.
    Prevote,
    /// Enough prevotes were seen; enough of these make a block final.
    Precommit,
}

impl fmt::Display for BallotKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prevote => "prevote",
            Self::Precommit => "precommit",
        })
    }
}

impl FromStr for BallotKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "prevote" => Ok(Self::Prevote),
            "precommit" => Ok(Self::Precommit),
            _ => Err(()),
        }
    }
}

/// A vote at one height and round.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ballot {
    /// The organisation.
    pub org: OrgId,
    /// The branch.
    pub branch: Name,
    /// The height that is voted on.
    pub height: u64,
    /// The round of voting, from 0.
    pub round: u32,
    /// Which vote.
    pub kind: BallotKind,
    /// The block; `None` is a vote for no block in this round.
    pub block: Option<BlockId>,
}

impl Ballot {
    /// The text that is signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { org, branch, height, round, kind, block } = self;
        let block = or_nil(block.as_ref());
        format!(
            "{BALLOT}\norg {org}\nbranch {branch}\nheight {height}\nround {round}\nkind {kind}\nblock {block}\n"
        )
        .into_bytes()
    }

    /// Reads what [`Ballot::to_bytes`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, TextError> {
        let mut lines = Lines::new(bytes, "ballot", MAX_BYTES)?;
        let ballot = Self::read(&mut lines)?;
        same("ballot", bytes, &ballot.to_bytes())?;
        Ok(ballot)
    }

    pub(super) fn read(lines: &mut Lines<'_>) -> Result<Self, TextError> {
        lines.heading(BALLOT)?;
        Ok(Self {
            org: lines.field("org")?,
            branch: lines.field("branch")?,
            height: lines.field("height")?,
            round: lines.field("round")?,
            kind: lines.field("kind")?,
            block: lines.optional("block")?,
        })
    }

    /// Signs it.
    pub fn sign(self, key: &SigningKey) -> SignedBallot {
        let signature = key.sign_raw(&self.to_bytes());
        SignedBallot { ballot: self, by: key.public().id(), signature }
    }
}

/// A ballot and the signature over it, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBallot {
    /// What was signed.
    pub ballot: Ballot,
    /// Whose vote it says it is.
    pub by: KeyId,
    /// The signature.
    pub signature: RawSignature,
}

impl SignedBallot {
    /// Whether the key signed it.
    pub fn check(&self, key: &PublicKey) -> Result<(), KeyError> {
        key.verify_raw(&self.ballot.to_bytes(), &self.signature)
    }
}

/// Whose turn it is says which block to vote on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The organisation.
    pub org: OrgId,
    /// The branch.
    pub branch: Name,
    /// The height that is voted on.
    pub height: u64,
    /// The round of voting, from 0.
    pub round: u32,
    /// The earlier round in which more than two thirds voted for the block already, if one did.
    pub polka: Option<u32>,
    /// The block.
    pub block: BlockId,
}

impl Proposal {
    /// The text that is signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { org, branch, height, round, polka, block } = self;
        let polka = or_nil(polka.as_ref());
        format!(
            "{PROPOSAL}\norg {org}\nbranch {branch}\nheight {height}\nround {round}\npolka {polka}\nblock {block}\n"
        )
        .into_bytes()
    }

    pub(super) fn read(lines: &mut Lines<'_>) -> Result<Self, TextError> {
        lines.heading(PROPOSAL)?;
        Ok(Self {
            org: lines.field("org")?,
            branch: lines.field("branch")?,
            height: lines.field("height")?,
            round: lines.field("round")?,
            polka: lines.optional("polka")?,
            block: lines.field("block")?,
        })
    }

    /// Signs it.
    pub fn sign(self, key: &SigningKey) -> SignedProposal {
        let signature = key.sign_raw(&self.to_bytes());
        SignedProposal { proposal: self, by: key.public().id(), signature }
    }
}

/// A proposal and the signature over it, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedProposal {
    /// What was signed.
    pub proposal: Proposal,
    /// Whose it says it is.
    pub by: KeyId,
    /// The signature.
    pub signature: RawSignature,
}

impl SignedProposal {
    /// Whether the key signed it.
    pub fn check(&self, key: &PublicKey) -> Result<(), KeyError> {
        key.verify_raw(&self.proposal.to_bytes(), &self.signature)
    }
}

/// The line below a ballot or proposal that carries the signature.
pub(super) fn signed_line(by: &KeyId, signature: &RawSignature) -> String {
    format!("signed {}\n", signature_text(by, signature))
}

pub(super) fn read_signed_line(lines: &mut Lines<'_>) -> Result<(KeyId, RawSignature), TextError> {
    const WANTED: &str = "signed <key> <signature>";
    let line = lines.next(WANTED)?;
    line.strip_prefix("signed ").and_then(parse_signature).ok_or(lines.wrong(WANTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ballot(block: Option<BlockId>) -> Ballot {
        let (org, branch) = (OrgId::new([1; 32]), "main".parse().unwrap());
        Ballot { org, branch, height: 12, round: 3, kind: BallotKind::Precommit, block }
    }

    #[test]
    fn a_ballot_reads_as_it_is_written() {
        for block in [None, Some(BlockId::new([7; 32]))] {
            let bytes = ballot(block).to_bytes();
            assert!(bytes.starts_with(b"ledger-vote-1\norg 01"));
            assert_eq!(Ballot::parse(&bytes).unwrap(), ballot(block));
        }
    }

    #[test]
    fn another_spelling_of_a_ballot_is_refused() {
        let text = String::from_utf8(ballot(None).to_bytes()).unwrap();
        for other in [
            text.replace("height 12", "height 012"),
            text.replace("height 12", "height +12"),
            text.replace('\n', "\r\n"),
            text.replace("block nil", "block NIL"),
            text.trim_end().to_string(),
            format!("{text}\n"),
            text.replace("vote-1", "vote-2"),
        ] {
            assert!(Ballot::parse(other.as_bytes()).is_err(), "{other:?} was taken");
        }
    }

    #[test]
    fn every_field_of_a_ballot_is_bound_by_the_signature() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signed = ballot(None).sign(&key);
        assert!(signed.check(&key.public()).is_ok());
        let changed: [fn(&mut Ballot); 6] = [
            |b| b.org = OrgId::new([2; 32]),
            |b| b.branch = "rescue".parse().unwrap(),
            |b| b.height += 1,
            |b| b.round += 1,
            |b| b.kind = BallotKind::Prevote,
            |b| b.block = Some(BlockId::new([0; 32])),
        ];
        for change in changed {
            let mut other = signed.clone();
            change(&mut other.ballot);
            assert!(other.check(&key.public()).is_err(), "{:?}", other.ballot);
        }
    }
}
