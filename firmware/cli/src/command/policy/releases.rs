//! `policy releases`: who must sign the releases of a channel.
//!
//! It changes the policy by hand's keys: `[releases.CHANNEL]`, and, where they are missing, the rules by which releases can be written at all: the policy's
//! own writers may publish, and people who sign may put their signatures beside a release. Whatever else the policy says stays.

use crate::{
    context::Context,
    edits::Edits,
    error::{Hint, Result, misused},
    link,
    output::Table,
    view::View,
};
use clap::Args;
use ledger::{Owner, Policy};
use model::{Name, StatePath};
use serde_json::json;
use std::collections::BTreeSet;
use toml::{Table as Toml, Value};

/// Stand for any release and any signature when it is asked who may write one.
const RELEASE: &str = "images/i/c/v/release.toml";
const SIGNATURE: &str = "images/i/c/v/signed/k.toml";
/// Of people who sign and may not publish.
const ROLE: &str = "signer";
const SIGNATURES: &str = "images/*/*/*/signed/*";

/// Say who must sign the releases of a channel, or show it
///
/// `ledgerctl policy releases stable alice bob release:images --threshold 2`: any two of these three. Boxes take a release of the channel only
/// if so many have signed it. Without signers it shows all channels.
#[derive(Debug, Args)]
pub struct Releases {
    /// The channel, such as stable
    #[arg(requires = "signers")]
    channel: Option<Name>,
    /// Who may sign: people by their names in the ledger, others as release:NAME
    #[arg(value_parser = signer)]
    signers: Vec<Owner>,
    /// So many of them must sign
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    threshold: usize,
}

fn signer(text: &str) -> Result<Owner, String> {
    let text = if text.contains(':') { text.to_owned() } else { format!("person:{text}") };
    text.parse().map_err(|error: ledger::OwnerError| error.to_string())
}

impl Releases {
    pub(super) fn run(&self, context: &Context, view: &View) -> Result {
        let Some(channel) = &self.channel else { return show(context, view) };
        let mut edits = Edits::new(view);
        let path = super::path()?;
        let rule = edits.table(&path, &["releases", channel.as_str()])?;
        let signers: Vec<Value> = self.signers.iter().map(|owner| owner.to_string().into()).collect();
        rule.insert("signers".into(), signers.into());
        rule.insert("threshold".into(), i64::try_from(self.threshold)?.into());
        let document = edits.document(&path)?;
        let policy = Policy::from_document(document).hint(
            || "nobody could release so".into(),
            "name at least as many signers as --threshold says, each once",
        )?;
        let people: BTreeSet<&Name> = self.signers.iter().filter_map(Owner::person).collect();
        let table = document.table_mut();
        let owners = let_owners_publish(table, &policy)?;
        let_people_sign(table, &policy, &people, &owners)?;
        let said =
            format!("releases of the channel {channel} want {} of {}", self.threshold, names(&self.signers));
        link::send(context, &edits, &format!("Say who signs releases of {channel}"), &said)
    }
}

fn names(owners: &[Owner]) -> String {
    owners.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Where no rule lets anybody publish, those who may change the policy may. Who could publish before that.
fn let_owners_publish(table: &mut Toml, policy: &Policy) -> Result<BTreeSet<Name>> {
    let may = |path: &str| Ok::<_, anyhow::Error>(policy.writers_of(&path.parse::<StatePath>()?));
    let publishers = may(RELEASE)?;
    if !publishers.is_empty() {
        return Ok(publishers.into_iter().cloned().collect());
    }
    let own = super::path()?;
    let of_policy = policy.rules.iter().filter(|rule| rule.paths.iter().any(|glob| glob.matches(&own)));
    let roles: BTreeSet<&Name> = of_policy.flat_map(|rule| &rule.roles).collect();
    add_rule(table, "images/**", roles.iter().map(|role| role.as_str()))?;
    Ok(may(own.as_str())?.into_iter().cloned().collect())
}

/// People who sign and may not write signatures get a role that may.
fn let_people_sign(
    table: &mut Toml,
    policy: &Policy,
    people: &BTreeSet<&Name>,
    publishers: &BTreeSet<Name>,
) -> Result {
    let may = policy.writers_of(&SIGNATURE.parse()?);
    let missing: Vec<&Name> = people
        .iter()
        .copied()
        .filter(|person| !may.contains(person) && !publishers.contains(*person))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let has_rule = policy.rules.iter().any(|rule| rule.roles.iter().any(|role| role.as_str() == ROLE));
    let roles = table.entry("roles").or_insert_with(|| Toml::new().into());
    let members =
        roles.as_table_mut().map(|roles| roles.entry(ROLE).or_insert_with(|| Value::Array(Vec::new())));
    let members = members.and_then(Value::as_array_mut);
    let members = members.ok_or_else(|| misused("the policy has no [roles]", "ledgerctl policy show"))?;
    members.extend(missing.into_iter().map(|person| Value::from(person.as_str())));
    if has_rule { Ok(()) } else { add_rule(table, SIGNATURES, [ROLE]) }
}

fn add_rule<'a>(table: &mut Toml, path: &str, roles: impl IntoIterator<Item = &'a str>) -> Result {
    let rules = table.entry("rules").or_insert_with(|| Value::Array(Vec::new()));
    let rules = rules
        .as_array_mut()
        .ok_or_else(|| misused("the policy's rules are no list", "ledgerctl policy show"))?;
    let mut rule = Toml::new();
    rule.insert("paths".into(), vec![Value::from(path)].into());
    rule.insert("roles".into(), roles.into_iter().map(Value::from).collect::<Vec<_>>().into());
    rules.push(rule.into());
    Ok(())
}

fn show(context: &Context, view: &View) -> Result {
    let policy = view.policy()?;
    let mut table =
        Table::new(&["CHANNEL", "MUST SIGN", "MAY SIGN"], "nobody may release: no channel is in the policy");
    for (channel, rule) in &policy.releases {
        table.row([channel.to_string(), rule.threshold.to_string(), names(&rule.signers)]);
    }
    context.out.table(&table, &json!({ "releases": policy.releases }))
}
