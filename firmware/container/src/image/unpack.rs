//! From an image tar to a root folder that is whole or not there.
//!
//! Everything is made in a folder beside the wanted one, `NAME.partial`; only when every layer had the digest
//! that the configuration names and all of it is on the disk does a rename put it in place. A power cut
//! leaves a `.partial`, which the next try throws away. Nobody else may use the two folders meanwhile.

use super::{
    ConfigError, ImageConfig,
    digest::Hashing,
    layer::{self, LayerError, Step, What},
    oci::MAX_JSON_BYTES,
    root::Root,
    tar::{CONFIG, layer_name},
};
use std::{
    collections::HashSet,
    fs::{self, DirBuilder, File},
    io::{self, Read},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};
use tar::Archive;

/// An image's root folder, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The root folder: [`crate::Spec::root`].
    pub root: PathBuf,
    /// What the image says of itself.
    pub config: ImageConfig,
}

/// How much an image may hold.
#[derive(Debug, Clone, Copy)]
pub struct UnpackLimits {
    /// Bytes of each layer's tar, and of all files of all layers together.
    pub bytes: u64,
    /// Files, folders, links and whiteouts of all layers together.
    pub entries: u64,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self { bytes: 4 << 30, entries: 500_000 }
    }
}

/// An image tar that could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The image tar could not be read.
    #[error("the image tar cannot be read")]
    Read(#[source] io::Error),
    /// Members are missing, too many, or out of order.
    #[error("the image tar should have {wanted} next, it has {found}")]
    Order {
        /// The member that should come.
        wanted: String,
        /// The one that came.
        found: String,
    },
    /// The configuration is no good.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A layer is not the one that the configuration names.
    #[error("layer {number} of the image has SHA-256 {found}, its configuration names {wanted}")]
    Digest {
        /// Which layer, from 0.
        number: usize,
        /// What the configuration says.
        wanted: String,
        /// What it is.
        found: String,
    },
    /// A layer cannot be applied.
    #[error("layer {number}: {source}")]
    Layer {
        /// Which layer, from 0.
        number: usize,
        /// Why not.
        source: LayerError,
    },
    /// The disk, or a path of the layer that does not fit with what is there.
    #[error("cannot unpack {path}")]
    Write {
        /// The path, inside the image or on the disk.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// Too large.
    #[error("the image has more than {most} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: u64,
    },
}

/// Unpacks an image tar to `folder`, its files owned from `uid_base` on; what was at `folder` is replaced.
/// After a crash or an error [`unpacked`] finds what was there before, or nothing.
pub fn unpack(
    image: impl Read,
    folder: &Path,
    uid_base: u32,
    limits: UnpackLimits,
) -> Result<Unpacked, UnpackError> {
    let partial = partial_beside(folder, uid_base);
    let made = fill(image, &partial, uid_base, limits).and_then(|()| put_in_place(&partial, folder));
    if made.is_err() {
        // The error at hand says more than a second one would.
        drop(fs::remove_dir_all(&partial));
    }
    made?;
    unpacked(folder, uid_base).ok_or_else(|| written(folder)(io::ErrorKind::NotFound.into()))
}

/// The image at `folder`, if it was unpacked there to the end with the same `uid_base`.
pub fn unpacked(folder: &Path, uid_base: u32) -> Option<Unpacked> {
    let config = ImageConfig::parse(&fs::read(folder.join(CONFIG)).ok()?).ok()?;
    let base = fs::read_to_string(folder.join(UID_BASE)).ok()?;
    let root = folder.join(ROOT);
    (base == uid_base.to_string() && root.is_dir()).then_some(Unpacked { root, config })
}

const ROOT: &str = "root";
const UID_BASE: &str = "uid-base";

fn partial_beside(folder: &Path, uid_base: u32) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{uid_base}.partial"));
    folder.with_file_name(name)
}

fn fill(image: impl Read, partial: &Path, uid_base: u32, limits: UnpackLimits) -> Result<(), UnpackError> {
    let root = begin(partial, uid_base).map_err(written(partial))?;
    let mut archive = Archive::new(image);
    let mut members = archive.entries().map_err(UnpackError::Read)?.raw(true);
    let config = read_config(&mut members)?;
    let parsed = ImageConfig::parse(&config)?;
    let mut budget = Budget { left: limits, limits };
    for (number, wanted) in parsed.layers.iter().enumerate() {
        let member = next(&mut members, &layer_name(number))?;
        apply(member, number, wanted, &root, &mut budget)?;
    }
    if let Some(more) = members.next() {
        let found = name(&more.map_err(UnpackError::Read)?);
        return Err(UnpackError::Order { wanted: "its end".into(), found });
    }
    root.add_mount_points().map_err(written(partial))?;
    finish(partial, &config, uid_base).map_err(written(partial))
}

fn begin(partial: &Path, uid_base: u32) -> io::Result<Root> {
    match fs::remove_dir_all(partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Only root may look in: files in there belong to users who may exist on this machine by accident.
    DirBuilder::new().recursive(true).mode(0o700).create(partial)?;
    let root = partial.join(ROOT);
    fs::create_dir(&root)?;
    Root::new(&root, uid_base)
}

fn read_config<R: Read>(members: &mut tar::Entries<'_, R>) -> Result<Vec<u8>, UnpackError> {
    let member = next(members, CONFIG)?;
    if member.size() > MAX_JSON_BYTES {
        return Err(UnpackError::TooLarge { what: "bytes of configuration", most: MAX_JSON_BYTES });
    }
    let mut bytes = Vec::new();
    member.take(MAX_JSON_BYTES).read_to_end(&mut bytes).map_err(UnpackError::Read)?;
    Ok(bytes)
}

fn next<'a, R: Read>(
    members: &mut tar::Entries<'a, R>,
    wanted: &str,
) -> Result<tar::Entry<'a, R>, UnpackError> {
    let order = |found| UnpackError::Order { wanted: wanted.to_owned(), found };
    let member = members.next().ok_or_else(|| order("nothing more".into()))?.map_err(UnpackError::Read)?;
    let found = name(&member);
    if found == wanted && member.header().entry_type().is_file() { Ok(member) } else { Err(order(found)) }
}

fn name<R: Read>(member: &tar::Entry<'_, R>) -> String {
    String::from_utf8_lossy(&member.path_bytes()).chars().take(100).collect()
}

/// What the image may still hold.
struct Budget {
    left: UnpackLimits,
    limits: UnpackLimits,
}

impl Budget {
    fn spend(&mut self, step: &Step) -> Result<(), UnpackError> {
        let bytes = if let What::File(size) = step.what { size } else { 0 };
        let too_large = |what, most| UnpackError::TooLarge { what, most };
        let left = self.left.bytes.checked_sub(bytes);
        self.left.bytes = left.ok_or_else(|| too_large("bytes in its files", self.limits.bytes))?;
        let left = self.left.entries.checked_sub(1);
        self.left.entries = left.ok_or_else(|| too_large("files", self.limits.entries))?;
        Ok(())
    }
}

fn apply(
    layer: impl Read,
    number: usize,
    wanted: &str,
    root: &Root,
    budget: &mut Budget,
) -> Result<(), UnpackError> {
    let mut hashing = Hashing::new(layer, budget.limits.bytes);
    let mut fresh = HashSet::new();
    let applied = layer::read(&mut hashing, |step, content| {
        budget.spend(&step)?;
        root.apply(&step, content, &fresh)
            .map_err(|source| UnpackError::Write { path: step.path.to_string(), source })?;
        if !matches!(step.what, What::Whiteout | What::Opaque) {
            fresh.extend(step.path.ancestors());
        }
        Ok(())
    });
    applied.map_err(|fault| match fault {
        UnpackError::Layer { source, .. } => UnpackError::Layer { number, source },
        other => other,
    })?;
    let (found, _) = hashing.finish().map_err(UnpackError::Read)?;
    if found == wanted { Ok(()) } else { Err(UnpackError::Digest { number, wanted: wanted.into(), found }) }
}

impl From<LayerError> for UnpackError {
    fn from(source: LayerError) -> Self {
        Self::Layer { number: 0, source }
    }
}

fn finish(partial: &Path, config: &[u8], uid_base: u32) -> io::Result<()> {
    fs::write(partial.join(CONFIG), config)?;
    fs::write(partial.join(UID_BASE), uid_base.to_string())?;
    // One call for the tens of thousands of files of an image, instead of one each.
    Ok(rustix::fs::syncfs(File::open(partial)?)?)
}

fn put_in_place(partial: &Path, folder: &Path) -> Result<(), UnpackError> {
    let place = || {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::rename(partial, folder)?;
        folder.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    };
    place().map_err(written(folder))
}

fn written(path: &Path) -> impl Fn(io::Error) -> UnpackError {
    let path = path.display().to_string();
    move |source| UnpackError::Write { path: path.clone(), source }
}
