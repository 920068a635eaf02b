//! Takes part in the vote on a branch, one height at a time.
//!
//! An outbox machine: calls go in with the time, effects come out of [`Engine::effects`], to be done in their order. The host
//! merges, checks and stores blocks, keeps the journal, sends and receives; the engine never sees a block, only its id.
//! It panics on no message. Where its own safety is in doubt (a damaged journal, a second word in a round) it
//! stays silent for the height and follows the others.

use super::{
    certificate::{Certificate, CertificateFault},
    clerk::Clerk,
    context::Election,
    early::Early,
    evidence::Evidence,
    journal::{Journal, JournalError},
    message::{MAX_ROUND, Message, MessageFault},
    poll::Poll,
    timers::{Timeouts, Timers},
    validators::Validators,
};
use model::{BlockId, KeyId, Millis, Name, OrgId, SigningKey};

/// Something the host has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Keep these bytes durably, in place of those kept before, for [`Engine::recover`]. No later effect may be done
    /// before they are synced.
    Remember(Vec<u8>),
    /// Send this message to all peers. It may be one that was sent before: somebody may have missed it.
    Publish(Vec<u8>),
    /// It is our turn: make a merge block on top of the height's main and call [`Engine::propose`]. Nothing needs to be done if
    /// there is nothing to propose; the next one's turn comes.
    WantProposal {
        /// The height of the block.
        height: u64,
        /// The round.
        round: u32,
    },
    /// Get this block, check it, store it durably if it is good, and call [`Engine::validated`].
    Validate {
        /// The block.
        block: BlockId,
        /// Who proposed it, and so should have it.
        proposer: KeyId,
        /// The round in which it was proposed.
        round: u32,
    },
    /// The height's block is final. Its certificate has been checked. Nothing of this height comes after it.
    Decided(Certificate),
    /// A validator voted twice.
    Evidence(Box<Evidence>),
    /// Something that a person should see.
    Trouble(Trouble),
}

/// What went wrong in a vote without making it unsafe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// This key was about to contradict what it signed before.
    #[error(
        "this node has spoken in round {round} of height {height} already and was about to say something else"
    )]
    OwnWord {
        /// The height.
        height: u64,
        /// The round.
        round: u32,
    },
    /// This key votes no more at this height.
    #[error("this node does not vote on height {height}: {why}")]
    Silent {
        /// The height.
        height: u64,
        /// Why.
        why: String,
    },
    /// The decision's certificate does not hold.
    #[error("the vote ended with a certificate that does not hold: {0}")]
    Certificate(String),
}

/// What a message was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It counts and is worth passing on.
    New,
    /// It said nothing new.
    Known,
    /// It is of a height that is decided.
    Old,
    /// It is of the next height and was kept until that starts. The engine passes it on then, if it counts: who would do so
    /// now may vouch for somebody who has no say there.
    Early,
    /// It is of a later height than that, or no vote is open here: nothing is known about it.
    Ahead,
}

/// The vote on one branch.
pub struct Engine {
    election: Election,
    key: SigningKey,
    timeouts: Timeouts,
    poll: Option<Poll>,
    early: Early,
    recovered: Recovered,
    out: Vec<Effect>,
}

/// What was left of the journal when the engine started.
enum Recovered {
    Nothing,
    Journal(Journal),
    Damaged,
}

impl Engine {
    /// An engine that stands still until [`Engine::start`]. The key may be no validator's; it listens then.
    pub fn new(org: OrgId, branch: Name, key: SigningKey, timeouts: Timeouts) -> Self {
        Self {
            election: Election { org, branch },
            key,
            timeouts,
            poll: None,
            early: Early::default(),
            recovered: Recovered::Nothing,
            out: Vec::new(),
        }
    }

    /// Hands over what was kept by the last [`Effect::Remember`], before the first [`Engine::start`]. After an error this key
    /// does not vote on the height that starts next, since it may have voted on it already.
    pub fn recover(&mut self, kept: &[u8]) -> Result<(), JournalError> {
        let journal = Journal::parse(kept);
        self.recovered = Recovered::Damaged;
        self.recovered = Recovered::Journal(journal?);
        Ok(())
    }

    /// Opens the vote on `height`, for the block after `main`, by the validators of `main`'s state. Rounds begin with
    /// [`Engine::begin`] or when others begin. Starting what is open already changes nothing; where one validator
    /// suffices ([`Validators::vote`]) nothing is opened.
    pub fn start(&mut self, height: u64, main: BlockId, validators: Validators, now: Millis) {
        let open = self.poll.as_ref().map(|poll| (poll.height(), poll.clerk.journal.main));
        if open == Some((height, main)) {
            return;
        }
        self.drain();
        self.poll = None;
        let again = open.is_some_and(|(open, _)| open >= height);
        let (journal, doubt) = self.journal_of(height, main);
        if !validators.vote() {
            return;
        }
        let timers = Timers::new(self.timeouts);
        let clerk = Clerk::new(self.election.clone(), validators, self.key.clone(), timers, journal);
        self.open(Poll::open(clerk, again || doubt, now), again || doubt, now);
    }

    fn open(&mut self, poll: Poll, silent: bool, now: Millis) {
        let height = poll.height();
        if silent {
            let why = "what it said there before is not known".into();
            self.out.push(Effect::Trouble(Trouble::Silent { height, why }));
        }
        self.poll = Some(poll);
        for message in self.early.take(height) {
            let bytes = message.to_bytes();
            // What was kept may be of somebody who is no validator any more; only what counts is passed on.
            if matches!(self.hear(message, now), Ok(Heard::New)) {
                self.drain();
                self.out.push(Effect::Publish(bytes));
            }
        }
    }

    /// The journal to go on with, and whether something may be missing from it.
    fn journal_of(&mut self, height: u64, main: BlockId) -> (Journal, bool) {
        let fresh = Journal::new(height, main);
        match std::mem::replace(&mut self.recovered, Recovered::Nothing) {
            Recovered::Journal(journal) if journal.height == height && journal.main == main => {
                (journal, false)
            }
            Recovered::Journal(journal) if journal.height > height => {
                // The ledger is older than the journal: what was said at the heights between is not known.
                self.recovered = Recovered::Journal(journal);
                (fresh, true)
            }
            Recovered::Journal(journal) => (fresh, journal.height == height),
            Recovered::Damaged => (fresh, true),
            Recovered::Nothing => (fresh, false),
        }
    }

    /// There is something to propose: the first round begins.
    pub fn begin(&mut self, now: Millis) {
        if let Some(poll) = &mut self.poll
            && !poll.has_begun()
        {
            let early = self.early.take(poll.height());
            poll.begin(early, now);
        }
    }

    /// The block for a round of [`Effect::WantProposal`]; it is stored and good. Too late is no harm.
    pub fn propose(&mut self, round: u32, block: BlockId, now: Millis) {
        if let Some(poll) = &mut self.poll {
            poll.propose(round, block, now);
        }
    }

    /// What the host found out about a block of [`Effect::Validate`]. A good one is stored durably by now.
    pub fn validated(&mut self, block: BlockId, good: bool, now: Millis) {
        if let Some(poll) = &mut self.poll {
            poll.validated(block, good, now);
        }
    }

    /// A message from a peer.
    pub fn receive(&mut self, bytes: &[u8], now: Millis) -> Result<Heard, MessageFault> {
        let message = Message::parse(bytes)?;
        let (org, branch) = message.place();
        if *org != self.election.org || *branch != self.election.branch {
            return Err(MessageFault::Foreign { org: *org, branch: branch.clone() });
        }
        if message.round() > MAX_ROUND {
            return Err(MessageFault::Round { round: message.round() });
        }
        self.hear(message, now)
    }

    fn hear(&mut self, message: Message, now: Millis) -> Result<Heard, MessageFault> {
        let Some(poll) = &mut self.poll else { return Ok(Heard::Ahead) };
        let height = poll.height();
        if message.height() == height {
            return poll.receive(message, &mut self.early, now);
        }
        if message.height() < height {
            return Ok(Heard::Old);
        }
        let next = message.height() == height.saturating_add(1);
        let single = matches!(message, Message::Ballot(_) | Message::Proposal(_));
        // Signed by a validator of today: good enough to be kept, and looked at again when its height starts.
        let kept = next && single && poll.clerk.check(&message).is_ok() && self.early.keep(message);
        Ok(if kept { Heard::Early } else { Heard::Ahead })
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis) {
        if let Some(poll) = &mut self.poll {
            poll.tick(now);
        }
    }

    /// When [`Engine::tick`] is wanted next.
    pub fn wake_at(&self) -> Option<Millis> {
        self.poll.as_ref()?.clerk.timers.wake_at()
    }

    /// A certificate that came another way. If it is of the open height and holds, the height is decided.
    pub fn decided_elsewhere(&mut self, certificate: Certificate) -> Result<(), CertificateFault> {
        let Some(poll) = &mut self.poll else { return Ok(()) };
        let here = (certificate.org, &certificate.branch) == (self.election.org, &self.election.branch);
        if certificate.height == poll.height() && here {
            certificate.check(&poll.clerk.validators)?;
            poll.decide(certificate);
        }
        Ok(())
    }

    /// All that a peer which just came needs to take part in the open height.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        let messages = self.poll.as_ref().map(Poll::messages).unwrap_or_default();
        messages.iter().map(Message::to_bytes).collect()
    }

    /// The open height and its round, if rounds have begun.
    pub fn round(&self) -> Option<(u64, u32)> {
        let poll = self.poll.as_ref().filter(|poll| poll.has_begun() && !poll.is_decided())?;
        Some((poll.height(), poll.round()))
    }

    /// Whose turn it is to propose in a round of the open height.
    pub fn proposer(&self, round: u32) -> Option<KeyId> {
        self.poll.as_ref().map(|poll| poll.proposer(round))
    }

    /// Whether this key's votes count at the open height and go out.
    pub fn is_voting(&self) -> bool {
        self.poll.as_ref().is_some_and(Poll::is_voting)
    }

    /// What is to be done, in this order, since the last call.
    pub fn effects(&mut self) -> Vec<Effect> {
        self.drain();
        std::mem::take(&mut self.out)
    }

    fn drain(&mut self) {
        if let Some(poll) = &mut self.poll {
            self.out.append(&mut poll.clerk.out);
        }
    }
}
