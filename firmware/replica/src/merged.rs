//! What main contains of each writer, so that nobody need walk down main to know.
//!
//! It can always be read from main itself. A note saves the walk at the start of a long ledger: it holds
//! the block of main up to which it was read, and is as good as absent when it does not fit.

use ledger::{Block, BlockError, BlockKind, Objects};
use model::{BlockId, KeyId};
use std::{collections::BTreeMap, fmt::Write};

/// The newest block of a writer that main contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Newest {
    pub(crate) block: BlockId,
    pub(crate) sequence: u64,
    /// The height of the block of main that took it in.
    pub(crate) height: u64,
}

/// What main contains of each writer, up to one block of main.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Merged {
    upto: BlockId,
    of: BTreeMap<KeyId, Newest>,
}

impl Merged {
    /// Reads it for a head of main, from a note as far as that goes.
    pub(crate) fn read(
        objects: &dyn Objects,
        main: BlockId,
        note: Option<&[u8]>,
    ) -> Result<Self, BlockError> {
        let noted = note.and_then(Self::parse);
        let (mut newer, mut next) = (Vec::new(), Some(main));
        while let Some(id) = next.filter(|id| noted.as_ref().is_none_or(|noted| noted.upto != *id)) {
            let block = Block::read(objects, id)?;
            next = block.main();
            newer.push(block);
        }
        // A note of another line of main is not met on the way down; everything was read then.
        let of = next.and(noted).map_or_else(BTreeMap::new, |noted| noted.of);
        let mut merged = Self { upto: main, of };
        for block in newer.iter().rev() {
            merged.advance(objects, block)?;
        }
        Ok(merged)
    }

    /// Takes in the next block of main.
    pub(crate) fn advance(&mut self, objects: &dyn Objects, block: &Block) -> Result<(), BlockError> {
        if block.kind == BlockKind::Merge {
            for head in block.heads() {
                let head = Block::read(objects, *head)?;
                let (sequence, height) = (head.sequence.unwrap_or(0), block.height.unwrap_or(0));
                self.of.insert(head.author, Newest { block: head.id, sequence, height });
            }
        }
        self.upto = block.id;
        Ok(())
    }

    /// The newest block of a writer that main contains.
    pub(crate) fn newest(&self, writer: &KeyId) -> Option<&Newest> {
        self.of.get(writer)
    }

    /// The note: main's block, then a line for each writer.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\n", self.upto);
        for (writer, newest) in &self.of {
            let Newest { block, sequence, height } = newest;
            writeln!(text, "{writer} {block} {sequence} {height}").expect("because a string takes any text");
        }
        text.into_bytes()
    }

    fn parse(note: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(note).ok()?.lines();
        let upto = lines.next()?.parse().ok()?;
        Some(Self { upto, of: lines.map(parse_line).collect::<Option<_>>()? })
    }
}

fn parse_line(line: &str) -> Option<(KeyId, Newest)> {
    let mut words = line.split(' ');
    let (writer, block) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let (sequence, height) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some((writer, Newest { block, sequence, height }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back_and_a_damaged_one_does_not() {
        let newest = Newest { block: BlockId::new([2; 32]), sequence: 7, height: 3 };
        let of = BTreeMap::from([("ab".repeat(16).parse().unwrap(), newest)]);
        let merged = Merged { upto: BlockId::new([1; 32]), of };
        let note = merged.to_bytes();
        assert_eq!(Merged::parse(&note), Some(merged));
        assert_eq!(Merged::parse(&note[..note.len() - 4]), None);
        assert_eq!(Merged::parse(b"nonsense"), None);
    }
}
