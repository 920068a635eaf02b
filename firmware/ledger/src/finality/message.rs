//! What validators tell each other while they vote, as bytes.
//!
//! A ballot or a proposal with its signature; or a bundle of ballots that a box further behind needs: a *polka* (prevotes
//! of more than two thirds for one block) or a *round change* (votes that show why a later round began). A message that
//! [`Message::parse`] took is well-formed and nothing more: signatures are checked by the engine.

use super::{
    ballot::{Ballot, BallotKind, Proposal, SignedBallot, SignedProposal, read_signed_line, signed_line},
    signed_lines,
    text::{Lines, TextError, decode, encode, optional, or_nil, same},
    validators::MAX_VALIDATORS,
};
use model::{BlockId, KeyError, KeyId, Name, OrgId, RawSignature};
use std::{collections::BTreeMap, fmt, str::FromStr};

const POLKA: &str = "ledger-polka-1";
const ROUND_CHANGE: &str = "ledger-round-1";
const MAX_VOTE_LINE_BYTES: usize = 200;

/// The most bytes of a message: a vote of every validator.
pub const MAX_MESSAGE_BYTES: usize = 512 + MAX_VALIDATORS * MAX_VOTE_LINE_BYTES;

/// The highest round that is listened to: years of rounds, and far from where the numbers end.
pub const MAX_ROUND: u32 = 1_000_000;

/// A message between validators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A vote.
    Ballot(SignedBallot),
    /// The proposal of a round.
    Proposal(SignedProposal),
    /// Prevotes for one block.
    Polka(Polka),
    /// Why a later round began.
    RoundChange(RoundChange),
}

/// Prevotes of more than two thirds for one block, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polka {
    /// The organisation.
    pub org: OrgId,
    /// The branch.
    pub branch: Name,
    /// The height.
    pub height: u64,
    /// The round.
    pub round: u32,
    /// The block.
    pub block: BlockId,
    /// Who prevoted for it.
    pub signatures: BTreeMap<KeyId, RawSignature>,
}

/// What a round change is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundChangeKind {
    /// Votes of more than one third in this round: it is on.
    Skip,
    /// Precommits of more than two thirds in this round: it is over.
    Precommit,
}

impl fmt::Display for RoundChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skip => "skip",
            Self::Precommit => "precommit",
        })
    }
}

impl FromStr for RoundChangeKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "skip" => Ok(Self::Skip),
            "precommit" => Ok(Self::Precommit),
            _ => Err(()),
        }
    }
}

/// Votes of one round, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundChange {
    /// The organisation.
    pub org: OrgId,
    /// The branch.
    pub branch: Name,
    /// The height.
    pub height: u64,
    /// The round.
    pub round: u32,
    /// What they show.
    pub kind: RoundChangeKind,
    /// One vote of each.
    pub votes: BTreeMap<KeyId, Cast>,
}

/// What one of them voted, and its signature over the ballot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// Which vote.
    pub kind: BallotKind,
    /// The block; `None` is none.
    pub block: Option<BlockId>,
    /// The signature.
    pub signature: RawSignature,
}

/// A message that does not count, and why.
#[derive(Debug, thiserror::Error)]
pub enum MessageFault {
    /// It cannot be read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It is of another organisation or branch.
    #[error("the message is of branch {branch} of organisation {org}")]
    Foreign {
        /// The organisation.
        org: OrgId,
        /// The branch.
        branch: Name,
    },
    /// Signed by somebody who has no vote at this height.
    #[error("{key} signed the message and is no validator")]
    Stranger {
        /// The key.
        key: KeyId,
    },
    /// A proposal by somebody else than the one whose turn it is.
    #[error("{key} proposes a block in round {round}, which is another's turn")]
    NotItsTurn {
        /// The key.
        key: KeyId,
        /// The round.
        round: u32,
    },
    /// A round that no vote has reached.
    #[error("the message is about round {round}; no vote goes beyond round {MAX_ROUND}")]
    Round {
        /// The round.
        round: u32,
    },
    /// A signature does not fit.
    #[error(transparent)]
    Signature(#[from] KeyError),
    /// Too few votes for what it says to show.
    #[error("the votes in the message are too few for what it says")]
    TooFew,
    /// Votes in it do not belong there.
    #[error("the message mixes votes that do not go together")]
    Mixed,
}

impl Message {
    /// The bytes that peers pass on.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Ballot(SignedBallot { ballot, by, signature }) => {
                with_line(ballot.to_bytes(), by, signature)
            }
            Self::Proposal(SignedProposal { proposal, by, signature }) => {
                with_line(proposal.to_bytes(), by, signature)
            }
            Self::Polka(polka) => polka.to_bytes(),
            Self::RoundChange(change) => change.to_bytes(),
        }
    }

    /// Reads what a peer sent.
    pub fn parse(bytes: &[u8]) -> Result<Self, TextError> {
        const WHAT: &str = "message";
        let lines = || Lines::new(bytes, WHAT, MAX_MESSAGE_BYTES);
        let message = match lines()?.next("the name of a format")? {
            POLKA => Self::Polka(Polka::read(&mut lines()?)?),
            ROUND_CHANGE => Self::RoundChange(RoundChange::read(&mut lines()?)?),
            "ledger-proposal-1" => Self::Proposal(read_proposal(&mut lines()?)?),
            _ => Self::Ballot(read_ballot(&mut lines()?)?),
        };
        same(WHAT, bytes, &message.to_bytes())?;
        Ok(message)
    }

    /// The height it is about.
    pub const fn height(&self) -> u64 {
        match self {
            Self::Ballot(signed) => signed.ballot.height,
            Self::Proposal(signed) => signed.proposal.height,
            Self::Polka(polka) => polka.height,
            Self::RoundChange(change) => change.height,
        }
    }

    /// The round it is about.
    pub const fn round(&self) -> u32 {
        match self {
            Self::Ballot(signed) => signed.ballot.round,
            Self::Proposal(signed) => signed.proposal.round,
            Self::Polka(polka) => polka.round,
            Self::RoundChange(change) => change.round,
        }
    }

    /// The organisation and branch it is about.
    pub const fn place(&self) -> (&OrgId, &Name) {
        match self {
            Self::Ballot(signed) => (&signed.ballot.org, &signed.ballot.branch),
            Self::Proposal(signed) => (&signed.proposal.org, &signed.proposal.branch),
            Self::Polka(polka) => (&polka.org, &polka.branch),
            Self::RoundChange(change) => (&change.org, &change.branch),
        }
    }
}

fn with_line(mut text: Vec<u8>, by: &KeyId, signature: &RawSignature) -> Vec<u8> {
    text.extend_from_slice(signed_line(by, signature).as_bytes());
    text
}

fn read_ballot(lines: &mut Lines<'_>) -> Result<SignedBallot, TextError> {
    let ballot = Ballot::read(lines)?;
    let (by, signature) = read_signed_line(lines)?;
    Ok(SignedBallot { ballot, by, signature })
}

fn read_proposal(lines: &mut Lines<'_>) -> Result<SignedProposal, TextError> {
    let proposal = Proposal::read(lines)?;
    let (by, signature) = read_signed_line(lines)?;
    Ok(SignedProposal { proposal, by, signature })
}

impl Polka {
    /// The votes in it.
    pub(super) fn ballots(&self) -> impl Iterator<Item = SignedBallot> + '_ {
        let (height, round, kind, block) = (self.height, self.round, BallotKind::Prevote, Some(self.block));
        let ballot = Ballot { org: self.org, branch: self.branch.clone(), height, round, kind, block };
        let signed = move |(by, signature): (&KeyId, &RawSignature)| SignedBallot {
            ballot: ballot.clone(),
            by: *by,
            signature: *signature,
        };
        self.signatures.iter().map(signed)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Self { org, branch, height, round, block, signatures } = self;
        let head =
            format!("{POLKA}\norg {org}\nbranch {branch}\nheight {height}\nround {round}\nblock {block}\n");
        (head + &signed_lines::write(signatures)).into_bytes()
    }

    fn read(lines: &mut Lines<'_>) -> Result<Self, TextError> {
        lines.heading(POLKA)?;
        Ok(Self {
            org: lines.field("org")?,
            branch: lines.field("branch")?,
            height: lines.field("height")?,
            round: lines.field("round")?,
            block: lines.field("block")?,
            signatures: signed_lines::read(lines)?,
        })
    }
}

impl RoundChange {
    /// The votes in it.
    pub(super) fn ballots(&self) -> impl Iterator<Item = SignedBallot> + '_ {
        self.votes.iter().map(|(by, Cast { kind, block, signature })| {
            let (org, branch) = (self.org, self.branch.clone());
            let (height, round, kind, block) = (self.height, self.round, *kind, *block);
            let ballot = Ballot { org, branch, height, round, kind, block };
            SignedBallot { ballot, by: *by, signature: *signature }
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Self { org, branch, height, round, kind, votes } = self;
        let head = format!(
            "{ROUND_CHANGE}\norg {org}\nbranch {branch}\nheight {height}\nround {round}\nkind {kind}\n"
        );
        let lines = votes.iter().map(|(key, Cast { kind, block, signature })| {
            format!("{key} {kind} {} {}\n", or_nil(block.as_ref()), encode(signature))
        });
        (head + &lines.collect::<String>()).into_bytes()
    }

    fn read(lines: &mut Lines<'_>) -> Result<Self, TextError> {
        const WANTED: &str = "<key> <kind> <block> <signature>";
        lines.heading(ROUND_CHANGE)?;
        let (org, branch) = (lines.field("org")?, lines.field("branch")?);
        let (height, round, kind) = (lines.field("height")?, lines.field("round")?, lines.field("kind")?);
        let mut votes = BTreeMap::new();
        while !lines.is_done() {
            let (key, vote) = parse_vote(lines.next(WANTED)?).ok_or(lines.wrong(WANTED))?;
            votes.insert(key, vote);
        }
        Ok(Self { org, branch, height, round, kind, votes })
    }
}

fn parse_vote(line: &str) -> Option<(KeyId, Cast)> {
    let mut parts = line.splitn(4, ' ');
    let key = parts.next()?.parse().ok()?;
    let (kind, block) = (parts.next()?.parse().ok()?, optional(parts.next()?)?);
    Some((key, Cast { kind, block, signature: decode(parts.next()?)? }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SigningKey;

    fn messages() -> Vec<Message> {
        let key = SigningKey::from_seed(&[1; 32]);
        let (org, branch): (_, Name) = (OrgId::new([1; 32]), "main".parse().unwrap());
        let (height, round, block) = (7, 2, BlockId::new([5; 32]));
        let ballot = Ballot {
            org,
            branch: branch.clone(),
            height,
            round,
            kind: BallotKind::Prevote,
            block: Some(block),
        };
        let proposal = Proposal { org, branch: branch.clone(), height, round, polka: Some(1), block };
        let signatures = BTreeMap::from([(key.public().id(), [3; 64])]);
        let cast = Cast { kind: BallotKind::Precommit, block: None, signature: [4; 64] };
        let votes = BTreeMap::from([(key.public().id(), cast)]);
        vec![
            Message::Ballot(ballot.sign(&key)),
            Message::Proposal(proposal.sign(&key)),
            Message::Polka(Polka { org, branch: branch.clone(), height, round, block, signatures }),
            Message::RoundChange(RoundChange {
                org,
                branch,
                height,
                round,
                kind: RoundChangeKind::Skip,
                votes,
            }),
        ]
    }

    #[test]
    fn messages_read_as_they_are_written() {
        for message in messages() {
            assert_eq!(Message::parse(&message.to_bytes()).unwrap(), message);
            assert_eq!((message.height(), message.round()), (7, 2));
        }
    }

    #[test]
    fn a_message_cut_short_or_lengthened_is_refused() {
        for message in messages() {
            let bytes = message.to_bytes();
            assert!(Message::parse(&bytes[..bytes.len() - 1]).is_err());
            assert!(Message::parse(&[&bytes[..], b"\n"].concat()).is_err());
        }
        assert!(Message::parse(b"").is_err());
        assert!(matches!(Message::parse(&[b'a'; MAX_MESSAGE_BYTES + 1]), Err(TextError::TooLong { .. })));
    }
}
