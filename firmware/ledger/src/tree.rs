//! Folders of the state tree: strict reading, writing, and edits by path.
//!
//! A folder is a git tree in canonical form that holds files (mode 100644) and folders (40000) only, each
//! under a [`Name`], each name once, no folder empty but the root. Anything else (symlinks, submodules, other modes,
//! names outside the rules, another order) is refused. An edit reads and writes the changed folders alone.

use crate::object::{Kind, LoadError, NewObjects, Objects, from_git, load, to_git};
use gix_object::{WriteTo, tree::EntryKind};
use model::{Name, ObjectId, StatePath};
use std::collections::BTreeMap;

/// The largest folder, in bytes of its git tree: some ten thousand entries.
pub const MAX_TREE_BYTES: usize = 1 << 20;

/// What a name in a folder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// A file's bytes.
    File(ObjectId),
    /// Another folder.
    Folder(ObjectId),
}

impl Entry {
    /// The object's name.
    pub const fn id(&self) -> ObjectId {
        match self {
            Self::File(id) | Self::Folder(id) => *id,
        }
    }

    pub(crate) const fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }
}

/// A folder, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder(pub(crate) BTreeMap<Name, Entry>);

/// A tree that is not one of ours.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// An object could not be had.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Over the limit.
    #[error("a tree of {bytes} bytes: at most {MAX_TREE_BYTES} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Git cannot read it.
    #[error("the tree is not a git tree")]
    Decode(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A name outside the rules.
    #[error("the tree holds {name:?}, which is not a name")]
    Name {
        /// The name's beginning.
        name: String,
        /// What is wrong.
        #[source]
        source: model::NameError,
    },
    /// Neither a plain file nor a folder.
    #[error(
        "{name:?} in the tree has mode {mode:o}: only files (100644) and folders (40000) are taken, no symlinks, programs or submodules"
    )]
    Mode {
        /// The entry.
        name: Name,
        /// Its mode.
        mode: u16,
    },
    /// Not as git would write it: unsorted, a name twice, or odd digits.
    #[error("the tree is not in canonical form (sorted, each name once)")]
    NotCanonical,
    /// A folder without entries below the root.
    #[error("the folder {path:?} is empty")]
    Empty {
        /// The folder.
        path: String,
    },
    /// Deeper than a path can be.
    #[error("the path {path:?} cannot be in a state tree")]
    Path {
        /// The path's beginning.
        path: String,
        /// What is wrong.
        #[source]
        source: model::PathError,
    },
    /// More differences than anyone makes.
    #[error("the trees differ in more than {} files", crate::diff::MAX_DIFFERENCES)]
    TooMany,
    /// An edit needs a folder where a file is, or a file where a folder is.
    #[error("{path} cannot be written: a file and a folder would have one name")]
    Occupied {
        /// The path.
        path: StatePath,
    },
}

impl TreeError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        matches!(self, Self::Load(error) if error.is_store_failure())
    }
}

/// The entries of an encoded folder by name, held to all rules but the one for names, which costs an allocation each.
pub(crate) struct Listing<'a>(pub(crate) Vec<(&'a [u8], Entry)>);

impl<'a> Listing<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, TreeError> {
        if bytes.len() > MAX_TREE_BYTES {
            return Err(TreeError::TooLong { bytes: bytes.len() });
        }
        let tree = gix_object::TreeRef::from_bytes(bytes, gix_hash::Kind::Sha256)
            .map_err(|error| TreeError::Decode(error.into()))?;
        let entries: Result<Vec<_>, TreeError> = tree.entries.iter().map(listed).collect();
        let mut entries = entries?;
        if !tree.entries.is_sorted_by(|one, next| one < next) || written(&tree) != bytes {
            return Err(TreeError::NotCanonical);
        }
        entries.sort_unstable_by_key(|(name, _)| *name);
        let twice = entries.windows(2).any(|pair| pair[0].0 == pair[1].0);
        if twice { Err(TreeError::NotCanonical) } else { Ok(Self(entries)) }
    }

    /// The last entry by name.
    pub(crate) fn last(&self) -> Option<(&'a [u8], Entry)> {
        self.0.last().copied()
    }
}

fn listed<'a>(entry: &gix_object::tree::EntryRef<'a>) -> Result<(&'a [u8], Entry), TreeError> {
    let id = from_git(entry.oid);
    let name: &[u8] = entry.filename;
    if entry.mode == EntryKind::Blob.into() {
        Ok((name, Entry::File(id)))
    } else if entry.mode == EntryKind::Tree.into() {
        Ok((name, Entry::Folder(id)))
    } else {
        Err(TreeError::Mode { name: checked_name(name)?, mode: entry.mode.value() })
    }
}

fn written(tree: &impl WriteTo) -> Vec<u8> {
    let mut bytes = Vec::new();
    tree.write_to(&mut bytes).expect("because a vector takes any bytes and no name has a zero byte");
    bytes
}

/// A name in a folder, if it keeps the rules.
pub(crate) fn checked_name(name: &[u8]) -> Result<Name, TreeError> {
    let text = String::from_utf8_lossy(name);
    let shown = || text.chars().take(80).collect();
    text.parse().map_err(|source| TreeError::Name { name: shown(), source })
}

impl Folder {
    /// Reads a git tree strictly.
    pub fn parse(bytes: &[u8]) -> Result<Self, TreeError> {
        let entries = Listing::parse(bytes)?.0.into_iter();
        entries.map(|(name, entry)| Ok((checked_name(name)?, entry))).collect::<Result<_, _>>().map(Self)
    }

    /// The folder as a git tree.
    pub fn encode(&self) -> Vec<u8> {
        let entries = self.0.iter().map(|(name, entry)| gix_object::tree::Entry {
            mode: if entry.is_folder() { EntryKind::Tree } else { EntryKind::Blob }.into(),
            filename: name.as_str().into(),
            oid: to_git(&entry.id()),
        });
        let mut tree = gix_object::Tree { entries: entries.collect() };
        tree.entries.sort();
        written(&tree)
    }

    /// Reads the folder of that name.
    pub fn load(objects: &dyn Objects, id: &ObjectId) -> Result<Self, TreeError> {
        Self::parse(&load(objects, id, Kind::Tree)?)
    }

    /// The entry of that name.
    pub fn get(&self, name: &str) -> Option<Entry> {
        self.0.get(name).copied()
    }

    /// All entries, by name.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Name, Entry)> {
        self.0.iter().map(|(name, entry)| (name, *entry))
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The entry at a path, reading only the folders along it.
pub(crate) fn find(
    objects: &dyn Objects,
    root: &ObjectId,
    path: &StatePath,
) -> Result<Option<Entry>, TreeError> {
    let mut at = Entry::Folder(*root);
    for part in path.parts() {
        let Entry::Folder(folder) = at else { return Ok(None) };
        match find_in(&load(objects, &folder, Kind::Tree)?, part)? {
            Some(entry) => at = entry,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// One entry of an encoded folder, without decoding the others' names.
fn find_in(tree: &[u8], name: &str) -> Result<Option<Entry>, TreeError> {
    for entry in gix_object::TreeRefIter::from_bytes(tree, gix_hash::Kind::Sha256) {
        let entry = entry.map_err(|error| TreeError::Decode(error.into()))?;
        if entry.filename == name.as_bytes() {
            return listed(&entry).map(|(_, entry)| Some(entry));
        }
    }
    Ok(None)
}

/// What to put at a path: a file's or folder's id, or nothing.
pub(crate) type Edits = BTreeMap<StatePath, Option<Entry>>;

/// Applies edits to a tree; gives the new root. Folders left empty go away.
pub(crate) fn edit(
    objects: &dyn Objects,
    root: &ObjectId,
    edits: &Edits,
    new: &mut NewObjects,
) -> Result<ObjectId, TreeError> {
    let edits: Vec<Edit<'_>> =
        edits.iter().map(|(path, entry)| Edit { path, rest: path.as_str(), entry: *entry }).collect();
    let folder = edit_folder(objects, Some(root), &edits, new)?;
    Ok(new.insert(Kind::Tree, folder.encode()))
}

/// One edit, seen from the folder being written.
#[derive(Clone, Copy)]
struct Edit<'a> {
    path: &'a StatePath,
    rest: &'a str,
    entry: Option<Entry>,
}

fn edit_folder(
    objects: &dyn Objects,
    id: Option<&ObjectId>,
    edits: &[Edit<'_>],
    new: &mut NewObjects,
) -> Result<Folder, TreeError> {
    let mut folder = match id {
        Some(id) => Folder::load(&crate::object::Layered { new, base: objects }, id)?,
        None => Folder::default(),
    };
    let mut below: BTreeMap<&str, Vec<Edit<'_>>> = BTreeMap::new();
    for edit in edits {
        match edit.rest.split_once('/') {
            Some((part, rest)) => below.entry(part).or_default().push(Edit { rest, ..*edit }),
            None => put(&mut folder, edit)?,
        }
    }
    for (part, edits) in below {
        edit_below(objects, &mut folder, part, &edits, new)?;
    }
    Ok(folder)
}

fn edit_below(
    objects: &dyn Objects,
    folder: &mut Folder,
    part: &str,
    edits: &[Edit<'_>],
    new: &mut NewObjects,
) -> Result<(), TreeError> {
    let adds = edits.iter().find(|edit| edit.entry.is_some());
    let id = match (folder.get(part), adds) {
        (Some(Entry::Folder(id)), _) => Some(id),
        (Some(Entry::File(_)), Some(edit)) => return Err(TreeError::Occupied { path: edit.path.clone() }),
        (None, Some(_)) => None,
        // Removing what is not there changes nothing.
        (_, None) => return Ok(()),
    };
    let name: Name = part.parse().expect("because a path is made of names");
    let inner = edit_folder(objects, id.as_ref(), edits, new)?;
    if inner.is_empty() {
        folder.0.remove(&name);
    } else {
        folder.0.insert(name, Entry::Folder(new.insert(Kind::Tree, inner.encode())));
    }
    Ok(())
}

fn put(folder: &mut Folder, edit: &Edit<'_>) -> Result<(), TreeError> {
    let name: Name = edit.rest.parse().expect("because a path is made of names");
    let Some(entry) = edit.entry else {
        folder.0.remove(&name);
        return Ok(());
    };
    match folder.get(edit.rest) {
        Some(old) if old.is_folder() != entry.is_folder() => {
            Err(TreeError::Occupied { path: edit.path.clone() })
        }
        _ => {
            folder.0.insert(name, entry);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
