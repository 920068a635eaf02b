//! What should run on this box, read from main. Pure.
//!
//! A dapp runs if `dapps/<name>/dapp.toml` has a `[serve]` and `dapps/<name>/image.manifest` is there. A
//! manifest that cannot be read runs nothing and says why.

use crate::view::View;
use chunk::chunk_id;
use dapp::{Manifest, wire::from_json};
use model::{Name, ObjectId, StatePath};
use std::collections::{BTreeMap, BTreeSet};

/// The first user id of the first container; below are the machine's own users.
const UID_FIRST: u32 = 1 << 20;
/// How many containers have room for their ids.
const UID_SLOTS: u32 = 8192;
/// Where the user ids of judges begin: behind those of every dapp that runs.
pub const UID_JUDGES: u32 = UID_FIRST + UID_SLOTS * container::IDS_PER_CONTAINER;

/// One version of a dapp: another object of either file is another release.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// Its rights, or why they cannot be read.
    pub manifest: Result<Manifest, String>,
    /// The object of `dapp.toml`.
    pub manifest_id: ObjectId,
    /// The object of `image.manifest`.
    pub image_id: ObjectId,
    /// Where the container's user ids begin.
    pub uid_base: u32,
}

/// The dapps that should run, by name.
pub fn releases(view: &View) -> BTreeMap<Name, Release> {
    let mut releases = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (path, image_id) in &view.manifests {
        let Some(name) = dapp_of(path) else { continue };
        let Some(entry) = view.documents.get(format!("dapps/{name}/dapp.toml").as_str()) else { continue };
        let text = from_json(&entry.document).and_then(|document| document.to_canonical());
        let manifest = text.map_err(|error| error.to_string()).and_then(|text| {
            let manifest = Manifest::parse(text.as_bytes()).map_err(|error| error.to_string())?;
            if manifest.name == name {
                Ok(manifest)
            } else {
                Err(format!("dapp.toml calls itself {}", manifest.name))
            }
        });
        if manifest.as_ref().is_ok_and(|manifest| manifest.serve.is_none()) {
            continue;
        }
        let uid_base = UID_FIRST + slot(&name, &mut taken) * container::IDS_PER_CONTAINER;
        let release = Release { manifest, manifest_id: entry.id, image_id: *image_id, uid_base };
        releases.insert(name, release);
    }
    releases
}

/// The dapp whose image a manifest is.
fn dapp_of(path: &StatePath) -> Option<Name> {
    let parts: Vec<&str> = path.parts().collect();
    match parts[..] {
        ["dapps", name, "image.manifest"] => name.parse().ok(),
        _ => None,
    }
}

/// Which range of user ids: the name's hash says, so that it stays the same while others come and go; the next
/// free one if two names meet.
fn slot(name: &Name, taken: &mut BTreeSet<u32>) -> u32 {
    let hash = chunk_id(name.as_str().as_bytes());
    let [high, low, ..] = *hash.as_bytes();
    let mut slot = u32::from(u16::from_be_bytes([high, low])) % UID_SLOTS;
    while !taken.insert(slot) {
        slot = (slot + 1) % UID_SLOTS;
    }
    slot
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Entry;
    use model::{BlockId, Document, Millis, OrgId};
    use std::sync::Arc;

    fn view(dapps: &[(&str, &str)]) -> View {
        let (mut documents, mut manifests) = (BTreeMap::new(), BTreeMap::new());
        for (name, toml) in dapps {
            let document = Document::parse(toml.as_bytes()).unwrap().to_json();
            let entry = Arc::new(Entry { id: ObjectId::new([1; 32]), document });
            documents.insert(format!("dapps/{name}/dapp.toml").parse().unwrap(), entry);
            manifests.insert(format!("dapps/{name}/image.manifest").parse().unwrap(), ObjectId::new([2; 32]));
        }
        let (org, head) = (OrgId::new([0; 32]), BlockId::new([0; 32]));
        let (documents, tree) = (Arc::new(documents), ObjectId::new([0; 32]));
        let (agreed, tentative, tentative_tree) = (documents.clone(), documents.clone(), tree);
        View {
            org,
            head,
            height: 0,
            head_at: Millis(0),
            agreed,
            documents,
            tentative,
            tentative_tree,
            manifests,
        }
    }

    #[test]
    fn a_dapp_that_serves_runs_and_a_judge_does_not() {
        let serve = "name = \"door\"\nversion = \"1\"\n[serve]\n";
        let judge = "name = \"rules\"\nversion = \"1\"\n[judge]\n";
        let releases = releases(&view(&[("door", serve), ("rules", judge)]));
        assert_eq!(releases.len(), 1);
        assert!(releases["door"].manifest.is_ok());
    }

    #[test]
    fn a_manifest_that_cannot_be_read_says_why() {
        let releases = releases(&view(&[
            ("door", "name = \"door\"\n"),
            ("gate", "name = \"door\"\nversion = \"1\"\n[serve]\n"),
        ]));
        assert!(releases["door"].manifest.as_ref().unwrap_err().contains("version"));
        assert!(releases["gate"].manifest.as_ref().unwrap_err().contains("calls itself door"));
    }

    #[test]
    fn no_two_containers_share_user_ids() {
        let names: Vec<String> = (0..500).map(|n| format!("d{n}")).collect();
        let mut taken = BTreeSet::new();
        let slots: BTreeSet<u32> =
            names.iter().map(|name| slot(&name.parse().unwrap(), &mut taken)).collect();
        assert_eq!(slots.len(), names.len());
        assert!(UID_FIRST.checked_add(UID_SLOTS * container::IDS_PER_CONTAINER).is_some());
    }
}
