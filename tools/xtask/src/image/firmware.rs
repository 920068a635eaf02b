//! Debian's packages with a board's boot loaders and firmware, unpacked into the cache.

use super::{board::Board, cache};
use crate::{
    debian::{Apt, Packages},
    shell::Done,
};
use imager::firmware::Source;

/// The board's packages of its own, if it has any.
pub fn packages(board: &Board) -> Done<Option<Packages>> {
    let firmware = &board.firmware;
    if firmware.packages.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = firmware.packages.iter().map(String::as_str).collect();
    let folder = cache::folder("firmware")?.join(format!("{}-{}", board.name, &cache::hash(&names)[..12]));
    let component = firmware.component.as_deref().unwrap_or_default();
    let apt = || Apt::for_architecture_and(&folder, board.arch.debian(), component);
    Packages::once(&folder, &names, apt).map(Some)
}

/// Where the files of the card are taken from.
pub fn source(packages: Option<&Packages>) -> Source {
    packages.map_or(Source::Nowhere, |packages| Source::Packages(packages.root.clone()))
}
