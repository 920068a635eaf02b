//! The ledger's repository as git's "dumb" HTTP protocol reads it: a few names below one folder, all of them files that
//! are there already, or made of what is there.
//!
//! `info/refs` and `objects/info/packs` are made when they are asked for, so git's `update-server-info` is not needed.
//! Nothing is ever written, and no name leads outside: what is asked for is parsed into a [`Wanted`], and a file's name is
//! made from that. Described in docs/formats/git-http.md.

mod held;
mod wanted;

pub use held::{HELD_FOR, Held, Sweep};
pub use wanted::{PackFile, PackName, Wanted, loose_path};

use model::{BlockId, RefName};
use std::collections::BTreeMap;

/// What `HEAD` says.
pub const HEAD: &str = "ref: refs/heads/main\n";

/// What `info/refs` says: a line a reference.
pub fn refs_text(refs: &BTreeMap<RefName, BlockId>) -> String {
    let mut lines: Vec<_> = refs.iter().map(|(name, block)| (name.to_string(), block)).collect();
    lines.sort();
    lines.iter().map(|(name, block)| format!("{block}\t{name}\n")).collect()
}

/// What `objects/info/packs` says: a line a pack, and an empty one.
pub fn packs_text(packs: &[PackName]) -> String {
    packs.iter().map(|pack| format!("P {pack}.pack\n")).chain(["\n".to_string()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_said_in_gits_order() {
        let key = RefName::writer("cd".repeat(16).parse().unwrap());
        let block = BlockId::new([1; 32]);
        let text = refs_text(&BTreeMap::from([(key.clone(), block), (RefName::main(), block)]));
        assert_eq!(text, format!("{block}\trefs/heads/main\n{block}\t{key}\n"));
    }

    #[test]
    fn packs_are_said_as_git_says_them() {
        let Some(Wanted::Pack(file)) = Wanted::parse(&format!("objects/pack/pack-{}.idx", "ab".repeat(32)))
        else {
            panic!("an index is wanted");
        };
        assert_eq!(packs_text(&[file.pack]), format!("P pack-{}.pack\n\n", "ab".repeat(32)));
        assert_eq!(packs_text(&[]), "\n");
    }
}
