//! Messages that came before the vote on their height had begun here.
//!
//! Few of each signer are kept, for the open height and for the next: others may be one step ahead. Bundles of votes are kept
//! for the open height alone, since the validators of the next are not known yet. The rest is told again when a
//! round goes on for long.

use super::{message::Message, validators::Validators};
use model::KeyId;
use std::collections::BTreeMap;

/// A proposal and two votes in each of two rounds.
const MAX_OF_ONE_SIGNER: usize = 6;
const MAX_BUNDLES: usize = 4;

/// Messages put aside.
#[derive(Debug, Default)]
pub(super) struct Early {
    signed: BTreeMap<KeyId, Vec<Message>>,
    bundles: Vec<Message>,
}

impl Early {
    /// Keeps a message, its signatures checked. Whether there was room and it is new.
    pub(super) fn keep(&mut self, message: Message) -> bool {
        let (shelf, room) = match &message {
            Message::Ballot(signed) => (self.signed.entry(signed.by).or_default(), MAX_OF_ONE_SIGNER),
            Message::Proposal(signed) => (self.signed.entry(signed.by).or_default(), MAX_OF_ONE_SIGNER),
            Message::Polka(_) | Message::RoundChange(_) => (&mut self.bundles, MAX_BUNDLES),
        };
        let new = shelf.len() < room && !shelf.contains(&message);
        if new {
            shelf.push(message);
        }
        new
    }

    /// Whether the others have begun to vote on a height: one honest validator among them at least.
    pub(super) fn show_a_beginning(&self, height: u64, validators: &Validators) -> bool {
        let at = |message: &Message| message.height() == height;
        let offered = |message: &Message| at(message) && matches!(message, Message::Proposal(_));
        let spoke = self.signed.iter().filter(|(_, messages)| messages.iter().any(at)).map(|(key, _)| key);
        self.bundles.iter().any(at)
            || self.signed.values().flatten().any(offered)
            || validators.has_an_honest_one(spoke)
    }

    /// The messages of a height; those of lower ones are dropped.
    pub(super) fn take(&mut self, height: u64) -> Vec<Message> {
        let shelves = std::mem::take(self);
        let all = shelves.signed.into_values().flatten().chain(shelves.bundles);
        let (now, later): (Vec<_>, Vec<_>) =
            all.filter(|message| message.height() >= height).partition(|message| message.height() == height);
        for message in later {
            self.keep(message);
        }
        now
    }
}
