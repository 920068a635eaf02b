//! What peers sent: blocks checked one by one, kept, and put where they belong.

use crate::{
    Depot, Effect, Now, Replica, ReplicaError,
    lines::{Place, reference},
};
use ledger::{Block, BlockFault, Layered, LoadError, NewObjects, check_block, finality::Certificate};
use model::{BlockId, KeyId, RefName};
use sync::{Arrival, Head, Misdeed, RequestId};

/// Of blocks that came, those that keep the rules, up to the first that does not.
struct Sifted {
    good: Vec<Block>,
    objects: NewObjects,
    fault: Option<(BlockId, BlockFault)>,
}

impl<D: Depot> Replica<D> {
    /// Checks blocks that came and stores the good ones.
    pub(crate) fn receive(
        &mut self,
        id: RequestId,
        blocks: Vec<Arrival>,
        now: Now,
    ) -> Result<(), ReplicaError> {
        let Sifted { good, objects, fault } = self.sift(blocks);
        if let Err(error) = self.depot.commit(&objects, &[]) {
            self.sync.failed(id, now.elapsed);
            return Err(error.into());
        }
        let objects = self.depot.objects();
        match &fault {
            None => self.sync.stored(id, objects, now.elapsed),
            Some((_, fault)) if fault.is_store_failure() => self.sync.failed(id, now.elapsed),
            Some((block, _)) => self.sync.refused(id, Misdeed::Faulty(*block), objects, now.elapsed),
        }
        self.place_all(&good, now)?;
        for block in good.iter().filter(|block| block.kind.is_of_branch()) {
            self.came(block.id, now)?;
            if let Some(certificate) = self.pending.decided.take_if(|wanted| wanted.block == block.id) {
                self.adopt(block.id, Some(certificate), now)?;
            }
        }
        Ok(())
    }

    fn sift(&self, blocks: Vec<Arrival>) -> Sifted {
        let mut sifted = Sifted { good: Vec::new(), objects: NewObjects::default(), fault: None };
        for Arrival { block, objects } in blocks {
            let before = Layered { new: &sifted.objects, base: self.depot.objects() };
            if let Err(fault) = check_block(&Layered { new: &objects, base: &before }, &block) {
                sifted.fault = Some((block.id, fault));
                break;
            }
            sifted.objects.extend(objects);
            sifted.good.push(block);
        }
        sifted
    }

    /// Puts writers' blocks, which are stored, at the ends of their lines; those given are from old to new.
    pub(crate) fn place_all(&mut self, blocks: &[Block], now: Now) -> Result<(), ReplicaError> {
        let mut moves: Vec<(RefName, BlockId)> = Vec::new();
        for block in blocks.iter().filter(|block| !block.kind.is_of_branch()) {
            let objects = self.depot.objects();
            let place = self.lines.place(objects, block)?;
            let name = match place {
                Place::Known => self.late_end(block)?,
                place => reference(block, place),
            };
            let Some(name) = name else { continue };
            let fits = self.trunk.fits(objects, block)?;
            self.lines.set(objects, block, place, fits, now.elapsed)?;
            moves.retain(|(moved, _)| *moved != name);
            moves.push((name, block.id));
            self.report_clone(block, place);
        }
        if moves.is_empty() {
            return Ok(());
        }
        self.depot.commit(&NewObjects::default(), &moves)?;
        self.heads_changed();
        Ok(())
    }

    /// The reference for a block that lies below the end of its line, which went on with another branch, and that is its
    /// branch's newest of the line all the same.
    fn late_end(&self, block: &Block) -> Result<Option<RefName>, ReplicaError> {
        let objects = self.depot.objects();
        if !self.lines.first_has(objects, block)? {
            return Ok(None);
        }
        let name = RefName::Writer(block.author, block.branch.clone());
        let known = self.depot.head(&name)?.map(|known| Block::read(objects, known));
        let is_newer = known.transpose()?.is_none_or(|known| known.sequence < block.sequence);
        Ok(Some(name).filter(|_| is_newer))
    }

    /// A head came, or several: others are told, and a merge may be due.
    pub(crate) fn heads_changed(&mut self) {
        self.guess = None;
        self.pending.heads_changed = true;
        self.effects.push_back(Effect::Tentative);
    }

    fn report_clone(&mut self, block: &Block, place: Place) {
        if let Place::Second(other) = place {
            self.effects.push_back(Effect::Clone { key: block.author, a: other, b: block.id });
        }
    }

    /// A peer has a head, and the block is here with all that is before it.
    pub(crate) fn hear_of(&mut self, peer: KeyId, head: Head, now: Now) -> Result<(), ReplicaError> {
        match head.name {
            RefName::Head(branch) => {
                let certificate = head.certificate.map(|text| Certificate::parse(&text)).transpose();
                let Ok(certificate) = certificate else {
                    self.sync.misdeed(peer, Misdeed::Damaged, now.elapsed);
                    return Ok(());
                };
                if branch != self.options.branch {
                    return self.hear_of_branch(&branch, head.block, certificate);
                }
                self.adopt(head.block, certificate, now).map(drop)
            }
            RefName::Writer(..) => {
                let block = Block::read(self.depot.objects(), head.block)?;
                self.place_all(&[block], now)
            }
        }
    }

    /// Whether a block is here.
    pub(crate) fn has(&self, block: BlockId) -> Result<bool, ReplicaError> {
        Ok(self.depot.objects().read(&block.into()).map_err(LoadError::from)?.is_some())
    }
}
