//! The port to the object store, and objects that are made but not stored yet.
//!
//! The room reads git objects through [`Objects`] and never writes: what it makes comes back as [`NewObjects`],
//! which the caller stores before it moves a reference. A store that cannot answer says so with a
//! [`ReadError`]; an object that it does not have is `Ok(None)`.

use gix_object::bstr::BStr;
use model::ObjectId;
use std::collections::BTreeMap;

/// What a git object is. Tags are no part of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The bytes of a file.
    Blob,
    /// A folder: names, modes and ids.
    Tree,
    /// A block.
    Commit,
}

impl Kind {
    pub(crate) const fn of_git(self) -> gix_object::Kind {
        match self {
            Self::Blob => gix_object::Kind::Blob,
            Self::Tree => gix_object::Kind::Tree,
            Self::Commit => gix_object::Kind::Commit,
        }
    }
}

/// A git object: its kind and its bytes, without git's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its bytes, as git hashes them after the header.
    pub bytes: Vec<u8>,
}

impl Object {
    /// The object's name: SHA-256 over git's header and the bytes.
    pub fn id(&self) -> ObjectId {
        let id = gix_object::compute_hash(gix_hash::Kind::Sha256, self.kind.of_git(), &self.bytes)
            .expect("because SHA-256 hashes any bytes");
        from_git(&id)
    }
}

/// The store could not be read. Whose fault it is, the source says.
#[derive(Debug, thiserror::Error)]
#[error("cannot read object {id} from the store")]
pub struct ReadError {
    /// The object asked for.
    pub id: ObjectId,
    /// What went wrong.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A store of git objects, to read from.
pub trait Objects {
    /// The object of that name, or `None` if the store does not have it.
    fn read(&self, id: &ObjectId) -> Result<Option<Object>, ReadError>;
}

/// Objects that are made but not stored yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewObjects(BTreeMap<ObjectId, Object>);

impl NewObjects {
    /// Takes an object in and names it.
    pub fn insert(&mut self, kind: Kind, bytes: Vec<u8>) -> ObjectId {
        let object = Object { kind, bytes };
        let id = object.id();
        self.0.insert(id, object);
        id
    }

    /// The object of that name.
    pub fn get(&self, id: &ObjectId) -> Option<&Object> {
        self.0.get(id)
    }

    /// All objects in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&ObjectId, &Object)> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes in all of `other`.
    pub fn extend(&mut self, other: NewObjects) {
        self.0.extend(other.0);
    }
}

impl Objects for NewObjects {
    fn read(&self, id: &ObjectId) -> Result<Option<Object>, ReadError> {
        Ok(self.0.get(id).cloned())
    }
}

/// New objects in front of a store.
#[derive(Clone, Copy)]
pub struct Layered<'a> {
    /// Asked first.
    pub new: &'a NewObjects,
    /// Asked for what is not new.
    pub base: &'a dyn Objects,
}

impl Objects for Layered<'_> {
    fn read(&self, id: &ObjectId) -> Result<Option<Object>, ReadError> {
        match self.new.get(id) {
            Some(object) => Ok(Some(object.clone())),
            None => self.base.read(id),
        }
    }
}

/// An object that a rule needs could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store does not have it.
    #[error("the {kind} {id} is missing from the store")]
    Missing {
        /// What it should be.
        kind: &'static str,
        /// Its name.
        id: ObjectId,
    },
    /// What the store gave is something else.
    #[error("the store gave other bytes than those of the {kind} {id}: it is damaged")]
    Damaged {
        /// What it should be.
        kind: &'static str,
        /// Its name.
        id: ObjectId,
    },
}

impl LoadError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        matches!(self, Self::Read(_))
    }
}

/// Reads an object that must be there and checks that it is the one its name says.
pub(crate) fn load(objects: &dyn Objects, id: &ObjectId, kind: Kind) -> Result<Vec<u8>, LoadError> {
    let name = match kind {
        Kind::Blob => "file",
        Kind::Tree => "tree",
        Kind::Commit => "block",
    };
    let object = objects.read(id)?.ok_or(LoadError::Missing { kind: name, id: *id })?;
    if object.kind != kind || object.id() != *id {
        return Err(LoadError::Damaged { kind: name, id: *id });
    }
    Ok(object.bytes)
}

/// Our id of git's.
pub(crate) fn from_git(id: &gix_hash::oid) -> ObjectId {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(id.as_bytes());
    ObjectId::new(bytes)
}

/// Git's id of ours.
pub(crate) fn to_git(id: &ObjectId) -> gix_hash::ObjectId {
    gix_hash::ObjectId::from_bytes_or_panic(id.as_bytes())
}

/// Our id of 64 hex digits that git's parser has let through.
pub(crate) fn from_hex(hex: &BStr) -> Option<ObjectId> {
    std::str::from_utf8(hex).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryObjects;

    #[test]
    fn an_object_has_the_name_that_git_gives_it() {
        let empty = Object { kind: Kind::Blob, bytes: Vec::new() };
        assert_eq!(
            empty.id().to_string(),
            "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"
        );
    }

    #[test]
    fn a_store_that_gives_other_bytes_is_caught() {
        let mut store = MemoryObjects::default();
        let wanted = Object { kind: Kind::Blob, bytes: b"one".to_vec() }.id();
        store.put_as(wanted, Object { kind: Kind::Blob, bytes: b"two".to_vec() });
        assert!(matches!(load(&store, &wanted, Kind::Blob), Err(LoadError::Damaged { .. })));
        let absent = ObjectId::new([9; 32]);
        assert!(matches!(load(&store, &absent, Kind::Tree), Err(LoadError::Missing { .. })));
    }

    #[test]
    fn new_objects_stand_in_front_of_the_store() {
        let (mut new, store) = (NewObjects::default(), MemoryObjects::default());
        let id = new.insert(Kind::Blob, b"x".to_vec());
        let layered = Layered { new: &new, base: &store };
        assert_eq!(load(&layered, &id, Kind::Blob).unwrap(), b"x");
    }
}
