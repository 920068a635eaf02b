//! Open invitations and the boxes that wait for a word: small, bounded, and kept as one secret file.
//!
//! Pure: it decides, the caller keeps the bytes. A secret is kept as its hash, binds itself to the first key that shows
//! it, and ends with its time. That a box was approved is not kept here: the ledger says so, when it has the
//! box's key. What is damaged or too much is refused; a stranger learns nothing but that.

use super::{knock::Knock, ticket::Secret};
use model::{KeyId, Millis, Name, PublicKey};
use serde::{Deserialize, Serialize};

/// The most open invitations.
pub const INVITES_MAX: usize = 64;
/// How long a box that asked is remembered, in milliseconds, if nobody says anything.
const REMEMBERED_MS: u64 = 30 * 24 * 3600 * 1000;

/// Invitations of one box.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invites {
    invites: Vec<Invite>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Invite {
    /// BLAKE3 of the secret, as hex: the file shows no secret that is still good.
    secret: String,
    expires: Millis,
    /// Who showed it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asker: Option<Asker>,
}

/// A box that asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asker {
    /// What it wants to be called.
    pub name: Name,
    /// Its key.
    pub key: PublicKey,
    /// The board that it runs on.
    pub board: Name,
    /// Where it hangs.
    pub place: String,
    /// When it asked first.
    pub asked: Millis,
    /// Whether somebody said no.
    #[serde(default)]
    pub rejected: bool,
}

/// How a knock is received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// No open invitation has this secret, or it is another box's.
    Unknown,
    /// Somebody said no.
    Rejected,
    /// It waits; whether this knock changed anything that is to be kept.
    Waits {
        /// Whether to keep the file again, and tell people.
        is_new: bool,
    },
}

/// An invitation that cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{INVITES_MAX} invitations are open already: wait until some have expired")]
pub struct TooManyInvites;

impl Invites {
    /// Opens an invitation.
    pub fn open(&mut self, secret: &Secret, expires: Millis, now: Millis) -> Result<(), TooManyInvites> {
        self.forget(now);
        if self.invites.len() >= INVITES_MAX {
            return Err(TooManyInvites);
        }
        self.invites.push(Invite { secret: hash(secret), expires, asker: None });
        Ok(())
    }

    /// Hears a box. The first key that shows a secret has it.
    pub fn hear(&mut self, key: &PublicKey, knock: &Knock, now: Millis) -> Heard {
        self.forget(now);
        let secret = hash(&knock.secret);
        let Some(invite) = self.invites.iter_mut().find(|invite| invite.secret == secret) else {
            return Heard::Unknown;
        };
        match &mut invite.asker {
            Some(asker) if asker.key != *key => Heard::Unknown,
            Some(asker) if asker.rejected => Heard::Rejected,
            Some(asker) => {
                let before = asker.clone();
                asker.says(knock);
                Heard::Waits { is_new: *asker != before }
            }
            None => {
                let (name, board, place) = (knock.name.clone(), knock.board.clone(), knock.place.clone());
                let asker = Asker { name, key: key.clone(), board, place, asked: now, rejected: false };
                invite.asker = Some(asker);
                Heard::Waits { is_new: true }
            }
        }
    }

    /// The boxes that wait, without those that `known` says the ledger has.
    pub fn waiting(&self, known: impl Fn(&KeyId) -> bool) -> Vec<&Asker> {
        let askers = self.invites.iter().filter_map(|invite| invite.asker.as_ref());
        askers.filter(|asker| !asker.rejected && !known(&asker.key.id())).collect()
    }

    /// Says no to a box. Whether it was there.
    pub fn reject(&mut self, key: &KeyId) -> bool {
        let mut askers = self.invites.iter_mut().filter_map(|invite| invite.asker.as_mut());
        askers.find(|asker| asker.key.id() == *key).map(|asker| asker.rejected = true).is_some()
    }

    /// Forgets what has expired: an unused invitation with its time, a box that asked a month later.
    fn forget(&mut self, now: Millis) {
        self.invites.retain(|invite| match &invite.asker {
            None => invite.expires > now,
            Some(asker) => now.since(asker.asked) < REMEMBERED_MS,
        });
    }
}

impl Asker {
    fn says(&mut self, knock: &Knock) {
        self.name.clone_from(&knock.name);
        self.board.clone_from(&knock.board);
        self.place.clone_from(&knock.place);
    }
}

fn hash(secret: &Secret) -> String {
    blake3::hash(secret).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SigningKey;

    const DAY: u64 = 24 * 3600 * 1000;

    fn key(n: u8) -> PublicKey {
        SigningKey::from_seed(&[n; 32]).public()
    }

    fn knock(secret: u8, name: &str) -> Knock {
        let (board, place) = ("sim".parse().unwrap(), String::new());
        Knock { secret: [secret; 16], name: name.parse().unwrap(), board, place }
    }

    fn invited() -> Invites {
        let mut invites = Invites::default();
        invites.open(&[1; 16], Millis(DAY), Millis(0)).unwrap();
        invites
    }

    #[test]
    fn a_secret_is_the_first_boxs_that_shows_it() {
        let mut invites = invited();
        assert_eq!(invites.hear(&key(1), &knock(1, "laser"), Millis(5)), Heard::Waits { is_new: true });
        assert_eq!(invites.hear(&key(1), &knock(1, "laser"), Millis(6)), Heard::Waits { is_new: false });
        assert_eq!(invites.hear(&key(1), &knock(1, "laser-2"), Millis(7)), Heard::Waits { is_new: true });
        assert_eq!(invites.hear(&key(2), &knock(1, "thief"), Millis(8)), Heard::Unknown);
        assert_eq!(invites.hear(&key(1), &knock(2, "laser"), Millis(9)), Heard::Unknown);
        let names: Vec<_> = invites.waiting(|_| false).iter().map(|asker| asker.name.to_string()).collect();
        assert_eq!(names, ["laser-2"]);
        assert!(invites.waiting(|known| *known == key(1).id()).is_empty());
    }

    #[test]
    fn an_invitation_ends_with_its_time_and_a_box_that_asked_in_time_goes_on() {
        let mut invites = invited();
        assert_eq!(invites.clone().hear(&key(1), &knock(1, "late"), Millis(DAY)), Heard::Unknown);
        invites.hear(&key(1), &knock(1, "laser"), Millis(DAY - 1));
        assert_eq!(
            invites.hear(&key(1), &knock(1, "laser"), Millis(2 * DAY)),
            Heard::Waits { is_new: false }
        );
        assert_eq!(invites.hear(&key(1), &knock(1, "laser"), Millis(40 * DAY)), Heard::Unknown);
    }

    #[test]
    fn who_was_rejected_stays_so() {
        let mut invites = invited();
        invites.hear(&key(1), &knock(1, "laser"), Millis(0));
        assert!(invites.reject(&key(1).id()) && !invites.reject(&key(2).id()));
        assert_eq!(invites.hear(&key(1), &knock(1, "laser"), Millis(1)), Heard::Rejected);
        assert!(invites.waiting(|_| false).is_empty());
    }

    #[test]
    fn there_are_only_so_many_and_the_file_shows_no_secret() {
        let mut invites = Invites::default();
        for n in 0..INVITES_MAX {
            let mut secret = [9; 16];
            secret[0] = u8::try_from(n).unwrap();
            invites.open(&secret, Millis(DAY), Millis(0)).unwrap();
        }
        assert_eq!(invites.open(&[1; 16], Millis(DAY), Millis(0)), Err(TooManyInvites));
        assert_eq!(invites.open(&[1; 16], Millis(DAY), Millis(DAY)), Ok(()), "those that expired make room");
        let text = serde_json::to_string(&invites).unwrap();
        assert!(!text.contains(&"01".repeat(16)) && !text.contains("1,1,1,1"), "{text}");
        assert_eq!(serde_json::from_str::<Invites>(&text).unwrap(), invites);
    }
}
