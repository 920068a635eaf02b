//! What is to be installed: an approved release with the manifests that it names, and what there is to make it from.
//!
//! There is no other way to an installation: whoever has an [`Order`] has a release that enough have signed, and manifests whose bytes have the
//! names that stand in it.

use crate::{Approved, Kind, Near, Seen, Segment, Verity};
use chunk::{Manifest, ManifestError, chunk_id};
use model::{ChunkId, ManifestId, Name};
use std::collections::BTreeMap;

/// What a part can be made from.
#[derive(Clone, PartialEq, Debug)]
pub struct PartSource {
    /// The part.
    pub name: Name,
    /// Its manifest's text.
    pub manifest: Vec<u8>,
    /// Where chunks of it lie on this card.
    pub near: BTreeMap<ChunkId, Near>,
    /// The deltas whose source is whole here.
    pub deltas: Vec<Vec<Segment>>,
}

/// A part that is to be written.
#[derive(Clone, PartialEq, Debug)]
pub struct PartOrder {
    pub(crate) name: Name,
    pub(crate) verity: Option<Verity>,
    pub(crate) manifest: Manifest,
    pub(crate) near: BTreeMap<ChunkId, Near>,
    pub(crate) deltas: Vec<Vec<Segment>>,
}

/// What is to be installed.
#[derive(Clone, PartialEq, Debug)]
pub struct Order {
    pub(crate) approved: Approved,
    pub(crate) release: Seen,
    pub(crate) parts: Vec<PartOrder>,
}

/// Why a release cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// No operating system.
    #[error("a {0} is not installed into a slot")]
    Kind(Kind),
    /// A manifest that is not at hand.
    #[error("the manifest of {0} is not here")]
    NoManifest(Name),
    /// Another one.
    #[error("the manifest of {0} is another one than the release names")]
    OtherManifest(Name),
    /// None.
    #[error("the manifest of {part}")]
    Manifest {
        /// Of what.
        part: Name,
        /// Why not.
        source: ManifestError,
    },
    /// Of a file of another size.
    #[error("the manifest of {part} is of {got} bytes, and the release says {said}")]
    Size {
        /// Of what.
        part: Name,
        /// The manifest's.
        got: u64,
        /// The release's.
        said: u64,
    },
}

impl Order {
    /// Puts a release and its manifests together.
    pub fn new(approved: &Approved, mut sources: Vec<PartSource>) -> Result<Self, OrderError> {
        let release = approved.release();
        if release.kind != Kind::System {
            return Err(OrderError::Kind(release.kind));
        }
        let mut parts = Vec::new();
        for part in &release.parts {
            let at = sources.iter().position(|source| source.name == part.name);
            let source = sources.swap_remove(at.ok_or_else(|| OrderError::NoManifest(part.name.clone()))?);
            let manifest = manifest(part, &source)?;
            let (name, verity) = (part.name.clone(), part.verity.clone());
            parts.push(PartOrder { name, verity, manifest, near: source.near, deltas: source.deltas });
        }
        let release = Seen { version: release.version.clone(), id: approved.id() };
        Ok(Self { approved: approved.clone(), release, parts })
    }

    /// The release.
    pub fn release(&self) -> &Seen {
        &self.release
    }
}

/// The name of a manifest with this text.
pub fn manifest_id(text: &[u8]) -> ManifestId {
    ManifestId::new(*chunk_id(text).as_bytes())
}

fn manifest(part: &crate::Part, source: &PartSource) -> Result<Manifest, OrderError> {
    let name = || part.name.clone();
    if manifest_id(&source.manifest) != part.manifest {
        return Err(OrderError::OtherManifest(name()));
    }
    let parsed = Manifest::parse(&source.manifest);
    let manifest = parsed.map_err(|source| OrderError::Manifest { part: name(), source })?;
    let (got, said) = (manifest.size, part.size);
    if got == said { Ok(manifest) } else { Err(OrderError::Size { part: name(), got, said }) }
}
