//! Where a writer's next block stands: the block of a branch, the writer's own block before, and the tree that it changes.
//!
//! A writer stays where it is while the branch has yet to take its documents, and moves on to the newest block else.

use crate::{
    block::Block,
    clone::REVOKED_BY_LEDGER,
    integrate::{Reason, Taken, take},
    keys::Owner,
    line::footing,
    merge_check::needed,
    object::{NewObjects, Objects},
    offer::offer,
    proposal::{DraftError, Meta, main_block, whole_seconds},
    sign::Draft,
    standing::{Standing, standing},
    state::State,
    trailers::{BlockKind, Message},
};
use model::{BlockId, KeyId, Millis, ObjectId};

/// The tree that a writer's next block of documents changes: main's, or, while documents of the writer's own blocks
/// before it wait for main, theirs. With the objects of it that are not stored.
pub fn ground_tree(
    objects: &dyn Objects,
    main: BlockId,
    own: Option<BlockId>,
    author: KeyId,
) -> Result<(ObjectId, NewObjects), DraftError> {
    let meta = Meta { author, at: Millis(0), subject: String::new(), dapp: None };
    let ground = Ground::find(objects, main, own, &meta)?;
    Ok((ground.footing, ground.objects))
}

/// The block on which a node's events go. One whose key a merge revoked because it is in use twice stays below its last block.
pub(crate) fn ground_for_events(
    objects: &dyn Objects,
    main: BlockId,
    own: Option<BlockId>,
    key: &KeyId,
) -> Result<BlockId, DraftError> {
    let revoked = State::at(objects, main)?.key(key)?.and_then(|key| key.revoked);
    if revoked.is_none_or(|revoked| revoked.by != REVOKED_BY_LEDGER) {
        return Ok(main);
    }
    let own = own.map(|own| Block::read(objects, own)).transpose()?;
    Ok(own.and_then(|own| own.main()).unwrap_or(main))
}

/// Where a writer's next block stands.
pub(crate) struct Ground {
    pub(crate) main: Block,
    own: Option<Block>,
    owner: Owner,
    pub(crate) footing: ObjectId,
    pub(crate) objects: NewObjects,
    abandoned: Option<String>,
}

impl Ground {
    /// Stays on the block of main below the writer's last block while that one has documents that main would
    /// take; else moves on to `main`.
    pub(crate) fn find(
        objects: &dyn Objects,
        main: BlockId,
        own: Option<BlockId>,
        meta: &Meta,
    ) -> Result<Self, DraftError> {
        let mut main = main_block(objects, main)?;
        let own = own.map(|own| Block::read(objects, own)).transpose()?;
        let signer = State::at_tree(objects, main.tree).signer(&meta.author, None)?;
        let mut abandoned = None;
        if let Some(own) = &own
            && own.main() != Some(main.id)
        {
            match pending(objects, &main, own)? {
                Pending::None => {}
                Pending::Welcome if own.branch == main.branch => main = main_block(objects, own.parents[0])?,
                // What was written for another branch alone is that branch's to take.
                Pending::Welcome if own.kind == BlockKind::Join => {}
                Pending::Refused(Reason::OtherMain) if own.branch != main.branch => {}
                Pending::Welcome => abandoned = Some(format!("they wait on the branch {}", own.branch)),
                Pending::Refused(reason) => abandoned = Some(reason.to_string()),
            }
        }
        let mut new = NewObjects::default();
        let footing = footing(objects, &main, own.as_ref(), &signer.owner, &mut new)?;
        Ok(Self { main, own, owner: signer.owner, footing, objects: new, abandoned })
    }

    /// The block's time: the clock's, but never before a parent's.
    pub(crate) fn at(&self, meta: &Meta) -> Millis {
        let own = self.own.as_ref().map_or(Millis(0), |own| own.at);
        whole_seconds(meta.at).max(self.main.at).max(own)
    }

    pub(crate) fn draft(&self, tree: ObjectId, new: &NewObjects, message: Message, meta: &Meta) -> Draft {
        let sequence = self.own.as_ref().and_then(|own| own.sequence).unwrap_or(0) + 1;
        let parents = [Some(self.main.id), self.own.as_ref().map(|own| own.id)];
        Draft {
            tree,
            parents: parents.into_iter().flatten().collect(),
            author: meta.author,
            author_name: self.owner.name().clone(),
            at: self.at(meta),
            message: Message {
                org: Some(self.main.org),
                branch: self.main.branch.clone(),
                sequence: Some(sequence),
                ..message
            },
            objects: needed(&tree, new),
            abandoned: self.abandoned.clone(),
        }
    }
}

/// What a writer's last block has that main has not.
enum Pending {
    None,
    Welcome,
    Refused(Reason),
}

fn pending(objects: &dyn Objects, main: &Block, own: &Block) -> Result<Pending, DraftError> {
    if own.kind.is_of_branch() {
        return Ok(Pending::None);
    }
    let standing = standing(objects, main, own)?;
    match standing {
        Standing::Known => return Ok(Pending::None),
        Standing::Second(_) => return Ok(Pending::Refused(Reason::SecondLine)),
        Standing::Next { .. } => {}
    }
    let offer = match offer(objects, main, own.clone(), Some(standing))? {
        Ok(offer) if offer.documents.is_empty() => return Ok(Pending::None),
        Ok(offer) => offer,
        Err(reason) => return Ok(Pending::Refused(reason)),
    };
    let at = main.at.max(own.at);
    Ok(match take(objects, &main.tree, &offer, at, &mut NewObjects::default())? {
        Taken::Whole(_) => Pending::Welcome,
        Taken::EventsOnly(_, reason) | Taken::Marks(_, reason) | Taken::Nothing(reason) => {
            Pending::Refused(reason)
        }
    })
}
