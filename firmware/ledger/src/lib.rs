//! The ledger: blocks as signed git commits, the policy, the typed merge, and verification.
//!
//! A pure room. It reads git objects through the port [`Objects`] and gives back what it makes as [`NewObjects`]; there
//! is no clock, file, thread or randomness in it. The formats are docs/formats/block.md, state-tree.md and
//! policy.md; how a head enters main is in `integrate.rs`, which rules a block must keep is in `check.rs`.

mod bases;
mod block;
mod certified;
mod check;
mod check_writer;
mod clone;
mod diff;
mod document_merge;
mod fault;
pub mod finality;
mod fork;
mod ground;
mod integrate;
mod join;
mod join_check;
mod keys;
mod line;
mod log;
mod memory;
mod merge;
mod merge_check;
mod object;
mod offer;
mod pinned;
mod policy;
mod proof;
mod proposal;
mod rotation;
mod rule_error;
mod rules;
mod sign;
mod signers;
mod standing;
mod state;
mod trailer_values;
mod trailers;
mod tree;
mod verify;
mod writers;

pub use bases::{BaseError, merge_bases};
pub use block::{Block, BlockError, MAX_BLOCK_BYTES, MAX_PARENTS};
pub use certified::{FinalityFault, check_final};
pub use check::{BlockFault, check_block};
pub use clone::{Equivocation, REVOKED_BY_LEDGER, equivocation};
pub use diff::{Difference, MAX_DIFFERENCES, diff};
pub use document_merge::{KeyConflict, MergedDocument, merge_documents};
pub use fork::fork;
pub use ground::ground_tree;
pub use integrate::{IntegrateError, Reason};
pub use join::{Choice, Choices, JoinError, conflicts, join};
pub use keys::{
    BranchDocument, KeyDocument, NodeDocument, OrgDocument, Owner, OwnerError, Replaced, Revoked,
};
pub use log::{LogError, MAX_EVENTS_IN_BLOCK, MAX_LOG_BYTES, events_that_fit, last_event};
pub use memory::MemoryObjects;
pub use merge::{Conflict, MergeError, MergedTree, merge};
pub use object::{Kind, Layered, LoadError, NewObjects, Object, Objects, ReadError};
pub use policy::{DappRights, Denied, POLICY_PATH, Policy, PolicyError, ReleaseRule, Rule, Signer};
pub use proof::{
    AnswerError, Broken, Checking, JudgeTask, MAX_ANSWER_BYTES, MAX_INPUT_BYTES, MAX_REASONS, Making,
    Outcome, Step, TaskId, Tentative, Verdict, merge_block, tentative,
};
pub use proposal::{
    Change, DraftError, Genesis, MAX_REFUSALS, Merged, Meta, document_block, event_block, genesis,
    refusal_block,
};
pub use rotation::replace_key;
pub use rules::RuleError;
pub use sign::{Draft, NewBlock, SignError};
pub use signers::allowed_signers;
pub use state::{ReleaseSigners, SignerError, State, StateError, key_path};
pub use trailer_values::VerdictLine;
pub use trailers::{
    BlockKind, MAIN, MAX_REASON_BYTES, MAX_SUBJECT_BYTES, Message, MessageError, PROTOCOL, check_subject,
};
pub use tree::{Entry, Folder, MAX_TREE_BYTES, TreeError};
pub use verify::{Report, VerifyError, verify, verify_from, verify_head};
