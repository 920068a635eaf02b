//! Debian's casync extracts what we write, and we read what it made.

#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use chunk::{
    Cutter,
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
    let cutter = Cutter::default();
    let mut index = Index { sizes: sizes(cutter), chunks: Vec::new() };
    for range in cut(cutter, bytes) {
        let plain = &bytes[range];
        let name = chunk_name(plain);
        let file = folder.join("store").join(name.path());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, pack(plain).unwrap()).unwrap();
        index.chunks.push((name, plain.len() as u32));
    }
    let file = folder.join("file.caibx");
    fs::write(&file, index.to_bytes()).unwrap();
    file
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
