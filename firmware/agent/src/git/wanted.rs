//! What git asks a server of files for; everything else is no name.
//!
//! Names of files are made from the parsed value, never from the text, so none leads outside the repository. The
//! repository's settings, its locks and whatever else lies in its folder cannot be named.

use model::ObjectId;
use std::fmt;

/// A part of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// `HEAD`.
    Head,
    /// `info/refs`.
    Refs,
    /// `objects/info/packs`.
    Packs,
    /// `objects/xx/yyy`: an object in a file of its own, as git's own tools leave them.
    Loose(ObjectId),
    /// `objects/pack/pack-xxx.pack`, or `.idx`.
    Pack(PackFile),
}

/// A pack or its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackFile {
    /// Which pack.
    pub pack: PackName,
    /// Whether the index is wanted.
    pub index: bool,
}

/// A pack's name: `pack-` and a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackName(ObjectId);

impl fmt::Display for PackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pack-{}", self.0)
    }
}

impl PackName {
    /// Reads `pack-xxx`.
    pub fn parse(name: &str) -> Option<Self> {
        name.strip_prefix("pack-")?.parse().ok().map(Self)
    }
}

impl Wanted {
    /// Reads what comes after `/git/ledger.git/`.
    pub fn parse(path: &str) -> Option<Self> {
        match path {
            "HEAD" => return Some(Self::Head),
            "info/refs" => return Some(Self::Refs),
            "objects/info/packs" => return Some(Self::Packs),
            _ => {}
        }
        let (folder, name) = path.strip_prefix("objects/")?.split_once('/')?;
        if folder == "pack" {
            let (pack, extension) = name.split_once('.')?;
            let index = match extension {
                "pack" => false,
                "idx" => true,
                _ => return None,
            };
            return Some(Self::Pack(PackFile { pack: PackName::parse(pack)?, index }));
        }
        let id = (folder.len() == 2).then(|| format!("{folder}{name}").parse().ok())??;
        Some(Self::Loose(id))
    }
}

/// The path of an object in a file of its own, below the repository.
pub fn loose_path(id: &ObjectId) -> String {
    let id = id.to_string();
    format!("objects/{}/{}", &id[..2], &id[2..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_git_asks_for_is_known() {
        let hash = "0123456789abcdef".repeat(4);
        let id: ObjectId = hash.parse().unwrap();
        let pack = PackName(id);
        for (path, wanted) in [
            ("HEAD".to_string(), Wanted::Head),
            ("info/refs".into(), Wanted::Refs),
            ("objects/info/packs".into(), Wanted::Packs),
            (format!("objects/{}/{}", &hash[..2], &hash[2..]), Wanted::Loose(id)),
            (format!("objects/pack/pack-{hash}.pack"), Wanted::Pack(PackFile { pack, index: false })),
            (format!("objects/pack/pack-{hash}.idx"), Wanted::Pack(PackFile { pack, index: true })),
        ] {
            assert_eq!(Wanted::parse(&path), Some(wanted), "{path}");
        }
        assert_eq!(Wanted::parse(&loose_path(&id)), Some(Wanted::Loose(id)));
    }

    #[test]
    fn nothing_else_can_be_named() {
        let hash = "ab".repeat(32);
        let rest = &hash[2..];
        for path in [
            "",
            "config",
            "HEAD/",
            "head",
            "/HEAD",
            "../node.toml",
            "refs/heads/main",
            "objects/info/alternates",
            "objects/../../keys/node",
            "objects/pack/../../../keys/node",
            "objects/pack/pack-.pack",
            &format!("objects/pack/pack-{hash}.lock"),
            &format!("objects/pack/pack-{hash}.idx/../x"),
            &format!("objects/pack/pack-{}.pack", hash.to_uppercase()),
            &format!("objects/pack/{hash}.pack"),
            &format!("objects/é/{rest}"),
            &format!("objects/../{rest}"),
            &format!("objects/a/b{rest}"),
            &format!("objects/ab/{rest}0"),
            &format!("objects/ab/{rest}\0"),
        ] {
            assert_eq!(Wanted::parse(path), None, "{path:?} was taken");
        }
    }
}
