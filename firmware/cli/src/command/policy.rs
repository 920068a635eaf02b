//! `policy`: who may write what, and who signs releases.

mod releases;

use super::propose::read_file;
use crate::{
    context::Context,
    edits::Edits,
    error::{Result, refused},
    link,
    output::{self, Table},
    view::View,
};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use ledger::Policy as Rules;
use model::{Document, StatePath};
use serde_json::json;
use std::path::PathBuf;

/// Who may write what
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Print the policy
    Show,
    /// Put a policy in place of the one that holds
    Set(File),
    /// Check a policy file, and show what it would change
    Check(File),
    WhoMay(WhoMay),
    Releases(releases::Releases),
}

/// A policy file
#[derive(Debug, Args)]
pub struct File {
    /// The policy, in TOML
    file: PathBuf,
}

/// Say who may write a path
#[derive(Debug, Args)]
pub struct WhoMay {
    /// The path in the ledger, such as people/bob.toml
    path: StatePath,
}

impl Policy {
    pub(super) fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        match self {
            Self::Show => show(context, &view),
            Self::Set(it) => it.set(context, &view),
            Self::Check(it) => it.check(context, &view),
            Self::WhoMay(it) => it.run(context, &view),
            Self::Releases(it) => it.run(context, &view),
        }
    }
}

fn path() -> Result<StatePath> {
    Ok("policy.toml".parse()?)
}

fn show(context: &Context, view: &View) -> Result {
    let document = view.document(&path()?)?.unwrap_or_default();
    context.out.show(&document.to_canonical()?, &serde_json::to_value(document.table())?)
}

impl File {
    fn edits<'v>(&self, view: &'v View) -> Result<Edits<'v>> {
        let bytes = read_file(&self.file)?;
        let named = || format!("{} is not a policy", self.file.display());
        let document = Document::parse(&bytes).with_context(named)?;
        let rules = Rules::parse(document.to_canonical()?.as_bytes()).with_context(named)?;
        if rules.writers_of(&path()?).is_empty() {
            let what = format!("{}: nobody could change the policy any more", self.file.display());
            return Err(refused(what, "keep a rule for policy.toml with a role that has a person in it"));
        }
        let mut edits = Edits::new(view);
        edits.put_document(path()?, document);
        Ok(edits)
    }

    fn set(&self, context: &Context, view: &View) -> Result {
        link::send(context, &self.edits(view)?, "Change the policy", "the policy is in force")
    }

    fn check(&self, context: &Context, view: &View) -> Result {
        let edits = self.edits(view)?;
        let diff = edits.diff(context.out.style)?;
        let said = if diff.is_empty() { "it is the policy that holds\n".to_string() } else { diff };
        context.out.show(&said, &json!({"good": true, "diff": edits.diff(output::Style::plain())?}))
    }
}

impl WhoMay {
    fn run(&self, context: &Context, view: &View) -> Result {
        let policy = view.policy()?;
        let rules =
            || policy.rules.iter().filter(|rule| rule.paths.iter().any(|glob| glob.matches(&self.path)));
        let mut table = Table::new(&["WHO", "BY"], &format!("nobody: no rule names {}", self.path));
        let mut list = Vec::new();
        for rule in rules() {
            for role in &rule.roles {
                for person in policy.roles.get(role).into_iter().flatten() {
                    table.row([person.to_string(), format!("role {role}")]);
                    list.push(json!({"person": person, "role": role}));
                }
            }
            for dapp in &rule.dapps {
                table.row([
                    format!("dapp {dapp}"),
                    "its own name, where its manifest says so too".to_string(),
                ]);
                list.push(json!({ "dapp": dapp }));
            }
        }
        context.out.table(&table, &json!({"path": self.path, "who": list}))
    }
}
