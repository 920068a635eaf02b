//! The releases that the ledger has, with their signatures.
//!
//! Whoever may write there may put rubbish there: a document that is no release, or lies where another one belongs, is found and told
//! apart, and stands in nobody's way.

use crate::{
    error::{Result, refused},
    view::View,
};
use anyhow::{Context, ensure};
use chunk::Manifest;
use model::{Name, ReleaseId, StatePath};
use update::{Approval, Part, Release, Version, manifest_id};

const FOLDER: &str = "images";
const DOCUMENT: &str = "release.toml";

/// A release of the ledger.
pub struct Known {
    /// What it says.
    pub release: Release,
    /// Its document, over which the signatures are.
    pub text: Vec<u8>,
    /// Its folder in the ledger.
    pub folder: StatePath,
    /// The signatures, whoever made them, with the names of their files.
    pub approvals: Vec<(String, Approval)>,
}

/// A folder of a release, and what was found in it.
pub struct Found {
    /// The folder.
    pub folder: StatePath,
    /// The release, or why it is none.
    pub release: Result<Known>,
}

/// All releases, by image and channel, each channel's oldest first.
pub fn all(view: &View) -> Result<Vec<Found>> {
    let documents = view.files(FOLDER)?.into_iter().filter_map(|path| {
        let folder = path.as_str().strip_suffix(&format!("/{DOCUMENT}"))?;
        folder.parse::<StatePath>().ok()
    });
    let mut found: Vec<Found> =
        documents.map(|folder| Found { release: read(view, &folder), folder }).collect();
    found.sort_by_cached_key(|found| {
        let release = found.release.as_ref().ok().map(|known| &known.release);
        release.map(|it| (it.image.clone(), it.channel.clone(), it.version.clone()))
    });
    Ok(found)
}

/// The releases of one image in one channel, the oldest first.
pub fn of_image(view: &View, image: &Name, channel: &Name) -> Result<Vec<Known>> {
    let is_it = |known: &Known| known.release.image == *image && known.release.channel == *channel;
    Ok(all(view)?.into_iter().filter_map(|found| found.release.ok()).filter(is_it).collect())
}

/// One release; refused if there is none.
pub fn find(view: &View, image: &Name, channel: &Name, version: &Version) -> Result<Known> {
    let folder: StatePath = format!("{FOLDER}/{image}/{channel}/{version}").parse()?;
    if view.bytes(&folder.join(DOCUMENT)?)?.is_none() {
        return Err(refused(
            format!("there is no release {version} of {image} in the channel {channel}"),
            "ledgerctl image list shows those that there are",
        ));
    }
    read(view, &folder)
}

fn read(view: &View, folder: &StatePath) -> Result<Known> {
    let path = folder.join(DOCUMENT)?;
    let text = view.bytes(&path)?.with_context(|| format!("{path} is not in the ledger"))?;
    let release = Release::parse(&text).with_context(|| format!("{path} is no release"))?;
    ensure!(release.folder()? == *folder, "{path} says that it is {}", release.folder()?);
    let approvals = approvals(view, folder)?;
    Ok(Known { release, text, folder: folder.clone(), approvals })
}

/// The signatures that lie beside a release. What is none is left out: it counts for nobody.
fn approvals(view: &View, folder: &StatePath) -> Result<Vec<(String, Approval)>> {
    let documents = view.documents(&format!("{folder}/signed"))?;
    let signature = |(path, document): (StatePath, model::Document)| {
        let signature = document.get(&["signature"])?.as_str()?.to_owned();
        Some((crate::people::stem(&path), Approval { signature }))
    };
    Ok(documents.into_iter().filter_map(signature).collect())
}

/// Where the manifest of a part lies.
pub fn manifest_path(folder: &StatePath, part: &Name) -> Result<StatePath> {
    Ok(folder.join(&format!("{part}.manifest"))?)
}

impl Known {
    /// The name of the document, which is over its bytes.
    pub fn id(&self) -> ReleaseId {
        Release::id_of(&self.text)
    }

    /// The manifest of one of its parts, which is the one that it names.
    pub fn manifest(&self, view: &View, part: &Part) -> Result<Manifest> {
        let path = manifest_path(&self.folder, &part.name)?;
        let text = view.bytes(&path)?.with_context(|| format!("{path} is not in the ledger"))?;
        ensure!(manifest_id(&text) == part.manifest, "{path} is not the manifest that the release names");
        Manifest::parse(&text).with_context(|| format!("{path} is damaged"))
    }
}
