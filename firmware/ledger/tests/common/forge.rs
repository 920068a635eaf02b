//! Blocks and trees written by hand, to say what the room itself would not.

use super::*;
use ledger::{Kind, Objects};
use model::ObjectId;

/// A commit written by hand, to say what the room itself would not.
pub struct Forged<'a> {
    pub tree: model::ObjectId,
    pub parents: Vec<BlockId>,
    pub author: &'a str,
    pub org: String,
    pub seconds: u64,
    pub message: String,
    pub key: SigningKey,
}

impl<'a> Forged<'a> {
    /// A true copy of a block, signed by the same author.
    pub fn like(block: &Block, author: &'a str) -> Self {
        let signed = String::from_utf8(block.signed.clone()).unwrap();
        let (header, message) = signed.split_once("\n\n").unwrap();
        let org = header.split_once('@').unwrap().1.split_once('>').unwrap().0.to_string();
        let (tree, parents) = (block.tree, block.parents.clone());
        let seconds = block.at.seconds();
        Self { tree, parents, author, org, seconds, message: message.into(), key: key(author) }
    }

    pub fn with_message(mut self, from: &str, to: &str) -> Self {
        assert!(self.message.contains(from), "{from:?} is not in {:?}", self.message);
        self.message = self.message.replace(from, to);
        self
    }

    pub fn unsigned(&self) -> String {
        let parents: String = self.parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let who = format!("{} <{}@{}> {} +0000", self.author, id(self.author), self.org, self.seconds);
        format!("tree {}\n{parents}author {who}\ncommitter {who}\n\n{}", self.tree, self.message)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let unsigned = self.unsigned();
        let signature = self.key.sign("git", unsigned.as_bytes()).unwrap();
        with_signature(&unsigned, &signature)
    }
}

pub fn with_signature(unsigned: &str, signature: &str) -> Vec<u8> {
    let header = format!("gpgsig-sha256 {}\n", signature.replace('\n', "\n "));
    let (head, message) = unsigned.split_once("\n\n").unwrap();
    format!("{head}\n{header}\n{message}").into_bytes()
}

/// A house with one block of carol's, one of the node's, and both on main.
pub fn merged_house() -> (House, Block, Block, Block) {
    let mut house = House::new();
    let carol = house.write("carol", &[change("people/erik.toml", "name = \"Erik\"\n")]);
    let front = house.events("front", 2);
    assert!(house.merge(&[carol, front]).is_empty());
    let (documents, events, merge) = (house.read(carol), house.read(front), house.read(house.main));
    (house, documents, events, merge)
}

/// The tree of a block with other bytes at a path.
pub fn tree_with(house: &mut House, tree: ObjectId, at: &str, content: Option<&[u8]>) -> ObjectId {
    let mut new = NewObjects::default();
    let parts: Vec<&str> = at.split('/').collect();
    let root = put(house, Some(tree), &parts, content, &mut new).unwrap();
    house.store.store(&new);
    root
}

fn put(
    house: &House,
    tree: Option<ObjectId>,
    parts: &[&str],
    content: Option<&[u8]>,
    new: &mut NewObjects,
) -> Option<ObjectId> {
    let bytes = tree.map_or(Vec::new(), |tree| house.store.read(&tree).unwrap().unwrap().bytes);
    let mut entries = entries(&bytes);
    let old = entries.iter().find(|(_, name, _)| name == parts[0]).map(|(_, _, id)| *id);
    let id = match parts {
        [_] => content.map(|content| ("100644", new.insert(Kind::Blob, content.to_vec()))),
        [_, rest @ ..] => put(house, old, rest, content, new).map(|id| ("40000", id)),
        [] => None,
    };
    entries.retain(|(_, name, _)| name != parts[0]);
    entries.extend(id.map(|(mode, id)| (mode.to_string(), parts[0].to_string(), id)));
    (!entries.is_empty()).then(|| new.insert(Kind::Tree, encode(&mut entries)))
}

pub type RawEntry = (String, String, ObjectId);

pub fn entries(mut tree: &[u8]) -> Vec<RawEntry> {
    let mut all = Vec::new();
    while !tree.is_empty() {
        let end = tree.iter().position(|byte| *byte == 0).unwrap();
        let (mode, name) = std::str::from_utf8(&tree[..end]).unwrap().split_once(' ').unwrap();
        let id = ObjectId::new(tree[end + 1..end + 33].try_into().unwrap());
        all.push((mode.into(), name.into(), id));
        tree = &tree[end + 33..];
    }
    all
}

pub fn encode(entries: &mut [RawEntry]) -> Vec<u8> {
    let order = |(mode, name, _): &RawEntry| if mode == "40000" { format!("{name}/") } else { name.clone() };
    entries.sort_by_key(order);
    raw(entries)
}

pub fn raw(entries: &[RawEntry]) -> Vec<u8> {
    let one =
        |(mode, name, id): &RawEntry| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", id.as_bytes()].concat();
    entries.iter().flat_map(one).collect()
}

/// What is wrong with a copy of `block` that has another tree.
pub fn fault_of_tree(house: &mut House, block: &Block, author: &str, tree: ObjectId) -> String {
    let forged = house.forged(&Forged { tree, ..Forged::like(block, author) });
    house.fault(&forged)
}
