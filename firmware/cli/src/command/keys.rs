//! `keys`: whose signature counts.

use super::{propose::read_file, reason::Reason};
use crate::{
    context::Context,
    edits::Edits,
    error::{Result, misused, refused},
    keyring, link,
    output::Table,
    people,
    random::draw,
    view::View,
    when,
};
use agent::{
    home::Home,
    rotation::{prepare_person, settle_person},
};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use model::{Document, Millis, Name, PublicKey, StatePath};
use serde_json::json;
use std::path::PathBuf;

/// The keys of people and nodes
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// List keys and whose they are
    List,
    Add(Add),
    Revoke(Revoke),
    Rotate(Rotate),
    AllowedSigners(AllowedSigners),
}

/// Let a key sign for a person
///
/// Either a public key that the person sends (`~/.ssh/id_ed25519.pub`), or a new one that this box keeps in
/// DIR/keys.
#[derive(Debug, Args)]
pub struct Add {
    /// The person's name in the ledger
    person: Name,
    /// The person's public key file: one line, "ssh-ed25519 AAAA..."
    #[arg(required_unless_present = "generate")]
    public: Option<PathBuf>,
    /// Make a new key and keep it in DIR/keys
    #[arg(long, conflicts_with = "public")]
    generate: bool,
    /// What people call it, such as "laptop"
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
}

/// Revoke a key, for ever
#[derive(Debug, Args)]
pub struct Revoke {
    /// The key's id, or its beginning
    key: String,
    /// Why
    #[command(flatten)]
    reason: Reason,
}

/// Replace a person's key in DIR/keys by a new one
///
/// The person is the one who signs (--as). The new key is on the disk before anybody hears of it, and signs once the ledger has
/// it. It ends with the old one: who lost a key to somebody else has another person revoke it.
#[derive(Debug, Args)]
pub struct Rotate {
    /// What people call the new key [default: as the old one]
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
}

/// Print the file with which git checks the ledger's signatures
///
/// `ledgerctl keys allowed-signers > signers; git -c gpg.ssh.allowedSignersFile=$PWD/signers log --show-signature`
#[derive(Debug, Args)]
pub struct AllowedSigners {
    /// Write it here [default: stdout]
    file: Option<PathBuf>,
}

impl Keys {
    pub(super) fn run(&self, context: &Context) -> Result {
        match self {
            Self::List => list(context),
            Self::Add(it) => it.run(context),
            Self::Revoke(it) => it.run(context),
            Self::Rotate(it) => it.run(context),
            Self::AllowedSigners(it) => it.run(context),
        }
    }
}

fn list(context: &Context) -> Result {
    let view = View::open(context)?;
    let zone = view.zone();
    let mut table = Table::new(&["KEY", "OWNER", "SINCE", "STATE", "LABEL"], "no keys");
    let mut list = Vec::new();
    for (path, document) in view.documents("keys")? {
        let id = people::stem(&path);
        let text =
            |key: &str| document.get(&[key]).and_then(|value| value.as_str()).unwrap_or_default().to_string();
        let added = document.get(&["added"]).and_then(toml::Value::as_integer).unwrap_or(0);
        let added = model::Millis(u64::try_from(added).unwrap_or(0));
        let state = ["revoked", "replaced"].into_iter().find(|mark| document.get(&[*mark]).is_some());
        let state = state.unwrap_or("active");
        table.row([id.clone(), text("owner"), when::show(added, &zone), state.into(), text("label")]);
        list.push(json!({
            "key": id, "owner": text("owner"), "label": text("label"), "added": added, "state": state,
            "public": text("public"), "revoked": document.get(&["revoked"]),
        }));
    }
    context.out.table(&table, &json!({ "keys": list }))
}

impl Add {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        people::find(&view, &self.person)?;
        let public = match &self.public {
            Some(file) => read_public(file)?,
            None => keyring::generate(&context.home, &self.person)?.public(),
        };
        let path: StatePath = format!("keys/{}.toml", public.id()).parse()?;
        if view.document(&path)?.is_some() {
            return Err(refused(
                format!("key {} is in the ledger already", public.id()),
                "ledgerctl keys list shows it",
            ));
        }
        let mut document = Document::default();
        let table = document.table_mut();
        table.insert("public".into(), public.to_string().into());
        table.insert("owner".into(), format!("person:{}", self.person).into());
        table.insert("label".into(), self.label.clone().into());
        table.insert("added".into(), i64::try_from(when::now().0)?.into());
        let mut edits = Edits::new(&view);
        edits.put_document(path, document);
        let said = format!("key {} signs for {}", public.id(), self.person);
        link::send(context, &edits, &format!("Add a key of {}", self.person), &said)
    }
}

fn read_public(file: &std::path::Path) -> Result<PublicKey> {
    let bytes = read_file(file)?;
    if bytes.starts_with(b"-----BEGIN OPENSSH PRIVATE KEY") {
        let what = format!("{} is a private key", file.display());
        return Err(refused(what, "never hand it out: give the file that ends in .pub"));
    }
    let text = String::from_utf8(bytes).with_context(|| format!("{} is not text", file.display()))?;
    text.parse().with_context(|| format!("{} cannot be used", file.display()))
}

impl Revoke {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let mut paths = view.files("keys")?;
        paths.retain(|path| people::stem(path).starts_with(&self.key));
        let path = match paths.as_slice() {
            _ if self.key.is_empty() => return Err(misused("which key?", "ledgerctl keys list shows them")),
            [one] => one,
            [] => return Err(refused(format!("no key {}", self.key), "ledgerctl keys list shows them")),
            _ => {
                return Err(refused(
                    format!("{} is the beginning of several keys", self.key),
                    "give more digits",
                ));
            }
        };
        let mark = self.reason.mark(&keyring::signer_name(context, &view)?);
        let mut edits = Edits::new(&view);
        edits.table(path, &[])?.entry("revoked").or_insert_with(|| mark.into());
        let id = people::stem(path);
        link::send(context, &edits, &format!("Revoke key {id}"), &format!("key {id} is revoked"))
    }
}

impl Rotate {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let (signer, home) = (keyring::signer(context, &view)?, Home::open(&context.home)?);
        let next = prepare_person(&home, &signer.name, &draw()?)?.public();
        let old = signer.key.public().id();
        let known = view.state().key_as_written(&old)?;
        let label = self.label.clone().or(known.map(|known| known.label)).unwrap_or_default();
        let at = Millis(when::now().seconds() * 1000);
        let mut edits = Edits::new(&view);
        for change in ledger::replace_key(&view.state(), &old, &next, &label, at)? {
            edits.put_file(change.path, change.content.unwrap_or_default())?;
        }
        let name = &signer.name;
        let said = format!("key {} takes the place of {old} for {name}", next.id());
        link::send(context, &edits, &format!("Replace a key of {name}"), &said)?;
        // Where others have to agree first, a later command puts it in place.
        settle_person(&home, name, &View::open(context)?.state())?;
        Ok(())
    }
}

impl AllowedSigners {
    fn run(&self, context: &Context) -> Result {
        let signers = View::open(context)?.allowed_signers()?;
        let Some(file) = &self.file else {
            return context.out.show(&signers, &json!({ "allowed_signers": signers }));
        };
        std::fs::write(file, &signers).with_context(|| format!("cannot write {}", file.display()))?;
        let keys = signers.lines().count();
        context
            .out
            .show(&format!("{keys} keys in {}\n", file.display()), &json!({"file": file, "keys": keys}))
    }
}
