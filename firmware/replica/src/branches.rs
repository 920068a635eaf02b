//! Branches beside the one that the box follows: kept and told, so that any box can fetch, join or follow them.
//!
//! Every box keeps the newest final block of every branch that it hears of, and all writers' blocks on it. It makes
//! nothing final there and has no vote. Of two branches with one name the one that was heard of first is kept.

use crate::{Depot, Now, Replica, ReplicaError, Status, lines::SECOND, merged::is_on_line, replica::Notes};
use ledger::{Block, Layered, NewObjects, check_block, check_final, finality::Certificate};
use model::{BlockId, Name, RefName};
use std::collections::BTreeMap;

/// The most branches that are kept. A fork needs nobody's leave, so a box must not keep them without end.
pub const BRANCHES_MAX: usize = 64;

/// What shows that the newest blocks of other branches are final, where something has to.
pub(crate) type Certificates = BTreeMap<Name, Certificate>;

impl<D: Depot> Replica<D> {
    /// Reads what was kept with other branches.
    pub(crate) fn find_certificates(&mut self) -> Result<(), ReplicaError> {
        for (name, block) in self.depot.refs()? {
            let RefName::Head(branch) = name else { continue };
            let note = self.depot.note(&Notes::certificate(&branch))?;
            let certificate = note.and_then(|note| Certificate::parse(&note).ok());
            if let Some(certificate) = certificate.filter(|certificate| certificate.block == block) {
                self.certificates.insert(branch, certificate);
            }
        }
        Ok(())
    }

    /// A peer has a newer block of a branch that this box does not follow.
    pub(crate) fn hear_of_branch(
        &mut self,
        branch: &Name,
        id: BlockId,
        certificate: Option<Certificate>,
    ) -> Result<(), ReplicaError> {
        let block = Block::read(self.depot.objects(), id)?;
        let is_one = block.kind.is_of_branch() && block.branch == *branch && block.org == self.org;
        if !is_one || !self.is_next_of(&block)? {
            return Ok(());
        }
        match check_final(self.depot.objects(), &block, certificate.as_ref()) {
            Ok(()) => {}
            Err(fault) if fault.is_store_failure() => return Err(fault.into()),
            Err(_) => return Ok(()),
        }
        if let Some(certificate) = &certificate {
            self.depot.keep_note(&Notes::certificate(branch), &certificate.to_bytes())?;
        }
        self.depot.commit(&NewObjects::default(), &[(RefName::Head(branch.clone()), id)])?;
        match certificate {
            Some(certificate) => self.certificates.insert(branch.clone(), certificate),
            None => self.certificates.remove(branch),
        };
        self.pending.heads_changed = true;
        Ok(())
    }

    /// Whether a block is a branch's first that this box hears of, or lies above the newest that it has.
    fn is_next_of(&self, block: &Block) -> Result<bool, ReplicaError> {
        let Some(known) = self.depot.head(&RefName::Head(block.branch.clone()))? else {
            let heads = self.depot.refs()?.into_keys().filter(|name| matches!(name, RefName::Head(_)));
            return Ok(!block.branch.as_str().ends_with(SECOND) && heads.count() < BRANCHES_MAX);
        };
        let height = Block::read(self.depot.objects(), known)?.height;
        let mut next = block.clone();
        while next.height > height
            && let Some(main) = next.main()
        {
            next = Block::read(self.depot.objects(), main)?;
        }
        Ok(next.id == known && block.id != known)
    }

    /// Takes in the first block of a new branch. It is checked, kept and told to other boxes.
    pub fn begin_branch(&mut self, id: BlockId, objects: &NewObjects, now: Now) -> Result<(), ReplicaError> {
        let layered = Layered { new: objects, base: self.depot.objects() };
        let block = Block::read(&layered, id)?;
        let name = RefName::Head(block.branch.clone());
        if block.kind != ledger::BlockKind::Fork || block.branch.as_str().ends_with(SECOND) {
            return Err(ReplicaError::NotAFork(id));
        }
        if self.depot.head(&name)?.is_some() {
            return Err(ReplicaError::BranchExists(block.branch));
        }
        check_block(&layered, &block)
            .map_err(|fault| ReplicaError::Faulty { block: id, fault: Box::new(fault) })?;
        self.depot.commit(objects, &[(name, id)])?;
        self.pending.heads_changed = true;
        self.pump(now)
    }

    /// The newest final block of each branch that this box has.
    pub fn branches(&self) -> Result<BTreeMap<Name, BlockId>, ReplicaError> {
        let head = |(name, block)| match name {
            RefName::Head(branch) => Some((branch, block)),
            RefName::Writer(..) => None,
        };
        Ok(self.depot.refs()?.into_iter().filter_map(head).collect())
    }

    /// Where a writer's block stands that was written for another branch.
    pub(crate) fn status_beside(&self, block: &Block) -> Result<Status, ReplicaError> {
        let objects = self.depot.objects();
        let mut next = self.depot.head(&RefName::Head(block.branch.clone()))?;
        while let Some(id) = next {
            let merge = Block::read(objects, id)?;
            if merge.at < block.at {
                break;
            }
            if let Some((_, reason)) = merge.left_out.iter().find(|(head, _)| *head == block.id) {
                return Ok(Status::LeftOut { reason: reason.clone() });
            }
            for head in merge.heads() {
                let head = Block::read(objects, *head)?;
                let newer = head.author == block.author && head.sequence >= block.sequence;
                if newer && is_on_line(objects, head.id, block.id, block.sequence.unwrap_or(0))? {
                    return Ok(Status::Final { height: merge.height.unwrap_or(0) });
                }
            }
            next = merge.main();
        }
        Ok(Status::Waiting)
    }
}
