//! Messages as Malachite's inputs, and what it publishes as messages.

use super::{
    ballot::{SignedBallot, SignedProposal},
    certificate::Certificate,
    context::{At, Candidate, Election, Offer, Vote, Voter, kind, nil_or, number, option, vote_type},
    journal::{Record, Verdict},
    message::{Cast, Message, Polka, RoundChange, RoundChangeKind},
};
use malachite::{Input, LivenessMsg, ProposedValue, SignedConsensusMsg};
use malachite_types::{
    CommitCertificate, PolkaCertificate, PolkaSignature, Round, RoundCertificate, RoundCertificateType,
    RoundSignature, SignedMessage, Validity, ValueOrigin,
};

pub(super) type SignedVote = SignedMessage<Election, Vote>;
pub(super) type SignedOffer = SignedMessage<Election, Offer>;

/// What Malachite is told when a message has come.
pub(super) fn input(message: Message) -> Input<Election> {
    match message {
        Message::Ballot(signed) => Input::Vote(vote(signed)),
        Message::Proposal(signed) => Input::Proposal(offer(signed)),
        Message::Polka(polka) => Input::PolkaCertificate(polka_certificate(polka)),
        Message::RoundChange(change) => Input::RoundCertificate(round_certificate(change)),
    }
}

/// What Malachite is told when a journal is read again.
pub(super) fn input_of(height: u64, record: Record) -> Input<Election> {
    match record {
        Record::Message(message) => input(message),
        Record::Timeout(timeout) => Input::TimeoutElapsed(timeout),
        Record::Verdict(verdict) => Input::ProposedValue(proposed(height, &verdict), ValueOrigin::Consensus),
    }
}

/// A block with the host's verdict.
pub(super) fn proposed(height: u64, verdict: &Verdict) -> ProposedValue<Election> {
    ProposedValue {
        height: At(height),
        round: Round::new(verdict.round),
        valid_round: Round::Nil,
        proposer: Voter(verdict.proposer),
        value: Candidate(verdict.block),
        validity: Validity::from_bool(verdict.good),
    }
}

fn vote(signed: SignedBallot) -> SignedVote {
    let SignedBallot { ballot, by, signature } = signed;
    let vote = Vote {
        height: At(ballot.height),
        round: Round::new(ballot.round),
        kind: vote_type(ballot.kind),
        block: nil_or(ballot.block),
        by: Voter(by),
    };
    SignedMessage::new(vote, signature)
}

fn offer(signed: SignedProposal) -> SignedOffer {
    let SignedProposal { proposal, by, signature } = signed;
    let offer = Offer {
        height: At(proposal.height),
        round: Round::new(proposal.round),
        polka: Round::from(proposal.polka),
        block: Candidate(proposal.block),
        by: Voter(by),
    };
    SignedMessage::new(offer, signature)
}

fn polka_certificate(polka: Polka) -> PolkaCertificate<Election> {
    let signature = |(key, signature)| PolkaSignature::new(Voter(key), signature);
    PolkaCertificate {
        height: At(polka.height),
        round: Round::new(polka.round),
        value_id: polka.block,
        polka_signatures: polka.signatures.into_iter().map(signature).collect(),
    }
}

fn round_certificate(change: RoundChange) -> RoundCertificate<Election> {
    let votes = change.votes.into_iter().map(|(key, Cast { kind, block, signature })| {
        RoundSignature::new(vote_type(kind), nil_or(block), Voter(key), signature)
    });
    RoundCertificate {
        height: At(change.height),
        round: Round::new(change.round),
        cert_type: match change.kind {
            RoundChangeKind::Skip => RoundCertificateType::Skip,
            RoundChangeKind::Precommit => RoundCertificateType::Precommit,
        },
        round_signatures: votes.collect(),
    }
}

/// What others are told.
impl Election {
    pub(super) fn signed_ballot(&self, vote: &SignedVote) -> SignedBallot {
        let (by, signature) = (vote.message.by.0, vote.signature);
        SignedBallot { ballot: self.ballot(&vote.message), by, signature }
    }

    pub(super) fn signed_proposal(&self, offer: &SignedOffer) -> SignedProposal {
        let (by, signature) = (offer.message.by.0, offer.signature);
        SignedProposal { proposal: self.proposal(&offer.message), by, signature }
    }

    pub(super) fn said(&self, said: &SignedConsensusMsg<Self>) -> Message {
        match said {
            SignedConsensusMsg::Vote(vote) => Message::Ballot(self.signed_ballot(vote)),
            SignedConsensusMsg::Proposal(offer) => Message::Proposal(self.signed_proposal(offer)),
        }
    }

    pub(super) fn bundle(&self, bundle: LivenessMsg<Self>) -> Message {
        match bundle {
            LivenessMsg::Vote(vote) => Message::Ballot(self.signed_ballot(&vote)),
            LivenessMsg::PolkaCertificate(polka) => Message::Polka(self.polka(polka)),
            LivenessMsg::SkipRoundCertificate(change) => Message::RoundChange(self.round_change(change)),
        }
    }

    pub(super) fn polka(&self, polka: PolkaCertificate<Self>) -> Polka {
        Polka {
            org: self.org,
            branch: self.branch.clone(),
            height: polka.height.0,
            round: number(polka.round),
            block: polka.value_id,
            signatures: polka.polka_signatures.into_iter().map(|s| (s.address.0, s.signature)).collect(),
        }
    }

    pub(super) fn round_change(&self, change: RoundCertificate<Self>) -> RoundChange {
        let votes = change.round_signatures.into_iter();
        RoundChange {
            org: self.org,
            branch: self.branch.clone(),
            height: change.height.0,
            round: number(change.round),
            kind: match change.cert_type {
                RoundCertificateType::Skip => RoundChangeKind::Skip,
                RoundCertificateType::Precommit => RoundChangeKind::Precommit,
            },
            votes: votes
                .map(|s| {
                    let (kind, block) = (kind(s.vote_type), option(&s.value_id));
                    (s.address.0, Cast { kind, block, signature: s.signature })
                })
                .collect(),
        }
    }

    /// What the journal keeps of an input.
    pub(super) fn record(&self, input: &Input<Self>) -> Option<Record> {
        Some(match input {
            Input::Vote(vote) => Record::Message(Message::Ballot(self.signed_ballot(vote))),
            Input::Proposal(offer) => Record::Message(Message::Proposal(self.signed_proposal(offer))),
            Input::PolkaCertificate(polka) => Record::Message(Message::Polka(self.polka(polka.clone()))),
            Input::TimeoutElapsed(timeout) => Record::Timeout(*timeout),
            Input::ProposedValue(proposed, _) => Record::Verdict(Verdict {
                block: proposed.value.0,
                proposer: proposed.proposer.0,
                round: number(proposed.round),
                good: proposed.validity.is_valid(),
            }),
            _ => return None,
        })
    }

    pub(super) fn certificate(&self, decided: CommitCertificate<Self>) -> Certificate {
        Certificate {
            org: self.org,
            branch: self.branch.clone(),
            height: decided.height.0,
            round: number(decided.round),
            block: decided.value_id,
            signatures: decided.commit_signatures.into_iter().map(|s| (s.address.0, s.signature)).collect(),
        }
    }
}
