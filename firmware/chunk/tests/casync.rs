//! Debian's casync extracts what we write, and we read what it made.

#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use chunk::{
    Buzhash, Cutter,
    casync::{Index, chunk_name, pack, unpack},
    cut,
};
use support::Python;

/// Half a mebibyte, compressible in part.
fn file() -> Vec<u8> {
    let noise = Python::seed(9).bytes(200_000);
    [noise.as_slice(), &[0; 150_000], &noise[..150_000], b"the end"].concat()
}

fn casync(words: &[&str], index: &Path, file: &Path) {
    let mut casync = Command::new("casync");
    let (first, options) = words.split_first().unwrap();
    casync.arg(first).args(options).arg(index).arg(file);
    let done = casync.output().expect("casync is installed: apt-get install casync");
    assert!(done.status.success(), "{casync:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Index and store in a folder, the way `ledgerctl blob export` does it.
fn export(bytes: &[u8], folder: &Path) -> PathBuf {
    for range in cut(Cutter::default(), bytes) {
        let plain = &bytes[range];
        let file = folder.join("store").join(chunk_name(plain).path());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, pack(plain).unwrap()).unwrap();
    }
    let file = folder.join("file.caibx");
    fs::write(&file, indexed(Cutter::default(), bytes).to_bytes()).unwrap();
    file
}

fn indexed(cutter: Cutter, bytes: &[u8]) -> Index {
    let named = |plain: &[u8]| (chunk_name(plain), plain.len() as u32);
    Index { sizes: sizes(cutter), chunks: cut(cutter, bytes).map(|range| named(&bytes[range])).collect() }
}

fn sizes(cutter: Cutter) -> [u64; 3] {
    let sizes = cutter.sizes();
    [sizes.min(), sizes.avg(), sizes.max()].map(u64::from)
}

#[test]
fn casync_extracts_what_we_write() {
    for bytes in [file(), b"short".to_vec()] {
        let folder = tempfile::tempdir().unwrap();
        let index = export(&bytes, folder.path());
        let (store, out) = (folder.path().join("store"), folder.path().join("out"));
        casync(&["extract", &format!("--store={}", store.display())], &index, &out);
        assert!(fs::read(&out).unwrap() == bytes, "{} bytes", bytes.len());
    }
}

#[test]
fn what_casync_made_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (source, index, store) =
        (folder.path().join("file"), folder.path().join("file.caibx"), folder.path().join("store"));
    fs::write(&source, file()).unwrap();
    fs::create_dir(&store).unwrap();
    casync(&["make", &format!("--store={}", store.display())], &index, &source);
    let read = Index::parse(&fs::read(&index).unwrap()).unwrap();
    assert_eq!(read.sizes, [16 << 10, 64 << 10, 256 << 10]);
    let chunks = read
        .chunks
        .iter()
        .map(|(name, length)| unpack(*name, *length, &fs::read(store.join(name.path())).unwrap()).unwrap());
    assert!(chunks.collect::<Vec<_>>().concat() == file());
    assert_eq!(read.to_bytes(), fs::read(&index).unwrap(), "the same index, byte for byte");
}

/// 4 MiB, random in part, with runs of zeros and of repeated bytes.
fn corpus() -> Vec<u8> {
    let noise = Python::seed(77).bytes(3 << 20);
    let text: Vec<u8> = (0..60_000).flat_map(|number: u32| format!("{number:08}\n").into_bytes()).collect();
    [&noise[..1 << 20], &[0; 300_000], &text, &noise[1 << 20..], &noise[..100_000]].concat()
}

#[test]
fn casync_cuts_where_we_cut() {
    let (folder, bytes) = (tempfile::tempdir().unwrap(), corpus());
    let [source, index, store] = ["file", "file.caibx", "store"].map(|name| folder.path().join(name));
    fs::write(&source, &bytes).unwrap();
    fs::create_dir(&store).unwrap();
    let store = format!("--store={}", store.display());
    let cutters =
        ["16384:65536:262144", "4096:16384:65536", "48:1000:5000", "9000:9001:9100", "700:5000:300000"];
    for sizes in cutters {
        casync(&["make", &store, &format!("--chunk-size={sizes}")], &index, &source);
        let cutter: Cutter = format!("buzhash:{sizes}").parse().unwrap();
        let ours = indexed(cutter, &bytes);
        assert!(ours.chunks.len() > 20, "{sizes}: {} chunks", ours.chunks.len());
        assert_eq!(ours.to_bytes(), fs::read(&index).unwrap(), "{sizes}: the same index, byte for byte");
    }
}

#[test]
fn casyncs_sizes_follow_from_an_average_as_ours_do() {
    let folder = tempfile::tempdir().unwrap();
    let [source, index, store] = ["file", "file.caibx", "store"].map(|name| folder.path().join(name));
    fs::write(&source, b"a file").unwrap();
    fs::create_dir(&store).unwrap();
    let store = format!("--store={}", store.display());
    for avg in [16 << 10, 20_001, 1 << 20] {
        casync(&["make", &store, &format!("--chunk-size={avg}")], &index, &source);
        let theirs = Index::parse(&fs::read(&index).unwrap()).unwrap().sizes;
        assert_eq!(sizes(Cutter::Buzhash(Buzhash::of_average(avg).unwrap())), theirs);
    }
    casync(&["make", &store], &index, &source);
    assert_eq!(
        Index::parse(&fs::read(&index).unwrap()).unwrap().sizes,
        sizes(Cutter::Buzhash(Buzhash::usual()))
    );
}
