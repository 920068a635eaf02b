//! A box's own key, replaced by the ledgerd that runs, or in this process; and a ledgerd that begins anew.

use super::{Way, standing, still, way};
use crate::{
    agent_client::AgentClient,
    context::Context,
    error::{Result, refused},
};
use agent::wire::{Merged, Rotate, Standing, Status};
use model::Millis;
use std::{
    thread,
    time::{Duration, Instant},
};

/// How long a ledgerd that begins anew is waited for: its dapps are stopped and started.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// Has the box's key give way to the one that was made for it. Where that is final the box uses it when this returns.
pub fn rotate_node(context: &Context, label: &str) -> Result<Merged> {
    match way(context)? {
        Way::Agent(agent) => {
            let before = agent.get::<Status>("/v1/status")?.started;
            let merged: Merged = agent.post("/v1/node/rotate", &Rotate { label: label.into() })?;
            let merged = standing::settle(&agent, merged)?;
            if merged.state == Standing::Final {
                await_anew(context, before)?;
            }
            Ok(merged)
        }
        Way::Still(mut core) => {
            let merged = standing::good(core.rotate(label)?)?;
            drop(core);
            // Opened once more, it takes the new key.
            still::open(context).map_err(|error| still::explain(context, error))?;
            Ok(merged)
        }
    }
}

/// Waits until the ledgerd that started at `before` has made way for a new one that answers.
pub(super) fn await_anew(context: &Context, before: Millis) -> Result {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let status = AgentClient::find(&context.home).ok().flatten();
        let status = status.and_then(|agent| agent.get::<Status>("/v1/status").ok());
        if status.is_some_and(|status| status.started != before) {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    Err(refused(
        "ledgerd was told to begin anew and does not answer",
        "look at its messages, and start it again",
    ))
}
