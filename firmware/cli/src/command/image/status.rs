//! `image status`, `now`, `cancel`, `back`: what the boxes run, and what this one is told by hand.
//!
//! ledgerd alone knows these; what other boxes say of themselves it reads from the ledger.

use crate::{
    agent_client::AgentClient,
    command::log::harmless,
    context::Context,
    error::{Result, refused},
    output::{self, Table},
    view::View,
    when,
};
use agent::wire::{NodeUpdates, Progress, ReleaseName, UpdateNow, Updates};
use clap::Args;
use jiff::tz::TimeZone;
use update::Version;

const PATH: &str = "/v1/updates";
/// So much of the history is shown.
const HISTORY: usize = 10;
/// Of a card with an image that nobody published, and of a box that has said nothing yet.
const NOT_KNOWN: &str = "not known";

/// Install a release now
///
/// Before its rollout, outside the hours, also where it failed before. Of older releases those that no floor forbids.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct Now {
    /// The version, such as 1.4.0
    version: Version,
}

pub(super) fn run(context: &Context) -> Result {
    show(context, agent(context)?.get(PATH)?)
}

impl Now {
    pub(super) fn run(&self, context: &Context) -> Result {
        show(
            context,
            agent(context)?.post("/v1/updates/now", &UpdateNow { version: self.version.to_string() })?,
        )
    }
}

pub(super) fn cancel(context: &Context) -> Result {
    show(context, agent(context)?.poke("/v1/updates/cancel")?)
}

pub(super) fn back(context: &Context) -> Result {
    show(context, agent(context)?.poke("/v1/updates/back")?)
}

fn agent(context: &Context) -> Result<AgentClient> {
    AgentClient::find(&context.home)?.ok_or_else(|| {
        refused(
            "no ledgerd runs here, and it alone updates a box",
            "start ledgerd; ledgerctl image list shows the releases of the ledger",
        )
    })
}

fn show(context: &Context, updates: Updates) -> Result {
    let zone = View::open(context)?.zone();
    let text = boxes(&updates, &zone).to_text(context.out.style) + &own(&updates) + &history(&updates, &zone);
    context.out.show(&text, &serde_json::to_value(&updates)?)
}

fn boxes(updates: &Updates, zone: &TimeZone) -> Table {
    let mut table = Table::new(&["BOX", "BOARD", "RUNS", "WANTS", "STAGE", "SAID", "WAITS"], "no boxes");
    table.row([
        updates.node.clone(),
        updates.board.clone(),
        version(&updates.running),
        updates.wanted.as_ref().map_or_else(String::new, |wanted| wanted.version.clone()),
        stage(&updates.stage, updates.percent),
        "this box".into(),
        updates.waits.clone().or_else(|| updates.reason.clone()).unwrap_or_default(),
    ]);
    updates.nodes.iter().for_each(|node| table.row(other(node, zone)));
    table
}

fn other(node: &NodeUpdates, zone: &TimeZone) -> [String; 7] {
    [
        node.node.to_string(),
        node.board.clone().unwrap_or_default(),
        node.running.clone().unwrap_or_else(|| NOT_KNOWN.into()),
        node.wanted.clone().unwrap_or_default(),
        stage(node.stage.as_deref().unwrap_or_default(), node.percent.unwrap_or_default()),
        node.at.map_or_else(|| "never".into(), |at| when::show(at, zone)),
        harmless(node.waits.as_deref().unwrap_or_default()),
    ]
}

fn version(release: &Option<ReleaseName>) -> String {
    release.as_ref().map_or_else(|| NOT_KNOWN.into(), |release| release.version.clone())
}

/// `writing 46%`; nothing while nothing happens.
fn stage(stage: &str, percent: u8) -> String {
    match stage {
        "" | "nothing" => String::new(),
        "writing" | "checking" => format!("{stage} {percent}%"),
        other => other.into(),
    }
}

/// What only this box knows of itself.
fn own(updates: &Updates) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text += &format!("{name:<9} {value}\n");
    if updates.can {
        line("follows", wishes(updates));
    }
    if let Some(wanted) = &updates.wanted {
        line("wants", wanted.why.clone());
    }
    if updates.bytes.total > 0 {
        line("written", format!("{}, fetched {}", of(&updates.bytes), of(&updates.fetched)));
    }
    if let Some(slot) = &updates.slot {
        line("slot", format!("{slot}; the other one has {}", version(&updates.fallback)));
    }
    text
}

/// `50.0 MiB of 108.0 MiB`.
fn of(bytes: &Progress) -> String {
    format!("{} of {}", output::bytes(bytes.done), output::bytes(bytes.total))
}

fn wishes(updates: &Updates) -> String {
    let mut wishes = vec![updates.channel.clone(), updates.mode.clone()];
    wishes.extend(updates.pinned.as_ref().map(|version| format!("stays at {version}")));
    wishes.extend(updates.quiet.as_ref().map(|hours| format!("quiet {hours}")));
    wishes.extend(updates.bandwidth.map(|bytes| format!("at most {} a second", output::bytes(bytes))));
    wishes.join(", ")
}

fn history(updates: &Updates, zone: &TimeZone) -> String {
    let past = updates.history.iter().take(HISTORY).map(|past| {
        let why = if past.why.is_empty() { String::new() } else { format!(": {}", harmless(&past.why)) };
        format!("{}  {} {}{why}\n", when::show(past.at, zone), past.version, past.what)
    });
    past.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Style;

    /// What docs/formats/admin-api.md shows.
    fn described() -> Updates {
        let page = include_str!("../../../../../docs/formats/admin-api.md");
        let (_, rest) = page.split_once("`GET /v1/updates`").unwrap();
        let json = rest.split("```").nth(1).unwrap().trim_start_matches("json");
        serde_json::from_str(&json.replace("<64 hex>", &"ab".repeat(32))).unwrap()
    }

    #[test]
    fn the_answer_of_the_format_page_is_shown_whole() {
        let (updates, zone) = (described(), TimeZone::UTC);
        let table = boxes(&updates, &zone).to_text(Style::plain());
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].starts_with("front-door  qemu-aarch64  1.3.0  1.4.0  writing 46%"), "{table}");
        assert!(lines[2].starts_with("workshop    qemu-aarch64  1.3.0  1.4.0  ready "), "{table}");
        assert!(lines[2].ends_with("quiet hours until .."), "{table}");
        let own = own(&updates);
        assert!(own.contains("follows   stable, automatic, quiet 22:00-06:00"), "{own}");
        assert!(own.contains("written   50.0 MiB of 108.0 MiB, fetched 1.0 MiB of 5.5 MiB"), "{own}");
        assert!(own.contains("slot      A; the other one has 1.2.0"), "{own}");
        assert_eq!(history(&updates, &zone), "2026-11-22 12:50:05  1.3.0 installed\n");
    }

    #[test]
    fn a_machine_without_slots_says_why_it_takes_nothing() {
        let reason = Some("this machine did not start from a slot".into());
        let updates = Updates { node: "laptop".into(), reason, ..Updates::default() };
        let table = boxes(&updates, &TimeZone::UTC).to_text(Style::plain());
        assert!(table.contains("not known") && table.contains("did not start from a slot"), "{table}");
        assert_eq!(own(&updates), "");
    }
}
