//! Who votes on a branch, and with what weight.
//!
//! The set that votes on a height is the one in the state after the block before it, so a change of validators is
//! certified by the old ones and counts from the next height on. A key that is revoked or unknown there is not of the set:
//! it has no vote, and its weight is missing from the total as well, or one lost box of three would stop the others.

use crate::{
    keys::BranchDocument,
    object::Objects,
    state::{State, StateError},
};
use model::{BlockId, KeyId, Name, PublicKey};
use std::collections::{BTreeMap, BTreeSet};

/// The most validators of a branch: a certificate of all of them is 31 KiB of a block's 1 MiB.
pub const MAX_VALIDATORS: usize = 256;

/// The most that one vote weighs. So the sum, and three times it, stay far inside 64 bits.
pub const MAX_WEIGHT: u64 = 1_000_000_000;

/// The validators of a branch at one height, none of them with weight 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// Public key and weight of each.
    pub weights: BTreeMap<KeyId, (PublicKey, u64)>,
}

/// Validators that cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ValidatorsError {
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The state has no such branch.
    #[error("branches/{branch}.toml is missing")]
    NoBranch {
        /// The branch.
        branch: Name,
    },
}

impl ValidatorsError {
    /// Whether the store could not be read; another try may work.
    pub fn is_store_failure(&self) -> bool {
        matches!(self, Self::State(error) if error.is_store_failure())
    }
}

impl Validators {
    /// Those who vote on the block after `block`.
    pub fn at(objects: &dyn Objects, block: BlockId, branch: &Name) -> Result<Self, ValidatorsError> {
        Self::of(&State::at(objects, block)?, branch)
    }

    /// The validators that a state names.
    pub fn of(state: &State<'_>, branch: &Name) -> Result<Self, ValidatorsError> {
        let document: Option<BranchDocument> = state.branch(branch)?;
        let named = document.ok_or_else(|| ValidatorsError::NoBranch { branch: branch.clone() })?.validators;
        let mut weights = BTreeMap::new();
        for (key, weight) in named {
            let Some(document) = state.key(&key)? else { continue };
            if document.revoked.is_none() && weight > 0 && weights.len() < MAX_VALIDATORS {
                weights.insert(key, (document.public, weight.min(MAX_WEIGHT)));
            }
        }
        Ok(Self { weights })
    }

    /// All weight together.
    pub fn total(&self) -> u64 {
        self.weights.values().map(|(_, weight)| weight).sum()
    }

    /// The weight of a key; 0 if it is no validator.
    pub fn weight(&self, key: &KeyId) -> u64 {
        self.weights.get(key).map_or(0, |(_, weight)| *weight)
    }

    /// The public key of a validator.
    pub fn public(&self, key: &KeyId) -> Option<&PublicKey> {
        self.weights.get(key).map(|(public, _)| public)
    }

    /// Whether these keys have more than two thirds of the weight. Each counts once.
    pub fn is_quorum<'a>(&self, keys: impl IntoIterator<Item = &'a KeyId>) -> bool {
        self.is_more_than(2, keys)
    }

    /// Whether these keys have more than one third of the weight: one of them is honest if the liars have less.
    pub fn has_an_honest_one<'a>(&self, keys: impl IntoIterator<Item = &'a KeyId>) -> bool {
        self.is_more_than(1, keys)
    }

    /// Whether the key alone has more than two thirds: what it signs is final at once.
    pub fn alone(&self, key: &KeyId) -> bool {
        self.is_quorum([key])
    }

    /// Whether they have to vote. Where one of them suffices it decides without the others, who must not find another
    /// block together with it meanwhile; where there is nobody, nobody can.
    pub fn vote(&self) -> bool {
        !self.weights.is_empty() && !self.weights.keys().any(|key| self.alone(key))
    }

    fn is_more_than<'a>(&self, thirds: u64, keys: impl IntoIterator<Item = &'a KeyId>) -> bool {
        let keys: BTreeSet<&KeyId> = keys.into_iter().collect();
        let weight: u64 = keys.into_iter().map(|key| self.weight(key)).sum();
        weight * 3 > self.total() * thirds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SigningKey;

    fn set(weights: &[u64]) -> (Vec<KeyId>, Validators) {
        let mut validators = Validators::default();
        let ids = weights.iter().enumerate().map(|(n, weight)| {
            let public = SigningKey::from_seed(&[n as u8; 32]).public();
            let id = public.id();
            validators.weights.insert(id, (public, *weight));
            id
        });
        (ids.collect(), validators)
    }

    #[test]
    fn two_thirds_are_not_more_than_two_thirds() {
        let (ids, validators) = set(&[1, 1, 1]);
        assert!(!validators.is_quorum(&ids[..2]));
        assert!(validators.is_quorum(&ids));
        let (ids, validators) = set(&[1, 1, 1, 1]);
        assert!(!validators.is_quorum(&ids[..2]));
        assert!(validators.is_quorum(&ids[1..]));
    }

    #[test]
    fn a_key_counts_once_and_a_stranger_never() {
        let (ids, validators) = set(&[1, 1, 1]);
        let stranger = SigningKey::from_seed(&[99; 32]).public().id();
        assert!(!validators.is_quorum([&ids[0], &ids[0], &ids[0], &stranger]));
    }

    #[test]
    fn who_outweighs_the_others_is_alone() {
        let (ids, validators) = set(&[5, 1, 1]);
        assert!(validators.alone(&ids[0]));
        assert!(!validators.alone(&ids[1]));
        assert!(!validators.vote());
        assert!(set(&[2, 1, 1]).1.vote());
        assert!(!Validators::default().vote());
        assert!(!Validators::default().alone(&ids[0]), "nobody is a quorum of nobody");
    }

    #[test]
    fn the_heaviest_weights_do_not_overflow() {
        let (ids, validators) = set(&[MAX_WEIGHT; MAX_VALIDATORS]);
        assert!(validators.is_quorum(&ids));
    }
}
