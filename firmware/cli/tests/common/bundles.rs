//! Bundles of systems that are small and look like real ones: two releases have most in common.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use crate::common::{TestHome, noise};
use update::TreeHasher;

const BLOCK: usize = 4096;

/// The bytes of a root file system of so many blocks, which compress to about half; `release` changes a little of them.
pub fn root(blocks: usize, release: usize) -> Vec<u8> {
    let mut bytes = noise(blocks * BLOCK);
    bytes.iter_mut().for_each(|byte| *byte &= 15);
    for place in 0..release * 3 {
        let at = (place * 7 + 1) * BLOCK * 5 % (bytes.len() - 100);
        bytes[at..at + 100].fill(16 + place as u8);
    }
    bytes
}

/// Writes a bundle beside the home: `board`, and a root whose hash tree is said to begin behind it.
pub fn bundle(home: &TestHome, name: &str, board: &str, root: &[u8]) -> String {
    let mut hasher = TreeHasher::new((root.len() / BLOCK) as u64);
    hasher.update(root);
    bundle_with(home, name, board, root, &hasher.finish().unwrap().to_string())
}

/// The same with any verity root.
pub fn bundle_with(home: &TestHome, name: &str, board: &str, root: &[u8], verity: &str) -> String {
    let facts =
        format!("board = \"{board}\"\n\n[verity]\nblocks = {}\nroot = \"{verity}\"\n", root.len() / BLOCK);
    let whole = [root, &[0; BLOCK]].concat();
    let mut archive = tar::Builder::new(Vec::new());
    for (member, bytes) in
        [("bundle.toml", facts.as_bytes()), ("boot.vfat", b"a kernel"), ("root.erofs", whole.as_slice())]
    {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, member, bytes).unwrap();
    }
    home.file(name, archive.into_inner().unwrap())
}

/// Publishes a bundle for the board `sim` in the channel stable; more arguments may follow.
pub fn publish(home: &TestHome, file: &str, version: &str, more: &[&str]) -> String {
    home.good(&[&PUBLISH[..], &["--version", version, file], more].concat())
}

/// The beginning of such a command.
pub const PUBLISH: [&str; 6] = ["image", "publish", "--board", "sim", "--channel", "stable"];
