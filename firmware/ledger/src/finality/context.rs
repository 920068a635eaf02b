//! Our words as Malachite's types: the validators, what they sign, and whose turn it is.
//!
//! Malachite is generic over a context; this is ours. The value voted on is a block's id alone: the block itself comes
//! by sync and is checked by the host. Vote extensions and proposal parts are not used.

use super::{
    ballot::{Ballot, BallotKind, Proposal},
    validators::Validators,
};
use malachite_types::{self as types, NilOrVal, Round, VoteType};
use model::{BlockId, KeyId, Name, OrgId, PublicKey, RawSignature, SigningKey};
use std::{array::TryFromSliceError, fmt, sync::Arc, time::Duration};

/// The organisation and branch whose votes these are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Election {
    pub(super) org: OrgId,
    pub(super) branch: Name,
}

impl Election {
    /// The text of a vote.
    pub(super) fn ballot(&self, vote: &Vote) -> Ballot {
        Ballot {
            org: self.org,
            branch: self.branch.clone(),
            height: vote.height.0,
            round: number(vote.round),
            kind: kind(vote.kind),
            block: option(&vote.block),
        }
    }

    /// The text of a proposal.
    pub(super) fn proposal(&self, offer: &Offer) -> Proposal {
        Proposal {
            org: self.org,
            branch: self.branch.clone(),
            height: offer.height.0,
            round: number(offer.round),
            polka: offer.polka.as_u32(),
            block: offer.block.0,
        }
    }
}

impl types::Context for Election {
    type Address = Voter;
    type Height = At;
    type ProposalPart = NoPart;
    type Proposal = Offer;
    type Validator = Validator;
    type ValidatorSet = Electorate;
    type Timeouts = NoTimeouts;
    type Value = Candidate;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Ed25519;

    /// The validators take turns in the order of their keys, one further with each height and with each round.
    fn select_proposer<'a>(&self, electorate: &'a Electorate, height: At, round: Round) -> &'a Validator {
        let turn = height.0.wrapping_add(u64::from(number(round)));
        let index = turn % electorate.members.len().max(1) as u64;
        electorate.members.get(index as usize).expect("because a height without validators is not started")
    }

    fn new_proposal(&self, height: At, round: Round, block: Candidate, polka: Round, by: Voter) -> Offer {
        Offer { height, round, polka, block, by }
    }

    fn new_prevote(&self, height: At, round: Round, block: NilOrVal<BlockId>, by: Voter) -> Vote {
        Vote { height, round, kind: VoteType::Prevote, block, by }
    }

    fn new_precommit(&self, height: At, round: Round, block: NilOrVal<BlockId>, by: Voter) -> Vote {
        Vote { height, round, kind: VoteType::Precommit, block, by }
    }
}

/// A validator's name: its key's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Voter(pub(super) KeyId);

impl types::Address for Voter {}

impl fmt::Display for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct At(pub(super) u64);

impl types::Height for At {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);
    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }
    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }
    fn as_u64(&self) -> u64 {
        self.0
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The block that may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate(pub(super) BlockId);

impl types::Value for Candidate {
    type Id = BlockId;
    fn id(&self) -> BlockId {
        self.0
    }
}

/// One of the voters with its weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Validator {
    voter: Voter,
    public: PublicKey,
    weight: u64,
}

impl types::Validator<Election> for Validator {
    fn address(&self) -> &Voter {
        &self.voter
    }
    fn public_key(&self) -> &PublicKey {
        &self.public
    }
    fn voting_power(&self) -> u64 {
        self.weight
    }
}

/// All voters of a height, sorted by key. Cheap to clone, as Malachite does often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Electorate {
    members: Arc<[Validator]>,
    total: u64,
}

impl Electorate {
    pub(super) fn new(validators: &Validators) -> Self {
        let member = |(key, (public, weight)): (&KeyId, &(PublicKey, u64))| Validator {
            voter: Voter(*key),
            public: public.clone(),
            weight: *weight,
        };
        Self { members: validators.weights.iter().map(member).collect(), total: validators.total() }
    }
}

impl types::ValidatorSet<Election> for Electorate {
    fn count(&self) -> usize {
        self.members.len()
    }
    fn total_voting_power(&self) -> u64 {
        self.total
    }
    fn get_by_address(&self, voter: &Voter) -> Option<&Validator> {
        let index = self.members.binary_search_by_key(voter, |member| member.voter).ok()?;
        self.members.get(index)
    }
    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.members.get(index)
    }
}

/// A vote as Malachite counts it; its text is a [`Ballot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vote {
    pub(super) height: At,
    pub(super) round: Round,
    pub(super) kind: VoteType,
    pub(super) block: NilOrVal<BlockId>,
    pub(super) by: Voter,
}

impl types::Vote<Election> for Vote {
    fn height(&self) -> At {
        self.height
    }
    fn round(&self) -> Round {
        self.round
    }
    fn value(&self) -> &NilOrVal<BlockId> {
        &self.block
    }
    fn take_value(self) -> NilOrVal<BlockId> {
        self.block
    }
    fn vote_type(&self) -> VoteType {
        self.kind
    }
    fn validator_address(&self) -> &Voter {
        &self.by
    }
    fn extension(&self) -> Option<&types::SignedExtension<Election>> {
        None
    }
    fn take_extension(&mut self) -> Option<types::SignedExtension<Election>> {
        None
    }
    fn extend(self, _: types::SignedExtension<Election>) -> Self {
        self
    }
}

/// A proposal as Malachite keeps it; its text is a [`Proposal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) height: At,
    pub(super) round: Round,
    pub(super) polka: Round,
    pub(super) block: Candidate,
    pub(super) by: Voter,
}

impl types::Proposal<Election> for Offer {
    fn height(&self) -> At {
        self.height
    }
    fn round(&self) -> Round {
        self.round
    }
    fn value(&self) -> &Candidate {
        &self.block
    }
    fn take_value(self) -> Candidate {
        self.block
    }
    fn pol_round(&self) -> Round {
        self.polka
    }
    fn validator_address(&self) -> &Voter {
        &self.by
    }
}

/// Blocks travel by sync, not in parts beside the proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoPart {}

impl types::ProposalPart<Election> for NoPart {
    fn is_first(&self) -> bool {
        match *self {}
    }
    fn is_last(&self) -> bool {
        match *self {}
    }
}

/// The core asks nobody how long a timeout is: [`Timeouts`](super::Timeouts) says it when one is scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct NoTimeouts;

impl types::Timeouts<Election> for NoTimeouts {
    fn duration_for(&self, _: types::Timeout) -> Duration {
        Duration::ZERO
    }
}

/// Raw Ed25519 over the texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ed25519;

impl types::SigningScheme for Ed25519 {
    type DecodingError = TryFromSliceError;
    type Signature = RawSignature;
    type PublicKey = PublicKey;
    type PrivateKey = SigningKey;

    fn decode_signature(bytes: &[u8]) -> Result<RawSignature, TryFromSliceError> {
        bytes.try_into()
    }
    fn encode_signature(signature: &RawSignature) -> Vec<u8> {
        signature.to_vec()
    }
    fn decode_public_key(bytes: &[u8]) -> Result<PublicKey, TryFromSliceError> {
        Ok(PublicKey::from_bytes(&bytes.try_into()?))
    }
    fn encode_public_key(key: &PublicKey) -> Vec<u8> {
        key.to_bytes().to_vec()
    }
}

/// A round's number; round "nil", before the first, does not leave the core.
pub(super) fn number(round: Round) -> u32 {
    round.as_u32().unwrap_or(0)
}

pub(super) const fn kind(kind: VoteType) -> BallotKind {
    match kind {
        VoteType::Prevote => BallotKind::Prevote,
        VoteType::Precommit => BallotKind::Precommit,
    }
}

pub(super) const fn vote_type(kind: BallotKind) -> VoteType {
    match kind {
        BallotKind::Prevote => VoteType::Prevote,
        BallotKind::Precommit => VoteType::Precommit,
    }
}

pub(super) const fn option(block: &NilOrVal<BlockId>) -> Option<BlockId> {
    match block {
        NilOrVal::Nil => None,
        NilOrVal::Val(block) => Some(*block),
    }
}

pub(super) fn nil_or(block: Option<BlockId>) -> NilOrVal<BlockId> {
    block.map_or(NilOrVal::Nil, NilOrVal::Val)
}
