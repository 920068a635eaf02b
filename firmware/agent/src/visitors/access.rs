//! Whether the ledger can be cloned from this box, and with which tokens: `secrets/git.json` of the home.
//!
//! Off until somebody turns it on. The file has the hashes of tokens, is written whole and put in place in one step;
//! one that cannot be read counts as none, so a damaged file closes the door.

use super::secret::{Secret, SecretHash};
use crate::{
    home::{Home, HomeError},
    wire::{GitAccess, GitToken},
};
use model::Millis;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most tokens that are good at a time.
pub const TOKENS_MAX: usize = 64;
const FILE: &str = "secrets/git.json";

/// The rules of cloning, kept in the home.
pub struct Access {
    home: Home,
    rules: Mutex<Rules>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    serve: bool,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    hash: SecretHash,
    expires: Millis,
}

/// Why the rules are as they were.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Enough are good.
    #[error("{TOKENS_MAX} tokens are good already: revoke one, or wait until one has expired")]
    TooMany,
    /// It would never be good.
    #[error("the token would have expired already")]
    Past,
    /// No such token.
    #[error("no token {0}")]
    Unknown(String),
}

impl Access {
    /// The rules of a home.
    pub fn open(home: &Home) -> Self {
        let text = home.read_secret(FILE).unwrap_or_default();
        let rules = serde_json::from_str(&text).unwrap_or_else(|error| {
            if !text.is_empty() {
                tracing::warn!(%error, "{FILE} is damaged: the ledger cannot be cloned from this box");
            }
            Rules::default()
        });
        Self { home: home.clone(), rules: Mutex::new(rules) }
    }

    /// Whether the repository is served at all.
    pub fn is_on(&self) -> bool {
        self.rules().serve
    }

    /// Turns it on or off.
    pub fn serve(&self, on: bool) -> Result<(), AccessError> {
        self.change(|rules| {
            rules.serve = on;
            Ok(())
        })
    }

    /// Takes in a token, of which only the hash is told.
    pub fn add(&self, hash: SecretHash, expires: Millis, now: Millis) -> Result<(), AccessError> {
        if expires <= now {
            return Err(AccessError::Past);
        }
        self.change(|rules| {
            rules.tokens.retain(|token| now < token.expires);
            if rules.tokens.len() >= TOKENS_MAX {
                return Err(AccessError::TooMany);
            }
            rules.tokens.push(Token { hash, expires });
            Ok(())
        })
    }

    /// Ends a token, which is named by the beginning of its hash.
    pub fn revoke(&self, id: &str) -> Result<(), AccessError> {
        self.change(|rules| {
            let before = rules.tokens.len();
            rules.tokens.retain(|token| token.hash.short() != id);
            if rules.tokens.len() < before { Ok(()) } else { Err(AccessError::Unknown(id.into())) }
        })
    }

    /// Whether a token is good.
    pub fn admits(&self, token: &Secret, now: Millis) -> bool {
        let hash = token.hash();
        self.rules().tokens.iter().any(|token| token.hash == hash && now < token.expires)
    }

    /// How it stands, for people.
    pub fn show(&self, now: Millis) -> GitAccess {
        let rules = self.rules();
        let tokens = rules.tokens.iter().filter(|token| now < token.expires);
        let tokens = tokens.map(|token| GitToken { id: token.hash.short(), expires: token.expires });
        GitAccess { serve: rules.serve, tokens: tokens.collect() }
    }

    /// Changes the rules; those on disk first.
    fn change(&self, change: impl FnOnce(&mut Rules) -> Result<(), AccessError>) -> Result<(), AccessError> {
        let mut rules = self.rules();
        let mut changed = rules.clone();
        change(&mut changed)?;
        let text = serde_json::to_string(&changed).expect("because hashes and numbers are JSON");
        self.home.keep_secret(FILE, &text)?;
        *rules = changed;
        Ok(())
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::home;

    const NOW: Millis = Millis(1_790_000_000_000);

    fn secret(n: u8) -> Secret {
        Secret::new([n; 32])
    }

    #[test]
    fn a_token_is_good_until_its_time_or_its_end_also_after_a_restart() {
        let (_folder, home) = home();
        let access = Access::open(&home);
        assert!(!access.is_on());
        access.serve(true).unwrap();
        access.add(secret(1).hash(), NOW.plus(10), NOW).unwrap();
        access.add(secret(2).hash(), NOW.plus(20), NOW).unwrap();
        let access = Access::open(&home);
        assert!(access.is_on() && access.admits(&secret(1), NOW) && !access.admits(&secret(3), NOW));
        assert!(!access.admits(&secret(1), NOW.plus(10)));
        let id = secret(2).hash().short();
        access.revoke(&id).unwrap();
        assert!(!access.admits(&secret(2), NOW));
        assert!(matches!(access.revoke(&id), Err(AccessError::Unknown(_))));
    }

    #[test]
    fn the_file_shows_no_token_and_a_damaged_one_closes_the_door() {
        let (_folder, home) = home();
        let access = Access::open(&home);
        access.serve(true).unwrap();
        access.add(secret(7).hash(), NOW.plus(10), NOW).unwrap();
        assert!(!home.read_secret(FILE).unwrap().contains(&"07".repeat(8)));
        home.keep_secret(FILE, "{\"serve\": true").unwrap();
        assert!(!Access::open(&home).is_on());
    }

    #[test]
    fn there_are_only_so_many_tokens_and_none_is_born_dead() {
        let (_folder, home) = home();
        let access = Access::open(&home);
        assert!(matches!(access.add(secret(0).hash(), NOW, NOW), Err(AccessError::Past)));
        for n in 0..u8::try_from(TOKENS_MAX).unwrap() {
            access.add(secret(n).hash(), NOW.plus(10), NOW).unwrap();
        }
        assert!(matches!(access.add(secret(99).hash(), NOW.plus(10), NOW), Err(AccessError::TooMany)));
        access.add(secret(99).hash(), NOW.plus(20), NOW.plus(10)).unwrap();
        assert_eq!(access.show(NOW.plus(10)).tokens.len(), 1);
    }
}
