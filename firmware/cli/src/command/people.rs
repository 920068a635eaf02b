//! `people`: who belongs to the organisation.

use crate::{
    context::Context,
    edits::Edits,
    error::{Result, misused, refused},
    link,
    output::Table,
    people::{self, Person},
    view::View,
    when,
};
use clap::{Args, Subcommand};
use model::{Millis, Name};
use serde_json::json;
use toml::Value;

/// The people of the organisation
#[derive(Debug, Subcommand)]
pub enum People {
    List(List),
    Show(Show),
    Add(Add),
    Set(Set),
    #[command(visible_alias = "remove")]
    Leave(Leave),
}

/// List everybody
#[derive(Debug, Args)]
pub struct List {
    /// Also those who have left
    #[arg(long)]
    all: bool,
}

/// Show one person
#[derive(Debug, Args)]
pub struct Show {
    /// The person's name in the ledger
    name: Name,
}

/// Add a person
#[derive(Debug, Args)]
pub struct Add {
    /// The name in the ledger, such as `bob`: it is for ever
    name: Name,
    /// The name that is shown, such as "Bob Example" [default: the name in the ledger]
    #[arg(long = "name", value_name = "TEXT")]
    shown: Option<String>,
    /// The plan, in the organisation's own words
    #[arg(long, value_name = "PLAN", default_value = "")]
    plan: String,
    /// When the membership ends: 2026-12-31, or "30 days"
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

/// Change what is known of a person
#[derive(Debug, Args)]
pub struct Set {
    /// The person's name in the ledger
    name: Name,
    /// name, plan, state (active, paused, left), expires, warning or lockout; KEY= takes the key away
    #[arg(required = true, value_name = "KEY=VALUE")]
    values: Vec<String>,
}

/// Let a person leave
#[derive(Debug, Args)]
pub struct Leave {
    /// The person's name in the ledger
    name: Name,
}

impl People {
    pub(super) fn run(&self, context: &Context) -> Result {
        match self {
            Self::List(it) => it.run(context),
            Self::Show(it) => it.run(context),
            Self::Add(it) => it.run(context),
            Self::Set(it) => it.run(context),
            Self::Leave(it) => it.run(context),
        }
    }
}

impl List {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let shown: Vec<(String, Person)> = people::all(&view)?
            .into_iter()
            .filter(|(_, person)| self.all || person.state != "left")
            .collect();
        let mut table =
            Table::new(&["PERSON", "NAME", "PLAN", "STATE", "BADGES", "CERTIFICATES"], "nobody yet");
        for (name, person) in &shown {
            let badges = person.badges.values().filter(|badge| badge.is_active()).count();
            let valid = |certificate: &people::Certificate| certificate.standing(when::now()) == "valid";
            let resources = person.certificates.iter().filter(|(_, certificate)| valid(certificate));
            let resources: Vec<&str> = resources.map(|(resource, _)| resource.as_str()).collect();
            table.row([
                name.clone(),
                person.name.clone(),
                person.plan.clone(),
                person.state.clone(),
                badges.to_string(),
                resources.join(", "),
            ]);
        }
        let list: Vec<_> = shown.iter().map(|(name, person)| object(name, person)).collect();
        context.out.table(&table, &json!({ "people": list }))
    }
}

fn object(name: &str, person: &Person) -> serde_json::Value {
    json!({
        "person": name, "name": person.name, "plan": person.plan, "state": person.state,
        "expires": person.expires, "warning": person.warning, "lockout": person.lockout,
        "badges": person.badges, "certificates": person.certificates,
    })
}

impl Show {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let person = people::find(&view, &self.name)?;
        context.out.show(&self.text(&view, &person), &object(self.name.as_str(), &person))
    }

    fn text(&self, view: &View, person: &Person) -> String {
        let zone = view.zone();
        let time = |at: Millis| when::show(at, &zone);
        let mut text = format!("{}  {}\n", self.name, person.name);
        let expires = person.expires.map(time);
        let facts = [
            ("plan", Some(person.plan.clone()).filter(|plan| !plan.is_empty())),
            ("state", Some(person.state.clone())),
            ("expires", expires),
            ("warning", person.warning.clone()),
            ("lockout", person.lockout.clone()),
        ];
        for (name, value) in facts {
            text += &value.map_or_else(String::new, |value| format!("  {name:<12} {value}\n"));
        }
        for (digest, badge) in &person.badges {
            text += &format!(
                "  badge        {}  {}  {}\n",
                super::badge::short(digest),
                badge.standing(),
                badge.label
            );
        }
        for (resource, certificate) in &person.certificates {
            let until = certificate.until.map_or_else(String::new, |until| format!(" until {}", time(until)));
            let (level, standing) = (certificate.level, certificate.standing(when::now()));
            let line =
                format!("  certificate  {resource}  level {level}  {standing}{until}  {}", certificate.why());
            text += &format!("{}\n", line.trim_end());
        }
        text
    }
}

impl Add {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let path = people::path_of(&self.name)?;
        if view.document(&path)?.is_some() {
            let hint = format!("change them with: ledgerctl people set {} KEY=VALUE", self.name);
            return Err(refused(format!("{} is in the ledger already", self.name), hint));
        }
        let mut edits = Edits::new(&view);
        let table = edits.table(&path, &[])?;
        let shown = self.shown.clone().unwrap_or_else(|| self.name.to_string());
        table.insert("name".into(), shown.into());
        table.insert("plan".into(), self.plan.clone().into());
        table.insert("state".into(), "active".into());
        if let Some(expires) = &self.expires {
            table.insert("expires".into(), moment(expires, &view)?);
        }
        let said = format!("{} is in the ledger", self.name);
        link::send(context, &edits, &format!("Add {}", self.name), &said)
    }
}

impl Set {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        people::find(&view, &self.name)?;
        let path = people::path_of(&self.name)?;
        let mut edits = Edits::new(&view);
        for pair in &self.values {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                misused(format!("{pair:?} has no '='"), "write KEY=VALUE, such as plan=pro")
            })?;
            let value = person_value(key, value, &view)?;
            let table = edits.table(&path, &[])?;
            match value {
                Some(value) => table.insert(key.to_string(), value),
                None => table.remove(key),
            };
        }
        link::send(context, &edits, &format!("Change {}", self.name), &format!("{} is changed", self.name))
    }
}

fn person_value(key: &str, value: &str, view: &View) -> Result<Option<Value>> {
    let needed = ["name", "plan", "state"].contains(&key);
    match key {
        "name" | "plan" | "warning" | "lockout" if value.is_empty() && !needed => Ok(None),
        "name" | "plan" | "warning" | "lockout" => Ok(Some(value.into())),
        "state" if ["active", "paused", "left"].contains(&value) => Ok(Some(value.into())),
        "state" => Err(misused(format!("{value:?} is not a state"), "active, paused or left")),
        "expires" if value.is_empty() => Ok(None),
        "expires" => moment(value, view).map(Some),
        _ => Err(misused(
            format!("a person has no {key:?}"),
            "name, plan, state, expires, warning or lockout; anything else goes by ledgerctl propose --set",
        )),
    }
}

/// A moment to come, as documents keep it.
pub(super) fn moment(text: &str, view: &View) -> Result<Value> {
    let at = when::future(text, when::now(), &view.zone())?;
    Ok(Value::Integer(i64::try_from(at.0)?))
}

impl Leave {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        people::find(&view, &self.name)?;
        let mut edits = Edits::new(&view);
        edits.table(&people::path_of(&self.name)?, &[])?.insert("state".into(), "left".into());
        let said = format!("{} has left; badges and certificates open nothing any more", self.name);
        link::send(context, &edits, &format!("{} leaves", self.name), &said)
    }
}
