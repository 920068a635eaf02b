//! The obedient fake of the object store: it works, in memory, and fails when told to.

use crate::object::{NewObjects, Object, Objects, ReadError};
use model::ObjectId;
use std::{cell::Cell, collections::HashMap};

/// A store in memory. Told to fail, its n-th read from then on fails, once.
#[derive(Debug, Default)]
pub struct MemoryObjects {
    objects: HashMap<ObjectId, Object>,
    fail_in: Cell<Option<u64>>,
    reads: Cell<u64>,
}

impl MemoryObjects {
    /// Stores new objects.
    pub fn store(&mut self, new: &NewObjects) {
        self.objects.extend(new.iter().map(|(id, object)| (*id, object.clone())));
    }

    /// Puts an object under any name, also a wrong one, as a damaged store would.
    pub fn put_as(&mut self, id: ObjectId, object: Object) {
        self.objects.insert(id, object);
    }

    /// Loses an object.
    pub fn forget(&mut self, id: &ObjectId) -> Option<Object> {
        self.objects.remove(id)
    }

    /// Makes the n-th read from now fail (1 is the next).
    pub fn fail_at(&self, nth: u64) {
        self.fail_in.set(Some(nth));
    }

    /// How many reads there were.
    pub fn reads(&self) -> u64 {
        self.reads.get()
    }

    /// All objects, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Object)> {
        self.objects.iter()
    }
}

impl Objects for MemoryObjects {
    fn read(&self, id: &ObjectId) -> Result<Option<Object>, ReadError> {
        self.reads.set(self.reads.get() + 1);
        let left = self.fail_in.get().map(|nth| nth.saturating_sub(1));
        self.fail_in.set(left.filter(|left| *left > 0));
        if left == Some(0) {
            let source = std::io::Error::other("the store in memory was told to fail here");
            return Err(ReadError { id: *id, source: source.into() });
        }
        Ok(self.objects.get(id).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Kind;

    #[test]
    fn it_fails_at_the_read_it_was_told_and_works_again() {
        let mut new = NewObjects::default();
        let id = new.insert(Kind::Blob, b"x".to_vec());
        let mut store = MemoryObjects::default();
        store.store(&new);
        store.fail_at(2);
        assert!(store.read(&id).is_ok());
        assert!(store.read(&id).is_err());
        assert!(store.read(&id).unwrap().is_some());
        assert_eq!(store.reads(), 3);
    }
}
