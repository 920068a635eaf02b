//! The delta, there and back: on edited files, in any order, in part, and with a wrong old file.

#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]
#![allow(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]

mod support;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    io,
    sync::LazyLock,
};

use chunk::{
    Builder, Cutter, FileHasher, Manifest, chunk_id, cut,
    delta::{Decoder, Delta, EncodeError, Encoder, MakeError, MismatchError, Segment, Source},
};
use proptest::prelude::*;
use support::Python;

const CUTTER: &str = "fastcdc:64:256:1024";

/// A file with its manifest.
#[derive(Debug, Clone)]
struct File {
    bytes: Vec<u8>,
    manifest: Manifest,
}

impl File {
    fn of(bytes: Vec<u8>, cutter: &str) -> Self {
        let cutter: Cutter = cutter.parse().unwrap();
        let (mut builder, mut whole) = (Builder::new(cutter), FileHasher::new());
        whole.update(&bytes);
        for range in cut(cutter, &bytes) {
            builder.push(chunk_id(&bytes[range.clone()]), range.len() as u32).unwrap();
        }
        Self { manifest: builder.finish(whole.finish()), bytes }
    }

    fn source(&self) -> Source<'_> {
        Source { bytes: &self.bytes, manifest: &self.manifest }
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let from = offset as usize;
        let bytes = self.bytes.get(from..from + into.len());
        into.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    /// The bytes of each chunk by its number.
    fn chunks(&self) -> Vec<&[u8]> {
        cut(self.manifest.cutter, &self.bytes).map(|range| &self.bytes[range]).collect()
    }
}

/// A delta with its frames.
type Frames = (Delta, Vec<Vec<u8>>);

/// Made, and read again from its text.
fn delta(old: &File, new: &File) -> Frames {
    let encoder = Encoder::new(old.source(), new.source()).unwrap();
    let made: Vec<(Segment, Vec<u8>)> =
        (0..encoder.segments()).rev().filter_map(|segment| encoder.encode(segment).unwrap()).collect();
    let (segments, mut frames): (Vec<_>, Vec<_>) = made.into_iter().unzip();
    frames.reverse();
    let delta = Delta::between(&old.manifest, &new.manifest, segments).unwrap();
    (Delta::parse(delta.to_text().as_bytes()).unwrap(), frames)
}

/// The new file from the old one's chunks, the segments that came, and plain chunks for the rest; how many of those it took.
fn rebuild(
    (old, new): (&File, &File),
    (delta, frames): &Frames,
    came: impl Fn(usize) -> bool,
) -> (Vec<u8>, usize) {
    let decoder = Decoder::new(delta, &new.manifest).unwrap();
    let names = old.manifest.chunks.iter().map(|(id, _)| *id);
    let mut known: BTreeMap<_, Vec<u8>> = names.zip(old.chunks().into_iter().map(<[u8]>::to_vec)).collect();
    for (segment, frame) in frames.iter().enumerate().filter(|(segment, _)| came(*segment)) {
        let made = decoder.make(segment, frame, |offset, into| old.read(offset, into)).unwrap();
        known.extend(made.chunks().map(|(_, id, bytes)| (id, bytes.to_vec())));
    }
    let plain = RefCell::new(BTreeSet::new());
    let chunks = new.manifest.chunks.iter().zip(new.chunks()).flat_map(|((id, _), bytes)| {
        known.get(id).cloned().unwrap_or_else(|| {
            plain.borrow_mut().insert(*id);
            bytes.to_vec()
        })
    });
    let file = chunks.collect();
    (file, plain.into_inner().len())
}

/// Three quarters of a mebibyte of what programs are like: half of it compresses.
static PROGRAM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut random = Python::seed(11);
    let mut bytes = Vec::new();
    while bytes.len() < 768 << 10 {
        let piece = (random.random() * 300.0) as usize;
        if random.random() < 0.3 && bytes.len() > piece {
            let from = (random.random() * (bytes.len() - piece) as f64) as usize;
            bytes.extend_from_within(from..from + piece);
        } else {
            bytes.extend(random.bytes(piece));
        }
    }
    bytes
});

/// One change of a file.
#[derive(Debug, Clone)]
enum Edit {
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Overwrite(usize, Vec<u8>),
    Move(usize, usize, usize),
    /// Every so many bytes one is another, as addresses are in a program that was built anew.
    Sprinkle(usize, usize, usize),
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let within = |at: usize| at % (bytes.len() + 1);
        match self {
            Self::Insert(at, piece) => {
                let at = within(*at);
                bytes.splice(at..at, piece.iter().copied());
            }
            Self::Remove(at, length) => {
                let at = within(*at);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Self::Overwrite(at, piece) => {
                let at = within(*at);
                let end = (at + piece.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&piece[..end - at]);
            }
            Self::Move(from, length, to) => {
                let from = within(*from);
                let piece: Vec<u8> = bytes.drain(from..(from + length).min(bytes.len())).collect();
                let to = to % (bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            Self::Sprinkle(at, length, step) => {
                let at = within(*at);
                let end = (at + length).min(bytes.len());
                bytes[at..end].iter_mut().step_by(*step).for_each(|byte| *byte = byte.wrapping_add(1));
            }
        }
    }
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let piece = || prop::collection::vec(any::<u8>(), 0..3000);
    prop_oneof![
        (any::<usize>(), piece()).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (any::<usize>(), 0usize..20_000).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<usize>(), piece()).prop_map(|(at, piece)| Edit::Overwrite(at, piece)),
        (any::<usize>(), 0usize..50_000, any::<usize>())
            .prop_map(|(at, length, to)| Edit::Move(at, length, to)),
        (any::<usize>(), 0usize..50_000, 20usize..200)
            .prop_map(|(at, length, step)| Edit::Sprinkle(at, length, step)),
    ]
}

/// An old file and a new one.
fn any_pair() -> impl Strategy<Value = (File, File)> {
    (0usize..120_000, prop::collection::vec(any_edit(), 0..6)).prop_map(|(length, edits)| {
        let old = PROGRAM[..length].to_vec();
        let mut new = old.clone();
        edits.iter().for_each(|edit| edit.apply(&mut new));
        (File::of(old, CUTTER), File::of(new, CUTTER))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn an_edited_file_is_made_from_the_old_one((old, new) in any_pair()) {
        let file = rebuild((&old, &new), &delta(&old, &new), |_| true).0;
        prop_assert_eq!(file, new.bytes);
    }

    #[test]
    fn a_delta_is_never_longer_than_the_plain_chunks_that_it_spares((old, new) in any_pair()) {
        let (delta, frames) = delta(&old, &new);
        for (segment, frame) in delta.segments.iter().zip(&frames) {
            let alone = |number: usize| {
                let chunk = new.chunks()[number];
                zstd::bulk::compress(chunk, 3).unwrap().len().min(chunk.len())
            };
            prop_assert_eq!(segment.frame_bytes as usize, frame.len());
            prop_assert!(frame.len() < segment.numbers().map(alone).sum());
        }
    }

    #[test]
    fn a_wrong_old_file_gives_an_error_or_the_right_bytes((old, new) in any_pair(), edit in any_edit()) {
        let (delta, frames) = delta(&old, &new);
        let decoder = Decoder::new(&delta, &new.manifest).unwrap();
        let mut wrong = old.clone();
        edit.apply(&mut wrong.bytes);
        for (segment, frame) in frames.iter().enumerate() {
            if let Ok(made) = decoder.make(segment, frame, |offset, into| wrong.read(offset, into)) {
                made.chunks().for_each(|(number, _, bytes)| assert_eq!(bytes, new.chunks()[number]));
            }
        }
    }

    #[test]
    fn a_hostile_frame_gives_an_error_or_the_right_bytes(
        (old, new) in any_pair(),
        at: usize,
        flip in 1u8..,
    ) {
        let (mut delta, frames) = delta(&old, &new);
        for (segment, frame) in frames.iter().enumerate() {
            let mut bad = frame.clone();
            bad[at % frame.len()] ^= flip;
            // The publisher himself is hostile: the name fits the frame.
            delta.segments[segment].frame = chunk_id(&bad);
            let decoder = Decoder::new(&delta, &new.manifest).unwrap();
            if let Ok(made) = decoder.make(segment, &bad, |offset, into| old.read(offset, into)) {
                made.chunks().for_each(|(number, _, bytes)| assert_eq!(bytes, new.chunks()[number]));
            }
        }
    }
}

/// Files whose delta has many segments, and the delta: noise of 9 MiB, of which every 50,000th byte is another in the new file.
static LARGE: LazyLock<(File, File, Frames)> = LazyLock::new(|| {
    let old = Python::seed(5).bytes(9 << 20);
    let mut new = old.clone();
    new.iter_mut().step_by(50_000).for_each(|byte| *byte ^= 1);
    let cutter = "fastcdc:16384:65536:262144";
    let (old, new) = (File::of(old, cutter), File::of(new, cutter));
    let delta = delta(&old, &new);
    (old, new, delta)
});

#[test]
fn small_changes_all_over_a_large_file_travel_in_few_bytes() {
    let (_, _, (delta, frames)) = &*LARGE;
    assert!(delta.segments.len() > 2, "{} segments", delta.segments.len());
    let bytes: usize = frames.iter().map(Vec::len).sum();
    assert!(bytes < 10_000, "{bytes} bytes for 189 changed ones");
    assert!(delta.segments.iter().all(|segment| segment.prefix_bytes() <= 8 << 20));
}

#[test]
fn any_part_of_the_segments_can_come_and_plain_chunks_do_the_rest() {
    let (old, new, made) = &*LARGE;
    for missing in 0..made.0.segments.len() {
        let (file, plain) = rebuild((old, new), made, |segment| segment != missing);
        assert_eq!(plain, made.0.segments[missing].numbers().count());
        assert!(file == new.bytes, "without segment {missing}");
    }
}

#[test]
fn from_nothing_a_delta_is_the_whole_file_in_large_frames() {
    let nothing = File::of(Vec::new(), CUTTER);
    let text: Vec<u8> = (0..40_000).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
    let new = File::of(text, CUTTER);
    let made = delta(&nothing, &new);
    assert!(made.0.segments.iter().all(|segment| segment.prefix.is_empty()));
    assert_eq!(rebuild((&nothing, &new), &made, |_| true), (new.bytes, 0));
}

#[test]
fn noise_that_the_old_file_never_had_travels_as_plain_chunks() {
    let old = File::of(Python::seed(1).bytes(50_000), CUTTER);
    let new = File::of(Python::seed(2).bytes(50_000), CUTTER);
    assert_eq!(delta(&old, &new).0.segments, []);
}

#[test]
fn the_same_file_needs_nothing() {
    let file = File::of(PROGRAM.clone(), CUTTER);
    assert_eq!(delta(&file, &file).0.segments, []);
}

/// A small pair with one segment.
fn pair() -> (File, File, Delta, Vec<u8>) {
    let mut bytes = PROGRAM[..40_000].to_vec();
    let old = File::of(bytes.clone(), CUTTER);
    Edit::Sprinkle(10_000, 20_000, 50).apply(&mut bytes);
    let new = File::of(bytes, CUTTER);
    let (delta, mut frames) = delta(&old, &new);
    assert_eq!(frames.len(), 1);
    let frame = frames.remove(0);
    (old, new, delta, frame)
}

#[test]
fn a_wrong_old_file_is_named_as_a_reason() {
    let (old, new, delta, frame) = pair();
    let decoder = Decoder::new(&delta, &new.manifest).unwrap();
    let error = decoder.make(0, &frame, |_, into| {
        into.fill(7);
        Ok(())
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("old file is another one"), "{error}");
    assert!(decoder.make(0, &frame, |offset, into| old.read(offset, into)).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_the_place() {
    let (_, new, delta, frame) = pair();
    let decoder = Decoder::new(&delta, &new.manifest).unwrap();
    let offset = delta.segments[0].prefix[0].start;
    match decoder.make(0, &frame, |_, _| Err(io::Error::other("the card was pulled"))) {
        Err(MakeError::Old { offset: at, source }) => {
            assert_eq!((at, source.to_string()), (offset, "the card was pulled".to_owned()));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_chunk_in_place_of_the_frame_is_refused_before_anything_is_read() {
    let (_, new, delta, _) = pair();
    let decoder = Decoder::new(&delta, &new.manifest).unwrap();
    let never = |_, _: &mut [u8]| panic!("the old file was read");
    assert!(matches!(decoder.make(0, b"another", never), Err(MakeError::OtherFrame(0))));
    assert!(matches!(decoder.make(1, b"another", never), Err(MakeError::NoSuchSegment(1))));
}

#[test]
fn a_delta_of_another_file_does_not_fit() {
    let (old, new, delta, _) = pair();
    assert_eq!(Decoder::new(&delta, &old.manifest).unwrap_err(), MismatchError::OtherFile);
    let mut long = delta;
    long.segments[0].chunks = vec![0..new.manifest.chunks.len() + 1];
    assert!(matches!(Decoder::new(&long, &new.manifest), Err(MismatchError::NoSuchChunk { segment: 0, .. })));
}

#[test]
fn a_segment_that_would_make_more_than_a_box_has_room_for_is_refused() {
    let (_, new, _) = &*LARGE;
    let all = vec![0..new.manifest.chunks.len()];
    let segment = Segment { frame: chunk_id(b"x"), frame_bytes: 1, chunks: all, prefix: vec![] };
    let delta = Delta::between(&new.manifest, &new.manifest, vec![segment]).unwrap();
    match Decoder::new(&delta, &new.manifest) {
        Err(MismatchError::TooLong { segment: 0, bytes }) => assert_eq!(bytes, 9 << 20),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bytes_of_another_length_than_the_manifest_says_are_not_published() {
    let file = File::of(PROGRAM[..5000].to_vec(), CUTTER);
    let short = Source { bytes: &file.bytes[1..], manifest: &file.manifest };
    let error = Encoder::new(short, file.source()).err().unwrap();
    assert_eq!(error, EncodeError::OtherFile { manifest: 5000, bytes: 4999 });
}
