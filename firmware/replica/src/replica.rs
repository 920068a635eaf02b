//! The replica itself: what it knows, how it opens, what can be asked of it.

use crate::{Depot, Effect, Now, Options, Proposal, ReplicaError, Status, lines::Lines, merged::Merged};
use ledger::{Block, Objects, State};
use model::{BlockId, KeyId, Millis, Name, ObjectId, OrgId, RefName};
use std::collections::{BTreeMap, VecDeque};

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
    fn of(block: &Block) -> Self {
        Self { block: block.id, height: block.height.unwrap_or(0), at: block.at, tree: block.tree }
    }
}

/// One box's copy of the ledger.
#[derive(Debug)]
pub struct Replica<D> {
    pub(crate) depot: D,
    pub(crate) options: Options,
    pub(crate) org: OrgId,
    pub(crate) main: Main,
    /// The validators of the branch, as main has them.
    pub(crate) validators: BTreeMap<KeyId, u64>,
    pub(crate) lines: Lines,
    pub(crate) effects: VecDeque<Effect>,
}

/// The note in which [`Merged`] is kept.
fn merged_note(branch: &Name) -> String {
    format!("merged.{branch}")
}

/// After so many blocks of main the note is written again.
const NOTE_EVERY: u64 = 64;

impl<D: Depot> Replica<D> {
    /// Opens the copy that a depot holds.
    pub fn open(depot: D, options: Options, now: Now) -> Result<Self, ReplicaError> {
        let branch = &options.branch;
        let no_branch = || ReplicaError::NoBranch { branch: branch.clone() };
        let main = depot.head(&RefName::Head(branch.clone()))?.ok_or_else(no_branch)?;
        let note = depot.note(&merged_note(branch))?;
        let merged = Merged::read(depot.objects(), main, note.as_deref())?;
        let block = Block::read(depot.objects(), main)?;
        let validators = State::at_tree(depot.objects(), block.tree).validators()?;
        let (org, main, lines) = (block.org, Main::of(&block), Lines::new(merged));
        let mut replica = Self { depot, options, org, main, validators, lines, effects: VecDeque::new() };
        replica.find_heads(now)?;
        Ok(replica)
    }

    fn find_heads(&mut self, now: Now) -> Result<(), ReplicaError> {
        for (name, head) in self.depot.refs()? {
            if matches!(&name, RefName::Writer(_, branch) if *branch == self.options.branch) {
                let block = Block::read(self.depot.objects(), head)?;
                self.lines.set(&block, now.elapsed);
            }
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

    /// The validators of the branch with their weights.
    pub fn validators(&self) -> &BTreeMap<KeyId, u64> {
        &self.validators
    }

    /// What is to be done, oldest first. Each is given once.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        self.effects.drain(..).collect()
    }

    /// The newest head of a writer that this box knows.
    pub fn head_of(&self, writer: &KeyId) -> Option<BlockId> {
        self.lines.head(writer).map(|head| head.block)
    }

    /// Where a writer's block stands.
    pub fn status_of(&self, block: BlockId) -> Result<Status, ReplicaError> {
        let Some(_) = self.depot.objects().read(&block.into()).map_err(ledger::LoadError::from)? else {
            return Ok(Status::Unknown);
        };
        let block = Block::read(self.depot.objects(), block)?;
        let sequence = block.sequence.unwrap_or(0);
        match (self.lines.merged.newest(&block.author), self.lines.head(&block.author)) {
            (Some(newest), _) if newest.sequence >= sequence => Ok(Status::Final { height: newest.height }),
            (_, Some(head)) => Ok(self.lines.status(&block.author, head)),
            (_, None) => Ok(Status::Unknown),
        }
    }

    /// The newest head of each writer and where it stands, the newest of all last.
    pub fn proposals(&self) -> Result<Vec<Proposal>, ReplicaError> {
        let mut all = Vec::new();
        for (writer, head) in self.lines.iter() {
            let block = Block::read(self.depot.objects(), head.block)?;
            let (name, at, subject) = (block.author_name, block.at, block.subject);
            let status = self.lines.status(writer, head);
            all.push(Proposal { writer: *writer, name, head: head.block, at, subject, status });
        }
        all.sort_by_key(|proposal| (proposal.at, proposal.head));
        Ok(all)
    }

    /// Takes note that main moved to a block that is stored.
    pub(crate) fn moved(&mut self, block: &Block) -> Result<(), ReplicaError> {
        self.lines.merged.advance(self.depot.objects(), block)?;
        self.main = Main::of(block);
        self.validators = State::at_tree(self.depot.objects(), block.tree).validators()?;
        for (head, reason) in &block.left_out {
            if !block.heads().contains(head) {
                self.lines.leave_out(*head, reason);
            }
        }
        self.effects.push_back(Effect::Moved { block: block.id, height: self.main.height });
        if self.main.height.is_multiple_of(NOTE_EVERY) {
            let note = self.lines.merged.to_bytes();
            self.depot.keep_note(&merged_note(&self.options.branch), &note)?;
        }
        Ok(())
    }
}
