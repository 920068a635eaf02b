//! What becomes of a change that was sent: final, waiting for other boxes, or left out.

use super::{Way, way};
use crate::{
    agent_client::{AgentClient, with_query},
    context::Context,
    error::{Result, refused},
};
use agent::wire::{Merged, Proposals, ProposalsQuery, Standing};
use model::Name;
use std::{
    thread,
    time::{Duration, Instant},
};

/// How long a change is watched on its way into main.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// Waits a little for a change to be final; one that was left out is an error.
pub(super) fn settle(agent: &AgentClient, mut merged: Merged) -> Result<Merged> {
    let begun = Instant::now();
    while merged.state == Standing::Waiting && begun.elapsed() < PATIENCE {
        thread::sleep(PAUSE);
        let head = merged.head.map(|head| head.to_string());
        let Proposals { block, height, proposals } =
            agent.get(&with_query("/v1/proposals", &[("head", head)]))?;
        if let Some(found) = proposals.into_iter().next() {
            merged = Merged { block, height, state: found.state, reason: found.reason, ..merged };
        }
    }
    good(merged)
}

/// A change that was left out is an error.
pub(super) fn good(merged: Merged) -> Result<Merged> {
    match merged.state {
        Standing::LeftOut => Err(refused(
            format!("the change was left out of main: {}", merged.reason.unwrap_or_default()),
            "it is kept on your own line; what you write next is proposed together with it",
        )),
        _ => Ok(merged),
    }
}

/// Where the branch that the box follows is, and the change if it is not there yet.
pub(super) fn text(branch: &Name, merged: &Merged) -> String {
    let main = format!("{branch} is {} at height {}\n", merged.block.short(), merged.height);
    match merged.state {
        Standing::Final => main,
        _ => format!(
            "{main}the change is kept and waits for the other boxes: ledgerctl proposals shows how it stands\n"
        ),
    }
}

/// Writers' newest blocks and how they stand; also those that are final, if `all`.
pub fn proposals(context: &Context, all: bool) -> Result<Proposals> {
    match way(context)? {
        Way::Agent(agent) => agent.get(&with_query("/v1/proposals", &[("all", all.then(|| "true".into()))])),
        Way::Still(mut core) => Ok(core.proposals(&ProposalsQuery { all, head: None })?),
    }
}
