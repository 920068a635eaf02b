//! What a writer's head offers to a branch.
//!
//! The base is the newest block of the head's run that the branch contains, else the block of the branch on which the
//! run stands. What differs from there to the head is the offer: documents, all together or not at all, and new
//! files of the node's own log; of a join also the logs that come along from the other branch. Of a second line of
//! its writer ([`standing`](crate::standing)) the events alone are offered.

use crate::{
    block::{Block, BlockError},
    check::{BlockFault, check_block},
    clone,
    diff::{Difference, diff},
    document_merge::{keep_marks, table_has_mark},
    integrate::{IntegrateError, Reason},
    keys::Owner,
    line::{Run, run, since, visit_newer},
    log,
    merge::MergeError,
    object::{Kind, NewObjects, Objects, load},
    rotation,
    rules::adds_mark,
    standing::{SecondLine, Standing},
    state::{SignerError, State},
    tree::{Edits, Entry},
};
use model::{BlockId, Document, Millis, Name, ObjectId};
use std::collections::BTreeSet;

/// A head that may be taken in: what it changes, and against what.
pub(crate) struct Offer {
    pub(crate) head: Block,
    /// The branch to which it is offered.
    pub(crate) branch: Name,
    owner: Owner,
    /// Changed documents and manifests of its run.
    pub(crate) documents: Vec<Difference>,
    /// New files of its node's own log, and what a join brings.
    pub(crate) logs: Vec<Difference>,
    /// The dapps for which the blocks of its run were written; `None` for its owner's own.
    dapps: BTreeSet<Option<Name>>,
    /// Whether it brings another branch: then it goes in whole or not at all.
    pub(crate) joins: bool,
    /// The line that it is, if it is not the one that counts.
    pub(crate) second: Option<SecondLine>,
    revokes: bool,
}

impl Offer {
    fn nothing(main: &Block, head: Block, owner: Owner) -> Self {
        Self {
            head,
            branch: main.branch.clone(),
            owner,
            documents: Vec::new(),
            logs: Vec::new(),
            dapps: BTreeSet::new(),
            joins: false,
            second: None,
            revokes: false,
        }
    }

    /// The place among other heads: revocations first, then by time, then by id.
    pub(crate) fn order(&self) -> (bool, Millis, BlockId) {
        (!self.revokes, self.head.at, self.head.id)
    }

    /// What is left of it when its line is a second one.
    pub(crate) fn make_second(
        &mut self,
        objects: &dyn Objects,
        second: SecondLine,
    ) -> Result<(), IntegrateError> {
        self.logs = clone::logs(objects, &self.owner, &second, &self.head)?;
        (self.documents, self.revokes, self.joins) = (Vec::new(), false, false);
        self.second = Some(second);
        Ok(())
    }
}

/// Looks at a head from a block of a branch: what it offers, or why nothing can be made of it. Without a standing the
/// writer is taken to have one line.
pub(crate) fn offer(
    objects: &dyn Objects,
    main: &Block,
    head: Block,
    standing: Option<Standing>,
) -> Result<Result<Offer, Reason>, IntegrateError> {
    if head.kind.is_of_branch() {
        return Ok(Err(Reason::NotAWriter));
    }
    let since = since(objects, main.id, &head)?;
    if !since.on_main {
        return Ok(Err(Reason::OtherMain));
    }
    let Some(key) = State::at_tree(objects, main.tree).key(&head.author)? else {
        return Ok(Err(Reason::Signer(SignerError::Stranger { key: head.author })));
    };
    let mut offer = Offer::nothing(main, head, key.owner);
    let last = match standing {
        None => since.last,
        Some(Standing::Next { last }) => last.map(|last| *last),
        Some(Standing::Known) => return Ok(Err(Reason::Known)),
        Some(Standing::Second(second)) => {
            offer.make_second(objects, *second)?;
            return Ok(Ok(offer));
        }
    };
    let Some(run) = run(objects, &offer.head, last.as_ref())? else {
        return Ok(Err(Reason::SecondLine));
    };
    offer.fill(objects, main, last.as_ref(), run)?;
    Ok(Ok(offer))
}

impl Offer {
    fn fill(
        &mut self,
        objects: &dyn Objects,
        main: &Block,
        last: Option<&Block>,
        run: Run,
    ) -> Result<(), IntegrateError> {
        let head = &self.head;
        let base = match last.filter(|last| last.main() == head.main()) {
            Some(last) => last.tree,
            None if head.main() == Some(main.id) => main.tree,
            None => Block::read(objects, head.parents[0])?.tree,
        };
        let changes = diff(objects, Some(&base), Some(&head.tree)).map_err(MergeError::from)?;
        (self.logs, self.documents) = changes.into_iter().partition(|change| change.path.is_within("log"));
        (self.dapps, self.joins) = (run.dapps, run.joins);
        self.revokes = self.sets_a_mark(objects)?;
        Ok(())
    }

    /// Whether one of the changes sets a `revoked` mark.
    fn sets_a_mark(&self, objects: &dyn Objects) -> Result<bool, IntegrateError> {
        for change in self.documents.iter().filter(|change| change.path.is_document()) {
            let new = read_document(objects, change.new)?;
            if table_has_mark(new.table())
                && adds_mark(read_document(objects, change.old)?.table(), new.table())
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The documents of a tree with nothing but the marks that the head adds to them.
    pub(crate) fn marks(
        &self,
        objects: &dyn Objects,
        tree: &ObjectId,
        new: &mut NewObjects,
    ) -> Result<Vec<Difference>, IntegrateError> {
        let state = State::at_tree(objects, *tree);
        let mut marks = Vec::new();
        for change in self.documents.iter().filter(|change| change.path.is_document()) {
            let theirs = read_document(objects, change.new)?;
            let adds = adds_mark(read_document(objects, change.old)?.table(), theirs.table());
            let Some(ours) = state.document(&change.path)?.filter(|_| adds) else { continue };
            let mut marked = ours.clone();
            keep_marks(marked.table_mut(), theirs.table());
            keep_marks(marked.table_mut(), ours.table());
            let Ok(text) = marked.to_canonical() else { continue };
            if marked != ours {
                let file = new.insert(Kind::Blob, text.into_bytes());
                let old = state.id_of(&change.path)?;
                marks.push(Difference { path: change.path.clone(), old, new: Some(file) });
            }
        }
        Ok(marks)
    }

    /// Whether the branch, as it is by now, lets the head's author write documents.
    pub(crate) fn judge(
        &self,
        objects: &dyn Objects,
        tree: &ObjectId,
        documents: &[Difference],
    ) -> Result<Result<(), Reason>, IntegrateError> {
        let state = State::at_tree(objects, *tree);
        let policy = state.policy()?;
        let mut signers = Vec::new();
        for dapp in &self.dapps {
            match state.signer(&self.head.author, dapp.as_ref()) {
                Ok(signer) => signers.push(signer),
                Err(SignerError::State(error)) if error.is_store_failure() => return Err(error.into()),
                Err(error) => return Ok(Err(Reason::Signer(error))),
            }
        }
        let own = signers.iter().find(|signer| signer.dapp.is_none());
        let rotated = own.map(|own| rotation::paths(objects, documents, own)).transpose()?;
        let free = rotated.unwrap_or_default();
        for change in documents.iter().filter(|change| !free.contains(&change.path)) {
            let verdicts = signers.iter().map(|signer| policy.may_write(signer, &change.path));
            if let Err(denied) = verdicts.reduce(|one, other| one.or(other)).unwrap_or(Ok(())) {
                return Ok(Err(Reason::Denied(denied)));
            }
        }
        Ok(Ok(()))
    }

    /// The files of the author's own log, and of a join, that the tree has not.
    pub(crate) fn new_log_files(
        &self,
        objects: &dyn Objects,
        tree: &ObjectId,
    ) -> Result<Result<Edits, Reason>, IntegrateError> {
        let state = State::at_tree(objects, *tree);
        let folder = match self.owner.node() {
            Some(node) => {
                if state.node(node)?.is_some_and(|document| document.key != self.head.author) {
                    return Ok(Err(Reason::Replaced));
                }
                Some(log::folder(node))
            }
            None => None,
        };
        let mut edits = Edits::new();
        for change in &self.logs {
            let own = folder.as_ref().is_some_and(|folder| change.path.is_within(folder.as_str()));
            let added = change.new.filter(|_| change.old.is_none() && (own || self.joins));
            match (added.map(Entry::File), state.entry(&change.path)?) {
                (Some(file), None) => edits.insert(change.path.clone(), Some(file)),
                (Some(file), Some(there)) if file == there => None,
                _ => return Ok(Err(Reason::Log)),
            };
        }
        Ok(Ok(edits))
    }
}

/// A document; what is none revokes nothing, and the rules refuse it later.
fn read_document(objects: &dyn Objects, id: Option<ObjectId>) -> Result<Document, IntegrateError> {
    let Some(id) = id else { return Ok(Document::default()) };
    let bytes = load(objects, &id, Kind::Blob).map_err(MergeError::from)?;
    Ok(Document::parse(&bytes).unwrap_or_default())
}

/// Checks every block of a head's line that the branch does not have.
pub(crate) fn check_line(
    objects: &dyn Objects,
    head: &Block,
    standing: &Standing,
) -> Result<Result<(), Reason>, IntegrateError> {
    let last = match standing {
        Standing::Known => return Ok(Ok(())),
        Standing::Next { last } => last.as_deref(),
        Standing::Second(second) => second.last.as_ref(),
    };
    let mut check = |block: &Block| check_block(objects, block).map_err(|fault| Stop::at(block, fault));
    match visit_newer(objects, head, last, &mut check) {
        Ok(true) => Ok(Ok(())),
        Ok(false) => Ok(Err(Reason::SecondLine)),
        Err(Stop::Block(error)) => Err(error.into()),
        Err(Stop::Fault { fault, .. }) if fault.is_store_failure() => Err(IntegrateError::Check(fault)),
        Err(Stop::Fault { block, fault }) => Ok(Err(Reason::Fault { block, fault })),
    }
}

/// Why a line was not followed to its end.
enum Stop {
    Block(BlockError),
    Fault { block: BlockId, fault: Box<BlockFault> },
}

impl Stop {
    fn at(block: &Block, fault: BlockFault) -> Self {
        Self::Fault { block: block.id, fault: Box::new(fault) }
    }
}

impl From<BlockError> for Stop {
    fn from(error: BlockError) -> Self {
        Self::Block(error)
    }
}
