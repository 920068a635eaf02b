//! The state of the organisation after a block, read path by path.
//!
//! A read decodes the folders along its path and nothing else. The ledger's own documents (organisation, policy, keys,
//! nodes, validators) have readers of their own; everything else is a [`Document`] or bytes.

use crate::{
    block::{Block, BlockError},
    keys::{BranchDocument, KeyDocument, NodeDocument, OrgDocument, Owner, Replaced, Revoked},
    object::{Kind, LoadError, Objects, load},
    policy::{DappRights, POLICY_PATH, Policy, PolicyError, Signer},
    tree::{Entry, Folder, TreeError, find},
};
use model::Glob;
use model::{BlockId, Document, DocumentError, KeyId, Name, ObjectId, PathError, PublicKey, StatePath};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// How many keys are looked at, each of which took the place of the next. A device is no older.
const MAX_REPLACED: usize = 256;

/// The state tree after a block.
#[derive(Clone, Copy)]
pub struct State<'a> {
    objects: &'a dyn Objects,
    tree: ObjectId,
}

/// Who signs the releases of a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseSigners {
    /// So many must.
    pub threshold: usize,
    /// They may, with their keys that are neither revoked nor replaced.
    pub signers: Vec<(Owner, Vec<PublicKey>)>,
}

/// A state that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A folder could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The block could not be read.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A file could not be had.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file is not the document it should be.
    #[error("{path}: {source}")]
    Document {
        /// The file.
        path: StatePath,
        /// What is wrong.
        source: DocumentError,
    },
    /// A document that must be there is not.
    #[error("{path} is missing")]
    Missing {
        /// The file.
        path: StatePath,
    },
    /// The policy is none.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Not a path.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl StateError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        match self {
            Self::Tree(error) => error.is_store_failure(),
            Self::Block(error) => error.is_store_failure(),
            Self::Load(error) => error.is_store_failure(),
            _ => false,
        }
    }
}

/// Why a key may not sign.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The organisation does not know the key.
    #[error("the key {key} is a stranger: keys/{key}.toml does not exist")]
    Stranger {
        /// The key.
        key: KeyId,
    },
    /// The key was revoked.
    #[error("the key {key} of {owner} was revoked by {by}: {reason}")]
    Revoked {
        /// The key.
        key: KeyId,
        /// Whose it is.
        owner: Owner,
        /// Who revoked it.
        by: String,
        /// Why.
        reason: String,
    },
    /// The dapp is not in the ledger.
    #[error("there is no dapp {dapp}: dapps/{dapp}/dapp.toml does not exist")]
    Dapp {
        /// The dapp.
        dapp: Name,
    },
}

impl SignerError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        matches!(self, Self::State(error) if error.is_store_failure())
    }
}

/// The one field of a dapp's manifest that the ledger itself reads.
#[derive(serde::Deserialize)]
struct Writes {
    #[serde(default)]
    writes: Vec<Glob>,
}

impl<'a> State<'a> {
    /// The state after a block.
    pub fn at(objects: &'a dyn Objects, block: BlockId) -> Result<Self, StateError> {
        Ok(Self::at_tree(objects, Block::read(objects, block)?.tree))
    }

    /// The state of a tree.
    pub const fn at_tree(objects: &'a dyn Objects, tree: ObjectId) -> Self {
        Self { objects, tree }
    }

    /// The tree's id: equal states have equal ids.
    pub const fn tree(&self) -> ObjectId {
        self.tree
    }

    /// The id of the file or folder at a path. Equal ids are equal contents.
    pub fn id_of(&self, path: &StatePath) -> Result<Option<ObjectId>, StateError> {
        Ok(find(self.objects, &self.tree, path)?.map(|entry| entry.id()))
    }

    pub(crate) fn entry(&self, path: &StatePath) -> Result<Option<Entry>, StateError> {
        Ok(find(self.objects, &self.tree, path)?)
    }

    /// The bytes of a file; `None` if there is none.
    pub fn read(&self, path: &StatePath) -> Result<Option<Vec<u8>>, StateError> {
        match find(self.objects, &self.tree, path)? {
            Some(Entry::File(id)) => Ok(Some(load(self.objects, &id, Kind::Blob)?)),
            _ => Ok(None),
        }
    }

    /// A document; `None` if there is none.
    pub fn document(&self, path: &StatePath) -> Result<Option<Document>, StateError> {
        let Some(bytes) = self.read(path)? else { return Ok(None) };
        let document = Document::parse(&bytes);
        document.map(Some).map_err(|source| StateError::Document { path: path.clone(), source })
    }

    /// The paths of all files below a folder, sorted. `""` is the whole tree; a folder that is not there is empty.
    pub fn list(&self, folder: &str) -> Result<Vec<StatePath>, StateError> {
        let mut found = Vec::new();
        if folder.is_empty() {
            self.list_below(None, &self.tree, &mut found)?;
        } else {
            let path: StatePath = folder.parse()?;
            if let Some(Entry::Folder(id)) = find(self.objects, &self.tree, &path)? {
                self.list_below(Some(&path), &id, &mut found)?;
            }
        }
        found.sort();
        Ok(found)
    }

    /// All documents below a folder, sorted by path.
    pub fn documents(&self, folder: &str) -> Result<Vec<(StatePath, Document)>, StateError> {
        let mut found = Vec::new();
        for path in self.list(folder)?.into_iter().filter(StatePath::is_document) {
            if let Some(document) = self.document(&path)? {
                found.push((path, document));
            }
        }
        Ok(found)
    }

    /// The names in a folder.
    pub(crate) fn names(&self, folder: &str) -> Result<Vec<Name>, StateError> {
        let Some(Entry::Folder(id)) = self.entry(&folder.parse()?)? else { return Ok(Vec::new()) };
        Ok(Folder::load(self.objects, &id)?.iter().map(|(name, _)| name.clone()).collect())
    }

    fn list_below(
        &self,
        at: Option<&StatePath>,
        id: &ObjectId,
        found: &mut Vec<StatePath>,
    ) -> Result<(), StateError> {
        for (name, entry) in Folder::load(self.objects, id)?.iter() {
            let path = match at {
                Some(folder) => folder.join(name.as_str())?,
                None => name.as_str().parse()?,
            };
            match entry {
                Entry::File(_) => found.push(path),
                Entry::Folder(id) => self.list_below(Some(&path), &id, found)?,
            }
        }
        Ok(())
    }

    /// The organisation.
    pub fn org(&self) -> Result<OrgDocument, StateError> {
        self.must(fixed("org.toml"))
    }

    /// The policy.
    pub fn policy(&self) -> Result<Policy, StateError> {
        let path = fixed(POLICY_PATH);
        let bytes = self.read(&path)?.ok_or(StateError::Missing { path })?;
        Ok(Policy::parse(&bytes)?)
    }

    /// The validators of main.
    pub fn validators(&self) -> Result<BTreeMap<KeyId, u64>, StateError> {
        Ok(self.must::<BranchDocument>(fixed("branches/main.toml"))?.validators)
    }

    /// A branch's document; `None` if the state has no such branch.
    pub fn branch(&self, name: &Name) -> Result<Option<BranchDocument>, StateError> {
        self.may(&format!("branches/{name}.toml").parse()?)
    }

    /// A key, with power or without: one that was replaced by another, or that took the place of a revoked one, reads as
    /// revoked.
    pub fn key(&self, key: &KeyId) -> Result<Option<KeyDocument>, StateError> {
        self.key_as_written(key)?.map(|document| self.with_fate(document)).transpose()
    }

    /// All keys, with power or without, as [`State::key`] has them.
    pub fn keys(&self) -> Result<Vec<KeyDocument>, StateError> {
        let read = |path: StatePath| self.with_fate(self.must(path)?);
        self.list("keys")?.into_iter().map(read).collect()
    }

    /// How many must sign the releases of a channel, and who may, with their keys that have power; `None` if nobody may.
    pub fn release_signers(&self, channel: &Name) -> Result<Option<ReleaseSigners>, StateError> {
        let Some(rule) = self.policy()?.releases.remove(channel) else { return Ok(None) };
        let keys = self.keys()?;
        let with_power = |owner: &Owner| -> Vec<PublicKey> {
            let of = keys.iter().filter(|key| key.owner == *owner && key.revoked.is_none());
            of.map(|key| key.public.clone()).collect()
        };
        let signers = rule.signers.into_iter().map(|owner| {
            let keys = with_power(&owner);
            (owner, keys)
        });
        let signers = signers.collect();
        Ok(Some(ReleaseSigners { threshold: rule.threshold, signers }))
    }

    /// A key's document as it is in its file.
    pub fn key_as_written(&self, key: &KeyId) -> Result<Option<KeyDocument>, StateError> {
        self.may(&key_path(key))
    }

    fn with_fate(&self, mut document: KeyDocument) -> Result<KeyDocument, StateError> {
        if document.revoked.is_some() {
            return Ok(document);
        }
        if let Some(Replaced { at, by }) = document.replaced {
            let reason = format!("replaced by the key {by}");
            document.revoked = Some(Revoked { at, by: document.owner.name().to_string(), reason });
            return Ok(document);
        }
        let mut before = document.replaces;
        for _ in 0..MAX_REPLACED {
            let Some(key) = before else { break };
            let Some(old) = self.key_as_written(&key)? else { break };
            if let Some(Revoked { at, by, reason }) = old.revoked {
                let reason = format!("it took the place of the key {key}: {reason}");
                document.revoked = Some(Revoked { at, by, reason });
                break;
            }
            before = old.replaces;
        }
        Ok(document)
    }

    /// A node.
    pub fn node(&self, name: &Name) -> Result<Option<NodeDocument>, StateError> {
        self.may(&format!("nodes/{name}.toml").parse()?)
    }

    /// Who signs with a key, if the key is known and not revoked.
    pub fn signer(&self, key: &KeyId, dapp: Option<&Name>) -> Result<Signer, SignerError> {
        let document = self.key(key)?.ok_or(SignerError::Stranger { key: *key })?;
        self.signer_with(key, document, dapp)
    }

    /// As [`State::signer`], for one who has read the key's document.
    pub(crate) fn signer_with(
        &self,
        key: &KeyId,
        document: KeyDocument,
        dapp: Option<&Name>,
    ) -> Result<Signer, SignerError> {
        if let Some(revoked) = document.revoked {
            let (by, reason) = (revoked.by, revoked.reason);
            return Err(SignerError::Revoked { key: *key, owner: document.owner, by, reason });
        }
        let active_node = match document.owner.node() {
            Some(node) => self.node(node)?.is_some_and(|node| node.key == *key),
            None => false,
        };
        let dapp = dapp.map(|name| self.dapp_rights(name)).transpose()?;
        Ok(Signer { key: *key, owner: document.owner, active_node, dapp })
    }

    fn dapp_rights(&self, name: &Name) -> Result<DappRights, SignerError> {
        let path: StatePath = format!("dapps/{name}/dapp.toml").parse().map_err(StateError::from)?;
        let writes: Option<Writes> = self.may(&path)?;
        let writes = writes.ok_or_else(|| SignerError::Dapp { dapp: name.clone() })?.writes;
        Ok(DappRights { name: name.clone(), writes })
    }

    fn may<T: DeserializeOwned>(&self, path: &StatePath) -> Result<Option<T>, StateError> {
        let Some(document) = self.document(path)? else { return Ok(None) };
        let value = document.to_value();
        value.map(Some).map_err(|source| StateError::Document { path: path.clone(), source })
    }

    fn must<T: DeserializeOwned>(&self, path: StatePath) -> Result<T, StateError> {
        self.may(&path)?.ok_or(StateError::Missing { path })
    }
}

/// The path of a key's document.
pub fn key_path(key: &KeyId) -> StatePath {
    fixed(&format!("keys/{key}.toml"))
}

pub(crate) fn fixed(path: &str) -> StatePath {
    path.parse().expect("because the path is written in this program")
}
