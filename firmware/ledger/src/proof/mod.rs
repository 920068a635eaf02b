//! Proof of merge: which dapps judge a merge, what they are asked, and what follows from what they say.
//!
//! A dapp with a `[judge]` decides about the documents that it may write and those below its own folder. The judge in
//! force is that of the block of main *before* the merge. This room runs nothing: [`Making`] and [`Checking`] say
//! what is to be asked ([`JudgeTask`]) and take what was said ([`Outcome`]); somebody else has the containers.
//! Everything is a function of the ledger and the answers, so anybody can repeat it. The protocol of a judge is
//! docs/formats/judge.md; why it is so, docs/decisions/0010-proof-of-merge.md.

mod answer;
mod assemble;
mod checking;
mod force;
mod input;
mod making;
mod task;

pub use answer::{AnswerError, Broken, MAX_ANSWER_BYTES, MAX_REASONS, Outcome};
pub use checking::Checking;
pub use input::MAX_INPUT_BYTES;
pub use making::{Making, Tentative, merge_block, tentative};
pub use task::{JudgeTask, TaskId, Verdict};

pub(crate) use force::{Judge, in_force, judge_of_reason, required};

/// What a machine of this room does next.
#[derive(Debug)]
pub enum Step<T> {
    /// These must be judged; the machine goes on when it has an answer to each.
    Judge(Vec<JudgeTask>),
    /// It is done.
    Done(T),
}
