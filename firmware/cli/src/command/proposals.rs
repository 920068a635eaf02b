//! `proposals`: what waits to become final, and what was left out and why.

use super::log::harmless;
use crate::{context::Context, error::Result, link, output::Table, view::View, when};
use agent::wire::{ProposalStatus, Standing};
use clap::Args;

/// Show changes that wait to become final, and those that were left out, with the reason
#[derive(Debug, Args)]
pub struct Proposals {
    /// Every writer's newest blocks, final ones too
    #[arg(long)]
    all: bool,
}

impl Proposals {
    pub(super) fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let found = link::proposals(context, self.all)?;
        let zone = view.zone();
        let mut table =
            Table::new(&["BLOCK", "TIME", "BY", "STATE", "SUBJECT"], "nothing waits: all is final");
        for proposal in &found.proposals {
            let ProposalStatus { head, at, writer, subject, .. } = proposal;
            let state = state(proposal);
            table.row([head.short(), when::show(*at, &zone), writer.to_string(), state, harmless(subject)]);
        }
        context.out.table(&table, &serde_json::to_value(&found)?)
    }
}

fn state(proposal: &ProposalStatus) -> String {
    match (proposal.state, &proposal.reason) {
        (Standing::Final, _) => "final".into(),
        (Standing::Waiting, _) => "waiting".into(),
        (Standing::LeftOut, Some(reason)) => format!("left out: {}", harmless(reason)),
        (Standing::LeftOut, None) => "left out".into(),
        (Standing::Unknown, _) => "unknown".into(),
    }
}
