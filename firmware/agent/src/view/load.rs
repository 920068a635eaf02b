//! Reading a view from the ledger: every folder but the log, and only the documents that the last view lacks.

use super::{Documents, Entry, View, overlay};
use ledger::{Block, BlockError, Entry as TreeEntry, Folder, Objects, State, StateError, TreeError};
use model::{BlockId, ObjectId, OrgId, PathError, StatePath};
use std::{collections::BTreeMap, sync::Arc};

/// The folder that grows for ever and holds no documents.
const LOG: &str = "log";

/// A view that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The block cannot be read.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A folder cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A document cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// A path cannot be spelt.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The block has no height: it is none of main's.
    #[error("block {0} is not a block of main")]
    NotMain(BlockId),
}

impl View {
    /// The state of main at `head`, and nothing tentative; documents that `older` has are taken from there.
    pub fn load(
        objects: &dyn Objects,
        org: OrgId,
        head: BlockId,
        older: Option<&View>,
    ) -> Result<Self, LoadError> {
        let block = Block::read(objects, head)?;
        let height = block.height.ok_or(LoadError::NotMain(head))?;
        let Loaded { documents: agreed, manifests } = Loaded::read(objects, &block.tree, older)?;
        let (documents, tentative, tentative_tree) = (agreed.clone(), agreed.clone(), block.tree);
        let head_at = block.at;
        Ok(Self { org, head, height, head_at, agreed, documents, tentative, tentative_tree, manifests })
    }

    /// The same with the tentative state that is this tree: its documents, and its revocations over the final ones.
    pub fn with_tentative(&self, objects: &dyn Objects, tree: ObjectId) -> Result<Self, LoadError> {
        let tentative = Loaded::read(objects, &tree, Some(self))?.documents;
        Ok(Self {
            documents: overlay::revoked(&self.agreed, &tentative),
            tentative,
            tentative_tree: tree,
            agreed: self.agreed.clone(),
            manifests: self.manifests.clone(),
            ..*self
        })
    }
}

/// What one tree has.
struct Loaded {
    documents: Arc<Documents>,
    manifests: BTreeMap<StatePath, ObjectId>,
}

impl Loaded {
    fn read(objects: &dyn Objects, tree: &ObjectId, older: Option<&View>) -> Result<Self, LoadError> {
        let state = State::at_tree(objects, *tree);
        let mut files = Vec::new();
        collect(objects, None, tree, &mut files)?;
        let (mut documents, mut manifests) = (Documents::new(), BTreeMap::new());
        for (path, id) in files {
            if path.is_document() {
                let entry = match older.and_then(|older| older.known(&path, &id)) {
                    Some(entry) => entry.clone(),
                    None => Arc::new(Entry { id, document: read(&state, &path)? }),
                };
                documents.insert(path, entry);
            } else if path.as_str().ends_with(".manifest") {
                manifests.insert(path, id);
            }
        }
        Ok(Self { documents: Arc::new(documents), manifests })
    }
}

impl View {
    /// The entry of a document, if this view has just that one.
    fn known(&self, path: &StatePath, id: &ObjectId) -> Option<&Arc<Entry>> {
        let found = self.agreed.get(path).filter(|entry| entry.id == *id);
        found.or_else(|| self.tentative.get(path).filter(|entry| entry.id == *id))
    }
}

fn read(state: &State<'_>, path: &StatePath) -> Result<dapp::wire::JsonDocument, StateError> {
    let document = state.document(path)?.ok_or_else(|| StateError::Missing { path: path.clone() })?;
    Ok(document.to_json())
}

fn collect(
    objects: &dyn Objects,
    at: Option<&StatePath>,
    tree: &ObjectId,
    files: &mut Vec<(StatePath, ObjectId)>,
) -> Result<(), LoadError> {
    for (name, entry) in Folder::load(objects, tree)?.iter() {
        let path = match at {
            None if name.as_str() == LOG => continue,
            None => name.as_str().parse()?,
            Some(folder) => folder.join(name.as_str())?,
        };
        match entry {
            TreeEntry::File(id) => files.push((path, id)),
            TreeEntry::Folder(id) => collect(objects, Some(&path), &id, files)?,
        }
    }
    Ok(())
}
