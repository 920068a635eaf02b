//! The one place that knows how a board's folder, a kernel and a root become a card.
//!
//! `cargo xtask image` brings Debian's kernel and programs, Buildroot and Yocto bring their own (`meta-ledger`); what is then done with
//! them is done here, for all three: files of ours laid over the root, hashes behind it, a slot with its script, the first
//! partition, boot state, data partition, partition table, the bundle that a release is made of. It compiles nothing but device
//! trees, downloads nothing, and knows no board: those are data ([`board`]).

pub mod arch;
pub mod board;
pub mod bundle;
pub mod card;
pub mod environment;
pub mod firmware;
pub mod options;
pub mod overlay;
pub mod recipe;
pub mod shell;
pub mod trees;
pub mod verity;
pub mod wks;

/// The checkout that this crate lies in, for tests.
#[cfg(test)]
fn checkout() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("because this crate lies two folders below the root").to_owned()
}
