//! `branch`: lines of the ledger with validators, policy and dapps of their own.

use super::propose::read_file;
use crate::{
    context::Context,
    error::{Hint, Result, misused, refused},
    keyring, link,
    output::Table,
    view::View,
    when,
};
use agent::home::Home;
use clap::{Args, Subcommand};
use ledger::{Block, BlockKind, BranchDocument, Change, Meta, NodeDocument, POLICY_PATH, State};
use model::{BlockId, Document, KeyId, Name, StatePath};
use serde::Serialize;
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf};
use store::{GitObjects, RefName};

/// Branches of the ledger, each with validators of its own
#[derive(Debug, Subcommand)]
pub enum Branch {
    Create(Create),
    /// List the branches that this box knows
    List,
    Show(Show),
    Follow(Follow),
}

/// Begin a branch
///
/// It needs nobody's leave and changes nothing on the branch that it leaves. If the validators of main are lost, the rest of
/// the members go on so: `ledgerctl branch create rescue`, then `ledgerctl branch follow rescue` on their boxes, and one day
/// `ledgerctl propose rescue --into main`.
#[derive(Debug, Args)]
pub struct Create {
    /// What it is to be called
    name: Name,
    /// The branch, or the block of one, where it begins [default: the branch that this box follows]
    #[arg(long, value_name = "BRANCH|BLOCK")]
    from: Option<String>,
    /// Who says what is final on it, by node or key; may be repeated [default: this box]
    #[arg(long, value_name = "NODE|KEY=WEIGHT")]
    validator: Vec<String>,
    /// A policy of its own [default: as where it begins]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Show a branch: who votes on it, where it began, how far it is
#[derive(Debug, Args)]
pub struct Show {
    /// Its name
    name: Name,
}

/// Have this box follow another branch
///
/// Its doors, dapps and people are those of that branch from then on. ledgerd begins anew for it.
#[derive(Debug, Args)]
pub struct Follow {
    /// The branch
    name: Name,
}

impl Branch {
    pub(super) fn run(&self, context: &Context) -> Result {
        match self {
            Self::Create(it) => it.run(context),
            Self::List => list(context),
            Self::Show(it) => it.run(context),
            Self::Follow(it) => it.run(context),
        }
    }
}

impl Create {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        if view.objects().head(&RefName::Head(self.name.clone()))?.is_some() {
            let hint = "choose another name; ledgerctl branch list shows those that are taken";
            return Err(refused(format!("there is a branch {} already", self.name), hint));
        }
        let base = match &self.from {
            None => view.head(),
            Some(from) => find(view.objects(), from)?,
        };
        let state = State::at(view.objects(), base)?;
        let mut changes = vec![self.document(context, &state)?];
        if let Some(file) = &self.policy {
            changes.push(Change { path: POLICY_PATH.parse()?, content: Some(read_file(file)?) });
        }
        let signer = keyring::signer(context, &view)?;
        let author = signer.key.public().id();
        let subject = format!("Begin the branch {}", self.name);
        let meta = Meta { author, at: when::now(), subject, dapp: None };
        let draft = ledger::fork(view.objects(), base, self.name.clone(), &changes, meta).hint(
            || format!("the branch {} cannot begin there", self.name),
            "anybody whose key the ledger knows may begin one: --as PERSON signs with another's key",
        )?;
        let block = draft.sign(&signer.key)?;
        let (id, parent) = (block.id, Block::read(view.objects(), base)?);
        link::begin_branch(context, block)?;
        let said = format!(
            "{name} begins after {from} at height {height}\nnext, on the boxes that are to belong to it:\n  \
             ledgerctl branch follow {name}\n",
            name = self.name,
            from = parent.branch,
            height = parent.height.unwrap_or(0),
        );
        context.out.show(&said, &json!({"branch": self.name, "block": id, "from": base}))
    }

    /// The document with the validators.
    fn document(&self, context: &Context, state: &State<'_>) -> Result<Change> {
        let mut validators = BTreeMap::new();
        for text in &self.validator {
            let (key, weight) = validator(state, text)?;
            validators.insert(key, weight);
        }
        if validators.is_empty() {
            let own = Home::open(&context.home)?.node().clone();
            validators.insert(key_of(state, own.as_str())?, 1);
        }
        let text = Document::from_value(&BranchDocument { validators })?.to_canonical()?;
        let path = format!("branches/{}.toml", self.name).parse()?;
        Ok(Change { path, content: Some(text.into_bytes()) })
    }
}

/// `NODE=WEIGHT` or `KEY=WEIGHT`.
fn validator(state: &State<'_>, text: &str) -> Result<(KeyId, u64)> {
    let example = "write NODE=WEIGHT or KEY=WEIGHT, such as workshop=1";
    let wrong = || misused(format!("{text:?} is no validator"), example);
    let (who, weight) = text.split_once('=').ok_or_else(wrong)?;
    let weight: u64 = weight.parse().ok().filter(|weight| *weight > 0).ok_or_else(wrong)?;
    Ok((key_of(state, who)?, weight))
}

/// The key of a node by its name, or a key by its id.
fn key_of(state: &State<'_>, who: &str) -> Result<KeyId> {
    let hint = "ledgerctl nodes list shows nodes and their keys";
    if let Ok(key) = who.parse::<KeyId>() {
        let known = state.key(&key)?.filter(|key| key.revoked.is_none());
        return known.map(|_| key).ok_or_else(|| refused(format!("{key} is no key that counts"), hint));
    }
    let node = format!("nodes/{who}.toml").parse::<StatePath>().ok();
    let document = node.map(|path| state.document(&path)).transpose()?.flatten();
    match document {
        Some(document) => Ok(document.to_value::<NodeDocument>()?.key),
        None => Err(refused(format!("there is no box {who}"), hint)),
    }
}

/// The newest block of a branch by its name, or a block by its id.
pub(super) fn find(objects: &GitObjects, text: &str) -> Result<BlockId> {
    if let Ok(block) = text.parse::<BlockId>() {
        return Ok(block);
    }
    let name = text.parse::<Name>().ok();
    let head = name.map(|name| objects.head(&RefName::Head(name))).transpose()?.flatten();
    head.ok_or_else(|| {
        refused(format!("this box knows no branch {text}"), "ledgerctl branch list shows those that it knows")
    })
}

fn list(context: &Context) -> Result {
    let view = View::open(context)?;
    let zone = view.zone();
    let mut table = Table::new(&["BRANCH", "HEIGHT", "BLOCK", "TIME", ""], "no branches");
    let mut list = Vec::new();
    for (name, head) in view.objects().refs()? {
        let RefName::Head(name) = name else { continue };
        let block = Block::read(view.objects(), head)?;
        let (height, followed) = (block.height.unwrap_or(0), name == *view.branch());
        let note = if followed { "this box follows it" } else { "" };
        table.row([
            name.to_string(),
            height.to_string(),
            head.short(),
            when::show(block.at, &zone),
            note.into(),
        ]);
        list.push(
            json!({"branch": name, "height": height, "block": head, "at": block.at, "followed": followed}),
        );
    }
    context.out.table(&table, &json!({ "branches": list }))
}

impl Show {
    fn run(&self, context: &Context) -> Result {
        let (view, followed) = (View::of(context, &self.name)?, View::open(context)?);
        let began = began(&view)?;
        let from = began.main().map(|main| Block::read(view.objects(), main)).transpose()?;
        let (at, by) = (when::show(began.at, &view.zone()), &began.author_name);
        let after = match &from {
            Some(from) => format!("after {} at height {}", from.branch, from.height.unwrap_or(0)),
            None => "with the organisation".into(),
        };
        let mut text = format!("{}  height {}  {}\n", self.name, view.height(), view.head().short());
        text += &format!("  began    {at} by {by}, {after}\n");
        let validators = self.validators(&view)?;
        for Validator { owner, weight, revoked, .. } in &validators {
            let lost = if *revoked { ", revoked" } else { "" };
            text += &format!("  votes    {owner} with weight {weight}{lost}\n");
        }
        let joined = ledger::merge_bases(view.objects(), followed.head(), view.head())? == [view.head()];
        if joined && self.name != *followed.branch() {
            text += &format!("  joined   {} has all of it\n", followed.branch());
        }
        let value = json!({
            "branch": self.name, "height": view.height(), "block": view.head(), "validators": validators,
            "began": began.id, "from": from.map(|from| json!({"branch": from.branch, "block": from.id})),
            "joined": joined,
        });
        context.out.show(&text, &value)
    }

    fn validators(&self, view: &View) -> Result<Vec<Validator>> {
        let document = view.state().branch(&self.name)?.unwrap_or_default();
        let validator = |(key, weight): (&KeyId, &u64)| {
            let known = view.state().key(key)?;
            let owner =
                known.as_ref().map_or_else(|| key.to_string(), |known| known.owner.name().to_string());
            let revoked = known.is_none_or(|known| known.revoked.is_some());
            Ok(Validator { key: *key, owner, weight: *weight, revoked })
        };
        document.validators.iter().map(validator).collect()
    }
}

/// Who votes on a branch.
#[derive(Serialize)]
struct Validator {
    key: KeyId,
    owner: String,
    weight: u64,
    revoked: bool,
}

/// The block with which a branch began.
fn began(view: &View) -> Result<Block> {
    let mut block = view.block().clone();
    while block.kind == BlockKind::Merge
        && let Some(main) = block.main()
    {
        block = Block::read(view.objects(), main)?;
    }
    Ok(block)
}

impl Follow {
    fn run(&self, context: &Context) -> Result {
        let view = View::of(context, &self.name)?;
        let home = Home::open(&context.home)?;
        let value = json!({"branch": self.name, "block": view.head(), "height": view.height()});
        if home.branch() == &self.name {
            return context.out.show(&format!("{} follows {} already\n", home.node(), self.name), &value);
        }
        link::follow(context, &self.name)?;
        context.out.show(&format!("{} follows {} now\n", home.node(), self.name), &value)
    }
}
