//! What arrives, sorted out before anybody else sees it.
//!
//! A pack becomes blocks, each with the objects that came before it. Looked at here: the pack's form and size, that
//! each object belongs to the block that follows it, that each block is one, of our organisation, and comes
//! after its parents. Not looked at: signatures, policy, whether the state is whole. That is the ledger's business,
//! block by block.

use crate::{
    action::Arrival,
    conduct::Misdeed,
    links::entries,
    pack::{PackError, PackReader},
};
use ledger::{Block, BlockError, Kind, NewObjects, Object};
use model::{BlockId, ObjectId, OrgId};
use std::collections::HashSet;

/// A pack that is not the answer to a request for blocks.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalError {
    /// The pack itself.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A commit that is no block.
    #[error("the commit {id} in the pack is no block")]
    Block {
        /// The commit.
        id: BlockId,
        /// Why.
        source: Box<BlockError>,
    },
    /// A block of somebody else's ledger.
    #[error("block {id} is of the organisation {}", org.short())]
    OtherOrganisation {
        /// The block.
        id: BlockId,
        /// Its organisation.
        org: OrgId,
    },
    /// A block whose parent neither is here nor came before it.
    #[error("block {id} came before its parent {parent}")]
    TooEarly {
        /// The block.
        id: BlockId,
        /// What is missing.
        parent: BlockId,
    },
    /// An object of no block.
    #[error("object {id} in the pack is of no block in it")]
    Stray {
        /// The object.
        id: ObjectId,
    },
}

impl ArrivalError {
    /// What it says of the peer that sent it.
    pub fn misdeed(&self) -> Misdeed {
        match self {
            Self::Pack(PackError::TooLarge { .. }) => Misdeed::Oversized,
            Self::Pack(_) | Self::Block { .. } | Self::TooEarly { .. } => Misdeed::Damaged,
            Self::OtherOrganisation { .. } => Misdeed::Grafted,
            Self::Stray { .. } => Misdeed::Unasked,
        }
    }
}

/// Reads a pack of at most `limit` [cost](crate::cost). `here` says which blocks are here already.
pub fn unpack(
    pack: &[u8],
    limit: u64,
    org: OrgId,
    here: &dyn Fn(&BlockId) -> bool,
) -> Result<Vec<Arrival>, ArrivalError> {
    let mut reader = PackReader::open(pack, limit)?;
    let (mut seen, mut blocks, mut came) = (HashSet::new(), Vec::new(), HashSet::new());
    let mut group = Group::default();
    while let Some(object) = reader.next_object()? {
        let commit = object.kind == Kind::Commit;
        let id = group.add(object);
        if !seen.insert(id) {
            return Err(PackError::Twice { index: reader.last_index() }.into());
        }
        if commit {
            let arrival = std::mem::take(&mut group).finish(id.into(), org)?;
            let missing = |parent: &&BlockId| !came.contains(*parent) && !here(parent);
            if let Some(parent) = arrival.block.parents.iter().find(missing) {
                return Err(ArrivalError::TooEarly { id: arrival.block.id, parent: *parent });
            }
            came.insert(arrival.block.id);
            blocks.push(arrival);
        }
    }
    group.objects.iter().next().map_or(Ok(blocks), |(id, _)| Err(ArrivalError::Stray { id: *id }))
}

/// The objects since the last block.
#[derive(Default)]
struct Group {
    objects: NewObjects,
    /// What its folders name.
    named: HashSet<ObjectId>,
}

impl Group {
    fn add(&mut self, object: Object) -> ObjectId {
        if object.kind == Kind::Tree {
            self.named.extend(entries(&object.bytes).map(|entry| ObjectId::new(*entry.id)));
        }
        self.objects.insert(object.kind, object.bytes)
    }

    fn finish(mut self, id: BlockId, org: OrgId) -> Result<Arrival, ArrivalError> {
        let block = Block::read(&self.objects, id)
            .map_err(|source| ArrivalError::Block { id, source: Box::new(source) })?;
        if block.org != org {
            return Err(ArrivalError::OtherOrganisation { id, org: block.org });
        }
        self.named.extend([block.tree, id.into()]);
        // Nothing names itself, so what somebody names is reached from the block's tree in the end.
        let stray =
            self.objects.iter().map(|(object, _)| *object).find(|object| !self.named.contains(object));
        match stray {
            Some(id) => Err(ArrivalError::Stray { id }),
            None => Ok(Arrival { block, objects: self.objects }),
        }
    }
}
