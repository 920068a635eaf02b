//! The secrets of a home: people's signing keys in `DIR/keys`, the badge key in `DIR/secrets`.
//!
//! Files of mode 0600, read when needed, never printed. The node's own key (`DIR/keys/node`) is ledgerd's and
//! not touched here.

use crate::{
    context::Context,
    error::{Hint, Result, refused},
    people,
    random::draw,
    view::View,
};
use agent::{home::Home, rotation::settle_person};
use anyhow::Context as _;
use model::{BadgeKey, Name, SigningKey};
use std::{fs::File, path::Path};

/// The node's key, among the people's.
const NODE: &str = "node";

/// A person and the key that signs for them.
pub struct Signer {
    /// The person.
    pub name: Name,
    /// The key.
    pub key: SigningKey,
}

/// Who signs: the person said with `--as`, else the only one whose key is here, else the founder.
pub fn signer(context: &Context, view: &View) -> Result<Signer> {
    let name = signer_name(context, view)?;
    let home = Home::open(&context.home)?;
    if home.person_key(&name).is_ok() {
        settle_person(&home, &name, &view.state())
            .hint(|| format!("{name}'s new key cannot be put in place"), "the disk must be writable")?;
    }
    let key = home.person_key(&name).hint(
        || format!("{name}'s key cannot be used"),
        "a key lies with its owner: sign on the box that has it, or with --as PERSON whose key is in DIR/keys",
    )?;
    Ok(Signer { name, key })
}

/// Held while a block is signed and brought in.
pub struct Turn {
    _key: File,
}

/// Waits until nobody else signs for the person on this box: a writer's blocks are one line, and two commands at
/// once would begin two. The lock lies on the key's file and ends with the process.
pub fn turn(context: &Context, signer: &Name) -> Result<Turn> {
    let path = context.home.join("keys").join(signer.as_str());
    let key = File::open(&path).and_then(|key| key.lock().map(|()| key));
    Ok(Turn { _key: key.with_context(|| format!("cannot lock {}", path.display()))? })
}

/// The name of who signs.
pub fn signer_name(context: &Context, view: &View) -> Result<Name> {
    if let Some(person) = &context.person {
        return Ok(person.clone());
    }
    let mut owners = owners(&context.home)?;
    if owners.len() == 1 {
        return Ok(owners.remove(0));
    }
    let founder = view.founder()?;
    if owners.contains(&founder) {
        return Ok(founder);
    }
    let names: Vec<&str> = owners.iter().map(Name::as_str).collect();
    match names.as_slice() {
        [] => Err(refused(
            format!("no person's key in {}", context.home.join("keys").display()),
            "put one there (OpenSSH, mode 0600), or make one: ledgerctl keys add PERSON --generate",
        )),
        names => {
            Err(refused("several keys are here and none was chosen", format!("add --as {}", names.join("|"))))
        }
    }
}

/// The people whose keys are in the home.
pub fn owners(home: &Path) -> Result<Vec<Name>> {
    let folder = home.join("keys");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_str().and_then(|name| name.parse::<Name>().ok());
        names.extend(name.filter(|name| name.as_str() != NODE && !name.as_str().ends_with(".pub")));
    }
    names.sort();
    Ok(names)
}

/// Makes a new key for a person and keeps it in the home; never over one that is there.
pub fn generate(home: &Path, person: &Name) -> Result<SigningKey> {
    people::check_name(person)?;
    let key = SigningKey::from_seed(&draw()?);
    Home::open(home)?.keep_person_key(person, &key).hint(
        || format!("the new key of {person} cannot be kept"),
        "a key is never overwritten: move the old one away first",
    )?;
    Ok(key)
}

/// The organisation's badge key, checked against the ledger's fingerprint of it.
pub fn badge_key(home: &Path, view: &View) -> Result<BadgeKey> {
    let copy = "copy DIR/secrets/badge.key by hand from a box of this organisation; it is not in the ledger";
    let key = Home::open(home)?.badge_key().hint(|| "the badge key cannot be used".to_string(), copy)?;
    if key.fingerprint() == view.org().badge_key {
        return Ok(key);
    }
    let what = "DIR/secrets/badge.key is another organisation's: with it no badge would be found";
    Err(refused(what, copy))
}
