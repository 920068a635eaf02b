//! `status` and `flush`: the box at a glance, and waiting events into a block.

mod others;

use crate::{
    context::Context,
    error::Result,
    link::{self, Way},
    output::{self, Style},
    people,
    view::View,
    when,
};
use agent::{
    core::Core,
    wire::{Merged, Status},
};
use model::Millis;
use serde_json::json;

pub(super) fn run(context: &Context) -> Result {
    // Whether there is a ledger at all is said before anything is opened to write.
    let view = View::open(context)?;
    match link::way(context)? {
        Way::Agent(agent) => running(context, &agent.get("/v1/status")?),
        Way::Still(mut core) => still(context, &view, &mut core),
    }
}

fn running(context: &Context, status: &Status) -> Result {
    let style = context.out.style;
    let mut text = heading(&status.org_name, &status.org, status.node.as_str(), &status.timezone);
    let zone = when::zone(&status.timezone);
    text += &fact("ledgerd", &format!("{} runs since {}", status.version, when::show(status.started, &zone)));
    let head = format!("{}  height {}  {}", status.head.short(), status.height, age(status.head_at));
    text += &fact(status.branch.as_str(), &head);
    text += &fact("events", &events_text(status.events.durable, status.events.pending));
    text += &fact("clock", &clock_text(status, style));
    let simulated = if status.board.simulated { " (simulated)" } else { "" };
    text += &fact("board", &format!("{}{simulated}", status.board.name));
    for dapp in &status.dapps {
        let why = dapp.reason.as_deref().map_or_else(String::new, |why| format!("  {why}"));
        let state = if dapp.state == "running" { style.green("running") } else { style.yellow(&dapp.state) };
        text += &fact("dapp", &format!("{} {}  {state}{why}", dapp.name, dapp.version));
    }
    if let Some(trouble) = &status.disk_trouble {
        text += &fact("disk", &style.red(trouble));
    }
    text += &others::facts(status, style);
    let mut value = serde_json::to_value(status)?;
    value["running"] = true.into();
    context.out.show(&text, &value)
}

fn still(context: &Context, view: &View, core: &mut Core) -> Result {
    let (org, block, people) = (view.org(), view.block(), people::all(view)?.len());
    let agreement = core.agreement()?;
    let (events, node) = (core.counts(), core.node());
    let mut text = heading(&org.name, &view.org_id().to_string(), node.as_str(), &org.timezone);
    text += &fact("ledgerd", "does not run");
    let head = format!("{}  height {}  {}", block.id.short(), view.height(), age(block.at));
    text += &fact(view.branch().as_str(), &head);
    text += &fact("events", &events_text(events.durable, events.pending));
    text += &fact("people", &people.to_string());
    text += &others::known(core.view(), node, &agreement, context.out.style);
    let value = json!({
        "running": false, "branch": view.branch(), "org": view.org_id(), "org_name": org.name, "timezone": org.timezone, "node": node,
        "head": block.id, "height": view.height(), "head_at": block.at, "people": people, "events": events,
        "agreement": agreement,
    });
    context.out.show(&text, &value)
}

fn heading(name: &str, org: &str, node: &str, zone: &str) -> String {
    format!("{name}  (organisation {}, node {node}, {zone})\n", org.get(..12).unwrap_or(org))
}

pub(super) fn fact(name: &str, value: &str) -> String {
    format!("  {name:<8} {value}\n")
}

fn age(at: Millis) -> String {
    when::ago(when::now().since(at))
}

fn events_text(durable: u64, pending: u64) -> String {
    let count = usize::try_from(durable).unwrap_or(usize::MAX);
    let waiting = if pending > 0 { format!(", {pending} wait for their block") } else { String::new() };
    format!("{}{waiting}", output::count(count, "event", "events"))
}

fn clock_text(status: &Status, style: Style) -> String {
    let now = when::show(status.clock.now, &when::zone(&status.timezone));
    match &status.clock.reason {
        Some(reason) if !status.clock.trusted => format!("{now}  {}", style.red(reason)),
        _ => now,
    }
}

pub(super) fn flush(context: &Context) -> Result {
    let merged: Merged = link::flush(context)?;
    let branch = View::open(context)?.branch().clone();
    let (block, height) = (merged.block.short(), merged.height);
    let said = format!("all events are in blocks; {branch} is {block} at height {height}\n");
    context.out.show(&said, &serde_json::to_value(&merged)?)
}
