//! The join door of a box that belongs: makes invitations, hears knocks, and says who waits.
//!
//! Whether a box belongs is the ledger's word: once its key is there, the next knock is answered with the welcome. What is
//! kept here is one secret file, written whole and put in place in one step; losing it loses open invitations.

use super::{
    invites::{Asker, Heard, Invites, TooManyInvites},
    knock::{Answer, Knock, Welcome},
    ticket::{MAX_ADDRESSES, Secret, Ticket},
};
use crate::{
    home::{Home, HomeError},
    view::View,
};
use model::{KeyId, Millis, PublicKey};
use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The file of a home in which invitations are kept.
const FILE: &str = "secrets/invites.json";

/// A door at which new boxes knock.
pub struct Door {
    home: Home,
    invites: Mutex<Invites>,
}

/// Why the door did not do it.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The file, or a key.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Enough are open.
    #[error(transparent)]
    TooMany(#[from] TooManyInvites),
    /// No such box waits.
    #[error("no box with the key {0} waits")]
    NobodyWaits(KeyId),
}

impl Door {
    /// The door of a home. A file that cannot be read is as none: invitations can be made again.
    pub fn open(home: &Home) -> Self {
        let text = home.read_secret(FILE).unwrap_or_default();
        let invites = match serde_json::from_str(&text) {
            Ok(invites) => invites,
            Err(error) => {
                if !text.is_empty() {
                    tracing::warn!(%error, "{FILE} is damaged: open invitations are lost");
                }
                Invites::default()
            }
        };
        Self { home: home.clone(), invites: Mutex::new(invites) }
    }

    /// Makes an invitation with a secret that the caller has drawn.
    pub fn invite(
        &self,
        view: &View,
        addresses: &[SocketAddr],
        secret: Secret,
        expires: Millis,
        now: Millis,
    ) -> Result<Ticket, DoorError> {
        let inviter = self.home.net_key()?.public();
        let mut invites = self.invites();
        invites.open(&secret, expires, now)?;
        self.keep(&invites)?;
        let addresses = addresses.iter().take(MAX_ADDRESSES).copied().collect();
        let (org, checkpoint, height) = (view.org, view.head, view.height);
        Ok(Ticket { org, inviter, addresses, checkpoint, height, secret, expires })
    }

    /// Hears a knock. What cannot be read is answered like a wrong secret.
    pub fn hear(&self, key: &PublicKey, bytes: &[u8], view: &View, now: Millis) -> Answer {
        let Ok(knock) = Knock::parse(bytes) else { return Answer::Unknown };
        let mut invites = self.invites();
        match invites.hear(key, &knock, now) {
            Heard::Unknown => Answer::Unknown,
            Heard::Rejected => Answer::Rejected,
            Heard::Waits { is_new } => {
                if is_new && let Err(error) = self.keep(&invites) {
                    tracing::warn!(%error, "who knocked is not remembered past a restart");
                }
                drop(invites);
                self.matter(key, &knock, view)
            }
        }
    }

    /// How the matter of a box with a good ticket stands.
    fn matter(&self, key: &PublicKey, knock: &Knock, view: &View) -> Answer {
        let nodes = view.final_node_keys();
        match nodes.get(&key.id()) {
            Some((_, name)) if *name == knock.name => self.welcome(view).unwrap_or(Answer::Waits),
            Some((_, name)) => Answer::BadName(format!("the box was approved as {name}")),
            None if nodes.values().any(|(_, name)| *name == knock.name) => {
                Answer::BadName(format!("there is a box called {} already", knock.name))
            }
            None => Answer::Waits,
        }
    }

    fn welcome(&self, view: &View) -> Option<Answer> {
        let badge_key = self.home.badge_key().ok()?;
        let (org, block) = (*view.org.as_bytes(), *view.head.as_bytes());
        Some(Answer::Welcome(Welcome { org, block, badge_key: badge_key.to_hex() }))
    }

    /// The boxes that wait for a person's word. One whose name is another box's does not: it heard so, and to let it in
    /// would take the name from the other.
    pub fn waiting(&self, view: &View) -> Vec<Asker> {
        let nodes = view.node_keys();
        let known = |key: &KeyId| nodes.contains_key(key);
        let is_free = |asker: &&Asker| nodes.values().all(|(_, name)| *name != asker.name);
        self.invites().waiting(known).into_iter().filter(is_free).cloned().collect()
    }

    /// Says no to a box.
    pub fn reject(&self, key: &KeyId) -> Result<(), DoorError> {
        let mut invites = self.invites();
        if !invites.reject(key) {
            return Err(DoorError::NobodyWaits(*key));
        }
        self.keep(&invites)
    }

    fn keep(&self, invites: &Invites) -> Result<(), DoorError> {
        let text = serde_json::to_string(invites).expect("because names, numbers and keys are JSON");
        Ok(self.home.keep_secret(FILE, &text)?)
    }

    fn invites(&self) -> MutexGuard<'_, Invites> {
        self.invites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
