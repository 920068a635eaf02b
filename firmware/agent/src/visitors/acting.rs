//! A signed-in person's change: signed with the key of theirs that lies in the home, and brought into main.
//!
//! The ledger's word is asked each time, so a revoked key signs nothing from the page either. One change of a person at a
//! time, also beside ledgerctl: a writer's blocks are one line, and the lock on the key's file is theirs.

use crate::{
    core::CoreError,
    home::HomeError,
    keeper::KeeperError,
    line::{LineError, own_end},
    services::Services,
    view::View,
    wire::Merged,
};
use ledger::{Change, Denied, DraftError, Meta, NewBlock, Owner, POLICY_PATH, Policy, SignError, Signer};
use model::{KeyId, Millis, Name, SigningKey, StatePath};
use replica::ReplicaError;
use std::{fs::File, io, path::PathBuf, sync::Arc};
use store::{GitObjects, OpenRepositoryError, RefError, RefName};

/// Why a person's change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The key's file.
    #[error("{person}'s key cannot be used on this box")]
    NoKey {
        /// Whose.
        person: Name,
        /// Why not.
        source: Box<HomeError>,
    },
    /// The ledger does not know the key, or not any more.
    #[error("the key {key} on this box does not sign for {person} (any more)")]
    NotTheirs {
        /// Who is not its owner.
        person: Name,
        /// The key.
        key: KeyId,
    },
    /// The key's file cannot be locked.
    #[error("cannot lock {path}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The repository.
    #[error(transparent)]
    Open(#[from] OpenRepositoryError),
    /// Its references.
    #[error(transparent)]
    Refs(#[from] RefError),
    /// The branch that the box follows is not there.
    #[error("the repository lacks the branch that this box follows")]
    NoMain,
    /// The person's newest block.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The policy says no.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The policy in main is none.
    #[error("policy.toml cannot be read")]
    Policy(#[from] serde_json::Error),
    /// The signature.
    #[error("the block cannot be signed")]
    Sign(#[from] SignError),
    /// The ledger does not take it.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// The thread that signs.
    #[error("the thread that signs ended")]
    Thread(#[from] tokio::task::JoinError),
}

/// The key with which a person signs on this box, if the ledger has it as theirs.
pub fn key_of(services: &Services, view: &View, person: &Name) -> Result<SigningKey, ActError> {
    let key = services.home.person_key(person);
    let key = key.map_err(|source| ActError::NoKey { person: person.clone(), source: source.into() })?;
    let id = key.public().id();
    if view.is_key_of(id, person) {
        return Ok(key);
    }
    Err(ActError::NotTheirs { person: person.clone(), key: id })
}

/// Whether the policy lets a person write a path.
pub fn may_write(services: &Services, person: &Name, path: &StatePath) -> Result<(), ActError> {
    let view = services.keeper.view();
    let key = key_of(services, &view, person)?.public().id();
    let policy = view.document(POLICY_PATH).cloned().unwrap_or_default();
    let policy: Policy = serde_json::from_value(policy.into())?;
    let signer = Signer { key, owner: Owner::Person(person.clone()), active_node: false, dapp: None };
    Ok(policy.may_write(&signer, path)?)
}

/// Signs the changes as one block of the person and brings it into main.
pub async fn write(
    services: &Services,
    person: &Name,
    changes: Vec<Change>,
    subject: String,
) -> Result<Merged, ActError> {
    let key = key_of(services, &services.keeper.view(), person)?;
    let (home, at) = (services.home.clone(), services.clock.now());
    let path = home.folder().join("keys").join(person.as_str());
    let signing = move || {
        let turn = File::open(&path).and_then(|key| key.lock().map(|()| key));
        let turn = turn.map_err(|source| ActError::Lock { path, source })?;
        let objects = GitObjects::open(home.folder())?;
        Ok::<_, ActError>((sign(&objects, &key, &changes, home.branch(), subject, at)?, turn))
    };
    let (block, turn) = tokio::task::spawn_blocking(signing).await??;
    let merged = services.keeper.propose(block.id, block.objects).await?;
    drop(turn);
    Ok(merged)
}

fn sign(
    objects: &GitObjects,
    key: &SigningKey,
    changes: &[Change],
    branch: &Name,
    subject: String,
    at: Millis,
) -> Result<NewBlock, ActError> {
    let author = key.public().id();
    let main = objects.head(&RefName::Head(branch.clone()))?.ok_or(ActError::NoMain)?;
    let own = own_end(objects, &author)?;
    let meta = Meta { author, at, subject, dapp: None };
    let draft = ledger::document_block(objects, main, own, changes, meta).map_err(not_drafted)?;
    Ok(draft.sign(key)?)
}

/// What the policy or the state says to a draft is what they would say to the block.
fn not_drafted(error: DraftError) -> ActError {
    ActError::Keeper(KeeperError::Core(Arc::new(CoreError::Replica(ReplicaError::Draft(error)))))
}
