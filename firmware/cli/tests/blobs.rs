//! Large files: cut, put, got, verified, collected; ledgerd does not run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

#[path = "../../chunk/tests/support/mod.rs"]
#[allow(dead_code, reason = "shared with the cutters' own tests")]
mod support;

use common::{TestHome, noise, run};
use std::{fs, process::Command};

#[test]
fn cut_prints_the_offsets_of_the_vectors_and_nothing_else() {
    let home = TestHome::new();
    let file = home.file("random", support::Python::seed(42).bytes(1 << 20));
    let said = home.good(&["blob", "cut", "--cutter", "rabin:1024:8192:65536", &file]);
    let vectors = include_str!("../../chunk/tests/data/rabin-1k-8k-64k.csv").lines().skip(1);
    let wanted: Vec<&str> = vectors.map(|line| line.rsplit_once(',').unwrap().0).collect();
    let got: Vec<&str> = said.lines().collect();
    assert_eq!((got.len(), &got[..wanted.len()]), (132, &wanted[..]));
    let fast = home.good(&["blob", "cut", "--cutter", "fastcdc:1024:8192:65536", &file]);
    assert_eq!((fast.lines().count(), &fast[..2]), (103, "0,"));
    let total: u64 = fast.lines().map(|line| line.split_once(',').unwrap().1.parse::<u64>().unwrap()).sum();
    assert_eq!(total, 1 << 20);
}

#[test]
fn a_file_of_twenty_megabytes_comes_back_as_it_was() {
    let home = TestHome::new();
    let bytes = noise(20_000_000);
    let file = home.file("large", &bytes);
    let said = home.good(&["blob", "put", &file, "files/large"]);
    assert!(said.starts_with("files/large: 19.1 MiB in "), "{said}");
    let out = home.folder().join("out");
    home.good(&["blob", "get", "files/large", out.to_str().unwrap()]);
    assert!(fs::read(&out).unwrap() == bytes, "the file is another");
    let listed = &home.json(&["blob", "list"])["files"][0];
    assert_eq!((listed["path"].as_str(), listed["size"].as_u64()), (Some("files/large"), Some(20_000_000)));
    assert!(home.good(&["blob", "verify"]).starts_with("good: "));
    let again = home.good(&["blob", "put", &file, "files/same"]);
    assert!(again.contains(", 0 new"), "{again}");
}

#[test]
fn collection_keeps_what_a_branch_reaches_and_nothing_else() {
    let home = TestHome::new();
    let (one, two) = (noise(3_000_000), noise(9_000_000)[3_000_000..].to_vec());
    let (first, second) = (home.file("one", &one), home.file("two", &two));
    home.good(&["blob", "put", &first, "files/one"]);
    home.good(&["blob", "put", &second, "files/two"]);
    let before = home.json(&["blob", "gc"]);
    assert_eq!(before["removed"], 0, "both are reached");
    home.good(&["propose", "--delete", "files/two.manifest"]);
    let after = home.json(&["blob", "gc"]);
    assert!(after["removed"].as_u64().unwrap() > 10, "{after}");
    let out = home.folder().join("out");
    home.good(&["blob", "get", "files/one", out.to_str().unwrap()]);
    assert!(fs::read(&out).unwrap() == one);
    assert!(home.bad(&["blob", "get", "files/two", "x"]).contains("no large file"));
}

#[test]
fn a_damaged_chunk_is_named_and_no_half_file_is_left() {
    let home = TestHome::new();
    let file = home.file("large", noise(2_000_000));
    home.good(&["blob", "put", &file, "files/large"]);
    let packs = fs::read_dir(home.path().join("chunks")).unwrap().map(|entry| entry.unwrap().path());
    let pack = packs.filter(|path| path.extension().is_some_and(|end| end == "pack")).max().unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let said = home.bad(&["blob", "verify"]);
    assert!(
        said.contains("1 chunk is damaged or missing:\n  chunk ")
            && said.contains("hint: put the files again"),
        "{said}"
    );
    let refused = home.bad(&["blob", "get", "files/large", "out"]);
    assert!(refused.contains("cannot get files/large") && refused.contains("hint: "), "{refused}");
    assert!(!home.folder().join("out").exists() && !home.folder().join("out.part").exists());
    home.good(&["blob", "put", &file, "files/large-again"]);
    home.good(&["blob", "get", "files/large", "out"]);
}

/// Random bytes with a run of zeros and a repetition, so that chunks repeat and pack.
fn disk() -> Vec<u8> {
    let noise = noise(1_500_000);
    [&noise[..], &[0; 1_000_000], &noise[..700_000]].concat()
}

fn casync(words: &[&str]) {
    run(Command::new("casync").args(words));
}

#[test]
fn casync_extracts_what_was_exported_and_would_have_made_the_same() {
    let (home, bytes) = (TestHome::new(), disk());
    let file = home.file("disk", &bytes);
    home.good(&["blob", "put", &file, "files/disk"]);
    let said = home.good(&["blob", "export", "files/disk", "out"]);
    assert!(said.starts_with("out/disk.caibx: 3.1 MiB in "), "{said}");
    let path = |name: &str| home.folder().join(name).to_str().unwrap().to_string();
    let store = format!("--store={}", path("out/default.castr"));
    casync(&["extract", &store, &path("out/disk.caibx"), &path("back")]);
    assert!(fs::read(path("back")).unwrap() == bytes);
    fs::create_dir(path("theirs")).unwrap();
    let theirs = format!("--store={}", path("theirs"));
    casync(&["make", &theirs, &path("their.caibx"), &file]);
    assert_eq!(fs::read(path("their.caibx")).unwrap(), fs::read(path("out/disk.caibx")).unwrap());
    let again = home.json(&["blob", "export", "files/disk", "out", "--chunk-size", "65536"]);
    assert_eq!(again["new_chunks"], 0, "{again}");
}

#[test]
fn what_casync_made_is_imported_byte_for_byte() {
    let (home, bytes) = (TestHome::new(), disk());
    let file = home.file("disk", &bytes);
    let path = |name: &str| home.folder().join(name).to_str().unwrap().to_string();
    for packing in ["zstd", "gzip"] {
        let (index, store, out) = (path("disk.caibx"), path(packing), path("out"));
        fs::create_dir(&store).unwrap();
        casync(&["make", &format!("--compression={packing}"), &format!("--store={store}"), &index, &file]);
        let name = format!("files/{packing}");
        home.good(&["blob", "import", &index, &name, "--store", &store, "--format", "casync"]);
        home.good(&["blob", "get", &name, &out]);
        assert!(fs::read(&out).unwrap() == bytes, "{packing}");
    }
    let listed = home.json(&["blob", "list"]);
    assert_eq!(listed["files"][0]["blake3"], listed["files"][1]["blake3"]);
}

#[test]
fn an_import_of_a_damaged_or_missing_chunk_leaves_nothing_in_the_ledger() {
    let home = TestHome::new();
    let file = home.file("disk", disk());
    home.good(&["blob", "put", &file, "files/disk"]);
    home.good(&["blob", "export", "files/disk", "out"]);
    let import = ["blob", "import", "out/disk.caibx", "files/copy"];
    let store = home.folder().join("out/default.castr");
    let folder = fs::read_dir(&store).unwrap().next().unwrap().unwrap().path();
    let chunk = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&chunk).unwrap();
    fs::write(&chunk, &whole[..whole.len() / 2]).unwrap();
    let said = home.bad(&import);
    assert!(said.contains("cannot put out/disk.caibx") && said.contains("it is damaged"), "{said}");
    fs::remove_file(&chunk).unwrap();
    let said = home.bad(&import);
    assert!(said.contains("cannot read chunk "), "{said}");
    assert!(home.bad(&["blob", "get", "files/copy", "x"]).contains("no large file"));
    let repaired = home.json(&["blob", "export", "files/disk", "out"]);
    assert_eq!(repaired["new_chunks"], 1);
    home.good(&import);
}
