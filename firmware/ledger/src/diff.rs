//! The difference of two trees, file by file.
//!
//! Only folders that differ are read. The new side is held to the rules of [`Folder`](crate::Folder) and of
//! [`StatePath`], so what a diff walks through has been checked; the old side was checked when it was new.

use crate::{
    object::Objects,
    tree::{Entry, Folder, TreeError},
};
use model::{Name, ObjectId, StatePath};
use std::collections::BTreeSet;

/// The most files in which two trees may differ. A tree that names one folder again and again could else grow
/// without end while it is read.
pub const MAX_DIFFERENCES: usize = 200_000;

/// A file that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Where.
    pub path: StatePath,
    /// The file before, if there was one.
    pub old: Option<ObjectId>,
    /// The file after, if there is one.
    pub new: Option<ObjectId>,
}

/// All files that differ between two trees, in the order of their paths. `None` is a tree that is not there.
pub fn diff(
    objects: &dyn Objects,
    old: Option<&ObjectId>,
    new: Option<&ObjectId>,
) -> Result<Vec<Difference>, TreeError> {
    diff_below(objects, None, old, new)
}

/// As [`diff`], for a folder at a path.
pub(crate) fn diff_below(
    objects: &dyn Objects,
    at: Option<&StatePath>,
    old: Option<&ObjectId>,
    new: Option<&ObjectId>,
) -> Result<Vec<Difference>, TreeError> {
    let mut found = Vec::new();
    walk(objects, at, old, new, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(
    objects: &dyn Objects,
    at: Option<&StatePath>,
    old: Option<&ObjectId>,
    new: Option<&ObjectId>,
    found: &mut Vec<Difference>,
) -> Result<(), TreeError> {
    if old == new {
        return Ok(());
    }
    let read = |id: Option<&ObjectId>| id.map(|id| Folder::load(objects, id)).transpose();
    let (old, new) = (read(old)?.unwrap_or_default(), read(new)?);
    if let (Some(folder), Some(at)) = (&new, at)
        && folder.is_empty()
    {
        return Err(TreeError::Empty { path: at.to_string() });
    }
    let new = new.unwrap_or_default();
    let names: BTreeSet<&Name> = old.iter().chain(new.iter()).map(|(name, _)| name).collect();
    for name in names {
        let (before, after) = (old.get(name.as_str()), new.get(name.as_str()));
        if before != after {
            compare(objects, &below(at, name)?, before, after, found)?;
        }
    }
    Ok(())
}

fn compare(
    objects: &dyn Objects,
    path: &StatePath,
    old: Option<Entry>,
    new: Option<Entry>,
    found: &mut Vec<Difference>,
) -> Result<(), TreeError> {
    let file = |entry: Option<Entry>| entry.filter(|entry| !entry.is_folder()).map(|entry| entry.id());
    let folder = |entry: Option<Entry>| entry.filter(Entry::is_folder).map(|entry| entry.id());
    if found.len() >= MAX_DIFFERENCES {
        return Err(TreeError::TooMany);
    }
    if file(old) != file(new) {
        found.push(Difference { path: path.clone(), old: file(old), new: file(new) });
    }
    walk(objects, Some(path), folder(old).as_ref(), folder(new).as_ref(), found)
}

fn below(at: Option<&StatePath>, name: &Name) -> Result<StatePath, TreeError> {
    let path = match at {
        Some(folder) => folder.join(name.as_str()),
        None => name.as_str().parse(),
    };
    path.map_err(|source| TreeError::Path { path: name.to_string(), source })
}
