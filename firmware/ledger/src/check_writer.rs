//! The rules for a writer's block: events, documents, or a join.
//!
//! What it changes is its tree against its footing (`line.rs`). The state of the block of the branch below it decides
//! who may sign and write; the writer's own block before it decides what comes next.

use crate::{
    block::Block,
    check::check_parent,
    diff::{Difference, diff, diff_below},
    fault::BlockFault,
    join_check::check_join,
    line::footing,
    log,
    object::{Kind, Layered, NewObjects, Objects, load},
    policy::{Denied, Signer},
    rotation,
    rules::{RuleError, check_contents},
    state::{State, StateError, fixed},
    trailers::BlockKind,
};
use model::ObjectId;

/// A writer's block with what is needed to judge it.
pub(crate) struct Writing<'a> {
    pub(crate) objects: &'a dyn Objects,
    pub(crate) block: &'a Block,
    pub(crate) main: &'a Block,
    pub(crate) signer: &'a Signer,
}

impl Writing<'_> {
    pub(crate) fn check(&self) -> Result<(), BlockFault> {
        let own = self.block.own().map(|own| Block::read(self.objects, own)).transpose()?;
        self.check_line(own.as_ref())?;
        let mut new = NewObjects::default();
        let footing = footing(self.objects, self.main, own.as_ref(), &self.signer.owner, &mut new)?;
        let objects = Layered { new: &new, base: self.objects };
        self.check_log_carried(&objects, &footing)?;
        let changes = diff(&objects, Some(&footing), Some(&self.block.tree))?;
        match self.block.kind {
            BlockKind::Events => self.check_events(&objects, &footing, &changes),
            BlockKind::Join => {
                check_join(&objects, self.block, &footing, &changes, &self.signer.owner)?;
                let documents: Vec<_> = changes.into_iter().filter(|c| !c.path.is_within("log")).collect();
                self.check_documents(&documents)
            }
            _ if changes.is_empty() => Err(BlockFault::NothingChanged),
            _ => self.check_documents(&changes),
        }
    }

    /// The block before it in its writer's line.
    fn check_line(&self, own: Option<&Block>) -> Result<(), BlockFault> {
        let found = self.block.sequence.unwrap_or(0);
        let wanted = own.map_or(1, |own| own.sequence.unwrap_or(0).saturating_add(1));
        if let Some(own) = own {
            check_parent(self.block, own)?;
            if own.kind.is_of_branch() || own.author != self.block.author {
                return Err(BlockFault::NotOwn { parent: own.id });
            }
            self.check_ground(own)?;
        }
        if found == wanted { Ok(()) } else { Err(BlockFault::Sequence { found, wanted }) }
    }

    /// A writer stays on its block of a branch or moves on to a later one. Another branch it may take up anywhere.
    fn check_ground(&self, own: &Block) -> Result<(), BlockFault> {
        let ground = own.parents[0];
        if own.branch != self.block.branch {
            return Ok(());
        }
        let stays = ground == self.main.id;
        if stays || Block::read(self.objects, ground)?.height < self.main.height {
            Ok(())
        } else {
            Err(BlockFault::WentBack)
        }
    }

    /// Where the writer's log replaces main's, it has all of it.
    fn check_log_carried(&self, objects: &dyn Objects, footing: &ObjectId) -> Result<(), BlockFault> {
        let Some(node) = self.signer.owner.node() else { return Ok(()) };
        let folder = log::folder(node);
        let id = |tree: ObjectId| State::at_tree(objects, tree).id_of(&folder);
        let (main, carried) = (id(self.main.tree)?, id(*footing)?);
        let changes = diff_below(objects, Some(&folder), main.as_ref(), carried.as_ref())?;
        match changes.into_iter().find(|change| change.old.is_some()) {
            Some(change) => Err(BlockFault::LogChanged { path: change.path }),
            None => Ok(()),
        }
    }

    fn check_documents(&self, changes: &[Difference]) -> Result<(), BlockFault> {
        // What may be in the tree at all comes before who may write it: the clearer of the two errors.
        check_contents(self.objects, &self.block.tree, changes, self.block.at, &self.block.branch)?;
        let policy = State::at_tree(self.objects, self.main.tree).policy()?;
        let rotated = rotation::paths(self.objects, changes, self.signer).map_err(StateError::from)?;
        for change in changes.iter().filter(|change| !rotated.contains(&change.path)) {
            policy.may_write(self.signer, &change.path).map_err(RuleError::Denied)?;
        }
        Ok(())
    }

    fn check_events(
        &self,
        objects: &dyn Objects,
        footing: &ObjectId,
        changes: &[Difference],
    ) -> Result<(), BlockFault> {
        let state = State::at_tree(objects, *footing);
        let (Some(node), true) = (self.signer.owner.node(), self.signer.active_node) else {
            let (path, owner) = (fixed("log"), self.signer.owner.clone());
            return Err(RuleError::Denied(Denied::Log { path, owner }).into());
        };
        let wanted = log::next_path(objects, &state, node, self.block.at)?;
        let is_wanted = |change: &Difference| change.path == wanted && change.old.is_none();
        let file = match changes {
            [change] if is_wanted(change) => change.new,
            _ => None,
        };
        let Some(file) = file else {
            let other = changes.iter().find(|change| !is_wanted(change));
            let found = other.map_or("nothing".into(), |change| change.path.to_string());
            return Err(BlockFault::NotOneFile { wanted, found });
        };
        let first = log::last_event(objects, &state, node)?.saturating_add(1);
        let bytes = load(objects, &file, Kind::Blob).map_err(StateError::from)?;
        let found = log::check(&bytes, first).map_err(|source| BlockFault::Log { path: wanted, source })?;
        match &self.block.events {
            Some(said) if *said == found => Ok(()),
            said => Err(BlockFault::Events { said: said.clone().unwrap_or(0..=0), found }),
        }
    }
}
