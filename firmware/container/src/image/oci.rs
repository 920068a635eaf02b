//! The JSON of an OCI image layout: the index, the manifest, and what they point to.
//!
//! Pure: bytes in, checked values out. Nothing of a document is believed beyond its shape: names of blobs
//! become paths only after [`Blob`] has seen that they are plain hex.

use super::config::{Platform, is_sha256};
use oci_spec::image::{Descriptor, DigestAlgorithm, ImageIndex, ImageManifest, MediaType};

/// The greatest JSON document read from a layout.
pub const MAX_JSON_BYTES: u64 = 4 << 20;
/// The most entries of an index looked at.
const MAX_MANIFESTS: usize = 1000;

/// A blob that a document points to: its name and size, both to be checked when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
}

/// Where an index leads for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// To an image's manifest.
    Manifest(Blob),
    /// To another index, which is to be asked the same.
    Index(Blob),
}

/// What a manifest is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The image's configuration.
    pub config: Blob,
    /// The layers, lowest first.
    pub layers: Vec<(Blob, Compression)>,
}

/// How a layer's tar is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// A document of the layout that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// Not the document that it should be.
    #[error("{what} is not valid: {source}")]
    Syntax {
        /// Which document.
        what: &'static str,
        /// What the parser says.
        source: oci_spec::OciSpecError,
    },
    /// A digest of another kind.
    #[error("{0:?} cannot name a blob here: only sha256: and 64 hex digits are known")]
    Digest(String),
    /// A media type that we do not know.
    #[error("blob {digest} has the media type {media_type:?}, which is not known here")]
    MediaType {
        /// The blob.
        digest: String,
        /// What it claims to be.
        media_type: String,
    },
    /// Nothing that runs on the platform.
    #[error("the image has nothing for {wanted}; it has {there}")]
    NoPlatform {
        /// What was looked for.
        wanted: String,
        /// What the index lists.
        there: String,
    },
}

/// Picks from an index what runs best on `wanted`.
pub fn choose(bytes: &[u8], wanted: &Platform) -> Result<Choice, OciError> {
    let syntax = |source| OciError::Syntax { what: "the image's index", source };
    let index = ImageIndex::from_reader(bytes).map_err(syntax)?;
    let mut entries: Vec<&Descriptor> = index.manifests().iter().take(MAX_MANIFESTS).collect();
    // A lone entry without a platform is the whole image: its configuration tells the platform.
    let best = match entries.as_slice() {
        [only] if only.platform().is_none() => Some(*only),
        _ => {
            entries.retain(|entry| entry.platform().is_some());
            // The first of equals: `max_by_key` would take the last.
            entries
                .iter()
                .rev()
                .copied()
                .max_by_key(|entry| fitness(entry, wanted))
                .filter(|e| fitness(e, wanted).is_some())
        }
    };
    match best {
        Some(entry) => choice(entry),
        None => Err(OciError::NoPlatform { wanted: wanted.to_string(), there: listed(&index) }),
    }
}

/// Reads an image manifest.
pub fn parts(bytes: &[u8]) -> Result<Parts, OciError> {
    let syntax = |source| OciError::Syntax { what: "the image's manifest", source };
    let manifest = ImageManifest::from_reader(bytes).map_err(syntax)?;
    let config = manifest.config();
    if !is_one_of(
        config.media_type(),
        &MediaType::ImageConfig,
        "application/vnd.docker.container.image.v1+json",
    ) {
        return Err(unknown(config));
    }
    let layers = manifest.layers().iter().map(|layer| Ok((blob(layer)?, compression(layer)?)));
    Ok(Parts { config: blob(config)?, layers: layers.collect::<Result<_, OciError>>()? })
}

fn fitness(entry: &Descriptor, wanted: &Platform) -> Option<u32> {
    wanted.fitness(&platform(entry)?)
}

fn platform(entry: &Descriptor) -> Option<Platform> {
    let platform = entry.platform().as_ref()?;
    Some(Platform {
        os: platform.os().to_string(),
        architecture: platform.architecture().to_string(),
        variant: platform.variant().clone().unwrap_or_default(),
    })
}

fn listed(index: &ImageIndex) -> String {
    let platforms: Vec<String> =
        index.manifests().iter().take(20).filter_map(platform).map(|p| p.to_string()).collect();
    if platforms.is_empty() { "no image for a named platform".into() } else { platforms.join(", ") }
}

fn choice(entry: &Descriptor) -> Result<Choice, OciError> {
    let docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
    let docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";
    if is_one_of(entry.media_type(), &MediaType::ImageManifest, docker_manifest) {
        Ok(Choice::Manifest(blob(entry)?))
    } else if is_one_of(entry.media_type(), &MediaType::ImageIndex, docker_list) {
        Ok(Choice::Index(blob(entry)?))
    } else {
        Err(unknown(entry))
    }
}

fn compression(layer: &Descriptor) -> Result<Compression, OciError> {
    match layer.media_type() {
        MediaType::ImageLayer => Ok(Compression::None),
        MediaType::ImageLayerGzip => Ok(Compression::Gzip),
        MediaType::ImageLayerZstd => Ok(Compression::Zstd),
        MediaType::Other(name) => match name.as_str() {
            "application/vnd.docker.image.rootfs.diff.tar" => Ok(Compression::None),
            "application/vnd.docker.image.rootfs.diff.tar.gzip" => Ok(Compression::Gzip),
            "application/vnd.docker.image.rootfs.diff.tar.zstd" => Ok(Compression::Zstd),
            _ => Err(unknown(layer)),
        },
        _ => Err(unknown(layer)),
    }
}

fn is_one_of(media_type: &MediaType, oci: &MediaType, docker: &str) -> bool {
    media_type == oci || media_type.as_ref() == docker
}

fn unknown(entry: &Descriptor) -> OciError {
    let media_type = entry.media_type().as_ref().chars().take(100).collect();
    OciError::MediaType { digest: entry.digest().to_string(), media_type }
}

fn blob(entry: &Descriptor) -> Result<Blob, OciError> {
    let digest = entry.digest();
    if *digest.algorithm() != DigestAlgorithm::Sha256 || !is_sha256(digest.digest()) {
        return Err(OciError::Digest(digest.to_string().chars().take(100).collect()));
    }
    Ok(Blob { sha256: digest.digest().into(), size: entry.size() })
}
