//! The delta's text (`docs/formats/delta.md`): which segments there are, and what each one takes and makes.
//!
//! Canonical as a manifest is: [`Delta::parse`] takes nothing that [`Delta::to_text`] would not write, and nothing beyond the limits.
//! Whether a delta fits the new file's manifest is asked by [`Decoder::new`](super::Decoder::new).

use std::{fmt::Write, ops::Range};

use model::ChunkId;

use super::{MAX_DELTA_BYTES, MAX_FRAME_BYTES, MAX_PREFIX_BYTES, MAX_SEGMENTS};
use crate::{
    MAX_CHUNKS, Manifest,
    text::{Lines, WrongLine, decimal, named},
};

const FIRST_LINE: &str = "delta 1";

/// How chunks of a new file are made from an old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// BLAKE3 over the whole old file.
    pub old: [u8; 32],
    /// The old file's length in bytes.
    pub old_size: u64,
    /// BLAKE3 over the whole new file.
    pub new: [u8; 32],
    /// In the order of the chunks that they make.
    pub segments: Vec<Segment>,
}

/// Some chunks of the new file, made at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The zstd frame that makes them: a chunk like any other.
    pub frame: ChunkId,
    /// The frame's length.
    pub frame_bytes: u32,
    /// The chunks that are made, by their numbers in the new file's manifest, counted from 0: in order and apart.
    pub chunks: Vec<Range<usize>>,
    /// The bytes of the old file that stand before the frame's content: in order and apart.
    pub prefix: Vec<Range<u64>>,
}

/// Why bytes are no delta.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// Over [`MAX_DELTA_BYTES`].
    #[error("a delta of {0} bytes is longer than {MAX_DELTA_BYTES}")]
    TooLong(usize),
    /// The first line is another.
    #[error("this is no delta: its first line is not \"{FIRST_LINE}\"")]
    NotADelta,
    /// A line has not the form that its place asks for.
    #[error("line {line} of the delta is not \"{wanted}\" as we write it")]
    Line {
        /// Counted from 1.
        line: usize,
        /// The form.
        wanted: &'static str,
    },
    /// Over [`MAX_SEGMENTS`].
    #[error("the delta has more than {MAX_SEGMENTS} segments")]
    TooManySegments,
    /// The frame is empty or longer than a chunk may be.
    #[error("segment {0} has a frame that is empty or longer than {MAX_FRAME_BYTES} bytes")]
    Frame(usize),
    /// A segment without chunks, or chunks that are out of order, made twice or beyond the longest manifest.
    #[error("segment {0} does not make chunks that follow those before it")]
    Chunks(usize),
    /// Ranges that are empty, out of order, touch, or reach beyond the old file.
    #[error("segment {0} reads ranges that are out of order or beyond the old file's end")]
    Prefix(usize),
    /// Over [`MAX_PREFIX_BYTES`].
    #[error("segment {0} reads more than {MAX_PREFIX_BYTES} bytes of the old file")]
    PrefixTooLong(usize),
}

impl From<WrongLine> for DeltaError {
    fn from(WrongLine { line, wanted }: WrongLine) -> Self {
        Self::Line { line, wanted }
    }
}

impl Delta {
    /// The delta from one file to another, of these segments, which are put in order.
    pub fn between(old: &Manifest, new: &Manifest, mut segments: Vec<Segment>) -> Result<Self, DeltaError> {
        segments.sort_by_key(|segment| segment.chunks.first().map(|chunks| chunks.start));
        let mut delta = Self { old: old.hash, old_size: old.size, new: new.hash, segments: Vec::new() };
        segments.into_iter().try_for_each(|segment| delta.push(segment))?;
        match delta.to_text().len() {
            length if length > MAX_DELTA_BYTES => Err(DeltaError::TooLong(length)),
            _ => Ok(delta),
        }
    }

    /// The canonical text.
    pub fn to_text(&self) -> String {
        let hash = |bytes| hex::encode::<[u8; 32]>(bytes);
        let (old, new) = (hash(self.old), hash(self.new));
        let mut text = format!("{FIRST_LINE}\nold {old} {}\nnew {new}\n", self.old_size);
        for segment in &self.segments {
            segment.write(&mut text).expect("because a string takes everything");
        }
        text
    }

    /// Reads the canonical text, within the limits.
    pub fn parse(bytes: &[u8]) -> Result<Self, DeltaError> {
        if bytes.len() > MAX_DELTA_BYTES {
            return Err(DeltaError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| DeltaError::NotADelta)?;
        let mut lines = Lines::of(text);
        if lines.next() != Some(FIRST_LINE) {
            return Err(DeltaError::NotADelta);
        }
        let (old, old_size) = lines.field("old ", "old HASH BYTES", named::<u64>)?;
        let new = lines.field("new ", "new HASH", |hash| hash.parse::<ChunkId>().ok())?;
        let mut delta = Self { old: *old.as_bytes(), old_size, new: *new.as_bytes(), segments: Vec::new() };
        while !lines.is_at_end() {
            let segment = Segment::read(&mut lines)?;
            delta.push(segment)?;
        }
        Ok(delta)
    }

    /// Takes one more segment, if it may follow those before it.
    fn push(&mut self, segment: Segment) -> Result<(), DeltaError> {
        if self.segments.len() == MAX_SEGMENTS {
            return Err(DeltaError::TooManySegments);
        }
        self.check(&segment, self.segments.len())?;
        self.segments.push(segment);
        Ok(())
    }

    fn check(&self, segment: &Segment, number: usize) -> Result<(), DeltaError> {
        if !(1..=MAX_FRAME_BYTES).contains(&segment.frame_bytes) {
            return Err(DeltaError::Frame(number));
        }
        let behind = self.segments.last().and_then(|last| last.chunks.last()).map_or(0, |chunks| chunks.end);
        let chunks = segment.chunks.iter().map(|range| range.start as u64..range.end as u64);
        if segment.chunks.is_empty() || !apart(chunks, behind as u64, MAX_CHUNKS as u64) {
            return Err(DeltaError::Chunks(number));
        }
        if !apart(segment.prefix.iter().cloned(), 0, self.old_size) {
            return Err(DeltaError::Prefix(number));
        }
        if segment.prefix_bytes() > MAX_PREFIX_BYTES {
            return Err(DeltaError::PrefixTooLong(number));
        }
        Ok(())
    }
}

impl Segment {
    /// How many bytes of the old file it reads.
    pub fn prefix_bytes(&self) -> u64 {
        self.prefix.iter().map(|range| range.end - range.start).sum()
    }

    /// The numbers of the chunks that it makes.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        self.chunks.iter().cloned().flatten()
    }

    /// What it adds to the delta's text.
    pub(super) fn text_bytes(&self) -> usize {
        let mut text = String::new();
        self.write(&mut text).expect("because a string takes everything");
        text.len()
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "segment {} {}", self.frame, self.frame_bytes)?;
        for chunks in &self.chunks {
            writeln!(text, "make {} {}", chunks.start, chunks.len())?;
        }
        for range in &self.prefix {
            writeln!(text, "from {} {}", range.start, range.end - range.start)?;
        }
        Ok(())
    }

    fn read(lines: &mut Lines<'_>) -> Result<Self, WrongLine> {
        let (frame, frame_bytes) = lines.field("segment ", "segment CHUNK-ID BYTES", named::<u32>)?;
        let (mut chunks, mut prefix) = (Vec::new(), Vec::new());
        while lines.begins("make ") {
            let range = lines.field("make ", "make FIRST COUNT", span)?;
            chunks.push(range.start as usize..range.end as usize);
        }
        while lines.begins("from ") {
            prefix.push(lines.field("from ", "from OFFSET BYTES", span)?);
        }
        Ok(Self { frame, frame_bytes, chunks, prefix })
    }
}

/// A start and a length.
fn span(line: &str) -> Option<Range<u64>> {
    let (start, length) = line.split_once(' ')?;
    let start = decimal::<u64>(start)?;
    Some(start..start.checked_add(decimal(length)?)?)
}

/// Whether ranges are not empty, in order, with something between any two, and within `from..to`.
fn apart(mut ranges: impl Iterator<Item = Range<u64>>, from: u64, to: u64) -> bool {
    let mut least = from;
    ranges.all(|range| {
        let fits = range.start >= least && !range.is_empty() && range.end <= to;
        least = range.end.saturating_add(1);
        fits
    })
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
mod tests {
    use super::*;
    use crate::MAX_CHUNK_BYTES;

    fn delta() -> Delta {
        let segment = |name, chunks, prefix| Segment {
            frame: ChunkId::new([name; 32]),
            frame_bytes: 77,
            chunks,
            prefix,
        };
        let first = segment(1, vec![2..5, 7..8], vec![0..4096, 8192..10_000]);
        let second = segment(2, vec![8..9], vec![]);
        Delta { old: [3; 32], old_size: 10_000, new: [4; 32], segments: vec![first, second] }
    }

    fn changed(from: &str, to: &str) -> DeltaError {
        let text = delta().to_text();
        assert!(text.contains(from), "{from:?} is not in {text}");
        Delta::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err()
    }

    #[test]
    fn text_goes_there_and_back() {
        let text = delta().to_text();
        assert_eq!(Delta::parse(text.as_bytes()).unwrap(), delta());
        assert!(text.ends_with("make 8 1\n"), "{text}");
        let nothing = Delta { segments: vec![], ..delta() };
        assert_eq!(Delta::parse(nothing.to_text().as_bytes()).unwrap(), nothing);
    }

    #[test]
    fn what_we_would_not_write_is_refused_with_its_line() {
        let wrong_line = |from, to, line| match changed(from, to) {
            DeltaError::Line { line: at, .. } => assert_eq!(at, line, "{from:?} -> {to:?}"),
            other => panic!("{from:?} -> {to:?} gave {other:?}"),
        };
        wrong_line(" 10000\n", " 010000\n", 2);
        wrong_line(" 10000\n", "\n", 2);
        wrong_line("new ", "next ", 3);
        wrong_line("make 2 3\n", "make 2\n", 5);
        wrong_line("make 2 3\n", "make 2 99999999999999999999\n", 5);
        wrong_line("from 8192 1808\n", "from 18446744073709551615 2\n", 8);
        wrong_line("from 8192 1808\n", "from 8192 1808\n\n", 9);
        wrong_line("from 8192 1808\n", "from 8192 1808\nmake 9 1\n", 9);
    }

    #[test]
    fn the_first_line_tells_a_delta_from_any_other_file() {
        assert_eq!(changed("delta 1", "delta 2"), DeltaError::NotADelta);
        for other in [b"".as_slice(), b"delta 1", b"\xff\xfe", b"manifest 1\n"] {
            assert_eq!(Delta::parse(other), Err(DeltaError::NotADelta));
        }
    }

    #[test]
    fn chunks_are_made_once_and_in_order() {
        for (from, to) in [
            ("make 7 1\n", "make 4 1\n"),
            ("make 7 1\n", "make 5 1\n"),
            ("make 7 1\n", "make 7 0\n"),
            ("make 7 1\n", "make 7 999999\n"),
            ("make 2 3\nmake 7 1\n", ""),
        ] {
            assert_eq!(changed(from, to), DeltaError::Chunks(0), "{from:?} -> {to:?}");
        }
        assert_eq!(changed("make 8 1\n", "make 7 1\n"), DeltaError::Chunks(1));
    }

    #[test]
    fn only_the_old_file_is_read_and_not_too_much_of_it() {
        for (from, to) in [
            ("from 0 4096\n", "from 0 8192\n"),
            ("from 0 4096\n", "from 0 0\n"),
            ("from 0 4096\n", "from 8000 4096\n"),
            ("from 8192 1808\n", "from 8192 1809\n"),
        ] {
            assert_eq!(changed(from, to), DeltaError::Prefix(0), "{from:?} -> {to:?}");
        }
        let mut greedy = delta();
        greedy.old_size = MAX_PREFIX_BYTES + 1;
        greedy.segments[1].prefix = vec![0..MAX_PREFIX_BYTES + 1];
        assert_eq!(Delta::parse(greedy.to_text().as_bytes()), Err(DeltaError::PrefixTooLong(1)));
    }

    #[test]
    fn a_frame_is_as_long_as_a_chunk_may_be() {
        assert_eq!(changed(" 77\n", " 0\n"), DeltaError::Frame(0));
        assert_eq!(changed(" 77\n", &format!(" {}\n", MAX_CHUNK_BYTES + 1)), DeltaError::Frame(0));
    }

    #[test]
    fn more_segments_than_the_limit_are_refused() {
        let one = |number: usize| Segment { chunks: vec![number..number + 1], ..delta().segments[1].clone() };
        let full = Delta { segments: (0..MAX_SEGMENTS).map(one).collect(), ..delta() };
        assert!(Delta::parse(full.to_text().as_bytes()).is_ok());
        let mut over = full;
        over.segments.push(one(MAX_SEGMENTS));
        assert_eq!(Delta::parse(over.to_text().as_bytes()), Err(DeltaError::TooManySegments));
        assert_eq!(
            Delta::parse(&vec![b'x'; MAX_DELTA_BYTES + 1]),
            Err(DeltaError::TooLong(MAX_DELTA_BYTES + 1))
        );
    }

    #[test]
    fn a_delta_cut_short_inside_a_line_is_refused() {
        let text = delta().to_text();
        for end in (0..text.len()).filter(|end| !text[..*end].ends_with('\n')) {
            assert!(Delta::parse(&text.as_bytes()[..end]).is_err(), "cut at {end}");
        }
    }
}
