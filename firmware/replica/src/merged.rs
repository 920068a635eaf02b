//! What main contains of each writer, and which heads it left out, so that nobody need walk down main to know.
//!
//! It can always be read from main itself. A note saves the walk at the start of a long ledger: it holds
//! the block of main up to which it was read, and is as good as absent when it does not fit. A writer has one
//! line, or several if its key is in use twice.

use ledger::{Block, BlockError, BlockKind, Objects};
use model::{BlockId, KeyId};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write,
};

/// The newest block of a line that main contains.
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
    of: BTreeMap<KeyId, Vec<Newest>>,
    /// Heads whose documents main left out last, with the reason: the newest in the end.
    left_out: VecDeque<(BlockId, String)>,
}

/// So many heads that were left out are remembered.
const LEFT_OUT_MAX: usize = 1024;

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
        let mut merged = next.and(noted).unwrap_or_else(|| Self::nothing(main));
        for block in newer.iter().rev() {
            merged.advance(objects, block)?;
        }
        Ok(merged)
    }

    fn nothing(upto: BlockId) -> Self {
        Self { upto, of: BTreeMap::new(), left_out: VecDeque::new() }
    }

    /// Why main left out the documents of a head, if it did.
    pub(crate) fn reason_of(&self, head: BlockId) -> Option<&str> {
        self.left_out.iter().rev().find(|(left_out, _)| *left_out == head).map(|(_, reason)| reason.as_str())
    }

    /// Takes in the next block of main.
    pub(crate) fn advance(&mut self, objects: &dyn Objects, block: &Block) -> Result<(), BlockError> {
        self.upto = block.id;
        self.left_out.extend(block.left_out.iter().cloned());
        let too_many = self.left_out.len().saturating_sub(LEFT_OUT_MAX);
        self.left_out.drain(..too_many);
        if block.kind != BlockKind::Merge {
            return Ok(());
        }
        for head in block.heads() {
            let head = Block::read(objects, *head)?;
            let (sequence, height) = (head.sequence.unwrap_or(0), block.height.unwrap_or(0));
            let newest = Newest { block: head.id, sequence, height };
            let lines = self.of.entry(head.author).or_default();
            let mut before = None;
            for (place, line) in lines.iter().enumerate() {
                if is_on_line(objects, newest.block, line.block, line.sequence)? {
                    before = Some(place);
                }
            }
            match before {
                Some(place) => lines[place] = newest,
                None => lines.push(newest),
            }
        }
        Ok(())
    }

    /// The height by which main contained a writer's block, if it does.
    pub(crate) fn height_of(
        &self,
        objects: &dyn Objects,
        writer: &KeyId,
        block: BlockId,
        sequence: u64,
    ) -> Result<Option<u64>, BlockError> {
        for line in self.of.get(writer).into_iter().flatten() {
            if line.sequence >= sequence && is_on_line(objects, line.block, block, sequence)? {
                return Ok(Some(line.height));
            }
        }
        Ok(None)
    }

    /// The note: main's block, then a line for each line of each writer, and one for each head that was left out.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\n", self.upto);
        for (writer, lines) in &self.of {
            for Newest { block, sequence, height } in lines {
                let result = writeln!(text, "{writer} {block} {sequence} {height}");
                result.expect("because a string takes any text");
            }
        }
        for (head, reason) in &self.left_out {
            writeln!(text, "{LEFT_OUT} {head} {reason}").expect("because a string takes any text");
        }
        text.into_bytes()
    }

    fn parse(note: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(note).ok()?.lines();
        let mut merged = Self::nothing(lines.next()?.parse().ok()?);
        for line in lines {
            if let Some(left_out) = line.strip_prefix(LEFT_OUT) {
                let (head, reason) = left_out.strip_prefix(' ')?.split_once(' ')?;
                merged.left_out.push_back((head.parse().ok()?, reason.to_string()));
                continue;
            }
            let (writer, newest) = parse_line(line)?;
            merged.of.entry(writer).or_default().push(newest);
        }
        Some(merged)
    }
}

/// How the line of a head that was left out begins; no key's does.
const LEFT_OUT: &str = "left-out";

fn parse_line(line: &str) -> Option<(KeyId, Newest)> {
    let mut words = line.split(' ');
    let (writer, block) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let (sequence, height) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some((writer, Newest { block, sequence, height }))
}

/// Whether a writer's block is `upper` or before it in the same line. The walk is as long as there are blocks between the two.
pub(crate) fn is_on_line(
    objects: &dyn Objects,
    upper: BlockId,
    block: BlockId,
    sequence: u64,
) -> Result<bool, BlockError> {
    let mut next = Some(upper);
    while let Some(id) = next.filter(|id| *id != block) {
        let above = Block::read(objects, id)?;
        if above.sequence.unwrap_or(0) <= sequence {
            return Ok(false);
        }
        next = above.own();
    }
    Ok(next.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_comes_back_and_a_damaged_one_does_not() {
        let newest = Newest { block: BlockId::new([2; 32]), sequence: 7, height: 3 };
        let of = BTreeMap::from([("ab".repeat(16).parse().unwrap(), vec![newest, newest])]);
        let left_out = VecDeque::from([(BlockId::new([3; 32]), "it conflicts".to_string())]);
        let merged = Merged { upto: BlockId::new([1; 32]), of, left_out };
        let note = merged.to_bytes();
        assert_eq!(Merged::parse(&note), Some(merged));
        assert_eq!(Merged::parse(&note[..note.len() - 20]), None);
        assert_eq!(Merged::parse(b"nonsense"), None);
    }
}
