//! `image approve`: one more signature under a release.
//!
//! Whose signature it is says the signature itself, not who brings it: so a signer needs no account on this box, and no right to write
//! the ledger. It is checked before it goes in.

use super::Which;
use crate::{
    context::Context,
    edits::Edits,
    error::{Hint, Result, refused},
    keyring, link,
    release::{self, Known, Standing},
    view::View,
};
use clap::Args;
use model::{KeyId, PublicKey};
use std::path::PathBuf;
use update::{Approval, RELEASE_NAMESPACE, Signer};

/// Sign a release, for the boxes to take it
///
/// With your key in DIR/keys (--as PERSON), or with --signature a signature that was made elsewhere, also by somebody else: ledgerctl image show IMAGE CHANNEL VERSION
/// --document > release.toml; ssh-keygen -Y sign -n ledger-release -f KEY release.toml
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct Approve {
    #[command(flatten)]
    which: Which,
    /// A signature of ssh-keygen, such as release.toml.sig
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
}

impl Approve {
    pub(super) fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let Which { image, channel, version } = &self.which;
        let known = release::find(&view, image, channel, version)?;
        for part in &known.release.parts {
            known.manifest(&view, part).hint(
                || format!("{image} {channel} {version} is not whole"),
                "do not sign it; publish a newer release in its place",
            )?;
        }
        let (_, signers) = release::authority(&view, channel)?;
        let (key, approval) = match &self.signature {
            Some(file) => read(file, &known)?,
            None => sign(context, &view, &known)?,
        };
        check(&known, &signers, &key, &approval)?;
        let mut edits = Edits::new(&view);
        let path = release::signature_path(&known.folder, &key)?;
        edits.table(&path, &[])?.insert("signature".into(), approval.signature.clone().into());
        let said = standing(&view, known, approval)?.text();
        link::send(context, &edits, &format!("Approve {image} {channel} {version}"), &said)
    }
}

fn sign(context: &Context, view: &View, known: &Known) -> Result<(KeyId, Approval)> {
    let signer = keyring::signer(context, view)?;
    Ok((signer.key.public().id(), update::sign(&known.text, &signer.key)?))
}

/// A signature as `ssh-keygen` leaves it: the ledger keeps it without the line feed at its end.
fn read(file: &PathBuf, known: &Known) -> Result<(KeyId, Approval)> {
    let hint = "ssh-keygen -Y sign -n ledger-release -f KEY release.toml makes one: release.toml.sig";
    let named = || format!("{} is not a signature", file.display());
    let text = std::fs::read_to_string(file).hint(named, hint)?;
    let signature = text.trim_end().to_owned();
    let key = PublicKey::of_signature(&signature).hint(named, hint)?;
    let other = || format!("{} is not over {}", file.display(), known.release.version);
    let over = "sign the very bytes: ledgerctl image show IMAGE CHANNEL VERSION --document > release.toml; and with -n ledger-release";
    key.verify(RELEASE_NAMESPACE, &known.text, &signature).hint(other, over)?;
    Ok((key.id(), Approval { signature }))
}

/// Refused if the signature would not count.
fn check(known: &Known, signers: &[Signer], key: &KeyId, approval: &Approval) -> Result {
    let alone = Standing::count(1, signers, &known.text, &[approval]);
    if alone.is_approved() {
        return Ok(());
    }
    let names: Vec<&str> = signers.iter().map(|signer| signer.name.as_str()).collect();
    let channel = &known.release.channel;
    Err(refused(
        format!("the key {key} may not sign releases of the channel {channel}"),
        format!("{} may; ledgerctl policy releases {channel} changes that", names.join(", ")),
    ))
}

/// How it stands with one more.
fn standing(view: &View, mut known: Known, approval: Approval) -> Result<Standing> {
    known.approvals.push((String::new(), approval));
    Standing::of(view, &known)
}
