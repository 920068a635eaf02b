//! Judges asked on the spot, for one who has nobody else to ask: ledgerctl while no ledgerd runs.

use super::{Core, CoreError};
use crate::wire::{Merged, ProposalsQuery};
use ledger::{JudgeTask, Outcome};
use replica::Effect;

impl Core {
    /// Asks the judges that what was written waits for, and says how it stands then; it goes on waiting when `ask` has no
    /// answer. What is to be done for other boxes is forgotten: there is no network here.
    pub fn ask_judges(
        &mut self,
        written: Merged,
        ask: &mut dyn FnMut(&JudgeTask) -> Option<Outcome>,
    ) -> Result<Merged, CoreError> {
        let mut asked = false;
        loop {
            let tasks: Vec<JudgeTask> = self.take_effects().into_iter().filter_map(judge).collect();
            if tasks.is_empty() {
                break;
            }
            asked = true;
            for task in tasks {
                let Some(outcome) = ask(&task) else { return Ok(written) };
                self.judged(task.id(), outcome)?;
            }
        }
        let Some(head) = written.head.filter(|_| asked) else { return Ok(written) };
        let found = self.proposals(&ProposalsQuery { head: Some(head), ..ProposalsQuery::default() })?;
        let (block, height) = (found.block, found.height);
        Ok(match found.proposals.into_iter().next() {
            Some(proposal) => {
                Merged { block, height, state: proposal.state, reason: proposal.reason, ..written }
            }
            None => Merged { block, height, ..written },
        })
    }
}

fn judge(effect: Effect) -> Option<JudgeTask> {
    match effect {
        Effect::Judge(task) => Some(task),
        _ => None,
    }
}
