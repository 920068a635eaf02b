//! `badge`: the cards and fobs that people hold to readers.
//!
//! A number never reaches the ledger, nor the shell's history if it is given on stdin: what is kept is its
//! digest under the organisation's badge key, which lies in the home.

use super::reason::Reason;
use crate::{
    context::Context,
    edits::Edits,
    error::{Result, misused, refused},
    keyring, link,
    output::Table,
    people::{self, Badge as Card, Person},
    view::View,
};
use clap::{Args, Subcommand, ValueEnum};
use model::{BadgeDigest, BadgeKey, CardNumber, Name, TagId, Width};
use serde_json::json;
use std::io::{BufRead, IsTerminal};

const WIDTHS: &[Width] = &[Width::Full, Width::Bits32, Width::Bits24];

/// The badges that people hold to readers
#[derive(Debug, Subcommand)]
pub enum Badge {
    Add(Add),
    Revoke(Revoke),
    /// Mark a badge as lost: it opens nothing until it is found (or is revoked)
    Lost(Pick),
    /// A lost badge is found again
    Found(Pick),
    List(List),
}

/// Give a badge to a person
///
/// Without NUMBER it is read from stdin, so that it does not land in the shell's history:
/// `ledgerctl badge add bob < number.txt`, or just type it when asked.
#[derive(Debug, Args)]
pub struct Add {
    /// The person's name in the ledger
    person: Name,
    /// The card's number: decimal, or hex after 0x [default: read from stdin]
    number: Option<String>,
    /// What people call it, such as "blue fob"
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    /// NUMBER is a legacy tag id instead (56 hex digits, as in MakeIt Labs' lists)
    #[arg(long)]
    tag_id: bool,
    /// How many low bits of the number count: as many as the reader that reads fewest
    #[arg(long, value_enum, default_value = "32")]
    width: Bits,
}

/// How many low bits of a card's number count
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Bits {
    /// All of them
    Full,
    /// 32, as RATT reads
    #[value(name = "32")]
    Bits32,
    /// 24, as MakeIt's doorbot reads
    #[value(name = "24")]
    Bits24,
}

/// Which badge
#[derive(Debug, Args)]
pub struct Pick {
    /// The person's name in the ledger
    person: Name,
    /// The badge: the beginning of its digest, or its label [default: the only one that is active]
    #[arg(value_name = "DIGEST|LABEL", conflicts_with = "number")]
    badge: Option<String>,
    /// The badge by its card's number, read from stdin
    #[arg(long)]
    number: bool,
}

/// Revoke a badge
#[derive(Debug, Args)]
pub struct Revoke {
    /// Which badge
    #[command(flatten)]
    pick: Pick,
    /// Why
    #[command(flatten)]
    reason: Reason,
}

/// List badges
#[derive(Debug, Args)]
pub struct List {
    /// Only this person's
    person: Option<Name>,
}

impl Badge {
    pub(super) fn run(&self, context: &Context) -> Result {
        match self {
            Self::Add(it) => it.run(context),
            Self::Revoke(it) => it.run(context),
            Self::Lost(it) => it.set_state(context, "lost"),
            Self::Found(it) => it.set_state(context, "active"),
            Self::List(it) => it.run(context),
        }
    }
}

impl Add {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        people::find(&view, &self.person)?;
        let key = keyring::badge_key(&context.home, &view)?;
        let text = number_text(self.number.as_deref())?;
        let new = self.badge(&key, &text)?;
        refuse_duplicate(&view, &new.known_as)?;
        let digest = new.digest.to_string();
        let mut edits = Edits::new(&view);
        let table = edits.table(&people::path_of(&self.person)?, &["badges", &digest])?;
        table.insert("kind".into(), new.kind.into());
        table.insert("label".into(), self.label.clone().into());
        table.insert("state".into(), "active".into());
        if let Some(tag) = new.tag {
            table.insert("tag_digest".into(), tag.to_string().into());
        }
        let said = format!("badge {} is {}'s", short(&digest), self.person);
        link::send(context, &edits, &format!("Give a badge to {}", self.person), &said)
    }

    fn badge(&self, key: &BadgeKey, text: &str) -> Result<NewBadge> {
        if self.tag_id {
            let digest = key.of_tag_id(&text.to_lowercase().parse::<TagId>()?);
            return Ok(NewBadge { digest, tag: None, known_as: vec![digest], kind: "legacy-tag-id" });
        }
        let number = text.parse::<CardNumber>()?.at(self.width.into());
        let (digest, tag) = (key.of_number(number), Some(key.of_tag_id(&number.tag_id())));
        Ok(NewBadge { digest, tag, known_as: number.digests(key, WIDTHS), kind: "card-number" })
    }
}

/// A badge to add.
struct NewBadge {
    digest: BadgeDigest,
    /// Beside a number's digest, so that a legacy list finds the badge too.
    tag: Option<BadgeDigest>,
    /// Every digest under which the same card may be known.
    known_as: Vec<BadgeDigest>,
    kind: &'static str,
}

impl From<Bits> for Width {
    fn from(bits: Bits) -> Self {
        match bits {
            Bits::Full => Self::Full,
            Bits::Bits32 => Self::Bits32,
            Bits::Bits24 => Self::Bits24,
        }
    }
}

fn number_text(given: Option<&str>) -> Result<String> {
    if let Some(number) = given.filter(|number| *number != "-") {
        return Ok(number.trim().to_string());
    }
    if std::io::stdin().is_terminal() {
        eprint!("card number (hold it to a USB reader, or type it): ");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    match line.trim() {
        "" => Err(misused("no card number on stdin", "give it on stdin, or as the argument NUMBER")),
        number => Ok(number.to_string()),
    }
}

fn refuse_duplicate(view: &View, digests: &[BadgeDigest]) -> Result {
    let digests: Vec<String> = digests.iter().map(ToString::to_string).collect();
    for (name, person) in people::all(view)? {
        if let Some((digest, badge)) = person.badges.iter().find(|(digest, _)| digests.contains(digest)) {
            return Err(refused(
                format!("badge {} is {name}'s already ({})", short(digest), badge.standing()),
                format!("one badge is one person's: see ledgerctl badge list {name}"),
            ));
        }
    }
    Ok(())
}

/// The beginning of a digest, for people.
pub(super) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

impl Pick {
    fn find(&self, context: &Context, view: &View) -> Result<(String, Card)> {
        let person = people::find(view, &self.person)?;
        let mut matching: Vec<(String, Card)> = match (&self.badge, self.number) {
            (Some(text), _) => {
                filter(&person, |digest, badge| digest.starts_with(text) || badge.label == *text)
            }
            (None, true) => {
                let key = keyring::badge_key(&context.home, view)?;
                let digests = number_text(None)?.parse::<CardNumber>()?.digests(&key, WIDTHS);
                filter(&person, |digest, _| digests.iter().any(|other| other.to_string() == *digest))
            }
            (None, false) => usual(&person),
        };
        match (matching.pop(), matching.is_empty()) {
            (Some(badge), true) => Ok(badge),
            (Some(_), false) => Err(self.unclear("more than one badge of")),
            (None, _) => Err(self.unclear("no such badge of")),
        }
    }

    fn unclear(&self, what: &str) -> anyhow::Error {
        let hint = format!("ledgerctl badge list {} shows them; name one by its digest", self.person);
        refused(format!("{what} {}", self.person), hint)
    }

    fn set_state(&self, context: &Context, state: &str) -> Result {
        let view = View::open(context)?;
        let (digest, badge) = self.find(context, &view)?;
        if badge.revoked.is_some() {
            let what = format!("badge {} is revoked, and that is for ever", short(&digest));
            return Err(refused(what, format!("give {} another badge: ledgerctl badge add", self.person)));
        }
        let mut edits = Edits::new(&view);
        let table = edits.table(&people::path_of(&self.person)?, &["badges", &digest])?;
        table.insert("state".into(), state.into());
        let said = format!("badge {} of {} is {state}", short(&digest), self.person);
        link::send(context, &edits, &format!("A badge of {} is {state}", self.person), &said)
    }
}

fn filter(person: &Person, wanted: impl Fn(&String, &Card) -> bool) -> Vec<(String, Card)> {
    let mut badges: Vec<(String, Card)> = person.badges.clone().into_iter().collect();
    badges.retain(|(digest, badge)| wanted(digest, badge));
    badges
}

/// The badges that are meant when none is named: those that still count, else those that did.
fn usual(person: &Person) -> Vec<(String, Card)> {
    match filter(person, |_, badge| badge.revoked.is_none()) {
        none if none.is_empty() => filter(person, |_, _| true),
        some => some,
    }
}

impl Revoke {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let (digest, badge) = self.pick.find(context, &view)?;
        let person = &self.pick.person;
        if badge.revoked.is_some() {
            return Err(refused(
                format!("badge {} of {person} is revoked already", short(&digest)),
                "nothing to do",
            ));
        }
        let mark = self.reason.mark(&keyring::signer_name(context, &view)?);
        let mut edits = Edits::new(&view);
        let table = edits.table(&people::path_of(person)?, &["badges", &digest])?;
        table.insert("revoked".into(), mark.into());
        let said = format!("badge {} of {person} is revoked", short(&digest));
        link::send(context, &edits, &format!("Revoke a badge of {person}"), &said)
    }
}

impl List {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let people = match &self.person {
            Some(name) => vec![(name.to_string(), people::find(&view, name)?)],
            None => people::all(&view)?,
        };
        let mut table = Table::new(&["PERSON", "BADGE", "STATE", "KIND", "LABEL"], "no badges yet");
        let mut list = Vec::new();
        for (name, person) in &people {
            for (digest, badge) in &person.badges {
                let standing = badge.standing().to_string();
                let cells =
                    [name.clone(), short(digest).into(), standing, badge.kind.clone(), badge.label.clone()];
                table.row(cells);
                list.push(json!({
                    "person": name, "digest": digest, "state": badge.standing(), "kind": badge.kind,
                    "label": badge.label, "revoked": badge.revoked,
                }));
            }
        }
        context.out.table(&table, &json!({ "badges": list }))
    }
}
