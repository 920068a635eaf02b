//! Signing a draft, and checking a block's signature.
//!
//! The signature is git's own: an SSH signature in the namespace `git` over the commit without its signature
//! header, put into the header `gpgsig-sha256`, as SHA-256 repositories have it. It is made and checked in this process.

use crate::{
    block::{Block, Unsigned, certificate},
    finality::Certificate,
    object::{Kind, NewObjects},
    trailers::Message,
};
use model::{BlockId, GIT_NAMESPACE, KeyError, KeyId, Millis, Name, ObjectId, PublicKey, SigningKey};

/// A block that is made but not signed. Its objects are not stored anywhere yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<BlockId>,
    pub(crate) author: KeyId,
    pub(crate) author_name: Name,
    pub(crate) at: Millis,
    pub(crate) message: Message,
    pub(crate) objects: NewObjects,
    pub(crate) abandoned: Option<String>,
}

/// A signed block with every object that is new in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBlock {
    /// The block.
    pub id: BlockId,
    /// The block's commit, its new trees and files. Store them before a reference points to `id`.
    pub objects: NewObjects,
}

/// A draft could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Another key's draft.
    #[error("the block was drafted for the key {wanted}, and {given} was given to sign it")]
    OtherKey {
        /// The key in the draft.
        wanted: KeyId,
        /// The key at hand.
        given: KeyId,
    },
    /// The signature could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Draft {
    /// The state after the block.
    pub fn tree(&self) -> ObjectId {
        self.tree
    }

    /// The blocks that it is made from.
    pub fn parents(&self) -> &[BlockId] {
        &self.parents
    }

    /// The files and folders that are new in it.
    pub fn objects(&self) -> &NewObjects {
        &self.objects
    }

    /// What its message says.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Why the writer's documents that main does not have yet are not carried on, if they are not.
    pub fn abandoned(&self) -> Option<&str> {
        self.abandoned.as_deref()
    }

    /// The merge with the certificate of the block that it goes onto.
    pub fn with_certificate(mut self, certificate: &Certificate) -> Self {
        self.message.certificate = Some(certificate.to_trailer());
        self
    }

    /// The block as it will be, without id and signature.
    pub(crate) fn preview(&self) -> Block {
        let message = self.message.clone();
        let id = BlockId::new([0; 32]);
        // One that cannot be read was not made here; the signed block is read again before it counts.
        let certificate = certificate(&message, &self.parents).ok().flatten();
        Block {
            id,
            kind: message.kind,
            org: message.org.unwrap_or_else(|| id.into()),
            branch: message.branch,
            height: message.height,
            sequence: message.sequence,
            dapp: message.dapp,
            parents: self.parents.clone(),
            tree: self.tree,
            author: self.author,
            author_name: self.author_name.clone(),
            at: self.at,
            subject: message.subject,
            events: message.events,
            joins: message.joins,
            left_out: message.left_out,
            verdicts: message.verdicts,
            certificate,
            signature: String::new(),
            signed: Vec::new(),
        }
    }

    /// Signs the draft.
    pub fn sign(self, key: &SigningKey) -> Result<NewBlock, SignError> {
        let given = key.public().id();
        if given != self.author {
            return Err(SignError::OtherKey { wanted: self.author, given });
        }
        let unsigned = Unsigned {
            tree: &self.tree,
            parents: &self.parents,
            author: self.author,
            author_name: &self.author_name,
            at: self.at,
            message: &self.message,
        };
        let signature = key.sign(GIT_NAMESPACE, &unsigned.encode(None))?;
        let bytes = unsigned.encode(Some(&signature));
        let mut objects = self.objects;
        let id = objects.insert(Kind::Commit, bytes);
        Ok(NewBlock { id: id.into(), objects })
    }
}

/// Checks that a key signed the block.
pub(crate) fn check_signature(block: &Block, key: &PublicKey) -> Result<(), KeyError> {
    key.verify(GIT_NAMESPACE, &block.signed, &block.signature)
}
