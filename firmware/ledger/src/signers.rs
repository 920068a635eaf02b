//! The allowed-signers file for git and ssh-keygen.
//!
//! With it `git log --show-signature` says "Good" for the blocks of every key that the state knows. A revoked key
//! gets `valid-before` the moment of its revocation, so that git still accepts what it signed earlier, and what it
//! signed later stands out. The format is ssh-keygen(1), "ALLOWED SIGNERS".

use crate::{
    keys::{KeyDocument, Revoked},
    state::{State, StateError},
};
use model::{GIT_NAMESPACE, Millis};
use std::fmt::Write;

/// The text of an allowed-signers file with every key of the state, in the order of their ids.
pub fn allowed_signers(state: &State<'_>) -> Result<String, StateError> {
    let mut text = String::new();
    for key in state.keys()? {
        line(&mut text, &key);
    }
    Ok(text)
}

fn line(text: &mut String, key: &KeyDocument) {
    let until = key.revoked.as_ref().map_or(String::new(), valid_before);
    let (owner, public) = (&key.owner, &key.public);
    let result = writeln!(text, "{owner} namespaces=\"{GIT_NAMESPACE}\"{until} {public}");
    result.expect("because a string takes any text");
}

fn valid_before(revoked: &Revoked) -> String {
    // A block is dated in whole seconds, rounded down: the second of the revocation still counts.
    let at = Millis((revoked.at.seconds() + 1).min(LAST_SECOND) * 1000);
    let (date, second) = (at.date(), at.seconds() % 86_400);
    let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        ",valid-before=\"{:04}{:02}{:02}{hours:02}{minutes:02}{seconds:02}Z\"",
        date.year, date.month, date.day
    )
}

/// The end of the year 9999, after which the format has no room.
const LAST_SECOND: u64 = 253_402_300_799;
