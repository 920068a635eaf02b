//! `certificate`: who may use what, from when and until when.

use super::{people::moment, reason::Reason};
use crate::{
    context::Context,
    edits::Edits,
    error::{Result, refused},
    keyring, link,
    output::Table,
    people,
    view::View,
    when,
};
use clap::{Args, Subcommand};
use model::Name;
use serde_json::json;

/// Who may use what
#[derive(Debug, Subcommand)]
pub enum Certificate {
    Grant(Grant),
    End(End),
    Revoke(Revoke),
    List(List),
}

/// Let a person use a resource
#[derive(Debug, Args)]
pub struct Grant {
    /// The person's name in the ledger
    person: Name,
    /// The resource, such as `frontdoor` or `laser`
    resource: Name,
    /// How much: 0 user, 1 trainer, 2 and up in the organisation's own words
    #[arg(long, value_name = "LEVEL", default_value_t = 0, allow_negative_numbers = true)]
    level: i64,
    /// When it ends: 2026-12-31, or "30 days" [default: never]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// End a certificate now
#[derive(Debug, Args)]
pub struct End {
    /// The person's name in the ledger
    person: Name,
    /// The resource
    resource: Name,
}

/// Revoke a certificate, for ever
///
/// A revocation wins in every merge, so nobody can take it back by accident or by force. To end a certificate
/// that may be granted again, use `certificate end`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The person's name in the ledger
    person: Name,
    /// The resource
    resource: Name,
    /// Why
    #[command(flatten)]
    reason: Reason,
}

/// List certificates
#[derive(Debug, Args)]
pub struct List {
    /// Only this person's
    person: Option<Name>,
}

impl Certificate {
    pub(super) fn run(&self, context: &Context) -> Result {
        match self {
            Self::Grant(it) => it.run(context),
            Self::End(it) => it.run(context),
            Self::Revoke(it) => it.run(context),
            Self::List(it) => it.run(context),
        }
    }
}

impl Grant {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let person = people::find(&view, &self.person)?;
        if person.certificates.get(self.resource.as_str()).is_some_and(|held| held.revoked.is_some()) {
            let what = format!(
                "{}'s certificate for {} is revoked, and that is for ever",
                self.person, self.resource
            );
            return Err(refused(what, "grant one for another resource, such as the same name with a year"));
        }
        let mut edits = Edits::new(&view);
        let until = self.until.as_ref().map(|until| moment(until, &view)).transpose()?;
        let table =
            edits.table(&people::path_of(&self.person)?, &["certificates", self.resource.as_str()])?;
        table.insert("level".into(), self.level.into());
        table.remove("reason");
        table.insert("from".into(), i64::try_from(when::now().0)?.into());
        match until {
            Some(until) => table.insert("until".into(), until),
            None => table.remove("until"),
        };
        let message = format!("{} may use {}", self.person, self.resource);
        link::send(context, &edits, &message, &message)
    }
}

/// Refused if the person has no certificate for the resource.
fn must_have(view: &View, person: &Name, resource: &Name) -> Result {
    if people::find(view, person)?.certificates.contains_key(resource.as_str()) {
        return Ok(());
    }
    let hint = format!("ledgerctl certificate list {person} shows what there is");
    Err(refused(format!("{person} has no certificate for {resource}"), hint))
}

impl End {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        must_have(&view, &self.person, &self.resource)?;
        let mut edits = Edits::new(&view);
        let table =
            edits.table(&people::path_of(&self.person)?, &["certificates", self.resource.as_str()])?;
        table.insert("until".into(), i64::try_from(when::now().0)?.into());
        let message = format!("{}'s certificate for {} ends", self.person, self.resource);
        link::send(context, &edits, &message, &message)
    }
}

impl Revoke {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        must_have(&view, &self.person, &self.resource)?;
        let mark = self.reason.mark(&keyring::signer_name(context, &view)?);
        let mut edits = Edits::new(&view);
        let table =
            edits.table(&people::path_of(&self.person)?, &["certificates", self.resource.as_str()])?;
        table.entry("revoked").or_insert_with(|| mark.into());
        let message = format!("{} may no longer use {}", self.person, self.resource);
        link::send(context, &edits, &message, &message)
    }
}

impl List {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let people = match &self.person {
            Some(name) => vec![(name.to_string(), people::find(&view, name)?)],
            None => people::all(&view)?,
        };
        let (zone, now) = (view.zone(), when::now());
        let mut table =
            Table::new(&["PERSON", "RESOURCE", "LEVEL", "STATE", "UNTIL", "WHY"], "no certificates yet");
        let mut list = Vec::new();
        for (name, person) in &people {
            for (resource, held) in &person.certificates {
                let until = held.until.map_or_else(String::new, |until| when::show(until, &zone));
                let (level, standing) = (held.level.to_string(), held.standing(now).to_string());
                table.row([name.clone(), resource.clone(), level, standing, until, held.why().to_string()]);
                list.push(json!({
                    "person": name, "resource": resource, "level": held.level, "state": held.standing(now),
                    "reason": held.reason, "from": held.from, "until": held.until, "revoked": held.revoked,
                }));
            }
        }
        context.out.table(&table, &json!({ "certificates": list }))
    }
}
