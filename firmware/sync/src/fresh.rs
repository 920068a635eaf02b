//! Which objects go with a block: those of its tree that none of its parents' trees has in the same folder.
//!
//! Only folders that differ are read. Whoever has the parents with all that is in them has everything after it
//! took these objects. What an older block had may be sent again; that is rare and does no harm.

use crate::links::{Links, entries};
use ledger::{Kind, Object, Objects, ReadError};
use model::ObjectId;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// How many bytes of folders each of the two halves of the cache keeps.
const CACHE_BYTES: usize = 1 << 20;

/// Collects the objects of blocks, one block after another.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    trees: Cache,
}

/// The objects of one block, those it is made of first, itself last.
pub(crate) type BlockObjects = Vec<(ObjectId, Object)>;

impl Fresh {
    /// The objects that go with the block `id`; `None` if it, or something of it, is not here.
    pub(crate) fn objects_of(
        &mut self,
        objects: &dyn Objects,
        id: ObjectId,
    ) -> Result<Option<BlockObjects>, ReadError> {
        let Some(commit) = objects.read(&id)? else { return Ok(None) };
        let Some(links) = Links::parse(&commit.bytes) else { return Ok(None) };
        let mut known = Vec::new();
        for parent in &links.parents {
            let parent = crate::walk::links(objects, parent)?;
            known.extend(parent.map(|parent| parent.tree).filter(|tree| !known.contains(tree)));
        }
        let mut found = Found { taken: HashSet::new(), list: Vec::new() };
        if !self.folder(objects, links.tree, &known, &mut found)? {
            return Ok(None);
        }
        found.list.push((id, commit));
        Ok(Some(found.list))
    }

    /// Takes a folder with what is new in it; `known` are the parents' folders at its place.
    fn folder(
        &mut self,
        objects: &dyn Objects,
        id: ObjectId,
        known: &[ObjectId],
        found: &mut Found,
    ) -> Result<bool, ReadError> {
        if known.contains(&id) || !found.taken.insert(id) {
            return Ok(true);
        }
        let Some(tree) = self.tree(objects, id)? else { return Ok(false) };
        let mut before = Vec::new();
        for parent in known {
            before.extend(self.tree(objects, *parent)?);
        }
        let old: HashSet<&[u8; 32]> =
            before.iter().flat_map(|tree| entries(tree).map(|entry| entry.id)).collect();
        for entry in entries(&tree).filter(|entry| !old.contains(entry.id)) {
            let id = ObjectId::new(*entry.id);
            let whole = if entry.folder {
                self.folder(objects, id, &at(&before, entry.name), found)?
            } else {
                found.file(objects, id)?
            };
            if !whole {
                return Ok(false);
            }
        }
        found.list.push((id, Object { kind: Kind::Tree, bytes: tree.to_vec() }));
        Ok(true)
    }

    fn tree(&mut self, objects: &dyn Objects, id: ObjectId) -> Result<Option<Arc<[u8]>>, ReadError> {
        if let Some(tree) = self.trees.get(&id) {
            return Ok(Some(tree));
        }
        let Some(object) = objects.read(&id)?.filter(|object| object.kind == Kind::Tree) else {
            return Ok(None);
        };
        let tree: Arc<[u8]> = object.bytes.into();
        self.trees.put(id, tree.clone());
        Ok(Some(tree))
    }
}

/// The folders of that name.
fn at(folders: &[Arc<[u8]>], name: &[u8]) -> Vec<ObjectId> {
    let named = |tree| entries(tree).find(|entry| entry.folder && entry.name == name);
    folders.iter().filter_map(|tree| named(tree)).map(|entry| ObjectId::new(*entry.id)).collect()
}

struct Found {
    taken: HashSet<ObjectId>,
    list: BlockObjects,
}

impl Found {
    fn file(&mut self, objects: &dyn Objects, id: ObjectId) -> Result<bool, ReadError> {
        if !self.taken.insert(id) {
            return Ok(true);
        }
        let Some(object) = objects.read(&id)?.filter(|object| object.kind == Kind::Blob) else {
            return Ok(false);
        };
        self.list.push((id, object));
        Ok(true)
    }
}

/// The folders that were read last: a block's parents are mostly the blocks before it. Two halves, of which the
/// older is dropped when the younger is full.
#[derive(Debug, Default)]
struct Cache {
    young: HashMap<ObjectId, Arc<[u8]>>,
    old: HashMap<ObjectId, Arc<[u8]>>,
    bytes: usize,
}

impl Cache {
    fn get(&mut self, id: &ObjectId) -> Option<Arc<[u8]>> {
        if let Some(tree) = self.young.get(id) {
            return Some(tree.clone());
        }
        let tree = self.old.remove(id)?;
        self.put(*id, tree.clone());
        Some(tree)
    }

    fn put(&mut self, id: ObjectId, tree: Arc<[u8]>) {
        self.bytes += tree.len();
        self.young.insert(id, tree);
        if self.bytes > CACHE_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
    }
}
