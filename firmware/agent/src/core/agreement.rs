//! How this box agrees with others, for the status.

use super::{Core, CoreError};
use crate::wire::{Agreement, CloneStatus, Conduct, ValidatorStatus};
use model::{KeyId, Name};
use replica::Status;
use std::collections::BTreeMap;

impl Core {
    /// Who votes, what waits, what is left out, whose key is in use twice, who misbehaved.
    pub fn agreement(&mut self) -> Result<Agreement, CoreError> {
        let (view, now) = (self.view.clone(), self.now().elapsed);
        let names: BTreeMap<KeyId, Name> =
            view.node_keys().into_iter().map(|(key, (_, name))| (key, name)).collect();
        self.with(|replica| {
            let proposals = replica.proposals()?;
            let count = |counts: fn(&Status) -> bool| {
                proposals.iter().filter(|one| counts(&one.status)).count() as u64
            };
            let weight = |key: &KeyId| Some(replica.validators().weight(key)).filter(|weight| *weight > 0);
            let validators = names.iter().filter_map(|(key, name)| {
                Some(ValidatorStatus { key: *key, node: name.clone(), weight: weight(key)? })
            });
            let conduct = replica.sync().conduct().iter().map(|(key, record)| {
                let banned_until = record.banned_until(now);
                (*key, Conduct { misdeeds: record.count(), last: record.last().to_string(), banned_until })
            });
            let clones = replica.clones().map(|(key, a, b)| CloneStatus { key, heads: [a, b] });
            Ok(Agreement {
                alone: replica.is_alone(),
                validators: validators.collect(),
                waiting: count(|status| *status == Status::Waiting),
                left_out: count(|status| matches!(status, Status::LeftOut { .. })),
                tentative: view.tentative_tree != replica.main().tree,
                clones: clones.collect(),
                conduct: conduct.collect(),
            })
        })
    }
}
