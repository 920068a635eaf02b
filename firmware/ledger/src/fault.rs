//! The rules that a block can break.

use crate::{
    block::BlockError,
    certified::FinalityFault,
    integrate::{IntegrateError, Reason},
    keys::Owner,
    log::LogError,
    proof::Outcome,
    rules::RuleError,
    state::{SignerError, StateError},
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
    /// The first parent is not a block of a branch.
    #[error("the first parent {parent} is no block of a branch")]
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
    #[error("the key {key} is no validator in branches/{branch}.toml and cannot add to {branch}")]
    NotValidator {
        /// The key.
        key: KeyId,
        /// The branch.
        branch: Name,
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
    /// Nothing shows that the block below is final.
    #[error(transparent)]
    Final(#[from] FinalityFault),
    /// The head does not contain the checkpoint.
    #[error("the checkpoint {checkpoint} is not below the head: this is another past than the pinned one")]
    NotAbove {
        /// The checkpoint.
        checkpoint: BlockId,
    },
    /// A fork that goes on with the branch it leaves.
    #[error("a fork begins another branch than {branch}, which it leaves")]
    SameBranch {
        /// The branch.
        branch: Name,
    },
    /// A fork that does more than name its validators and its policy.
    #[error("{path}: a fork writes the policy and the document of its own branch, and nothing else")]
    ForkWrites {
        /// The file.
        path: StatePath,
    },
    /// A join that is not signed by a person.
    #[error("{owner} cannot join branches; a person can")]
    Joiner {
        /// Who wanted to.
        owner: Owner,
    },
    /// A join of something that is no other branch.
    #[error("{block} is no block of another branch")]
    Joined {
        /// The block.
        block: BlockId,
    },
    /// A join that does not bring what happened, or brings what did not happen.
    #[error("{path}: a join brings the logs of the other branch as they are there, and no others")]
    JoinedLog {
        /// The file.
        path: StatePath,
    },
    /// A join that loses a revocation of the other branch.
    #[error("{path} ({}): the other branch has it revoked, and what is revoked stays revoked", .keys.join("."))]
    JoinedMark {
        /// The file.
        path: StatePath,
        /// The keys to the mark.
        keys: Vec<String>,
    },
    /// A join that brings a node's log and not the keys that wrote it.
    #[error("{path}: the key wrote logs that the join brings, so its document comes along")]
    JoinedKey {
        /// The key's document.
        path: StatePath,
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
            Self::Final(error) => error.is_store_failure(),
            _ => false,
        }
    }
}
