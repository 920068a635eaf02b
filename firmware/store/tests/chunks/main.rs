//! The chunk packs against a twin, a failing disk, power cuts and damage.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod damage;
mod disk;
mod faults;
mod files;
mod packs;
mod twin;

use std::{path::Path, sync::Arc};

use disk::{Dice, FakeDisk};
use store::chunks::{Chunks, OpenError};

const FOLDER: &str = "/box/chunks";
/// Packs of a handful of chunks, so that a short test fills several.
const PACK_BYTES: u64 = 1500;

fn open(disk: &FakeDisk) -> Chunks {
    try_open(disk).unwrap()
}

fn try_open(disk: &FakeDisk) -> Result<Chunks, OpenError> {
    Chunks::open_with(Path::new(FOLDER), Arc::new(disk.clone()), PACK_BYTES)
}

/// The bytes of the n-th chunk: half of them compress, half do not.
fn content(number: usize) -> Vec<u8> {
    let mut dice = Dice(number as u64);
    let length = 40 + dice.below(400);
    match number % 2 {
        0 => format!("chunk {number} ").into_bytes().repeat(length / 8),
        _ => (0..length).map(|_| dice.below(256) as u8).collect(),
    }
}
