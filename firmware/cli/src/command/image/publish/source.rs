//! What is published, by its kind: which image it is, for which boards, and the parts that it has.

use crate::{
    error::{Hint, Result, misused, refused},
    release::{self, Raw},
};
use anyhow::Context as _;
use container::image::{self, Platform};
use model::Name;
use std::{io::Write, path::Path};
use update::Kind;

/// The one part of a dapp's image: docs/formats/image.md.
const DAPP_PART: &str = "image.tar";
/// The part of a disk image whose file has a name that the ledger cannot have.
const DISK_PART: &str = "disk.img";

/// What is published.
pub struct Source {
    /// The image's name.
    pub image: Name,
    /// The boards it fits, sorted.
    pub boards: Vec<Name>,
    /// What it is made of.
    pub parts: Vec<Raw>,
    /// A file of ours that goes when this does.
    _made: Option<tempfile::NamedTempFile>,
}

/// Opens a file as what it is said to be.
pub fn open(kind: Kind, file: &Path, boards: &[Name], name: Option<&Name>) -> Result<Source> {
    match kind {
        Kind::System => system(file, boards, name),
        Kind::Dapp => dapp(file, boards, name),
        Kind::Disk => disk(file, boards, name),
    }
}

fn system(file: &Path, boards: &[Name], name: Option<&Name>) -> Result<Source> {
    let bundle = release::open_bundle(file)?;
    if let Some(other) = boards.iter().find(|board| **board != bundle.board) {
        return Err(refused(
            format!("{} was built for the board {}, not for {other}", file.display(), bundle.board),
            "publish it for its own board, or build the image of the other one",
        ));
    }
    let image = name.unwrap_or(&bundle.board).clone();
    Ok(Source { image, boards: vec![bundle.board], parts: bundle.parts, _made: None })
}

fn dapp(file: &Path, boards: &[Name], name: Option<&Name>) -> Result<Source> {
    let named = || format!("{} cannot be published", file.display());
    let builder = "look at it with its builder's tools, or build it again; nothing was published";
    let source = image::Source::open(file, &Platform::host()).hint(named, builder)?;
    let mut made = tempfile::NamedTempFile::new()
        .hint(|| "cannot make a temporary file".into(), "TMPDIR names a folder with room for the image")?;
    let mut out = std::io::BufWriter::new(made.as_file_mut());
    source.write(&mut out).hint(named, builder)?;
    out.flush()?;
    drop(out);
    let part = whole(made.path(), DAPP_PART.parse()?)?;
    Ok(Source {
        image: image_name(file, name)?,
        boards: sorted(boards),
        parts: vec![part],
        _made: Some(made),
    })
}

fn disk(file: &Path, boards: &[Name], name: Option<&Name>) -> Result<Source> {
    let own = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    let part = whole(file, own.map_or_else(|| DISK_PART.parse(), Ok)?)?;
    Ok(Source { image: image_name(file, name)?, boards: sorted(boards), parts: vec![part], _made: None })
}

/// A file that is one part.
fn whole(file: &Path, name: Name) -> Result<Raw> {
    let cannot = || format!("cannot read {}", file.display());
    let metadata = std::fs::metadata(file).with_context(cannot)?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Err(misused(
            format!("{} is not a file with something in it", file.display()),
            "publish one file, such as a disk image",
        ));
    }
    Ok(Raw { name, file: file.to_owned(), offset: 0, size: metadata.len(), verity: None })
}

fn image_name(file: &Path, name: Option<&Name>) -> Result<Name> {
    let stem = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.split('.').next());
    let own = || stem.and_then(|stem| stem.parse().ok());
    name.cloned().or_else(own).ok_or_else(|| {
        misused(format!("{} gives the image no name", file.display()), "say what it is called: --image NAME")
    })
}

fn sorted(boards: &[Name]) -> Vec<Name> {
    let mut boards = boards.to_vec();
    boards.sort();
    boards.dedup();
    boards
}
