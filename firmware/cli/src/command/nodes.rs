//! `nodes`: the boxes of the organisation, and those that ask to belong.

use super::reason::Reason;
use crate::{
    agent_client::AgentClient,
    context::Context,
    edits::Edits,
    error::{Result, refused},
    keyring, link,
    output::Table,
    people,
    random::draw,
    view::View,
    when,
};
use agent::{
    home::Home,
    join::{Asker, approval},
    rotation::prepare_node,
    wire::{Done, Join, Joins, Reject, Standing},
};
use clap::{Args, Subcommand};
use ledger::{BranchDocument, NodeDocument};
use model::{Name, StatePath};
use serde_json::json;

/// The boxes of the organisation
#[derive(Debug, Subcommand)]
pub enum Nodes {
    /// List the boxes that belong
    List,
    /// List the boxes that ask to belong
    Pending,
    Approve(Approve),
    Reject(Rejected),
    Remove(Remove),
    Rotate(Rotate),
}

/// Let a box in that asks to belong
///
/// Compare the key that the box shows with the one that is listed. The box is given the ledger and the badge key.
#[derive(Debug, Args)]
pub struct Approve {
    /// The box's name
    name: Name,
    /// Let it vote on what is final, with this weight; 0 is no vote
    #[arg(long, value_name = "WEIGHT", default_value_t = 0)]
    validator: u64,
}

/// Send a box away that asks to belong
#[derive(Debug, Args)]
pub struct Rejected {
    /// The box's name
    name: Name,
}

/// Take a box out of the organisation, for ever
///
/// For a box that is lost, stolen or thrown away: its key is revoked and votes no more. What it wrote stays.
#[derive(Debug, Args)]
pub struct Remove {
    /// The box's name
    name: Name,
    /// Why
    #[command(flatten)]
    reason: Reason,
}

/// Give this box a new key
///
/// The new key is on the disk before anybody hears of it, and signs once the ledger has it; ledgerd begins anew then. Where
/// other boxes have to agree first, the box goes on by itself when they have.
#[derive(Debug, Args)]
pub struct Rotate {
    /// What people call the new key
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
}

impl Nodes {
    pub(super) fn run(&self, context: &Context) -> Result {
        match self {
            Self::List => list(context),
            Self::Pending => pending(context),
            Self::Approve(it) => it.run(context),
            Self::Reject(it) => it.run(context),
            Self::Remove(it) => it.run(context),
            Self::Rotate(it) => it.run(context),
        }
    }
}

fn list(context: &Context) -> Result {
    let view = View::open(context)?;
    let branch = branch(&view)?;
    let mut table = Table::new(&["NODE", "KEY", "BOARD", "WEIGHT", "STATE", "PLACE"], "no boxes");
    let mut list = Vec::new();
    for (path, document) in view.documents("nodes")? {
        let (name, node) = (people::stem(&path), document.to_value::<NodeDocument>()?);
        let weight = branch.validators.get(&node.key).copied().unwrap_or(0);
        let key = view.document(&format!("keys/{}.toml", node.key).parse()?)?;
        let is_revoked = key.is_none_or(|key| key.get(&["revoked"]).is_some());
        let state = if is_revoked { "removed" } else { "active" };
        let NodeDocument { key, board, place } = node;
        table.row([
            name.clone(),
            key.to_string(),
            board.to_string(),
            weight.to_string(),
            state.into(),
            place.clone(),
        ]);
        list.push(json!({ "node": name, "key": key, "board": board, "weight": weight, "state": state, "place": place }));
    }
    context.out.table(&table, &json!({ "nodes": list }))
}

fn pending(context: &Context) -> Result {
    let joins = waiting(context)?;
    let zone = View::open(context)?.zone();
    let mut table = Table::new(&["NODE", "KEY", "BOARD", "ASKED", "PLACE"], "no box asks to belong");
    for Join { name, key, board, asked, place, .. } in &joins.waiting {
        table.row([
            name.to_string(),
            key.to_string(),
            board.to_string(),
            when::show(*asked, &zone),
            super::log::harmless(place),
        ]);
    }
    context.out.table(&table, &serde_json::to_value(&joins)?)
}

fn agent(context: &Context) -> Result<AgentClient> {
    AgentClient::find(&context.home)?.ok_or_else(|| {
        refused("no ledgerd runs here, so no box can have asked", "run this on the box that made the ticket")
    })
}

fn waiting(context: &Context) -> Result<Joins> {
    agent(context)?.get("/v1/joins")
}

/// The one box of that name that waits.
fn asker(context: &Context, name: &Name) -> Result<Join> {
    let mut found: Vec<Join> = waiting(context)?.waiting;
    found.retain(|join| join.name == *name);
    match (found.pop(), found.is_empty()) {
        (Some(join), true) => Ok(join),
        (None, _) => Err(refused(
            format!("no box called {name} asks to belong here"),
            "ledgerctl nodes pending lists them; a box asks at the one that made its ticket",
        )),
        (Some(_), false) => Err(refused(
            format!("several boxes called {name} ask"),
            "have all but one ask again under another name",
        )),
    }
}

fn branch_path(view: &View) -> Result<StatePath> {
    Ok(format!("branches/{}.toml", view.branch()).parse()?)
}

fn branch(view: &View) -> Result<BranchDocument> {
    let document = view.document(&branch_path(view)?)?.unwrap_or_default();
    Ok(document.to_value()?)
}

impl Approve {
    fn run(&self, context: &Context) -> Result {
        let Join { name, key, public, board, place, asked } = asker(context, &self.name)?;
        let view = View::open(context)?;
        let asker = Asker { name, key: public, board, place, asked, rejected: false };
        let mut edits = Edits::new(&view);
        for change in approval(&asker, when::now(), self.validator, view.branch(), &branch(&view)?)? {
            edits.put_file(change.path, change.content.unwrap_or_default())?;
        }
        let said = format!("{} belongs; its key is {key}", self.name);
        link::send(context, &edits, &format!("Let the box {} in", self.name), &said)
    }
}

impl Rejected {
    fn run(&self, context: &Context) -> Result {
        let key = asker(context, &self.name)?.key;
        let _done: Done = agent(context)?.post("/v1/joins/reject", &Reject { key })?;
        context.out.show(&format!("{} was sent away\n", self.name), &json!({ "rejected": key }))
    }
}

impl Rotate {
    fn run(&self, context: &Context) -> Result {
        let home = Home::open(&context.home)?;
        let (old, next) = (home.node_key()?.public().id(), prepare_node(&home, &draw()?)?.public().id());
        let merged = link::rotate_node(context, &self.label)?;
        let said = match merged.state {
            Standing::Final => format!("{} signs with the key {next} now\n", home.node()),
            _ => format!(
                "{} signs with the key {next} once main has it; ledgerctl proposals shows how it stands\n",
                home.node()
            ),
        };
        let value = json!({"node": home.node(), "key": next, "replaces": old, "state": merged.state});
        context.out.show(&said, &value)
    }
}

impl Remove {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let path: StatePath = format!("nodes/{}.toml", self.name).parse()?;
        let Some(document) = view.document(&path)? else {
            return Err(refused(format!("there is no box {}", self.name), "ledgerctl nodes list shows them"));
        };
        let key = document.to_value::<NodeDocument>()?.key;
        let mark = self.reason.mark(&keyring::signer_name(context, &view)?);
        let mut edits = Edits::new(&view);
        edits
            .table(&format!("keys/{key}.toml").parse()?, &[])?
            .entry("revoked")
            .or_insert_with(|| mark.into());
        let votes = branch(&view)?.validators.contains_key(&key);
        // A revoked key has no weight anyway; who may not write the list leaves it there.
        if votes && view.must_be_allowed(context, &branch_path(&view)?).is_ok() {
            edits.table(&branch_path(&view)?, &["validators"])?.remove(&key.to_string());
        }
        let said = format!("{} is out; its key {key} is revoked", self.name);
        link::send(context, &edits, &format!("Take the box {} out", self.name), &said)
    }
}
