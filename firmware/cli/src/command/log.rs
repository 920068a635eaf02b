//! `log`: what happened, newest last; and the blocks in which it is kept.

mod blocks;
mod line;

pub(super) use line::harmless;

use crate::{
    agent_client::AgentClient,
    context::Context,
    error::{Result, misused},
    link::{self, Way},
    view::View,
    when,
};
use agent::wire::{Live, LogEntry, LogQuery};
use clap::Args;
use jiff::tz::TimeZone;
use model::Name;
use serde_json::json;
use std::ops::ControlFlow;

/// Show events, newest last, or blocks
#[derive(Debug, Args)]
pub struct Log {
    /// Go on showing events as they come; Ctrl-C ends it
    #[arg(long, short)]
    follow: bool,
    /// Only this kind of event, such as `access`
    #[arg(long)]
    kind: Option<Name>,
    /// Only events of this dapp
    #[arg(long)]
    dapp: Option<Name>,
    /// Only events that name this person
    #[arg(long)]
    person: Option<Name>,
    /// Only events (or blocks) since: 2h, "3 days", 2026-11-22
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At most so many, the newest
    #[arg(short = 'n', value_name = "NUMBER", default_value_t = 100)]
    limit: usize,
    /// Show the blocks of main instead, newest last
    #[arg(long, conflicts_with_all = ["follow", "kind", "dapp", "person"])]
    blocks: bool,
}

impl Log {
    pub(super) fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let since =
            self.since.as_ref().map(|text| when::past(text, when::now(), &view.zone())).transpose()?;
        if self.blocks {
            return blocks::show(context, &view, since, self.limit);
        }
        let query = LogQuery {
            dapp: self.dapp.clone(),
            kind: self.kind.clone(),
            text: self.person.as_ref().map(|person| format!("\"{person}\"")),
            after: None,
            since,
            limit: Some(self.limit),
        };
        let way = link::way(context)?;
        let zone = view.zone();
        let entries = link::events(&way, &query)?;
        if entries.is_empty() && !self.follow && !context.out.json {
            return context.out.line("no events yet");
        }
        for entry in &entries {
            self.show(context, entry, &zone)?;
        }
        match (self.follow, way) {
            (false, _) => Ok(()),
            (true, Way::Agent(agent)) => self.follow(context, &agent, &zone),
            (true, Way::Still(_)) => Err(misused(
                "nothing to follow: no ledgerd runs here",
                "start ledgerd, or leave out --follow",
            )),
        }
    }

    fn follow(&self, context: &Context, agent: &AgentClient, zone: &TimeZone) -> Result {
        agent.lines(hyper::Method::GET, "/v1/live", |line| {
            // Kinds of line that this ledgerctl does not know are none of its business.
            if let Ok(Live::Event(entry)) = serde_json::from_str(line)
                && self.wants(&entry)
            {
                self.show(context, &entry, zone)?;
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn wants(&self, entry: &LogEntry) -> bool {
        let named = |person: &Name| line::names(&entry.event, person.as_str());
        self.kind.as_ref().is_none_or(|kind| *kind == entry.event.kind)
            && self.dapp.as_ref().is_none_or(|dapp| *dapp == entry.event.dapp)
            && self.person.as_ref().is_none_or(named)
    }

    fn show(&self, context: &Context, entry: &LogEntry, zone: &TimeZone) -> Result {
        if self.person.as_ref().is_some_and(|person| !line::names(&entry.event, person.as_str())) {
            return Ok(());
        }
        if context.out.json {
            return context.out.line(&json!(entry).to_string());
        }
        context.out.line(&line::text(entry, zone, context.out.style))
    }
}
