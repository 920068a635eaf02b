//! Releases, boxes and wishes for the tests.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]
#![allow(missing_docs, reason = "for the tests beside it")]
#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod disk;
pub mod rig;

use model::{KeyId, Millis, SigningKey};
use std::collections::BTreeMap;
use update::{
    Approved, Authority, Facts, Memory, Mode, Release, Rollout, Signer, Step, Version, Wishes, sign,
};

pub const TEXT: &str = include_str!("../data/release.toml");

pub fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// The release of the format page with another version, without deltas, rollout, `from` and `floor`.
pub fn plain(of: &str) -> Release {
    let mut release = Release::parse(TEXT.as_bytes()).unwrap();
    release.version = version(of);
    (release.from, release.floor, release.rollout) = (None, None, None);
    release.deltas.clear();
    release
}

pub fn approved(release: &Release) -> Approved {
    let key = SigningKey::from_seed(&[1; 32]);
    let signer = Signer { name: "release:images".to_owned(), keys: vec![key.public()] };
    let text = release.to_text().unwrap();
    let approval = sign(text.as_bytes(), &key).unwrap();
    Authority::new(1, vec![signer]).approve(text.as_bytes(), &[approval]).unwrap()
}

pub fn releases(all: &[Release]) -> Vec<Approved> {
    all.iter().map(approved).collect()
}

pub fn rollout(hold: Option<u32>, steps: &[(u64, u8)]) -> Option<Rollout> {
    let steps = steps.iter().map(|(at, percent)| Step { at: Millis(*at), percent: *percent }).collect();
    Some(Rollout { hold, steps })
}

pub fn facts(running: &str) -> Facts {
    Facts {
        board: "qemu-aarch64".parse().unwrap(),
        node: KeyId::new([7; 16]),
        running: version(running),
        memory: Memory::default(),
        reports: BTreeMap::new(),
        now: Millis(1_000_000),
        minute: 600,
    }
}

pub fn wishes() -> Wishes {
    let channel = "stable".parse().unwrap();
    Wishes { channel, mode: Mode::Automatic, pinned: None, quiet: None, asked: None }
}
