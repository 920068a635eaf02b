//! The difference of two trees, file by file.
//!
//! Only folders that differ are read. What is new is held to the rules of [`Folder`](crate::Folder) and of [`StatePath`],
//! so what a diff walks through has been checked; what is old was checked when it was new.

use crate::{
    object::{Kind, Objects, load},
    tree::{Entry, Listing, TreeError, checked_name},
};
use model::{Name, ObjectId, StatePath};

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
    let read = |id: Option<&ObjectId>| id.map(|id| load(objects, id, Kind::Tree)).transpose();
    let (old, new_bytes) = (read(old)?.unwrap_or_default(), read(new)?);
    if let (Some([]), Some(at)) = (new_bytes.as_deref(), at) {
        return Err(TreeError::Empty { path: at.to_string() });
    }
    let new = new_bytes.unwrap_or_default();
    let (old, new) = (Listing::parse(&old)?, Listing::parse(&new)?);
    for (name, before, after) in differing(&old, &new) {
        compare(objects, &below(at, &checked_name(name)?)?, before, after, found)?;
    }
    Ok(())
}

/// What one name stands for, before and after.
type Pair<'a> = (&'a [u8], Option<Entry>, Option<Entry>);

/// The names that do not stand for the same on both sides, in order.
fn differing<'a>(old: &Listing<'a>, new: &Listing<'a>) -> Vec<Pair<'a>> {
    let (mut old, mut new) = (old.0.iter().peekable(), new.0.iter().peekable());
    let mut found = Vec::new();
    loop {
        let pair = match (old.peek(), new.peek()) {
            (None, None) => return found,
            (Some((before, _)), Some((after, _))) if before == after => (old.next(), new.next()),
            (Some((before, _)), Some((after, _))) if after < before => (None, new.next()),
            (None, Some(_)) => (None, new.next()),
            (Some(_), _) => (old.next(), None),
        };
        let entry = |side: Option<&(&'a [u8], Entry)>| side.map(|(_, entry)| *entry);
        let name = pair.0.or(pair.1).map(|(name, _)| *name).unwrap_or_default();
        if entry(pair.0) != entry(pair.1) {
            found.push((name, entry(pair.0), entry(pair.1)));
        }
    }
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
