//! Main moves on to blocks that others made final.

use crate::{Depot, Now, Replica, ReplicaError, replica::Notes};
use ledger::{Block, check_final, finality::Certificate};
use model::{BlockId, RefName};

impl<D: Depot> Replica<D> {
    /// The vote ended here. The block may be one that this box has not seen.
    pub(crate) fn decided(&mut self, certificate: Certificate, now: Now) -> Result<(), ReplicaError> {
        let block = certificate.block;
        if self.has(block)? {
            self.adopt(block, Some(certificate), now)?;
            return Ok(());
        }
        self.pending.decided = Some(certificate);
        self.sync.want_block(block, None, self.depot.objects(), now.elapsed);
        Ok(())
    }

    /// Moves main to a block that is stored and checked, if that is shown to be final and main is below it.
    /// Gives whether main contains the block now.
    pub(crate) fn adopt(
        &mut self,
        id: BlockId,
        certificate: Option<Certificate>,
        now: Now,
    ) -> Result<bool, ReplicaError> {
        let top = Block::read(self.depot.objects(), id)?;
        if !top.kind.is_of_branch() || top.branch != self.options.branch || top.org != self.org {
            return Ok(false);
        }
        let Some(chain) = self.above_main(&top)? else { return Ok(false) };
        if chain.is_empty() {
            return Ok(true);
        }
        match check_final(self.depot.objects(), &top, certificate.as_ref()) {
            Ok(()) => {}
            Err(fault) if fault.is_store_failure() => return Err(fault.into()),
            Err(_) => return Ok(false),
        }
        if let Some(certificate) = &certificate {
            let note = Notes::certificate(&self.options.branch);
            self.depot.keep_note(&note, &certificate.to_bytes())?;
        }
        let branch = RefName::Head(self.options.branch.clone());
        self.depot.commit(&ledger::NewObjects::default(), &[(branch, id)])?;
        self.certificate = certificate;
        for block in chain.iter().rev() {
            self.moved(block, now)?;
        }
        Ok(true)
    }

    /// The blocks from `top` down to main, newest first; `None` if main is not below it. That those below `top` are final
    /// was seen when the blocks above them were checked.
    fn above_main(&self, top: &Block) -> Result<Option<Vec<Block>>, ReplicaError> {
        let (mut chain, mut next) = (Vec::new(), top.clone());
        while next.height.unwrap_or(0) > self.main.height {
            let Some(below) = next.main() else { return Ok(None) };
            let below = Block::read(self.depot.objects(), below)?;
            chain.push(std::mem::replace(&mut next, below));
        }
        Ok(Some(chain).filter(|_| next.id == self.main.block))
    }
}
