//! The replica itself: what it knows, how it opens, what can be asked of it.

use crate::{
    Depot, Effect, Now, Options, Proposal, ReplicaError, Status,
    branches::Certificates,
    lines::{Lines, Place, SECOND},
    merged::Merged,
    peers::Pending,
    propose::Work,
    tentative::Guess,
    trunk::Trunk,
    validate::Validating,
};
use ledger::{
    Block, Objects, State,
    finality::{Certificate, Engine, Validators},
};
use model::{BlockId, KeyId, Millis, Name, ObjectId, OrgId, RefName};
use std::collections::VecDeque;
use sync::{Conduct, Sync};

/// The newest final block of the branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Main {
    /// The block.
    pub block: BlockId,
    /// Its place on the branch.
    pub height: u64,
    /// When it was made.
    pub at: Millis,
    /// The state after it.
    pub tree: ObjectId,
}

impl Main {
    pub(crate) fn of(block: &Block) -> Self {
        Self { block: block.id, height: block.height.unwrap_or(0), at: block.at, tree: block.tree }
    }
}

/// One box's copy of the ledger.
pub struct Replica<D> {
    pub(crate) depot: D,
    pub(crate) options: Options,
    pub(crate) org: OrgId,
    pub(crate) main: Main,
    /// What shows that main is final, where its author's weight does not.
    pub(crate) certificate: Option<Certificate>,
    /// The same for the branches that are not followed.
    pub(crate) certificates: Certificates,
    /// Those who vote on the next block.
    pub(crate) validators: Validators,
    pub(crate) lines: Lines,
    pub(crate) trunk: Trunk,
    pub(crate) engine: Engine,
    pub(crate) sync: Sync,
    pub(crate) work: Work,
    pub(crate) validating: Validating,
    pub(crate) pending: Pending,
    pub(crate) guess: Option<Guess>,
    pub(crate) effects: VecDeque<Effect>,
}

/// Names of the notes that a replica keeps.
pub(crate) struct Notes;

impl Notes {
    pub(crate) fn merged(branch: &Name) -> String {
        format!("merged.{branch}")
    }

    /// The certificate of the newest block of a branch, as a text.
    pub(crate) fn certificate(branch: &Name) -> String {
        format!("certificate.{branch}")
    }

    /// What this key said in votes.
    pub(crate) fn vote(branch: &Name) -> String {
        format!("vote.{branch}")
    }

    pub(crate) const CONDUCT: &'static str = "conduct";
}

/// After so many blocks of main the note of what it contains is written again.
const NOTE_EVERY: u64 = 64;

impl<D: Depot> Replica<D> {
    /// Opens the copy that a depot holds.
    pub fn open(mut depot: D, options: Options, now: Now) -> Result<Self, ReplicaError> {
        let branch = &options.branch;
        let no_branch = || ReplicaError::NoBranch { branch: branch.clone() };
        let main = depot.head(&RefName::Head(branch.clone()))?.ok_or_else(no_branch)?;
        let note = depot.note(&Notes::merged(branch))?;
        let merged = Merged::read(depot.objects(), main, note.as_deref())?;
        let block = Block::read(depot.objects(), main)?;
        let trunk = Trunk::open(&mut depot, &block)?;
        let validators = Validators::of(&State::at_tree(depot.objects(), block.tree), branch)?;
        let conduct = depot.note(Notes::CONDUCT)?.and_then(|note| Conduct::parse(&note, now.elapsed).ok());
        let me = options.known_as.unwrap_or_else(|| options.key.public().id());
        let sync = Sync::new(me, block.org, &options.software, options.limits, conduct.unwrap_or_default());
        let engine = Engine::new(block.org, branch.clone(), options.key.clone(), options.timeouts);
        let mut replica = Self {
            depot,
            org: block.org,
            main: Main::of(&block),
            certificate: None,
            certificates: Certificates::new(),
            validators,
            lines: Lines::new(merged),
            trunk,
            engine,
            sync,
            work: Work::default(),
            validating: Validating::default(),
            pending: Pending::default(),
            guess: None,
            effects: VecDeque::new(),
            options,
        };
        replica.recover(now)?;
        Ok(replica)
    }

    /// Goes on where the box stopped, or lost its power.
    fn recover(&mut self, now: Now) -> Result<(), ReplicaError> {
        self.find_heads(now)?;
        self.find_certificates()?;
        let note = self.depot.note(&Notes::certificate(&self.options.branch))?;
        let certificate = note.and_then(|note| Certificate::parse(&note).ok());
        match certificate {
            Some(certificate) if certificate.block == self.main.block => self.certificate = Some(certificate),
            // The power went between the certificate and the reference.
            Some(certificate) if certificate.height > self.main.height => {
                self.adopt(certificate.block, Some(certificate), now)?;
            }
            _ => {}
        }
        self.restart_engine(now)?;
        self.pending.heads_changed = true;
        self.pump(now)
    }

    fn find_heads(&mut self, now: Now) -> Result<(), ReplicaError> {
        let mut ends = Vec::new();
        for (name, head) in self.depot.refs()? {
            let RefName::Writer(_, branch) = name else { continue };
            let block = Block::read(self.depot.objects(), head)?;
            ends.push((branch.as_str().ends_with(SECOND), block.sequence, block));
        }
        // The first lines before the second ones, each from old to new.
        ends.sort_by_key(|(is_second, sequence, _)| (*is_second, *sequence));
        for (_, _, block) in ends {
            let objects = self.depot.objects();
            let (place, fits) = (self.lines.place(objects, &block)?, self.trunk.fits(objects, &block)?);
            self.lines.set(objects, &block, place, fits, now.elapsed)?;
        }
        Ok(())
    }

    /// The organisation.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The node's key.
    pub fn key_id(&self) -> KeyId {
        self.options.key.public().id()
    }

    /// The newest final block.
    pub fn main(&self) -> Main {
        self.main
    }

    /// What shows that main is final; nothing where its author's weight does, or where nobody need agree.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// What is kept.
    pub fn depot(&self) -> &D {
        &self.depot
    }

    /// What is kept, for the host's own use of it. References are the replica's to move.
    pub fn depot_mut(&mut self) -> &mut D {
        &mut self.depot
    }

    /// Gives the depot back.
    pub fn into_depot(self) -> D {
        self.depot
    }

    /// The objects, to read.
    pub fn objects(&self) -> &dyn Objects {
        self.depot.objects()
    }

    /// Those who vote on the next block.
    pub fn validators(&self) -> &Validators {
        &self.validators
    }

    /// Whether this box alone makes blocks final: it has more than two thirds of the weight.
    pub fn is_alone(&self) -> bool {
        self.validators.alone(&self.key_id())
    }

    /// The vote on the next block, to look at.
    pub fn vote(&self) -> &Engine {
        &self.engine
    }

    /// The talk with peers, to look at.
    pub fn sync(&self) -> &Sync {
        &self.sync
    }

    /// What is to be done, oldest first. Each is given once.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        self.effects.drain(..).collect()
    }

    /// The newest block of a writer that this box knows, on whatever branch: what comes next builds on it.
    pub fn head_of(&self, writer: &KeyId) -> Option<BlockId> {
        self.lines.end(writer).map(|end| end.block)
    }

    /// Heads that wait for a merge that counts.
    pub fn waiting(&self) -> impl Iterator<Item = BlockId> {
        self.lines.waiting().map(|head| head.block)
    }

    /// Writers whose key is in use twice, with a head of each line.
    pub fn clones(&self) -> impl Iterator<Item = (KeyId, BlockId, BlockId)> {
        self.lines.doubles().map(|(key, first, second)| (*key, first.block, second.block))
    }

    /// Where a writer's block stands.
    pub fn status_of(&self, block: BlockId) -> Result<Status, ReplicaError> {
        if let Some((_, head)) = self.lines.iter().find(|(_, head)| head.block == block) {
            return Ok(head.status());
        }
        let objects = self.depot.objects();
        if objects.read(&block.into()).map_err(ledger::LoadError::from)?.is_none() {
            return Ok(Status::Unknown);
        }
        let block = Block::read(objects, block)?;
        let sequence = block.sequence.unwrap_or(0);
        if let Some(height) = self.lines.merged.height_of(objects, &block.author, block.id, sequence)? {
            return Ok(Status::Final { height });
        }
        if block.branch != self.options.branch && !block.kind.is_of_branch() {
            return self.status_beside(&block);
        }
        // An older block of a line goes in with the line's head.
        let known = self.lines.place(objects, &block)? == Place::Known;
        let head = self.lines.head(&block.author).filter(|_| known);
        Ok(head.map_or(Status::Unknown, |head| head.status()))
    }

    /// The newest head of each writer and where it stands, the newest of all last.
    pub fn proposals(&self) -> Result<Vec<Proposal>, ReplicaError> {
        let mut all = Vec::new();
        for (writer, head) in self.lines.iter() {
            let block = Block::read(self.depot.objects(), head.block)?;
            let (name, at, subject) = (block.author_name, block.at, block.subject);
            let status = head.status();
            all.push(Proposal { writer: *writer, name, head: head.block, at, subject, status });
        }
        all.sort_by_key(|proposal| (proposal.at, proposal.head));
        Ok(all)
    }

    /// Takes note that main moved to a block, whose reference is moved already.
    pub(crate) fn moved(&mut self, block: &Block, now: Now) -> Result<(), ReplicaError> {
        self.lines.advance(self.depot.objects(), block)?;
        self.main = Main::of(block);
        let state = State::at_tree(self.depot.objects(), block.tree);
        self.validators = Validators::of(&state, &self.options.branch)?;
        for (head, reason) in &block.left_out {
            self.lines.leave_out(*head, reason, block.author == self.key_id());
        }
        self.work = Work::default();
        self.validating = Validating::default();
        self.guess = None;
        self.pending.heads_changed = true;
        self.effects.push_back(Effect::Moved { block: block.id, height: self.main.height });
        self.pending.unnoted += 1;
        self.open_vote(now);
        Ok(())
    }

    /// Writes down what main contains, now and then, for a fast start.
    pub(crate) fn note_merged(&mut self) -> Result<(), ReplicaError> {
        if self.pending.unnoted >= NOTE_EVERY {
            let note = self.lines.merged.to_bytes();
            self.depot.keep_note(&Notes::merged(&self.options.branch), &note)?;
            self.pending.unnoted = 0;
        }
        Ok(())
    }
}
