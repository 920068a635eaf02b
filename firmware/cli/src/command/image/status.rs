//! `image status`, `now`, `cancel`, `back`: what the boxes run, and what this one is told by hand.
//!
//! ledgerd alone knows these; what other boxes say of themselves it reads from the ledger.

use crate::{
    agent_client::AgentClient,
    context::Context,
    error::{Result, refused},
    output::{self, Table},
    view::View,
    when,
};
use clap::Args;
use jiff::tz::TimeZone;
use model::Millis;
use serde::Deserialize;
use serde_json::{Value, json};
use update::Version;

const PATH: &str = "/v1/updates";
/// So much of the history is shown.
const HISTORY: usize = 10;

/// Install a release now
///
/// Before its rollout, outside the hours, also where it failed before. Of older releases those that no floor forbids.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct Now {
    /// The version, such as 1.4.0
    version: Version,
}

/// What is read of ledgerd's answer (docs/formats/admin-api.md).
#[derive(Deserialize)]
struct Updates {
    can: bool,
    reason: Option<String>,
    #[serde(flatten)]
    own: Own,
    fallback: Option<Named>,
    #[serde(default)]
    history: Vec<Past>,
    #[serde(default)]
    nodes: Vec<Other>,
}

/// This box.
#[derive(Deserialize)]
struct Own {
    node: String,
    board: String,
    slot: Option<String>,
    running: Option<Named>,
    channel: Option<String>,
    mode: Option<String>,
    pinned: Option<String>,
    quiet: Option<String>,
    bandwidth: Option<u64>,
    wanted: Option<Wanted>,
    stage: Option<String>,
    bytes: Bytes,
    fetched: Bytes,
    percent: Option<u64>,
    waits: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    version: String,
}

#[derive(Deserialize)]
struct Wanted {
    version: String,
    why: String,
}

#[derive(Deserialize)]
struct Bytes {
    done: u64,
    total: u64,
}

#[derive(Deserialize)]
struct Past {
    at: u64,
    version: String,
    what: String,
    why: String,
}

/// Another box, as it last said.
#[derive(Deserialize)]
struct Other {
    node: String,
    board: Option<String>,
    running: Option<String>,
    wanted: Option<String>,
    stage: Option<String>,
    percent: Option<u64>,
    waits: Option<String>,
    at: Option<u64>,
}

pub(super) fn run(context: &Context) -> Result {
    show(context, agent(context)?.get(PATH)?)
}

impl Now {
    pub(super) fn run(&self, context: &Context) -> Result {
        show(context, agent(context)?.post("/v1/updates/now", &json!({ "version": self.version }))?)
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

fn show(context: &Context, value: Value) -> Result {
    let updates = Updates::deserialize(&value)?;
    let zone = View::open(context)?.zone();
    let text = boxes(&updates, &zone).to_text(context.out.style) + &own(&updates) + &history(&updates, &zone);
    context.out.show(&text, &value)
}

fn boxes(updates: &Updates, zone: &TimeZone) -> Table {
    let mut table = Table::new(&["BOX", "BOARD", "RUNS", "WANTS", "STAGE", "SAID", "WAITS"], "no boxes");
    let own = &updates.own;
    let version = |named: &Option<Named>| named.as_ref().map(|named| named.version.clone());
    table.row([
        own.node.clone(),
        own.board.clone(),
        version(&own.running).unwrap_or_else(|| "not known".into()),
        own.wanted.as_ref().map_or_else(String::new, |wanted| wanted.version.clone()),
        stage(own.stage.as_deref(), own.percent),
        "this box".into(),
        own.waits.clone().or_else(|| updates.reason.clone()).unwrap_or_default(),
    ]);
    for node in &updates.nodes {
        table.row([
            node.node.clone(),
            node.board.clone().unwrap_or_default(),
            node.running.clone().unwrap_or_else(|| "not known".into()),
            node.wanted.clone().unwrap_or_default(),
            stage(node.stage.as_deref(), node.percent),
            node.at.map_or_else(|| "never".into(), |at| when::show(Millis(at), zone)),
            node.waits.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// `writing 46%`; nothing while nothing happens.
fn stage(stage: Option<&str>, percent: Option<u64>) -> String {
    match (stage, percent) {
        (None | Some("nothing"), _) => String::new(),
        (Some(stage), Some(percent)) => format!("{stage} {percent}%"),
        (Some(stage), None) => stage.to_owned(),
    }
}

/// What only this box knows of itself.
fn own(updates: &Updates) -> String {
    let own = &updates.own;
    let mut text = String::new();
    let mut line = |name: &str, value: String| text += &format!("{name:<9} {value}\n");
    if updates.can {
        let mut wishes = vec![own.channel.clone().unwrap_or_default(), own.mode.clone().unwrap_or_default()];
        wishes.extend(own.pinned.as_ref().map(|version| format!("stays at {version}")));
        wishes.extend(own.quiet.as_ref().map(|hours| format!("quiet {hours}")));
        wishes.extend(own.bandwidth.map(|bytes| format!("at most {} a second", output::bytes(bytes))));
        line("follows", wishes.join(", "));
    }
    if let Some(wanted) = &own.wanted {
        line("wants", wanted.why.clone());
    }
    if own.bytes.total > 0 {
        let of = |bytes: &Bytes| format!("{} of {}", output::bytes(bytes.done), output::bytes(bytes.total));
        line("written", format!("{}, fetched {}", of(&own.bytes), of(&own.fetched)));
    }
    if let Some(slot) = &own.slot {
        let other = updates.fallback.as_ref().map(|named| format!("; the other one has {}", named.version));
        line("slot", slot.clone() + &other.unwrap_or_default());
    }
    text
}

fn history(updates: &Updates, zone: &TimeZone) -> String {
    let past = updates.history.iter().take(HISTORY).map(|past| {
        let why = if past.why.is_empty() { String::new() } else { format!(": {}", past.why) };
        format!("{}  {} {}{why}\n", when::show(Millis(past.at), zone), past.version, past.what)
    });
    past.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Style;

    /// What docs/formats/admin-api.md shows.
    fn described() -> Value {
        let page = include_str!("../../../../../docs/formats/admin-api.md");
        let (_, rest) = page.split_once("`GET /v1/updates`").unwrap();
        let json = rest.split("```").nth(1).unwrap().trim_start_matches("json");
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_answer_of_the_format_page_is_shown_whole() {
        let updates = Updates::deserialize(described()).unwrap();
        let zone = TimeZone::UTC;
        let table = boxes(&updates, &zone).to_text(Style::plain());
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[1].starts_with("front-door  qemu-aarch64  1.3.0  1.4.0  writing 46%"), "{table}");
        assert!(lines[2].starts_with("workshop    qemu-aarch64  1.3.0  1.4.0  ready 100%"), "{table}");
        assert!(lines[2].ends_with("quiet hours until .."), "{table}");
        let own = own(&updates);
        assert!(own.contains("follows   stable, automatic, quiet 22:00-06:00"), "{own}");
        assert!(own.contains("written   50.0 MiB of 108.0 MiB, fetched 1.0 MiB of 5.5 MiB"), "{own}");
        assert!(own.contains("slot      A; the other one has 1.2.0"), "{own}");
        assert_eq!(history(&updates, &zone), "2026-11-22 12:50:05  1.3.0 installed\n");
    }

    #[test]
    fn a_machine_without_slots_says_why_it_takes_nothing() {
        let mut value = described();
        for key in [
            "slot", "running", "wanted", "fallback", "waits", "channel", "mode", "pinned", "quiet", "percent",
        ] {
            value[key] = Value::Null;
        }
        (value["can"], value["reason"]) = (false.into(), "this machine did not start from a slot".into());
        let updates = Updates::deserialize(value).unwrap();
        let table = boxes(&updates, &TimeZone::UTC).to_text(Style::plain());
        assert!(table.contains("not known") && table.contains("did not start from a slot"), "{table}");
        assert!(!own(&updates).contains("follows"));
    }
}
