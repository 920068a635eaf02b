//! A key that gives way to another of its owner, on the disk of the box.
//!
//! ```text
//! keys/NAME            the key that signs
//! secrets/next-NAME    the one that is to take its place, durable before any block names it
//! secrets/net-key      the node's key before, by which other boxes go on knowing it until they have heard
//! ```
//!
//! The new key takes the old one's place once the ledger says so, and not before: whatever is cut short, the next look
//! does the rest, and at no moment is a key lost that the ledger counts on.

use crate::home::{Home, HomeError, NODE_KEY};
use ledger::{State, StateError};
use model::{Name, SigningKey};

/// What cannot be done about a key.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// A file.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The ledger.
    #[error(transparent)]
    State(Box<StateError>),
}

impl From<StateError> for RotationError {
    fn from(error: StateError) -> Self {
        Self::State(Box::new(error))
    }
}

/// The key that is to take the place of the node's, made from `seed` unless an earlier try made one.
pub fn prepare_node(home: &Home, seed: &[u8; 32]) -> Result<SigningKey, HomeError> {
    prepare(home, NODE_KEY, seed)
}

/// The same for a person.
pub fn prepare_person(home: &Home, person: &Name, seed: &[u8; 32]) -> Result<SigningKey, HomeError> {
    Home::check_person_name(person)?;
    prepare(home, person.as_str(), seed)
}

fn prepare(home: &Home, name: &str, seed: &[u8; 32]) -> Result<SigningKey, HomeError> {
    match home.next_key(name)? {
        Some(next) => Ok(next),
        None => {
            let next = SigningKey::from_seed(seed);
            home.keep_next_key(name, &next)?;
            Ok(next)
        }
    }
}

/// Puts the node's new key in its place, if the ledger says that it took the old one's. Whether it did.
pub fn settle_node(home: &Home, state: &State<'_>) -> Result<bool, RotationError> {
    let before = home.node_key()?;
    if !counts(home, NODE_KEY, &before, state)? {
        return Ok(false);
    }
    home.keep_net_key(&before)?;
    home.put_next_key(NODE_KEY)?;
    Ok(true)
}

/// The same for a person.
pub fn settle_person(home: &Home, person: &Name, state: &State<'_>) -> Result<bool, RotationError> {
    Home::check_person_name(person)?;
    let before = home.person_key(person)?;
    let counts = counts(home, person.as_str(), &before, state)?;
    if counts {
        home.put_next_key(person.as_str())?;
    }
    Ok(counts)
}

/// Whether the ledger says that the key that waits took the place of this one.
fn counts(home: &Home, name: &str, before: &SigningKey, state: &State<'_>) -> Result<bool, RotationError> {
    let Some(next) = home.next_key(name)? else { return Ok(false) };
    let (before, next) = (before.public().id(), next.public().id());
    if before == next {
        // It took its place, and the power went before this was tidied up.
        home.put_next_key(name)?;
        return Ok(false);
    }
    let document = state.key_as_written(&before)?;
    Ok(document.and_then(|document| document.replaced).is_some_and(|replaced| replaced.by == next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::home;
    use ledger::{Layered, Meta, document_block, replace_key};
    use model::Millis;
    use store::{GitObjects, RefName};

    const SEED: [u8; 32] = [77; 32];

    /// The state once alice's key was replaced by the one that waits.
    fn rotated(home: &Home) -> (GitObjects, ledger::Draft) {
        let objects = GitObjects::open(home.folder()).unwrap();
        let main = objects.head(&RefName::main()).unwrap().unwrap();
        let (old, next) = (home.person_key(&name()).unwrap(), home.next_key("alice").unwrap().unwrap());
        let (author, at) = (old.public().id(), Millis(1_790_000_001_000));
        let state = State::at(&objects, main).unwrap();
        let changes = replace_key(&state, &author, &next.public(), "laptop", at).unwrap();
        let meta = Meta { author, at, subject: "Replace".into(), dapp: None };
        let draft = document_block(&objects, main, None, &changes, meta).unwrap();
        (objects, draft)
    }

    fn name() -> Name {
        "alice".parse().unwrap()
    }

    #[test]
    fn the_old_key_signs_until_the_ledger_says_that_it_was_replaced() {
        let (_folder, home) = home();
        let old = home.person_key(&name()).unwrap().public();
        let next = prepare_person(&home, &name(), &SEED).unwrap().public();
        assert_eq!(prepare_person(&home, &name(), &[1; 32]).unwrap().public(), next, "it is made once");
        let (objects, draft) = rotated(&home);
        let main = objects.head(&RefName::main()).unwrap().unwrap();
        assert!(!settle_person(&home, &name(), &State::at(&objects, main).unwrap()).unwrap());
        assert_eq!(home.person_key(&name()).unwrap().public(), old);
        let block = draft.sign(&home.person_key(&name()).unwrap()).unwrap();
        let layered = Layered { new: &block.objects, base: &objects };
        let state = State::at(&layered, block.id).unwrap();
        assert!(settle_person(&home, &name(), &state).unwrap());
        assert_eq!(home.person_key(&name()).unwrap().public(), next);
        assert!(!settle_person(&home, &name(), &state).unwrap() && home.next_key("alice").unwrap().is_none());
    }

    #[test]
    fn a_key_that_took_its_place_before_the_power_went_is_tidied_up() {
        let (_folder, home) = home();
        prepare_person(&home, &name(), &SEED).unwrap();
        let (objects, draft) = rotated(&home);
        let block = draft.sign(&home.person_key(&name()).unwrap()).unwrap();
        let layered = Layered { new: &block.objects, base: &objects };
        let state = State::at(&layered, block.id).unwrap();
        let next = home.folder().join("secrets/next-alice");
        let kept = std::fs::read(&next).unwrap();
        assert!(settle_person(&home, &name(), &state).unwrap());
        std::fs::write(&next, kept).unwrap();
        assert!(!settle_person(&home, &name(), &state).unwrap());
        assert!(!next.exists());
    }
}
