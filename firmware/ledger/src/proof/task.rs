//! What a judge is asked, and a verdict: both with an id that anybody computes anew.
//!
//! A task's id is BLAKE3 over a short canonical text that names the judge's manifest (its limits are in there), its
//! image, and the hash of its whole input. So equal ids are the same question, and an answer may be kept under it.

use super::Outcome;
use chunk::chunk_id;
use model::{Name, ObjectId};
use std::fmt;

/// The name of a task: 32 bytes, written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub [u8; 32]);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", ObjectId::new(self.0))
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({})", ObjectId::new(self.0).short())
    }
}

/// One question to one judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgeTask {
    /// The dapp whose judge it is.
    pub dapp: Name,
    /// The object of its `dapp.toml`: how it is started, its limits, what it may read.
    pub manifest: ObjectId,
    /// The object of its `image.manifest`.
    pub image: ObjectId,
    /// What it reads: one JSON object in canonical form.
    pub input: Vec<u8>,
}

impl JudgeTask {
    /// The task's name; it binds all of it.
    pub fn id(&self) -> TaskId {
        let Self { dapp, manifest, image, input } = self;
        let input = chunk_id(input);
        let text =
            format!("ledger-judge-1\ndapp {dapp}\nmanifest {manifest}\nimage {image}\ninput {input}\n");
        TaskId(*chunk_id(text.as_bytes()).as_bytes())
    }
}

/// What came of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was asked.
    pub task: TaskId,
    /// What was said.
    pub outcome: Outcome,
}

impl Verdict {
    /// The verdict's name, as a merge block carries it.
    pub fn id(&self) -> [u8; 32] {
        let text = format!("ledger-verdict-1\ntask {}\n{}", self.task, self.outcome.canonical());
        *chunk_id(text.as_bytes()).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Broken;
    use std::collections::BTreeSet;

    fn task() -> JudgeTask {
        JudgeTask {
            dapp: "desk".parse().unwrap(),
            manifest: ObjectId::new([1; 32]),
            image: ObjectId::new([2; 32]),
            input: b"{}".to_vec(),
        }
    }

    #[test]
    fn every_part_of_a_task_changes_its_id() {
        let others = [
            JudgeTask { dapp: "other".parse().unwrap(), ..task() },
            JudgeTask { manifest: ObjectId::new([3; 32]), ..task() },
            JudgeTask { image: ObjectId::new([3; 32]), ..task() },
            JudgeTask { input: b"{ }".to_vec(), ..task() },
        ];
        let ids: BTreeSet<TaskId> = others.iter().map(JudgeTask::id).chain([task().id()]).collect();
        assert_eq!(ids.len(), 5);
    }

    #[test]
    fn a_verdict_binds_the_task_and_what_was_said() {
        let said = |outcome| Verdict { task: task().id(), outcome }.id();
        let outcomes = [
            Outcome::Pass,
            Outcome::Fail(vec!["a".into(), "b".into()]),
            Outcome::Fail(vec!["a b".into()]),
            Outcome::Broken(Broken::Exit(1)),
            Outcome::Broken(Broken::Exit(-1)),
            Outcome::Broken(Broken::TimedOut),
        ];
        let ids: BTreeSet<_> = outcomes.into_iter().map(said).collect();
        assert_eq!(ids.len(), 6);
    }

    #[test]
    fn the_ids_of_a_known_task_and_its_verdict_stay_what_they_are() {
        // Blocks carry them for ever.
        assert_eq!(
            task().id().to_string(),
            "3b5e5c238fb071c933f6232bc025a0f71b3ca75cf47e0baeca0a3a79088bd785"
        );
        let verdict = Verdict { task: task().id(), outcome: Outcome::Pass }.id();
        assert_eq!(
            ObjectId::new(verdict).to_string(),
            "1962bfd95b1e9c1472a0f8ef58a08f8045a202a7541ec17a419c260a3904199e"
        );
    }
}
