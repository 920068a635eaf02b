//! Does what Malachite asks for: signs, checks signatures, keeps the journal, runs the waits, says what goes out.
//!
//! The clerk's own rule is that a key gives its word once: whatever the state machine wants after a crash or a bug, a
//! second statement of one kind in one round is not signed. The engine then stays silent for the height.

use super::{
    ballot::{BallotKind, SignedBallot},
    certificate::Certificate,
    context::{Election, Electorate, Offer, Vote},
    engine::{Effect, Trouble},
    evidence::Evidence,
    journal::{Journal, Record},
    message::{Message, MessageFault, RoundChangeKind},
    timers::Timers,
    translate::SignedVote,
    validators::Validators,
};
use malachite::{Effect as Asked, MisbehaviorEvidence, Resumable, Resume, SignedConsensusMsg};
use malachite_types::{CertificateError, SignedMessage};
use model::{BlockId, KeyId, Millis, PublicKey, RawSignature, SigningKey};
use std::collections::{BTreeMap, BTreeSet};

type Answer = Resume<Election>;
type Validity = Result<(), CertificateError<Election>>;

/// The state machine wanted a second word in one round.
#[derive(Debug)]
pub(super) struct Refused;

/// The clerk of one height.
pub(super) struct Clerk {
    pub(super) election: Election,
    pub(super) validators: Validators,
    pub(super) key: SigningKey,
    pub(super) me: KeyId,
    pub(super) now: Millis,
    pub(super) timers: Timers,
    pub(super) journal: Journal,
    pub(super) out: Vec<Effect>,
    /// What this key has said in this height: by round and kind (none for a proposal), the text.
    words: BTreeMap<(u32, Option<BallotKind>), Vec<u8>>,
    /// Blocks whose verdict was asked for: proposer and round.
    pub(super) asked: BTreeMap<BlockId, (KeyId, u32)>,
    /// Those of whom a double vote was reported.
    reported: BTreeSet<KeyId>,
    /// Whether what comes is what the journal has already.
    pub(super) replaying: bool,
    /// Whether the message just received counted.
    pub(super) counted: bool,
    /// The decision. It is told after all else, since the next height starts with it.
    pub(super) decision: Option<Certificate>,
    /// What is wrong with the message just received.
    pub(super) fault: Option<MessageFault>,
}

impl Clerk {
    pub(super) fn new(
        election: Election,
        validators: Validators,
        key: SigningKey,
        timers: Timers,
        journal: Journal,
    ) -> Self {
        let me = key.public().id();
        let mut clerk = Self {
            election,
            validators,
            key,
            me,
            now: Millis::default(),
            timers,
            journal,
            out: Vec::new(),
            words: BTreeMap::new(),
            asked: BTreeMap::new(),
            reported: BTreeSet::new(),
            replaying: false,
            counted: false,
            decision: None,
            fault: None,
        };
        for record in clerk.journal.records().to_vec() {
            clerk.note(&record);
        }
        clerk
    }

    /// Does one thing. An error makes the state machine stop where it is.
    pub(super) fn handle(&mut self, asked: Asked<Election>) -> Result<Answer, Refused> {
        match asked {
            Asked::SignVote(vote, r) => Ok(r.resume_with(self.sign_vote(vote)?)),
            Asked::SignProposal(offer, _) => Ok(Resume::SignedProposal(self.sign_offer(offer)?)),
            Asked::VerifySignature(message, key, r) => Ok(r.resume_with(self.verify(message, &key))),
            // Made here, of votes that were checked one by one; checked once more before it goes out.
            Asked::VerifyCommitCertificate(_, _, _, r) => Ok(r.resume_with(Ok(()))),
            Asked::VerifyPolkaCertificate(polka, _, _, r) => {
                let polka = Message::Polka(self.election.polka(polka));
                Ok(r.resume_with(self.verify_bundle(&polka)))
            }
            Asked::VerifyRoundCertificate(change, _, _, r) => {
                let change = Message::RoundChange(self.election.round_change(change));
                Ok(r.resume_with(self.verify_bundle(&change)))
            }
            Asked::VerifyExtendedCommitCertificate(.., r) => Ok(r.resume_with(Ok(()))),
            Asked::ExtendVote(.., r) => Ok(r.resume_with(None)),
            Asked::VerifyVoteExtension(.., r) => Ok(r.resume_with(Ok(()))),
            other => {
                self.do_it(other);
                Ok(Resume::Continue)
            }
        }
    }

    /// Things that want no answer.
    fn do_it(&mut self, asked: Asked<Election>) {
        match asked {
            Asked::CancelAllTimeouts(_) => self.timers.clear(),
            Asked::CancelTimeout(timeout, _) => self.timers.cancel(timeout),
            Asked::ScheduleTimeout(timeout, _) => self.timers.start(timeout, self.now),
            Asked::PublishConsensusMsg(said, _) => self.say(&said),
            Asked::PublishLivenessMsg(bundle, _) => self.publish(&self.election.bundle(bundle)),
            Asked::RepublishVote(vote, _) => {
                self.publish(&Message::Ballot(self.election.signed_ballot(&vote)));
            }
            Asked::RepublishRoundCertificate(change, _) => {
                self.publish(&Message::RoundChange(self.election.round_change(change)));
            }
            Asked::GetValue(height, round, _, _) => {
                let round = super::context::number(round);
                self.out.push(Effect::WantProposal { height: height.0, round });
            }
            Asked::WalAppend(_, input, _) => self.write(self.election.record(&input)),
            Asked::Decide(decided, ..) => self.decision = Some(self.election.certificate(decided)),
            Asked::Finalize(_, _, evidence, _) => self.report_all(&evidence),
            // The round's number is asked of the state; blocks travel by sync and certificates from elsewhere do not
            // come this way.
            _ => {}
        }
    }

    fn sign_vote(&mut self, vote: Vote) -> Result<SignedVote, Refused> {
        let ballot = self.election.ballot(&vote);
        let signature = self.sign(ballot.round, Some(ballot.kind), ballot.to_bytes())?;
        Ok(SignedMessage::new(vote, signature))
    }

    fn sign_offer(&mut self, offer: Offer) -> Result<SignedMessage<Election, Offer>, Refused> {
        let proposal = self.election.proposal(&offer);
        let signature = self.sign(proposal.round, None, proposal.to_bytes())?;
        Ok(SignedMessage::new(offer, signature))
    }

    fn sign(&mut self, round: u32, kind: Option<BallotKind>, text: Vec<u8>) -> Result<RawSignature, Refused> {
        let word = self.words.entry((round, kind)).or_insert_with(|| text.clone());
        if *word != text {
            self.out.push(Effect::Trouble(Trouble::OwnWord { height: self.journal.height, round }));
            return Err(Refused);
        }
        Ok(self.key.sign_raw(&text))
    }

    fn verify(
        &mut self,
        message: SignedMessage<Election, malachite::ConsensusMsg<Election>>,
        key: &PublicKey,
    ) -> bool {
        let text = match &message.message {
            malachite::ConsensusMsg::Vote(vote) => self.election.ballot(vote).to_bytes(),
            malachite::ConsensusMsg::Proposal(offer) => self.election.proposal(offer).to_bytes(),
        };
        let checked = key.verify_raw(&text, &message.signature);
        checked.map_err(|fault| self.fault = Some(fault.into())).is_ok()
    }

    fn verify_bundle(&mut self, bundle: &Message) -> Validity {
        self.check(bundle).map_err(|fault| {
            self.fault = Some(fault);
            CertificateError::VerificationError(None)
        })
    }

    /// Whether a message is signed by those who may, and by enough of them for what it shows.
    pub(super) fn check(&self, message: &Message) -> Result<(), MessageFault> {
        match message {
            Message::Ballot(signed) => Ok(signed.check(self.public(&signed.by)?)?),
            Message::Proposal(signed) => Ok(signed.check(self.public(&signed.by)?)?),
            Message::Polka(polka) => {
                polka.ballots().try_for_each(|signed| self.check_ballot(&signed))?;
                enough(self.validators.is_quorum(polka.signatures.keys()))
            }
            Message::RoundChange(change) => {
                change.ballots().try_for_each(|signed| self.check_ballot(&signed))?;
                let all = |kind| change.votes.values().all(|cast| cast.kind == kind);
                match change.kind {
                    RoundChangeKind::Skip => enough(self.validators.has_an_honest_one(change.votes.keys())),
                    RoundChangeKind::Precommit if !all(BallotKind::Precommit) => Err(MessageFault::Mixed),
                    RoundChangeKind::Precommit => enough(self.validators.is_quorum(change.votes.keys())),
                }
            }
        }
    }

    fn check_ballot(&self, signed: &SignedBallot) -> Result<(), MessageFault> {
        Ok(signed.check(self.public(&signed.by)?)?)
    }

    fn public(&self, key: &KeyId) -> Result<&PublicKey, MessageFault> {
        self.validators.public(key).ok_or(MessageFault::Stranger { key: *key })
    }

    fn write(&mut self, record: Option<Record>) {
        let Some(record) = record else { return };
        self.note(&record);
        self.counted |= matches!(record, Record::Message(_));
        // The same vote may move things twice: old rounds are forgotten by the core, and their votes count anew.
        if !self.replaying || !self.journal.has(&record) {
            self.journal.add(record);
        }
    }

    /// What a record means for us: our own word, or a block to look at.
    fn note(&mut self, record: &Record) {
        match record {
            Record::Message(Message::Ballot(signed)) if signed.by == self.me => {
                let kind = Some(signed.ballot.kind);
                self.words.entry((signed.ballot.round, kind)).or_insert_with(|| signed.ballot.to_bytes());
            }
            Record::Message(Message::Proposal(signed)) => {
                let (by, round, block) = (signed.by, signed.proposal.round, signed.proposal.block);
                if by == self.me {
                    self.words.entry((round, None)).or_insert_with(|| signed.proposal.to_bytes());
                }
                if !self.has_verdict(&block) && !self.asked.contains_key(&block) {
                    self.asked.insert(block, (by, round));
                    self.out.push(Effect::Validate { block, proposer: by, round });
                }
            }
            _ => {}
        }
    }

    /// Whether the host has said what it thinks of a block.
    pub(super) fn has_verdict(&self, block: &BlockId) -> bool {
        let of = |record: &Record| matches!(record, Record::Verdict(verdict) if verdict.block == *block);
        self.journal.records().iter().any(of)
    }

    /// Whether this key has proposed in a round.
    pub(super) fn has_proposed(&self, round: u32) -> bool {
        self.words.contains_key(&(round, None))
    }

    /// Says what we signed, once the journal that has it is kept.
    fn say(&mut self, said: &SignedConsensusMsg<Election>) {
        if let Some(journal) = self.journal.unkept() {
            self.out.push(Effect::Remember(journal));
        }
        self.publish(&self.election.said(said));
    }

    pub(super) fn publish(&mut self, message: &Message) {
        self.out.push(Effect::Publish(message.to_bytes()));
    }

    fn report_all(&mut self, evidence: &MisbehaviorEvidence<Election>) {
        for (_, pairs) in evidence.votes.iter() {
            self.report(pairs);
        }
    }

    /// Tells of a double vote, once for each key.
    pub(super) fn report(&mut self, pairs: &[(SignedVote, SignedVote)]) {
        let Some((first, second)) = pairs.first() else { return };
        let by = first.message.by.0;
        let Some(public) = self.validators.public(&by) else { return };
        if !self.reported.insert(by) {
            return;
        }
        let (first, second) = (self.election.signed_ballot(first), self.election.signed_ballot(second));
        if let Ok(evidence) = Evidence::new(public, &first, &second) {
            self.out.push(Effect::Evidence(Box::new(evidence)));
        }
    }

    pub(super) fn electorate(&self) -> Electorate {
        Electorate::new(&self.validators)
    }
}

const fn enough(yes: bool) -> Result<(), MessageFault> {
    if yes { Ok(()) } else { Err(MessageFault::TooFew) }
}
