//! Whether a block keeps the rules.
//!
//! Every rule can be judged from the block, its parents and their states: a writer's block from the block of main that
//! it builds on and its writer's block before it, a merge block by making the merge again. What is not judged
//! here is whether the parents keep the rules themselves; [`verify`](crate::verify()) walks them all. The first rule that
//! is broken is reported.

use crate::{
    block::{Block, BlockError},
    diff::{Difference, diff, diff_below},
    integrate::{IntegrateError, Reason, goes_on},
    line::footing,
    log::{self, LogError},
    merge_check::check_merge,
    object::{Kind, Layered, NewObjects, Objects, load},
    policy::{Denied, POLICY_PATH, Signer},
    proof::Outcome,
    rules::{RuleError, check_contents},
    sign::check_signature,
    state::{SignerError, State, StateError, fixed},
    trailers::BlockKind,
    tree::TreeError,
};
use model::{BlockId, KeyError, KeyId, Millis, Name, ObjectId, OrgId, StatePath};

/// A rule that a block breaks, or why that cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum BlockFault {
    /// The block, or one of its parents, cannot be read.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// Its tree, or a parent's, cannot be read or breaks the rules for trees.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The key may not sign: a stranger's, or revoked.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The signature is not the key's over these bytes.
    #[error("the signature: {0}")]
    Signature(#[from] KeyError),
    /// The author's line has another name than the key's owner.
    #[error("the block is written in the name of {found}, its key belongs to {wanted}")]
    Name {
        /// The name in the block.
        found: Name,
        /// The key's owner.
        wanted: Name,
    },
    /// Another organisation's block, or one that builds on another's.
    #[error("the block is of organisation {found}, the block it builds on of {wanted}")]
    Org {
        /// What the block says.
        found: OrgId,
        /// What its parent says.
        wanted: OrgId,
    },
    /// Written for another branch than that of the block it builds on.
    #[error("the block is of branch {found}, the block it builds on of {wanted}")]
    Branch {
        /// What the block says.
        found: Name,
        /// What its first parent says.
        wanted: Name,
    },
    /// A kind of block that cannot stand there.
    #[error("a {} block cannot stand there", .kind.as_str())]
    Kind {
        /// The kind.
        kind: BlockKind,
    },
    /// Dated before one of its parents.
    #[error("the block is dated {at}, before its parent {parent} at {parent_at}")]
    Time {
        /// The block's time.
        at: Millis,
        /// The parent.
        parent: BlockId,
        /// The parent's time.
        parent_at: Millis,
    },
    /// The first parent is not a block of main.
    #[error("the first parent {parent} is no block of main")]
    NotOnMain {
        /// The parent.
        parent: BlockId,
    },
    /// The second parent of a writer's block is not its writer's block before it.
    #[error("the second parent {parent} is not a block of the same writer")]
    NotOwn {
        /// The parent.
        parent: BlockId,
    },
    /// The writer's count has a gap, or does not begin at 1.
    #[error("the block is number {found} of its writer's line where {wanted} comes next")]
    Sequence {
        /// What it says.
        found: u64,
        /// What comes next.
        wanted: u64,
    },
    /// Main's count has a gap.
    #[error("the block has height {found} where {wanted} comes next")]
    Height {
        /// What it says.
        found: u64,
        /// What comes next.
        wanted: u64,
    },
    /// The writer went back to an older block of main.
    #[error("the block builds on an older block of main than its writer's block before it")]
    WentBack,
    /// The state it makes breaks a rule.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Nothing changed.
    #[error("the block changes no document")]
    NothingChanged,
    /// A block of events that does something else than add its one file.
    #[error("a block of events adds the file {wanted} and changes nothing else; this one differs at {found}")]
    NotOneFile {
        /// The file that it should add.
        wanted: StatePath,
        /// A path where it does something else.
        found: String,
    },
    /// The file of events is faulty.
    #[error("{path}: {source}")]
    Log {
        /// The file.
        path: StatePath,
        /// What is wrong.
        source: LogError,
    },
    /// The block says other event numbers than its file.
    #[error("the block says events {}-{}, its file has {}-{}", .said.start(), .said.end(), .found.start(), .found.end())]
    Events {
        /// The trailer.
        said: std::ops::RangeInclusive<u64>,
        /// The file.
        found: std::ops::RangeInclusive<u64>,
    },
    /// A file of the log that main has is missing or different.
    #[error("{path}: a log file is never changed or removed")]
    LogChanged {
        /// The file.
        path: StatePath,
    },
    /// Not a validator.
    #[error("the key {key} is no validator in branches/main.toml and cannot add to main")]
    NotValidator {
        /// The key.
        key: KeyId,
    },
    /// A head that cannot be merged there.
    #[error("the head {head} cannot be merged: {reason}")]
    Head {
        /// The head.
        head: BlockId,
        /// Why not.
        reason: Box<Reason>,
    },
    /// The heads are not in their order.
    #[error("the heads of the merge are not in the order in which they are merged")]
    HeadOrder,
    /// The tree is not the merge of the heads.
    #[error("the tree is not the merge of the block's heads: it is {found}, the merge is {wanted}")]
    NotTheMerge {
        /// The block's tree.
        found: ObjectId,
        /// The merge.
        wanted: ObjectId,
    },
    /// What the merge left out is not what the block says.
    #[error(
        "the block says that the documents of {head} were left out or taken in; the merge says otherwise"
    )]
    LeftOut {
        /// The head.
        head: BlockId,
    },
    /// The verdicts are not those of the judges that had to be asked.
    #[error("the block has verdicts of the judges [{}], the merge needs those of [{}]", list(.found), list(.wanted))]
    Verdicts {
        /// The judges in the block.
        found: Vec<Name>,
        /// Those that had to be asked.
        wanted: Vec<Name>,
    },
    /// A judge that is asked again does not pass the merge.
    #[error("asked again, the judge {dapp} does not pass the merge: {outcome}")]
    Judged {
        /// Whose judge.
        dapp: Name,
        /// What it says.
        outcome: Outcome,
    },
    /// The verdict in the block is about something else.
    #[error("the verdict of the judge {dapp} is not the one in the block")]
    OtherVerdict {
        /// Whose judge.
        dapp: Name,
    },
    /// The merge could not be made again.
    #[error("the merge cannot be repeated: {0}")]
    Merge(#[from] IntegrateError),
}

fn list(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

impl BlockFault {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        match self {
            Self::Block(error) => error.is_store_failure(),
            Self::Tree(error) => error.is_store_failure(),
            Self::State(error) => error.is_store_failure(),
            Self::Signer(error) => error.is_store_failure(),
            Self::Rule(error) => error.is_store_failure(),
            Self::Merge(error) => error.is_store_failure(),
            _ => false,
        }
    }
}

/// Checks one block: signature, organisation, parents, time, policy, logs, and a merge by making it again.
pub fn check_block(objects: &dyn Objects, block: &Block) -> Result<(), BlockFault> {
    if let Some(main) = block.main() {
        let main = Block::read(objects, main)?;
        for head in block.heads() {
            let head = Block::read(objects, *head)?;
            if !head.kind.is_of_branch() {
                let reason = |reason| BlockFault::Head { head: head.id, reason: Box::new(reason) };
                goes_on(objects, &main, &head)?.map_err(reason)?;
            }
        }
    }
    check_but_lines(objects, block)
}

/// As [`check_block`], for one who follows the writers' lines itself.
pub(crate) fn check_but_lines(objects: &dyn Objects, block: &Block) -> Result<(), BlockFault> {
    let main = block.main().map(|main| Block::read(objects, main)).transpose()?;
    // The state whose keys and policy decide: of the block of main below it; of a genesis its own.
    let state = State::at_tree(objects, main.as_ref().map_or(block.tree, |main| main.tree));
    let key = state.key(&block.author)?.ok_or(SignerError::Stranger { key: block.author })?;
    check_signature(block, &key.public)?;
    let signer = state.signer_with(&block.author, key, block.dapp.as_ref())?;
    check_rules(objects, block, main.as_ref(), &signer)
}

/// All rules but the signature; so a draft can be checked before it is signed.
pub(crate) fn check_unsigned(objects: &dyn Objects, block: &Block) -> Result<(), BlockFault> {
    let main = block.main().map(|main| Block::read(objects, main)).transpose()?;
    let state = State::at_tree(objects, main.as_ref().map_or(block.tree, |main| main.tree));
    let signer = state.signer(&block.author, block.dapp.as_ref())?;
    check_rules(objects, block, main.as_ref(), &signer)
}

fn check_rules(
    objects: &dyn Objects,
    block: &Block,
    main: Option<&Block>,
    signer: &Signer,
) -> Result<(), BlockFault> {
    if *signer.owner.name() != block.author_name {
        let (found, wanted) = (block.author_name.clone(), signer.owner.name().clone());
        return Err(BlockFault::Name { found, wanted });
    }
    let Some(main) = main else { return check_genesis(objects, block, signer) };
    if !main.kind.is_of_branch() {
        return Err(BlockFault::NotOnMain { parent: main.id });
    }
    check_parent(block, main)?;
    if block.branch != main.branch {
        let (found, wanted) = (block.branch.clone(), main.branch.clone());
        return Err(BlockFault::Branch { found, wanted });
    }
    match block.kind {
        BlockKind::Merge => check_merge(objects, block, main),
        BlockKind::Events | BlockKind::Documents => Writing { objects, block, main, signer }.check(),
        kind => Err(BlockFault::Kind { kind }),
    }
}

/// A block and any of its parents: one organisation, and time goes on.
pub(crate) fn check_parent(block: &Block, parent: &Block) -> Result<(), BlockFault> {
    if block.org != parent.org {
        return Err(BlockFault::Org { found: block.org, wanted: parent.org });
    }
    if block.at < parent.at {
        return Err(BlockFault::Time { at: block.at, parent: parent.id, parent_at: parent.at });
    }
    Ok(())
}

fn check_genesis(objects: &dyn Objects, block: &Block, signer: &Signer) -> Result<(), BlockFault> {
    if block.height != Some(0) {
        return Err(BlockFault::Height { found: block.height.unwrap_or(0), wanted: 0 });
    }
    let changes = diff(objects, None, Some(&block.tree))?;
    check_contents(objects, &block.tree, &changes, block.at)?;
    let state = State::at_tree(objects, block.tree);
    state.org()?;
    state.validators()?;
    let may = state.policy()?.may_write(signer, &fixed(POLICY_PATH));
    Ok(may.map_err(RuleError::Denied)?)
}

/// A writer's block with what is needed to judge it.
struct Writing<'a> {
    objects: &'a dyn Objects,
    block: &'a Block,
    main: &'a Block,
    signer: &'a Signer,
}

impl Writing<'_> {
    fn check(&self) -> Result<(), BlockFault> {
        let own = self.block.own().map(|own| Block::read(self.objects, own)).transpose()?;
        self.check_line(own.as_ref())?;
        let mut new = NewObjects::default();
        let footing = footing(self.objects, self.main, own.as_ref(), &self.signer.owner, &mut new)?;
        let objects = Layered { new: &new, base: self.objects };
        self.check_log_carried(&objects, &footing)?;
        let changes = diff(&objects, Some(&footing), Some(&self.block.tree))?;
        match self.block.kind {
            BlockKind::Events => self.check_events(&objects, &footing, &changes),
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

    /// A writer stays on its block of main or moves on to a later one.
    fn check_ground(&self, own: &Block) -> Result<(), BlockFault> {
        let ground = own.parents[0];
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
        if changes.is_empty() {
            return Err(BlockFault::NothingChanged);
        }
        // What may be in the tree at all comes before who may write it: the clearer of the two errors.
        check_contents(self.objects, &self.block.tree, changes, self.block.at)?;
        let policy = State::at_tree(self.objects, self.main.tree).policy()?;
        for change in changes {
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
