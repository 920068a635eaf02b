//! The vote on one height: Malachite's state with its clerk, from the first word to the decision.
//!
//! A poll is *open* before the first round begins: nothing to vote on, no wait runs. It begins when the host has something
//! to propose, or when a proposal or more than one third of the weight shows that the others have begun; one liar
//! alone starts nothing. What came before that is kept and handed over then.

use super::{
    ballot::BallotKind,
    certificate::Certificate,
    clerk::Clerk,
    context::{At, Candidate, Election, Voter, number},
    early::Early,
    engine::{Effect, Heard, Trouble},
    journal::{Record, Verdict},
    message::{Message, MessageFault},
    translate,
};
use malachite::{Error, Input, LocallyProposedValue, Params, State, ThresholdParams};
use malachite_types::{Round, TimeoutKind, ValueOrigin, ValuePayload, VoteExtensionPolicy};
use model::{BlockId, KeyId, Millis};

/// So many rounds are in the journal before the oldest are forgotten.
const ROUNDS_KEPT: u32 = 6;

/// The vote on one height.
pub(super) struct Poll {
    state: State<Election>,
    pub(super) clerk: Clerk,
    begun: bool,
    decided: bool,
}

impl Poll {
    /// A poll that has not begun, unless the clerk's journal says that it had before a crash.
    pub(super) fn open(clerk: Clerk, silent: bool, now: Millis) -> Self {
        let params = Params {
            address: Voter(clerk.me),
            threshold_params: ThresholdParams::default(),
            value_payload: ValuePayload::ProposalAndParts,
            enabled: !silent,
        };
        let height = At(clerk.journal.height);
        // Messages of other heights never reach the state, so it needs no queue.
        let state = State::new(clerk.election.clone(), height, clerk.electorate(), params, 1, 1);
        let mut poll = Self { state, clerk, begun: false, decided: false };
        if !poll.clerk.journal.records().is_empty() {
            poll.replay(now);
        }
        poll
    }

    pub(super) const fn height(&self) -> u64 {
        self.clerk.journal.height
    }

    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }

    pub(super) const fn is_decided(&self) -> bool {
        self.decided
    }

    /// Whether this key's votes go out.
    pub(super) fn is_voting(&self) -> bool {
        self.state.is_active_validator()
    }

    /// The round; 0 before the first.
    pub(super) fn round(&self) -> u32 {
        number(self.state.round())
    }

    /// Whose turn it is to propose in a round.
    pub(super) fn proposer(&self, round: u32) -> KeyId {
        self.state.get_proposer(self.state.height(), Round::new(round)).0
    }

    /// Begins the first round, with what came early.
    pub(super) fn begin(&mut self, early: Vec<Message>, now: Millis) {
        self.clerk.now = now;
        if self.begun || self.decided {
            return;
        }
        self.start(false);
        for message in early {
            self.feed(translate::input(message));
        }
    }

    fn start(&mut self, again: bool) {
        self.begun = true;
        let (height, electorate) = (At(self.height()), self.clerk.electorate());
        let policy = VoteExtensionPolicy::Disabled;
        self.feed(Input::StartHeight(height, electorate, again, None, policy));
    }

    /// Goes through the journal again. What it led to before the crash, it leads to now.
    fn replay(&mut self, now: Millis) {
        self.clerk.now = now;
        let records = self.clerk.journal.records().to_vec().into_iter();
        let inputs: Vec<_> = records.map(|record| translate::input_of(self.height(), record)).collect();
        self.state.index_wal_entries(&inputs);
        self.clerk.replaying = true;
        self.start(true);
        for input in inputs {
            self.feed(input);
        }
        self.state.reset_entries_index();
        self.clerk.replaying = false;
        let (round, clerk) = (self.round(), &mut self.clerk);
        let done = clerk.has_proposed(round);
        let still = |effect: &Effect| match effect {
            Effect::WantProposal { round: wanted, .. } => *wanted == round && !done,
            Effect::Publish(_) => false,
            _ => true,
        };
        clerk.out.retain(still);
        if self.decided {
            return;
        }
        self.repeat_own();
        if !self.is_lock_back() {
            self.fall_silent("the block that it was bound to is not known any more".into());
        }
    }

    /// Of what this key has said, others may have missed what it said last.
    fn repeat_own(&mut self) {
        let me = self.clerk.me;
        for message in self.messages() {
            let own = match &message {
                Message::Ballot(signed) => signed.by == me,
                Message::Proposal(signed) => signed.by == me,
                Message::Polka(_) | Message::RoundChange(_) => false,
            };
            if own {
                self.clerk.publish(&message);
            }
        }
    }

    /// A precommit binds its key to the block until a later round. Whatever the journal lost, that must be back.
    fn is_lock_back(&self) -> bool {
        let ours = self.clerk.journal.records().iter().filter_map(|record| match record {
            Record::Message(Message::Ballot(signed)) if signed.by == self.clerk.me => Some(&signed.ballot),
            _ => None,
        });
        let bound = ours.filter(|ballot| ballot.kind == BallotKind::Precommit && ballot.block.is_some());
        let Some(last) = bound.max_by_key(|ballot| ballot.round) else { return true };
        let lock = self.state.driver.round_state().locked.as_ref();
        lock.is_some_and(|lock| (number(lock.round), Some(lock.value.0)) == (last.round, last.block))
    }

    /// A message of this height. `early` keeps it if the poll has not begun.
    pub(super) fn receive(
        &mut self,
        message: Message,
        early: &mut Early,
        now: Millis,
    ) -> Result<Heard, MessageFault> {
        self.clerk.now = now;
        self.check_place(&message)?;
        if !self.begun {
            self.clerk.check(&message)?;
            let new = early.keep(message);
            if early.show_a_beginning(self.height(), &self.clerk.validators) {
                self.begin(early.take(self.height()), now);
            }
            return Ok(if new { Heard::New } else { Heard::Known });
        }
        (self.clerk.counted, self.clerk.fault) = (false, None);
        self.feed(translate::input(message));
        match self.clerk.fault.take() {
            Some(fault) => Err(fault),
            None => Ok(if self.clerk.counted { Heard::New } else { Heard::Known }),
        }
    }

    /// Whether the one who signed has a say here at all.
    fn check_place(&self, message: &Message) -> Result<(), MessageFault> {
        let stranger = |key: KeyId| MessageFault::Stranger { key };
        match message {
            Message::Ballot(signed) if self.clerk.validators.weight(&signed.by) == 0 => {
                Err(stranger(signed.by))
            }
            Message::Proposal(signed) if self.clerk.validators.weight(&signed.by) == 0 => {
                Err(stranger(signed.by))
            }
            Message::Proposal(signed) if self.proposer(signed.proposal.round) != signed.by => {
                Err(MessageFault::NotItsTurn { key: signed.by, round: signed.proposal.round })
            }
            _ => Ok(()),
        }
    }

    /// Our proposal for a round in which we were asked for one.
    pub(super) fn propose(&mut self, round: u32, block: BlockId, now: Millis) {
        self.clerk.now = now;
        let (height, round) = (At(self.height()), Round::new(round));
        self.feed(Input::Propose(LocallyProposedValue::new(height, round, Candidate(block))));
    }

    /// The host's verdict on a block that it was asked about.
    pub(super) fn validated(&mut self, block: BlockId, good: bool, now: Millis) {
        self.clerk.now = now;
        let Some((proposer, round)) = self.clerk.asked.get(&block).copied() else { return };
        let verdict = Verdict { block, proposer, round, good };
        let proposed = translate::proposed(self.height(), &verdict);
        self.feed(Input::ProposedValue(proposed, ValueOrigin::Consensus));
    }

    /// Ends the waits that are over.
    pub(super) fn tick(&mut self, now: Millis) {
        self.clerk.now = now;
        while let Some(timeout) = self.clerk.timers.expired(now) {
            if timeout.kind == TimeoutKind::Rebroadcast && self.is_voting() {
                self.repeat_proposal();
            }
            self.feed(Input::TimeoutElapsed(timeout));
        }
    }

    /// Malachite says its own votes again; a proposal may have been lost as well.
    fn repeat_proposal(&mut self) {
        let round = self.round();
        for message in self.messages() {
            let Message::Proposal(signed) = &message else { continue };
            if signed.proposal.round != round {
                continue;
            }
            let (polka, block) = (Round::from(signed.proposal.polka), signed.proposal.block);
            if let Some(polka) = self.state.polka_certificate(polka, &block) {
                let polka = Message::Polka(self.clerk.election.polka(polka.clone()));
                self.clerk.publish(&polka);
            }
            self.clerk.publish(&message);
        }
    }

    /// What somebody who comes now needs: the words of this round and the one before, and of the round whose block most
    /// were for.
    pub(super) fn messages(&self) -> Vec<Message> {
        let valid = self.state.driver.valid_value().map(|valid| number(valid.round));
        let recent = |round: u32| round.saturating_add(1) >= self.round() || Some(round) == valid;
        let records = self.clerk.journal.records().iter();
        let messages = records.filter_map(|record| match record {
            Record::Message(message) if recent(message.round()) => Some(message.clone()),
            _ => None,
        });
        messages.collect()
    }

    /// The height is decided, here or by the others. The certificate was checked.
    pub(super) fn decide(&mut self, certificate: Certificate) {
        if !self.decided {
            self.decided = true;
            self.clerk.timers.clear();
            self.clerk.out.push(Effect::Decided(certificate));
        }
    }

    fn feed(&mut self, input: Input<Election>) {
        if self.decided || !self.begun {
            return;
        }
        let before = self.round();
        self.process(input);
        if self.round() > before && !self.state.is_replaying_wal() {
            self.forget_old_rounds();
        }
        if let Some(certificate) = self.clerk.decision.take() {
            match certificate.check(&self.clerk.validators) {
                Ok(()) => self.decide(certificate),
                Err(fault) => self.clerk.out.push(Effect::Trouble(Trouble::Certificate(fault.to_string()))),
            }
        }
    }

    fn process(&mut self, input: Input<Election>) {
        let (state, clerk) = (&mut self.state, &mut self.clerk);
        let done: Result<(), Error<Election>> = malachite::process!(
            input: input,
            state: state,
            metrics: &(),
            with: effect => clerk.handle(effect)
        );
        if let Err(error) = done {
            self.fall_silent(error.to_string());
        }
        let evidence = self.state.driver.votes().evidence();
        let pairs: Vec<_> = evidence.iter().map(|(_, pairs)| pairs.clone()).collect();
        pairs.iter().for_each(|pairs| self.clerk.report(pairs));
    }

    /// Keeps the last rounds alone, while no block has bound this key: what binds it may go back to any round.
    fn forget_old_rounds(&mut self) {
        let (round, state) = (self.round(), self.state.driver.round_state());
        if state.locked.is_none() && state.valid.is_none() {
            self.clerk.journal.forget_before(round.saturating_sub(ROUNDS_KEPT));
        }
    }

    /// From here on this key only listens, until the next height: what was to be said may be half said.
    fn fall_silent(&mut self, why: String) {
        self.state.params.enabled = false;
        self.clerk.out.push(Effect::Trouble(Trouble::Silent { height: self.height(), why }));
    }
}
