//! The document of a release: what it is for, what it is made of, and how it goes out.
//!
//! Canonical text: a TOML document as the ledger writes them, and of one release there is one text. Signatures are over these very
//! bytes, so [`Release::parse`] takes nothing that [`Release::to_text`] would not write. What is in it fits together (`check`); whether
//! anybody signed it is [`crate::Authority::approve`]'s affair. Format: docs/formats/release.md.

use crate::{ReleaseError, Rollout, Version, check};
use model::{ChunkId, Document, ManifestId, Millis, Name, PathError, ReleaseId, StatePath, VerityHash};
use serde::{Deserialize, Serialize};
use std::fmt;

/// dm-verity's blocks, of data and of hashes.
pub const VERITY_BLOCK_BYTES: u64 = 4096;

/// What a release is a release of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The operating system of a box: its parts go into a slot.
    System,
    /// The image of a dapp: its one part is the image tar of docs/formats/image.md.
    Dapp,
    /// Any other disk image. Boxes keep it, and install it nowhere.
    Disk,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "system",
            Self::Dapp => "dapp",
            Self::Disk => "disk image",
        })
    }
}

/// A release.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// What it is a release of.
    pub kind: Kind,
    /// The name of that: for a system the board it was built for, for a dapp the dapp.
    pub image: Name,
    /// The line of releases that it belongs to. In a channel versions only rise.
    pub channel: Name,
    /// Its version.
    pub version: Version,
    /// The boards it fits, sorted. None: every board, which a system never does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boards: Vec<Name>,
    /// The oldest version from which a box may go to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Version>,
    /// The version below which nobody may go back, once this release is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Version>,
    /// When it was made.
    pub made: Millis,
    /// For people: what is new.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// What it is made of.
    pub parts: Vec<Part>,
    /// Ways to make parts out of older ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deltas: Vec<DeltaOffer>,
    /// How it goes out. Without one it is for all boxes at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// A part of a release: one file, in chunks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name: in a system, where in the slot it goes.
    pub name: Name,
    /// Its length in bytes.
    pub size: u64,
    /// Its manifest.
    pub manifest: ManifestId,
    /// Its hash tree, if dm-verity reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verity: Option<Verity>,
}

/// A file system with dm-verity's hash tree behind it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verity {
    /// The length of the file system in blocks of [`VERITY_BLOCK_BYTES`]; the tree begins right behind.
    pub blocks: u64,
    /// The hash of the tree's top.
    pub root: VerityHash,
}

/// A delta that exists.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeltaOffer {
    /// The part that it makes.
    pub part: Name,
    /// The release whose part of the same name it is made from. None: from nothing, which is the part compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Version>,
    /// The delta's own document, which is a chunk.
    pub list: ChunkId,
    /// What all of its frames and the document have together, in bytes.
    pub bytes: u64,
}

impl Release {
    /// Reads the canonical text, and checks that it fits together.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReleaseError> {
        check::length(bytes.len())?;
        let release: Self = Document::parse(bytes)?.to_value()?;
        if release.to_text()?.as_bytes() != bytes {
            return Err(ReleaseError::NotCanonical);
        }
        Ok(release)
    }

    /// The canonical text, if the release fits together.
    pub fn to_text(&self) -> Result<String, ReleaseError> {
        check::whole(self)?;
        let text = Document::from_value(self)?.to_canonical()?;
        check::length(text.len())?;
        Ok(text)
    }

    /// The name of a release with this text.
    pub fn id_of(text: &[u8]) -> ReleaseId {
        ReleaseId::new(*chunk::chunk_id(text).as_bytes())
    }

    /// The folder in the ledger where its document, its manifests and its signatures lie.
    pub fn folder(&self) -> Result<StatePath, PathError> {
        format!("images/{}/{}/{}", self.image, self.channel, self.version).parse()
    }

    /// Whether it fits a board.
    pub fn fits(&self, board: &Name) -> bool {
        self.boards.is_empty() || self.boards.contains(board)
    }

    /// A part by its name.
    pub fn part(&self, name: &Name) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == *name)
    }

    /// The length of all parts, in bytes.
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = include_str!("../tests/data/release.toml");

    fn changed(from: &str, to: &str) -> String {
        assert!(TEXT.contains(from), "{from:?} is not in it");
        let error = Release::parse(TEXT.replacen(from, to, 1).as_bytes());
        error.expect_err(&format!("{from:?} -> {to:?} was taken")).to_string()
    }

    #[test]
    fn the_text_of_the_format_page_goes_there_and_back() {
        let release = Release::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(release.to_text().unwrap(), TEXT);
        assert_eq!(release.folder().unwrap().as_str(), "images/qemu-aarch64/stable/1.4.0");
        assert!(release.fits(&"qemu-aarch64".parse().unwrap()));
        assert!(!release.fits(&"raspberrypi".parse().unwrap()));
        assert_eq!(release.size(), 12_582_912 + 100_663_296);
        let page = include_str!("../../../docs/formats/release.md");
        assert!(page.contains(TEXT), "docs/formats/release.md shows another text");
    }

    #[test]
    fn another_spelling_is_refused_because_the_signatures_are_over_the_bytes() {
        for (from, to) in [
            ("channel = \"stable\"", "channel = 'stable'"),
            ("made = ", "made =  "),
            ("size = 12582912", "size = 12_582_912"),
            ("\n[[deltas]]", "\n\n[[deltas]]"),
            ("boards = ", "# boards\nboards = "),
        ] {
            assert_eq!(changed(from, to), ReleaseError::NotCanonical.to_string(), "{to:?}");
        }
        assert!(Release::parse(format!("{TEXT}\n").as_bytes()).is_err());
    }

    #[test]
    fn a_field_that_nobody_knows_is_refused() {
        assert!(changed("channel = ", "canal = ").contains("unknown field `canal`"));
        assert!(changed("hold = 2", "halt = 2").contains("unknown field `halt`"));
    }

    #[test]
    fn what_does_not_fit_together_is_refused_with_its_reason() {
        for (from, to, says) in [
            ("boards = [\"qemu-aarch64\"]", "boards = [\"b\", \"a\"]", "sorted"),
            ("boards = [\"qemu-aarch64\"]\n", "", "which board"),
            ("from = \"1.2.0\"\nimage", "from = \"1.4.0\"\nimage", "from 1.4.0"),
            ("floor = \"1.3.0\"", "floor = \"1.4.1\"", "floor 1.4.1"),
            ("name = \"boot.vfat\"", "name = \"root.erofs\"", "two parts"),
            ("size = 12582912", "size = 0", "0 bytes"),
            ("blocks = 24381", "blocks = 24577", "hash tree"),
            ("blocks = 24381", "blocks = 0", "hash tree"),
            ("part = \"root.erofs\"", "part = \"root.ext4\"", "root.ext4"),
            ("from = \"1.3.0\"\nlist", "from = \"1.4.0\"\nlist", "delta"),
            ("percent = 10", "percent = 0", "percent"),
            ("percent = 10", "percent = 100", "rise"),
            ("at = 1795438205000", "at = 1795351805000", "rise"),
            ("hold = 2", "hold = 0", "hold"),
            ("Doors", "Doors\\u001b[2J", "control"),
        ] {
            let error = changed(from, to);
            assert!(error.contains(says), "{from:?} -> {to:?}: {error}");
        }
    }

    #[test]
    fn a_dapp_and_a_disk_image_may_be_for_every_board() {
        for kind in [Kind::Dapp, Kind::Disk] {
            let mut release = Release::parse(TEXT.as_bytes()).unwrap();
            (release.kind, release.boards) = (kind, vec![]);
            let text = release.to_text().unwrap();
            assert_eq!(Release::parse(text.as_bytes()).unwrap(), release);
            assert!(release.fits(&"raspberrypi".parse().unwrap()));
        }
    }
}
