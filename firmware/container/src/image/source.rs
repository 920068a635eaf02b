//! What a builder made, checked and written as one image tar.
//!
//! Two forms: an OCI image layout ([`Layout`]), or a folder with `dapp.toml` ([`DappFolder`]). All that is
//! small is read and checked by [`Source::open`]. Layers are read twice by [`Source::write`]: once to check
//! blob digest, blob size, the digest of the uncompressed bytes and every path in them, and to learn the
//! length that the tar header needs; and once to write them. The second reading is checked too.

use super::{
    ConfigError, ImageConfig, OciError, Platform,
    digest::{Hashing, sha256},
    folder::{DappFolder, FolderError},
    layer::{self, LayerError},
    layout::Layout,
    oci::{self, Blob, Choice, Compression, MAX_JSON_BYTES},
    tar::{ImageTar, layer_name},
};
use flate2::read::MultiGzDecoder;
use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// The greatest layer taken, uncompressed; the same as unpacking takes by default.
const MAX_LAYER_BYTES: u64 = 4 << 30;
/// How many indexes may lead to one another.
const MAX_INDEX_DEPTH: usize = 4;

/// An image as its builder left it, opened and chosen for one platform.
#[derive(Debug)]
pub struct Source {
    config_bytes: Vec<u8>,
    config: ImageConfig,
    layers: Layers,
}

#[derive(Debug)]
enum Layers {
    Oci(Layout, Vec<(Blob, Compression)>),
    Folder(DappFolder),
}

/// An image that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file that cannot be read.
    #[error("cannot read {name} of the image at {path}")]
    Read {
        /// The image.
        path: PathBuf,
        /// The file in it.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// Not an image layout and not a dapp's folder.
    #[error("{0} is neither an OCI image layout (no oci-layout in it) nor a folder with dapp.toml")]
    Neither(PathBuf),
    /// A layout of another time.
    #[error("the image layout has version {0:?}, this program knows 1")]
    LayoutVersion(String),
    /// A document of the layout.
    #[error(transparent)]
    Oci(#[from] OciError),
    /// The image's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A blob that is not there.
    #[error("blob sha256:{0} is missing from the image layout")]
    MissingBlob(String),
    /// A blob with other bytes than its name says.
    #[error("blob sha256:{wanted} of the image layout has SHA-256 {found}: it is damaged or was changed")]
    BlobDigest {
        /// What its name says.
        wanted: String,
        /// What it is.
        found: String,
    },
    /// A blob of another length.
    #[error("blob sha256:{digest} has {found} bytes, the image says {wanted}")]
    BlobSize {
        /// The blob.
        digest: String,
        /// What the image says.
        wanted: u64,
        /// What it has.
        found: u64,
    },
    /// Indexes that lead to each other.
    #[error("the image's indexes lead to more than {MAX_INDEX_DEPTH} others")]
    IndexDepth,
    /// As many layers here as there should be.
    #[error("the image's manifest has {manifest} layers, its configuration {config}")]
    LayerCount {
        /// In the manifest.
        manifest: usize,
        /// In the configuration.
        config: usize,
    },
    /// A layer that is another once uncompressed.
    #[error("layer {number} uncompressed has SHA-256 {found}, the image's configuration says {wanted}")]
    DiffId {
        /// Which layer, from 0.
        number: usize,
        /// What the configuration says.
        wanted: String,
        /// What it is.
        found: String,
    },
    /// A layer that could not be unpacked.
    #[error("layer {number}: {source}")]
    Layer {
        /// Which layer, from 0.
        number: usize,
        /// Why not.
        source: LayerError,
    },
    /// A folder that is no dapp.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The other end.
    #[error("cannot write the image tar")]
    Write(#[source] io::Error),
}

impl Source {
    /// Opens an OCI image layout (folder or tar) or a folder with `dapp.toml`, and checks all but the layers.
    pub fn open(path: &Path, wanted: &Platform) -> Result<Self, SourceError> {
        if path.join("dapp.toml").is_file() && !path.join("oci-layout").exists() {
            return Self::open_folder(path);
        }
        let read = |name: &'static str| move |source| unreadable(path, name, source);
        let layout = Layout::open(path).map_err(read("the files"))?;
        match layout.read("oci-layout", MAX_JSON_BYTES) {
            Ok(bytes) => check_version(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SourceError::Neither(path.to_owned()));
            }
            Err(error) => return Err(read("oci-layout")(error)),
        }
        let index = layout.read("index.json", MAX_JSON_BYTES).map_err(read("index.json"))?;
        Self::open_layout(layout, index, wanted)
    }

    /// What the image says of itself.
    pub fn config(&self) -> &ImageConfig {
        &self.config
    }

    /// SHA-256 of the configuration in hex: the image's id, also to other tools.
    pub fn id(&self) -> String {
        sha256(&self.config_bytes)
    }

    /// Writes the image tar, checking every layer on the way; the same image gives the same bytes for ever.
    /// After an error what was written must be thrown away.
    pub fn write(&self, out: &mut dyn Write) -> Result<(), SourceError> {
        let mut tar = ImageTar::begin(out, &self.config_bytes).map_err(SourceError::Write)?;
        match &self.layers {
            Layers::Folder(folder) => folder.append_to(&mut tar)?,
            Layers::Oci(layout, layers) => {
                for (number, (blob, compression)) in layers.iter().enumerate() {
                    self.write_layer(&mut tar, layout, number, blob, *compression)?;
                }
            }
        }
        tar.end().map_err(SourceError::Write)
    }

    fn open_folder(path: &Path) -> Result<Self, SourceError> {
        let (folder, config_bytes) = DappFolder::open(path)?;
        let config = ImageConfig::parse(&config_bytes)?;
        Ok(Self { config_bytes, config, layers: Layers::Folder(folder) })
    }

    fn open_layout(layout: Layout, index: Vec<u8>, wanted: &Platform) -> Result<Self, SourceError> {
        let manifest = manifest(&layout, index, wanted)?;
        let parts = oci::parts(&read_blob(&layout, &manifest)?)?;
        let config_bytes = read_blob(&layout, &parts.config)?;
        let config = ImageConfig::parse(&config_bytes)?;
        if parts.layers.len() != config.layers.len() {
            let (manifest, config) = (parts.layers.len(), config.layers.len());
            return Err(SourceError::LayerCount { manifest, config });
        }
        if wanted.fitness(&config.platform).is_none() {
            let (wanted, there) = (wanted.to_string(), config.platform.to_string());
            return Err(OciError::NoPlatform { wanted, there }.into());
        }
        Ok(Self { config_bytes, config, layers: Layers::Oci(layout, parts.layers) })
    }

    fn write_layer(
        &self,
        tar: &mut ImageTar<impl Write>,
        layout: &Layout,
        number: usize,
        blob: &Blob,
        compression: Compression,
    ) -> Result<(), SourceError> {
        let size = self.check_layer(layout, number, blob, compression)?;
        let again = unpacked(open_blob(layout, blob)?, compression).map_err(|e| broken(number, e))?;
        let mut again = Hashing::new(again, MAX_LAYER_BYTES);
        tar.append(&layer_name(number), size, &mut again).map_err(SourceError::Write)?;
        let (found, _) = again.finish().map_err(|e| broken(number, e))?;
        self.check_diff_id(number, found)
    }

    /// Reads a layer through all its checks and tells its uncompressed size.
    fn check_layer(
        &self,
        layout: &Layout,
        number: usize,
        blob: &Blob,
        compression: Compression,
    ) -> Result<u64, SourceError> {
        let mut packed = Hashing::new(open_blob(layout, blob)?, u64::MAX);
        let plain = unpacked(&mut packed, compression).map_err(|e| broken(number, e))?;
        let mut plain = Hashing::new(plain, MAX_LAYER_BYTES);
        let readable = layer::read(&mut plain, |_, _| Ok::<(), LayerError>(()));
        let hashed = plain.finish();
        // A damaged blob is damaged first of all, whatever its bytes look like as a tar.
        check_blob(blob, packed.finish().map_err(|e| broken(number, e))?)?;
        readable.map_err(|source| SourceError::Layer { number, source })?;
        let (found, size) = hashed.map_err(|e| broken(number, e))?;
        self.check_diff_id(number, found).map(|()| size)
    }

    fn check_diff_id(&self, number: usize, found: String) -> Result<(), SourceError> {
        let wanted = &self.config.layers[number];
        if found == *wanted {
            return Ok(());
        }
        Err(SourceError::DiffId { number, wanted: wanted.clone(), found })
    }
}

fn manifest(layout: &Layout, mut index: Vec<u8>, wanted: &Platform) -> Result<Blob, SourceError> {
    for _ in 0..MAX_INDEX_DEPTH {
        match oci::choose(&index, wanted)? {
            Choice::Manifest(blob) => return Ok(blob),
            Choice::Index(blob) => index = read_blob(layout, &blob)?,
        }
    }
    Err(SourceError::IndexDepth)
}

fn check_version(oci_layout: &[u8]) -> Result<(), SourceError> {
    let value: Option<serde_json::Value> = serde_json::from_slice(oci_layout).ok();
    let version = value.as_ref().and_then(|v| v.get("imageLayoutVersion")).and_then(|v| v.as_str());
    let version = version.unwrap_or_default();
    if version.starts_with("1.") { Ok(()) } else { Err(SourceError::LayoutVersion(version.into())) }
}

fn read_blob(layout: &Layout, blob: &Blob) -> Result<Vec<u8>, SourceError> {
    let mut bytes = Vec::new();
    let broken = |source| unreadable(Path::new(&blob.sha256), "the blob", source);
    open_blob(layout, blob)?.take(MAX_JSON_BYTES).read_to_end(&mut bytes).map_err(broken)?;
    check_blob(blob, (sha256(&bytes), bytes.len() as u64))?;
    Ok(bytes)
}

fn open_blob<'a>(layout: &'a Layout, blob: &Blob) -> Result<Box<dyn Read + 'a>, SourceError> {
    layout.blob(blob).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => SourceError::MissingBlob(blob.sha256.clone()),
        _ => unreadable(Path::new(&blob.sha256), "the blob", error),
    })
}

fn check_blob(blob: &Blob, (found, size): (String, u64)) -> Result<(), SourceError> {
    if size != blob.size {
        return Err(SourceError::BlobSize { digest: blob.sha256.clone(), wanted: blob.size, found: size });
    }
    if found != blob.sha256 {
        return Err(SourceError::BlobDigest { wanted: blob.sha256.clone(), found });
    }
    Ok(())
}

fn unpacked<'a>(packed: impl Read + 'a, compression: Compression) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(packed),
        Compression::Gzip => Box::new(MultiGzDecoder::new(packed)),
        Compression::Zstd => Box::new(zstd::Decoder::new(packed)?),
    })
}

fn broken(number: usize, source: io::Error) -> SourceError {
    SourceError::Layer { number, source: LayerError::Tar(source) }
}

fn unreadable(path: &Path, name: &str, source: io::Error) -> SourceError {
    SourceError::Read { path: path.to_owned(), name: name.into(), source }
}
