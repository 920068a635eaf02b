//! The top hash of dm-verity's tree over what was read back: what the kernel will ask for, reckoned from the bytes themselves.
//!
//! The tree of Linux's documentation (admin-guide/device-mapper/verity), version 1, SHA-256, no salt, blocks of 4096 bytes: each block's
//! hash; 128 hashes to a block, filled up with zeros; and so on until one is left. That the tree behind the file system is this one
//! shows the manifest, which names all of the part's bytes.

use crate::{VERITY_BLOCK_BYTES, Verity};
use model::VerityHash;
use sha2::{Digest, Sha256};

const BLOCK: usize = VERITY_BLOCK_BYTES as usize;
const HASH: usize = 32;

/// Takes a file system block by block. In memory is one block for each level, of which a terabyte has five.
#[derive(Clone, Debug)]
pub struct TreeHasher {
    /// What is left to come, in blocks.
    left: u64,
    block: Vec<u8>,
    /// Hashes of each level that do not fill a block yet.
    levels: Vec<Vec<u8>>,
}

impl TreeHasher {
    /// Of a file system of so many blocks; what comes after them is not looked at.
    pub fn new(blocks: u64) -> Self {
        Self { left: blocks, block: Vec::with_capacity(BLOCK), levels: Vec::new() }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while self.left > 0 && !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(BLOCK - self.block.len()));
            self.block.extend_from_slice(now);
            bytes = rest;
            if self.block.len() == BLOCK {
                let hash = Sha256::digest(&self.block);
                self.block.clear();
                self.left -= 1;
                self.add(0, &hash);
            }
        }
    }

    fn add(&mut self, level: usize, hash: &[u8]) {
        if self.levels.len() == level {
            self.levels.push(Vec::with_capacity(BLOCK));
        }
        let hashes = &mut self.levels[level];
        // A full block is hashed when the next hash comes: the last one of all is the top.
        if hashes.len() == BLOCK {
            let above = Sha256::digest(&*hashes);
            hashes.clear();
            hashes.extend_from_slice(hash);
            self.add(level + 1, &above);
        } else {
            hashes.extend_from_slice(hash);
        }
    }

    /// The top, if all blocks have come.
    pub fn finish(mut self) -> Option<VerityHash> {
        if self.left > 0 {
            return None;
        }
        let mut level = 0;
        loop {
            let hashes = self.levels.get_mut(level)?;
            let is_top = hashes.len() == HASH && self.levels.len() == level + 1;
            let hashes = &mut self.levels[level];
            if is_top {
                return hashes.as_slice().try_into().ok().map(VerityHash::new);
            }
            hashes.resize(BLOCK, 0);
            let above = Sha256::digest(&*hashes);
            self.add(level + 1, &above);
            level += 1;
        }
    }
}

impl Verity {
    /// Whether a hasher that has seen the part came to this tree's top.
    pub fn fits(&self, hasher: TreeHasher) -> bool {
        hasher.finish() == Some(self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Block n is its number, 32 bits, little-endian, over and over.
    fn blocks(count: u32) -> impl Iterator<Item = Vec<u8>> {
        (0..count).map(|n| n.to_le_bytes().repeat(BLOCK / 4))
    }

    fn top(count: u32, pieces: usize) -> String {
        let mut hasher = TreeHasher::new(count.into());
        for block in blocks(count) {
            block.chunks(pieces).for_each(|piece| hasher.update(piece));
        }
        hasher.update(b"the tree behind it");
        hasher.finish().unwrap().to_string()
    }

    #[test]
    fn the_tops_are_those_of_veritysetup() {
        // veritysetup format --no-superblock --hash=sha256 --salt=- --data-blocks=N --hash-offset=$((N * 4096)), cryptsetup 2.6.1.
        for (count, root) in [
            (1, "ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7"),
            (2, "fe081ebb4d3b623191033e4c9493ea5ad5cee59080a09afd89a4c1a5ae8ce699"),
            (128, "99e169f0bd63cb40fe0a04da6a105de97280a7d846d5b528085684f258ac6390"),
            (129, "a4775aa2f6a70f893550e19227f60ae929c00bdf832531ae81731d34f751a502"),
            (300, "b12d642d5f8c8d56adb16c1c107116a40d15de70a97661268c5fb84d66180c57"),
            (16_385, "2c20621eda9e8f8d6c656754f361b140237ed7cff790e8d67981fbb9bd3b7ced"),
        ] {
            assert_eq!(top(count, BLOCK), root, "{count} blocks");
        }
    }

    #[test]
    fn pieces_of_any_length_give_the_same_top() {
        for pieces in [1, 7, 4095, 4096] {
            assert_eq!(top(3, pieces), top(3, BLOCK));
        }
    }

    #[test]
    fn a_file_that_ends_early_or_has_a_byte_turned_has_another_top_or_none() {
        let root = top(3, BLOCK).parse().unwrap();
        let fits = |bytes: &[u8]| {
            let mut hasher = TreeHasher::new(3);
            hasher.update(bytes);
            Verity { blocks: 3, root }.fits(hasher)
        };
        let mut whole: Vec<u8> = blocks(3).flatten().collect();
        assert!(fits(&whole));
        assert!(!fits(&whole[..whole.len() - 1]));
        whole[5000] ^= 1;
        assert!(!fits(&whole));
    }
}
