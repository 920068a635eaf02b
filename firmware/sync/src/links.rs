//! What a block and a folder point to, read from their bytes without looking at anything else.
//!
//! For objects of this box's own store, which were checked when they came, and for sorting out what arrives, which is
//! checked after that. Anything may be in the bytes: then there are no links, never a panic.

use model::{BlockId, ObjectId};

/// What a block points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Links {
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<BlockId>,
    /// When it was made, in seconds; never earlier than its parents.
    pub(crate) at: u64,
}

impl Links {
    /// Reads the first lines of a commit.
    pub(crate) fn parse(commit: &[u8]) -> Option<Self> {
        let mut lines = commit.split(|byte| *byte == b'\n');
        let tree = id(lines.next()?.strip_prefix(b"tree ")?)?;
        let mut parents = Vec::new();
        for line in lines {
            if let Some(parent) = line.strip_prefix(b"parent ") {
                parents.push(id(parent)?.into());
            } else {
                return Some(Self { tree, parents, at: seconds(line)? });
            }
        }
        None
    }
}

/// The time in an author's line, which ends in `> SECONDS +0000`.
fn seconds(line: &[u8]) -> Option<u64> {
    let time = line.strip_suffix(b" +0000")?.rsplit(|byte| *byte == b' ').next()?;
    std::str::from_utf8(time).ok()?.parse().ok()
}

fn id(hex: &[u8]) -> Option<ObjectId> {
    std::str::from_utf8(hex).ok()?.parse().ok()
}

/// An entry of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) folder: bool,
    pub(crate) name: &'a [u8],
    pub(crate) id: &'a [u8; 32],
}

/// The entries of a git tree, up to the first that is none.
pub(crate) fn entries(mut tree: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    std::iter::from_fn(move || {
        let space = tree.iter().take(8).position(|byte| *byte == b' ')?;
        let (mode, rest) = (&tree[..space], &tree[space + 1..]);
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (id, after) = rest[end + 1..].split_first_chunk()?;
        tree = after;
        Some(Entry { folder: mode == b"40000", name: &rest[..end], id })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_blocks_links_are_its_first_lines() {
        let (tree, one, two) = ("a1".repeat(32), "b2".repeat(32), "c3".repeat(32));
        let author = "front <aa@bb> 1795351805 +0000";
        let text =
            format!("tree {tree}\nparent {one}\nparent {two}\nauthor {author}\ncommitter x\n\nparent no");
        let links = Links::parse(text.as_bytes()).unwrap();
        assert_eq!((links.tree, links.at), (tree.parse().unwrap(), 1_795_351_805));
        assert_eq!(links.parents, [one.parse().unwrap(), two.parse().unwrap()]);
        assert_eq!(Links::parse(format!("tree {tree}\nparent {one}").as_bytes()), None);
    }

    #[test]
    fn a_folders_entries_end_where_they_stop_making_sense() {
        let mut tree = b"40000 log\0".to_vec();
        tree.extend([1; 32]);
        tree.extend(b"100644 org.toml\0");
        tree.extend([2; 32]);
        let whole: Vec<_> = entries(&tree).map(|entry| (entry.folder, entry.name, entry.id[0])).collect();
        assert_eq!(whole, [(true, &b"log"[..], 1), (false, b"org.toml", 2)]);
        assert_eq!(entries(&tree[..tree.len() - 1]).count(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (Links::parse(&bytes), entries(&bytes).count());
        }
    }
}
