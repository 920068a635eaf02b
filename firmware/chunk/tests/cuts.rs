//! The cuts, held against published ones and against cutters written another way.

#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod naive;
mod support;

use std::{
    collections::HashSet,
    io::{self, Read},
};

use chunk::{Cutter, Stream, chunk_id, cut};
use md5::{Digest, Md5};
use naive::naive_rabin;
use proptest::prelude::*;
use support::Python;

const MIB: usize = 1 << 20;

fn cutter(text: &str) -> Cutter {
    text.parse().unwrap()
}

fn md5(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

fn sizes(cutter: Cutter, bytes: &[u8]) -> Vec<usize> {
    cut(cutter, bytes).map(|range| range.len()).collect()
}

/// Random, but with runs and repeats as files have them.
fn mixed(seed: u32, length: usize) -> Vec<u8> {
    let mut random = Python::seed(seed);
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let piece = (random.random() * 20_000.0) as usize;
        match (random.random() * 4.0) as u8 {
            0 => bytes.resize(bytes.len() + piece, (random.random() * 256.0) as u8),
            1 => bytes.extend_from_within(..piece.min(bytes.len())),
            _ => bytes.extend(random.bytes(piece)),
        }
    }
    bytes.truncate(length);
    bytes
}

#[test]
fn rabin_cuts_where_the_published_vectors_say() {
    let bytes = Python::seed(42).bytes(MIB);
    assert_eq!(md5(&bytes), "a4c7a9dd3120f3f46f45190c73c257a8");
    let got: Vec<String> = cut(cutter("rabin:1024:8192:65536"), &bytes)
        .map(|range| format!("{},{},{}", range.start, range.len(), md5(&bytes[range.clone()])))
        .collect();
    let wanted: Vec<&str> = include_str!("data/rabin-1k-8k-64k.csv").lines().skip(1).collect();
    assert!(wanted.len() > 40, "the vector file is cut short");
    assert_eq!(got[..wanted.len()], wanted);
    assert_eq!(got.len(), 132);
}

#[test]
fn the_cuts_of_all_cutters_over_a_mebibyte_have_not_moved() {
    let bytes = Python::seed(42).bytes(MIB);
    let print = |text: &str| {
        let ends: Vec<u8> =
            cut(cutter(text), &bytes).flat_map(|range| (range.end as u32).to_le_bytes()).collect();
        (ends.len() / 4, chunk_id(&ends).short())
    };
    let cutters = [
        "rabin:1024:8192:65536",
        "fastcdc:1024:8192:65536",
        "fastcdc:16384:65536:262144",
        "buzhash:2048:8192:32768",
    ];
    let pinned = [(132, "c00be17c6131"), (103, "14275ccab86d"), (12, "f89c0bcf8520"), (135, "724ff8cf3a67")];
    assert_eq!(cutters.map(print), pinned.map(|(count, ends)| (count, ends.to_owned())));
}

#[test]
fn zeros_are_cut_at_the_longest() {
    assert_eq!(sizes(cutter("rabin:64:64:5000"), &[0; 12_000]), [5000, 5000, 2000]);
    assert_eq!(sizes(cutter("fastcdc:64:256:5000"), &[0; 12_000]), [5000, 5000, 2000]);
}

#[test]
fn bytes_put_in_front_change_only_the_first_chunks() {
    for text in ["rabin:1024:8192:65536", "fastcdc:2048:8192:65536", "buzhash:2048:8192:32768"] {
        let cutter = cutter(text);
        let before = mixed(7, MIB);
        let after = [b"seventeen letters".as_slice(), &before].concat();
        let names = |bytes: &[u8]| -> HashSet<_> {
            cut(cutter, bytes).map(|range| chunk_id(&bytes[range])).collect()
        };
        let (before, after) = (names(&before), names(&after));
        let fresh = after.difference(&before).count();
        assert!(fresh <= 5, "{cutter}: {fresh} of {} chunks are new", after.len());
    }
}

#[test]
fn a_whole_block_of_lanes_agrees_with_the_naive_cutter() {
    for seed in 0..2 {
        let bytes = mixed(seed, 40_000);
        for (min, avg, max) in [(1, 64, 4096), (31, 1000, 16_384), (2048, 8192, 16_384), (5000, 5000, 5000)] {
            let got = sizes(cutter(&format!("rabin:{min}:{avg}:{max}")), &bytes);
            assert_eq!(got, naive_rabin(&bytes, min, avg, max), "seed {seed}, {min}:{avg}:{max}");
        }
    }
}

/// Gives as many bytes at a time as the script says, and an interruption at times.
struct Dripping<'a> {
    bytes: &'a [u8],
    script: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl Read for Dripping<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match *self.script.next().unwrap() {
            0 => Err(io::ErrorKind::Interrupted.into()),
            count => {
                let count = count.min(into.len());
                self.bytes.read(&mut into[..count])
            }
        }
    }
}

fn any_rabin() -> impl Strategy<Value = (usize, usize, usize)> {
    (1usize..3000, 64usize..5000, 64usize..20_000)
        .prop_map(|(min, avg, max)| (min, avg.max(min), max.max(avg).max(min)))
}

fn any_cutter() -> impl Strategy<Value = Cutter> {
    let rabin = any_rabin().prop_map(|(min, avg, max)| cutter(&format!("rabin:{min}:{avg}:{max}")));
    let fast = (32usize..1000, 128usize..2000, 512usize..10_000).prop_map(|(min, avg, max)| {
        let (avg, max) = (avg.max(min), max.max(avg).max(min));
        cutter(&format!("fastcdc:{}:{}:{}", 2 * min, 2 * avg, 2 * max))
    });
    let buzhash = (48usize..3000, 48usize..5000, 48usize..20_000).prop_map(|(min, avg, max)| {
        let avg = avg.max(min);
        cutter(&format!("buzhash:{min}:{avg}:{}", max.max(avg)))
    });
    prop_oneof![rabin, fast, buzhash]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rabin_agrees_with_the_naive_cutter((min, avg, max) in any_rabin(), seed: u32, length in 0usize..12_000) {
        let bytes = mixed(seed, length);
        let got = sizes(cutter(&format!("rabin:{min}:{avg}:{max}")), &bytes);
        prop_assert_eq!(got, naive_rabin(&bytes, min, avg, max));
    }

    #[test]
    fn chunks_follow_each_other_and_keep_their_sizes(cutter in any_cutter(), seed: u32, length in 0usize..60_000) {
        let bytes = mixed(seed, length);
        let (min, max) = (cutter.sizes().min() as usize, cutter.sizes().max() as usize);
        let mut end = 0;
        for range in cut(cutter, &bytes) {
            prop_assert_eq!(range.start, end);
            end = range.end;
            prop_assert!(range.len() <= max && (range.len() >= min || end == length), "{:?}", range);
        }
        prop_assert_eq!(end, length);
    }

    #[test]
    fn a_stream_cuts_like_a_slice_however_the_bytes_drip(
        cutter in any_cutter(),
        seed: u32,
        length in 0usize..60_000,
        mut script in prop::collection::vec(prop_oneof![0usize..4, 4usize..20_000], 0..20),
    ) {
        script.push(1000);
        let bytes = mixed(seed, length);
        let reader = Dripping { bytes: &bytes, script: script.iter().cycle() };
        let streamed: Vec<Vec<u8>> = Stream::new(cutter, reader).collect::<io::Result<_>>().unwrap();
        let whole: Vec<&[u8]> = cut(cutter, &bytes).map(|range| &bytes[range]).collect();
        prop_assert_eq!(streamed, whole);
    }
}

#[test]
fn a_long_stream_cuts_like_a_slice() {
    let others = ["rabin:16:8192:65536", "rabin:16384:32768:65536", "buzhash:16384:65536:262144"];
    for cutter in others.map(cutter).into_iter().chain([Cutter::default()]) {
        let bytes = mixed(3, 4 * MIB);
        let streamed: Vec<usize> =
            Stream::new(cutter, bytes.as_slice()).map(|chunk| chunk.unwrap().len()).collect();
        assert_eq!(streamed, sizes(cutter, &bytes));
    }
}

#[test]
fn an_error_of_the_reader_ends_the_stream() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the card was pulled"))
        }
    }
    let reader = [7; 300_000].as_slice().chain(Failing);
    let mut stream = Stream::new(Cutter::default(), reader);
    assert_eq!(stream.next().unwrap().unwrap().len(), 262_144);
    assert!(stream.next().unwrap().is_err());
    assert!(stream.next().is_none());
}
