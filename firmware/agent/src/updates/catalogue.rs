//! The releases that the ledger shows, each with what this box thinks of its signatures.
//!
//! Who must have signed is what the policy of now says, without keys that anybody is known to have revoked. Nothing of a
//! document is believed that was not approved.

use crate::{devices::chain, view::View};
use ledger::{Kind, Objects, ReadError, State, StateError};
use model::{Name, ObjectId, ReleaseId, StatePath};
use std::collections::BTreeMap;
use store::GitObjects;
use update::{Approval, Approved, Authority, Release, Signer};

/// Where releases lie, what one's document is called, where its signatures lie.
const FOLDER: &str = "images";
const DOCUMENT: &str = "/release.toml";
const SIGNED: &str = "signed";

/// A release of the ledger.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What its document says, approved or not.
    pub release: Release,
    /// Its name.
    pub id: ReleaseId,
    /// It with its signers, or why it does not count.
    pub approved: Result<Approved, String>,
    /// The manifests of its parts.
    pub manifests: BTreeMap<Name, ObjectId>,
}

/// The releases cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The policy, or the keys.
    #[error(transparent)]
    State(#[from] StateError),
    /// An object of the ledger.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// All of them, oldest version first.
#[derive(Debug, Default)]
pub struct Catalogue {
    all: Vec<Listed>,
    approved: Vec<Approved>,
    /// What it was made from.
    of: Vec<ObjectId>,
}

impl Catalogue {
    /// Reads what the ledger has now, if that is another thing than the last time.
    pub fn refresh(&mut self, view: &View, objects: &GitObjects) -> Result<(), CatalogueError> {
        let of = made_from(view);
        if of == self.of {
            return Ok(());
        }
        let state = State::at(objects, view.head)?;
        let mut all = Vec::new();
        for (path, entry) in view.documents.iter().filter(|(path, _)| is_release(path)) {
            let Some(text) = objects.read(&entry.id)?.filter(|object| object.kind == Kind::Blob) else {
                continue;
            };
            all.extend(list(view, &state, path, &text.bytes)?);
        }
        all.sort_by(|a, b| (&a.release.version, a.id).cmp(&(&b.release.version, b.id)));
        self.approved = all.iter().filter_map(|listed| listed.approved.clone().ok()).collect();
        (self.all, self.of) = (all, of);
        Ok(())
    }

    /// Every release, approved or not.
    pub fn all(&self) -> &[Listed] {
        &self.all
    }

    /// Those that count.
    pub fn approved(&self) -> &[Approved] {
        &self.approved
    }

    /// One by its name.
    pub fn get(&self, id: &ReleaseId) -> Option<&Listed> {
        self.all.iter().find(|listed| listed.id == *id)
    }
}

/// The names of everything that a catalogue is made from.
fn made_from(view: &View) -> Vec<ObjectId> {
    let of =
        |path: &StatePath| path.is_within(FOLDER) || path.is_within("keys") || path.as_str() == "policy.toml";
    let documents = [&view.documents, &view.tentative];
    let documents = documents.into_iter().flat_map(|documents| documents.iter());
    let documents = documents.filter(|(path, _)| of(path)).map(|(_, entry)| entry.id);
    let manifests = view.manifests.iter().filter(|(path, _)| of(path)).map(|(_, id)| *id);
    documents.chain(manifests).collect()
}

fn is_release(path: &StatePath) -> bool {
    path.is_within(FOLDER) && path.as_str().ends_with(DOCUMENT)
}

/// One release; none if the document is none at all.
fn list(view: &View, state: &State<'_>, path: &StatePath, text: &[u8]) -> Result<Option<Listed>, StateError> {
    let Ok(release) = Release::parse(text) else { return Ok(None) };
    let folder = path.as_str().trim_end_matches(DOCUMENT);
    let lies_right = release.folder().is_ok_and(|own| own.as_str() == folder);
    let approved = if lies_right {
        let approvals = approvals(view, folder);
        let approved = authority(view, state, &release.channel)?.approve(text, &approvals);
        approved.map_err(|error| chain(&error))
    } else {
        Err(format!("it does not lie where it says that it belongs, but at {folder}"))
    };
    let manifest = |part: &update::Part| {
        let path = format!("{folder}/{}.manifest", part.name);
        Some((part.name.clone(), *view.manifests.get(path.as_str())?))
    };
    let manifests = release.parts.iter().filter_map(manifest).collect();
    Ok(Some(Listed { id: Release::id_of(text), release, approved, manifests }))
}

fn approvals(view: &View, folder: &str) -> Vec<Approval> {
    let signed = format!("{folder}/{SIGNED}");
    let of = view.documents.iter().filter(|(path, _)| path.is_within(&signed));
    let text = of.filter_map(|(_, entry)| entry.document.get("signature")?.as_str());
    text.map(|signature| Approval { signature: signature.to_owned() }).collect()
}

/// Who must have signed the releases of a channel, as the policy of now says.
fn authority(view: &View, state: &State<'_>, channel: &Name) -> Result<Authority, StateError> {
    let Some(rule) = state.release_signers(channel)? else { return Ok(Authority::new(0, Vec::new())) };
    let signer = |(owner, mut keys): (ledger::Owner, Vec<model::PublicKey>)| {
        keys.retain(|key| !view.is_revoked(key.id()));
        Signer { name: owner.to_string(), keys }
    };
    Ok(Authority::new(rule.threshold, rule.signers.into_iter().map(signer).collect()))
}

/// The manifests of a release as the ledger has them: their texts, by part.
pub fn manifest_texts(listed: &Listed, objects: &GitObjects) -> Result<BTreeMap<Name, Vec<u8>>, ReadError> {
    let mut texts = BTreeMap::new();
    for (part, id) in &listed.manifests {
        if let Some(object) = objects.read(id)? {
            texts.insert(part.clone(), object.bytes);
        }
    }
    Ok(texts)
}
