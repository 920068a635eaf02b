//! The vote: what the engine wants done, done.

use crate::{Depot, Effect, Now, Replica, ReplicaError, replica::Notes};
use ledger::finality::{self, Engine};
use model::KeyId;

impl<D: Depot> Replica<D> {
    /// An engine that goes on from what was said durably: what the old one had not said by then, it never said.
    pub(crate) fn restart_engine(&mut self, now: Now) -> Result<(), ReplicaError> {
        let (branch, key) = (self.options.branch.clone(), self.options.key.clone());
        let kept = self.depot.note(&Notes::vote(&branch))?;
        self.engine = Engine::new(self.org, branch, key, self.options.timeouts);
        if let Some(Err(error)) = kept.map(|kept| self.engine.recover(&kept)) {
            self.effects.push_back(Effect::Trouble(error.to_string()));
        }
        self.open_vote(now);
        Ok(())
    }

    /// Opens the vote on the next block. Where one validator suffices there is nothing to vote on.
    pub(crate) fn open_vote(&mut self, now: Now) {
        let next = self.main.height.saturating_add(1);
        self.engine.start(next, self.main.block, self.validators.clone(), now.elapsed);
    }

    /// Does what the engine wants. After a failure to remember what was said, nothing more is said.
    pub(crate) fn run_engine(&mut self, wishes: Vec<finality::Effect>, now: Now) -> Result<(), ReplicaError> {
        for effect in wishes {
            if let finality::Effect::Remember(said) = effect {
                if let Err(error) = self.depot.keep_note(&Notes::vote(&self.options.branch), &said) {
                    self.restart_engine(now)?;
                    return Err(error.into());
                }
                continue;
            }
            self.run(effect, now)?;
        }
        Ok(())
    }

    fn run(&mut self, effect: finality::Effect, now: Now) -> Result<(), ReplicaError> {
        match effect {
            finality::Effect::Publish(message) => self.sync.spread(&message, now.elapsed),
            finality::Effect::WantProposal { round, .. } => return self.want_proposal(round, now),
            finality::Effect::Validate { block, proposer, .. } => return self.validate(block, proposer, now),
            finality::Effect::Decided(certificate) => return self.decided(certificate, now),
            finality::Effect::Evidence(evidence) => self.keep_evidence(*evidence)?,
            finality::Effect::Trouble(trouble) => {
                self.effects.push_back(Effect::Trouble(trouble.to_string()));
            }
            finality::Effect::Remember(_) => {}
        }
        Ok(())
    }

    /// Evidence is kept once for each key: one contradiction is as good as many.
    fn keep_evidence(&mut self, evidence: finality::Evidence) -> Result<(), ReplicaError> {
        let note = evidence_note(&evidence.by());
        if self.depot.note(&note)?.is_none() {
            self.depot.keep_note(&note, &evidence.to_bytes())?;
            self.effects.push_back(Effect::Evidence(Box::new(evidence)));
        }
        Ok(())
    }

    /// The evidence that a key voted twice, if there is any.
    pub fn evidence(&self, key: &KeyId) -> Result<Option<finality::Evidence>, ReplicaError> {
        let kept = self.depot.note(&evidence_note(key))?;
        Ok(kept.and_then(|kept| finality::Evidence::parse(&kept).ok()))
    }
}

fn evidence_note(key: &KeyId) -> String {
    format!("evidence.{key}")
}
