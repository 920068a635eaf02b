//! What peers have done wrong, remembered and forgiven.
//!
//! Each misdeed has a weight. Weights add up to a score that halves every hour; at [`BAN_SCORE`] the peer is banned, for a
//! minute first and four times longer each time it happens again, up to a week. A month without a ban makes the next
//! one short again. The whole is a note of some bytes a peer ([`Conduct::to_bytes`]), so that a restart forgives nothing.
//! A note has spans of time, not moments: the clock may begin anew with each start, and a box that was off has seen
//! no good conduct.

use model::{BlockId, KeyId, Millis};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// At this score a peer is banned.
pub const BAN_SCORE: u32 = 100;
const HALF_LIFE_MS: u64 = 3_600_000;
const FIRST_BAN_MS: u64 = 60_000;
const LONGEST_BAN_MS: u64 = 7 * 86_400_000;
/// After this pause without a ban the next one is a first one.
const FORGIVEN_MS: u64 = 30 * 86_400_000;
/// The most peers that are remembered; those with the least on them go first.
const MAX_PEERS: usize = 4096;
/// The first byte of a note.
const VERSION: u8 = 1;
/// The largest note that is read.
const MAX_NOTE_BYTES: usize = MAX_PEERS * 96;

/// Something that a peer does not do by accident, or not often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Misdeed {
    /// Bytes that are no frame, request, pack or chunk, or not what their name says.
    Damaged,
    /// More than the limits of the protocol allow.
    Oversized,
    /// It announces a head that lies before one that it announced earlier.
    Replayed,
    /// Blocks of another organisation, or of a main that is not ours.
    Grafted,
    /// Objects, chunks or answers that nobody asked for.
    Unasked,
    /// More frames or requests than its rate.
    TooFast,
    /// It does not give what it announces.
    Withheld,
    /// An answer did not come in time.
    Late,
    /// A vote or a proposal that does not keep the rules.
    BadGossip,
    /// A block that does not keep the rules.
    Faulty(BlockId),
}

impl Misdeed {
    /// How much it counts; [`BAN_SCORE`] is a ban at once.
    pub const fn weight(self) -> u32 {
        match self {
            Self::Grafted => 100,
            Self::Faulty(_) => 60,
            Self::Damaged | Self::Oversized => 50,
            Self::Replayed => 30,
            Self::Unasked | Self::BadGossip => 20,
            Self::Withheld | Self::Late => 10,
            Self::TooFast => 2,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Oversized => "oversized",
            Self::Replayed => "replayed",
            Self::Grafted => "grafted",
            Self::Unasked => "unasked",
            Self::TooFast => "too-fast",
            Self::Withheld => "withheld",
            Self::Late => "late",
            Self::BadGossip => "bad-gossip",
            Self::Faulty(_) => "faulty",
        }
    }
}

impl fmt::Display for Misdeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faulty(block) => write!(f, "faulty block {}", block.short()),
            other => f.write_str(other.word()),
        }
    }
}

/// What is remembered of one peer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The score when the last misdeed happened.
    score: u32,
    /// When it happened.
    at: u64,
    /// How often it was banned since it was last forgiven.
    bans: u8,
    /// Until when it is or was banned.
    until: u64,
    /// How long its last ban was over when the box started.
    calm_ms: u64,
    /// All misdeeds there ever were.
    count: u32,
    /// The last one, in a word.
    last: String,
}

impl Record {
    /// The score as time has worn it down.
    pub fn score(&self, now: Millis) -> u32 {
        let halvings = now.since(Millis(self.at)) / HALF_LIFE_MS;
        self.score.checked_shr(u32::try_from(halvings).unwrap_or(u32::MAX)).unwrap_or(0)
    }

    /// How many misdeeds there ever were.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The last misdeed, in a word.
    pub fn last(&self) -> &str {
        &self.last
    }

    /// Until when the peer is banned, if it is.
    pub fn banned_until(&self, now: Millis) -> Option<Millis> {
        (self.until > now.0).then_some(Millis(self.until))
    }

    /// How long its last ban is over.
    fn calm_ms(&self, now: Millis) -> u64 {
        self.calm_ms.saturating_add(now.since(Millis(self.until)))
    }

    /// With spans for moments, as a note has it.
    fn spans(&self, now: Millis) -> Self {
        let until = self.until.saturating_sub(now.0);
        Self { score: self.score(now), at: 0, until, calm_ms: self.calm_ms(now), ..self.clone() }
    }

    /// With moments for the spans of a note.
    fn moments(self, now: Millis) -> Self {
        Self { at: now.0, until: now.plus(self.until.min(LONGEST_BAN_MS)).0, ..self }
    }

    fn add(&mut self, misdeed: Misdeed, now: Millis) {
        self.score = self.score(now).saturating_add(misdeed.weight());
        self.at = self.at.max(now.0);
        self.count = self.count.saturating_add(1);
        self.last = misdeed.word().into();
        if self.score >= BAN_SCORE {
            self.ban(now);
        }
    }

    fn ban(&mut self, now: Millis) {
        if self.calm_ms(now) > FORGIVEN_MS {
            self.bans = 0;
        }
        self.calm_ms = 0;
        let length = FIRST_BAN_MS.saturating_mul(1 << (2 * u32::from(self.bans.min(16))));
        self.until = now.plus(length.min(LONGEST_BAN_MS)).0;
        self.bans = self.bans.saturating_add(1);
        self.score = 0;
    }
}

/// A note that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the note of what peers have done is damaged or of a later version")]
pub struct ConductError;

/// What all peers have done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conduct(BTreeMap<KeyId, Record>);

impl Conduct {
    /// Takes a misdeed down; gives until when the peer is banned, if it is.
    pub fn add(&mut self, peer: KeyId, misdeed: Misdeed, now: Millis) -> Option<Millis> {
        if self.0.len() >= MAX_PEERS && !self.0.contains_key(&peer) {
            self.forget_least(now);
        }
        let record = self.0.entry(peer).or_default();
        record.add(misdeed, now);
        record.banned_until(now)
    }

    /// Until when a peer is banned, if it is.
    pub fn banned_until(&self, peer: &KeyId, now: Millis) -> Option<Millis> {
        self.0.get(peer)?.banned_until(now)
    }

    /// What is remembered of a peer.
    pub fn of(&self, peer: &KeyId) -> Option<&Record> {
        self.0.get(peer)
    }

    /// All that is remembered, by peer.
    pub fn iter(&self) -> impl Iterator<Item = (&KeyId, &Record)> {
        self.0.iter()
    }

    /// Forgives a peer everything: a person says so.
    pub fn forgive(&mut self, peer: &KeyId) {
        self.0.remove(peer);
    }

    /// The note to keep.
    pub fn to_bytes(&self, now: Millis) -> Vec<u8> {
        let list: Vec<_> =
            self.0.iter().map(|(peer, record)| (*peer.as_bytes(), record.spans(now))).collect();
        let start = vec![VERSION];
        postcard::to_extend(&list, start).expect("because a vector takes any bytes")
    }

    /// Reads a note.
    pub fn parse(bytes: &[u8], now: Millis) -> Result<Self, ConductError> {
        let (version, list) = bytes.split_first().ok_or(ConductError)?;
        if *version != VERSION || bytes.len() > MAX_NOTE_BYTES {
            return Err(ConductError);
        }
        let list: Vec<([u8; 16], Record)> = postcard::from_bytes(list).map_err(|_| ConductError)?;
        Ok(Self(list.into_iter().map(|(peer, record)| (KeyId::new(peer), record.moments(now))).collect()))
    }

    fn forget_least(&mut self, now: Millis) {
        let least = self.0.iter().min_by_key(|(_, record)| (record.until, record.score(now), record.at));
        if let Some(peer) = least.map(|(peer, _)| *peer) {
            self.0.remove(&peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: KeyId = KeyId::new([1; 16]);
    const HOUR: u64 = 3_600_000;

    #[test]
    fn two_damaged_answers_are_a_ban_and_one_is_forgiven_in_time() {
        let mut conduct = Conduct::default();
        assert_eq!(conduct.add(PEER, Misdeed::Damaged, Millis(0)), None);
        assert_eq!(conduct.of(&PEER).unwrap().score(Millis(2 * HOUR)), 12);
        assert_eq!(conduct.add(PEER, Misdeed::Damaged, Millis(2 * HOUR)), None);
        let until = conduct.add(PEER, Misdeed::Damaged, Millis(2 * HOUR)).unwrap();
        assert_eq!(until, Millis(2 * HOUR + FIRST_BAN_MS));
        assert_eq!(conduct.banned_until(&PEER, until), None, "the ban is over then");
    }

    #[test]
    fn bans_grow_up_to_a_week_and_are_short_again_after_a_month() {
        let (mut conduct, mut now, mut last) = (Conduct::default(), Millis(0), 0);
        for _ in 0..40 {
            let until = conduct.add(PEER, Misdeed::Grafted, now).unwrap();
            assert!(until.since(now) >= last && until.since(now) <= LONGEST_BAN_MS);
            (last, now) = (until.since(now), until);
        }
        assert_eq!(last, LONGEST_BAN_MS);
        now = now.plus(FORGIVEN_MS + 1);
        assert_eq!(conduct.add(PEER, Misdeed::Grafted, now), Some(now.plus(FIRST_BAN_MS)));
    }

    #[test]
    fn a_restart_forgives_nothing() {
        let mut conduct = Conduct::default();
        let faulty = Misdeed::Faulty(BlockId::new([3; 32]));
        for (n, misdeed) in [Misdeed::Grafted, Misdeed::Late, faulty].into_iter().enumerate() {
            conduct.add(KeyId::new([n as u8; 16]), misdeed, Millis(70_000));
        }
        let note = conduct.to_bytes(Millis(80_000));
        // The clock begins anew; what is left of the ban is left.
        let again = Conduct::parse(&note, Millis(5)).unwrap();
        assert_eq!(again.banned_until(&KeyId::new([0; 16]), Millis(5)), Some(Millis(50_005)));
        let score = |n| again.of(&KeyId::new([n; 16])).unwrap().score(Millis(5));
        assert_eq!((score(1), score(2)), (10, 60));
        assert_eq!(again.to_bytes(Millis(5)), note);
        for bad in [&[][..], &[9], &[1], &[1, 200]] {
            assert!(Conduct::parse(bad, Millis(0)).is_err());
        }
    }

    #[test]
    fn restarts_neither_shorten_nor_lengthen_the_month_without_a_ban() {
        let once = || {
            let mut conduct = Conduct::default();
            conduct.add(PEER, Misdeed::Grafted, Millis(0));
            conduct
        };
        let a_day_and_a_restart =
            |conduct: Conduct| Conduct::parse(&conduct.to_bytes(Millis(24 * HOUR)), Millis(0)).unwrap();
        let mut late = (0..31).fold(once(), |conduct, _| a_day_and_a_restart(conduct));
        assert_eq!(late.add(PEER, Misdeed::Grafted, Millis(0)), Some(Millis(FIRST_BAN_MS)));
        let mut early = a_day_and_a_restart(once());
        assert_eq!(early.add(PEER, Misdeed::Grafted, Millis(0)), Some(Millis(4 * FIRST_BAN_MS)));
    }

    #[test]
    fn many_strangers_do_not_drive_out_who_is_banned() {
        let mut conduct = Conduct::default();
        conduct.add(PEER, Misdeed::Grafted, Millis(0));
        for n in 0..=MAX_PEERS as u128 {
            conduct.add(KeyId::new((n << 64).to_be_bytes()), Misdeed::TooFast, Millis(1));
        }
        assert_eq!(conduct.0.len(), MAX_PEERS);
        assert!(conduct.banned_until(&PEER, Millis(2)).is_some());
        assert!(conduct.to_bytes(Millis(2)).len() <= MAX_NOTE_BYTES);
    }
}
