//! Releases on a stick: exported, imported, interrupted, damaged; ledgerd does not run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

#[path = "common/bundles.rs"]
mod bundles;

use bundles::{bundle, publish, root};
use chunk::{
    Manifest,
    delta::{Decoder, Delta},
};
use common::TestHome;
use model::ChunkId;
use std::{
    fs,
    path::{Path, PathBuf},
};
use update::{DeltaOffer, Release};

const FIRST: [&str; 3] = ["sim", "stable", "1.0.0"];

/// An organisation with two releases, the second of which has a delta.
fn publisher() -> TestHome {
    let home = TestHome::new();
    publish(&home, &bundle(&home, "one.tar", "sim", &root(100, 0)), "1.0.0", &[]);
    publish(&home, &bundle(&home, "two.tar", "sim", &root(100, 1)), "1.1.0", &[]);
    home
}

/// The same ledger without any chunk: a box that no network reaches.
fn far_box(publisher: &TestHome) -> TestHome {
    let far = TestHome::empty();
    copy(&publisher.path(), &far.path());
    fs::remove_dir_all(far.path().join("chunks")).unwrap();
    far
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &to);
        } else if path.is_file() {
            fs::copy(&path, &to).unwrap();
        }
    }
}

fn export(home: &TestHome, version: &str, stick: &str, more: &[&str]) -> String {
    home.good(&[&["image", "export", "sim", "stable", version, stick], more].concat())
}

fn chunks(stick: &str) -> Vec<PathBuf> {
    let folders = fs::read_dir(Path::new(stick).join("chunks")).unwrap().map(|folder| folder.unwrap().path());
    let mut files: Vec<PathBuf> =
        folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn stick(home: &TestHome) -> String {
    home.folder().join("stick").to_str().unwrap().to_owned()
}

#[test]
fn a_box_that_knows_the_release_takes_its_chunks_without_any_rights() {
    let home = publisher();
    let stick = stick(&home);
    let said = export(&home, "1.1.0", &stick, &["--deltas"]);
    assert!(said.starts_with(&format!("sim stable 1.1.0 is in {stick}: ")), "{said}");
    let again = export(&home, "1.1.0", &stick, &["--deltas"]);
    assert!(again.contains(", 0 written now"), "{again}");
    let far = far_box(&home);
    fs::remove_file(far.path().join("keys/alice")).unwrap();
    assert!(far.bad(&["image", "export", "sim", "stable", "1.1.0", "other"]).contains("cannot be had here"));
    let said = far.good(&["image", "import", &stick]);
    assert!(said.starts_with("sim stable 1.1.0: "), "{said}");
    let copied = far.folder().join("copied").to_str().unwrap().to_owned();
    export(&far, "1.1.0", &copied, &["--deltas"]);
    let names = |stick: &str| -> Vec<String> {
        chunks(stick).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&copied), names(&stick), "all that was on the stick is on the box");
    assert_eq!(far.json(&["blob", "gc"])["removed"], 0);
}

#[test]
fn the_new_root_comes_out_of_the_old_one_and_the_frames_on_the_stick() {
    let home = publisher();
    let stick = stick(&home);
    export(&home, "1.1.0", &stick, &["--deltas"]);
    let folder = Path::new(&stick).join("images/sim/stable/1.1.0");
    let release = Release::parse(&fs::read(folder.join("release.toml")).unwrap()).unwrap();
    let manifest = Manifest::parse(&fs::read(folder.join("root.erofs.manifest")).unwrap()).unwrap();
    let chunk = |id: ChunkId| {
        fs::read(Path::new(&stick).join(format!("chunks/{}/{id}", &id.to_string()[..2]))).unwrap()
    };
    let wanted = |offer: &&DeltaOffer| offer.from.is_some() && offer.part.as_str() == "root.erofs";
    let delta = Delta::parse(&chunk(release.deltas.iter().find(wanted).unwrap().list)).unwrap();
    let old = [root(100, 0), vec![0; 4096]].concat();
    let new = [root(100, 1), vec![0; 4096]].concat();
    let decoder = Decoder::new(&delta, &manifest).unwrap();
    let mut made = 0;
    for (segment, each) in delta.segments.iter().enumerate() {
        let read = |at: u64, into: &mut [u8]| {
            into.copy_from_slice(&old[at as usize..at as usize + into.len()]);
            Ok(())
        };
        for (number, _, bytes) in decoder.make(segment, &chunk(each.frame), read).unwrap().chunks() {
            let start: usize = manifest.chunks[..number].iter().map(|(_, length)| *length as usize).sum();
            assert!(new[start..start + bytes.len()] == *bytes, "chunk {number} is another");
            made += 1;
        }
    }
    assert!(made > 0, "the delta makes nothing");
}

#[test]
fn an_organisation_that_does_not_know_the_release_is_offered_it_with_its_signatures() {
    let home = publisher();
    let stick = stick(&home);
    export(&home, "1.0.0", &stick, &[]);
    export(&home, "1.1.0", &stick, &[]);
    let other = TestHome::new();
    let public = home.json(&["keys", "list"])["keys"].clone();
    let key = public.as_array().unwrap().iter().find(|key| key["owner"] == "person:alice").unwrap();
    let distributor = other.file("distributor.pub", key["public"].as_str().unwrap().to_owned() + "\n");
    other.good(&["people", "add", "dora"]);
    other.good(&["keys", "add", "dora", &distributor]);
    other.good(&["policy", "releases", "stable", "dora"]);
    let said = other.good(&["image", "import", &stick]);
    assert!(said.starts_with("sim stable 1.0.0: ") && said.contains("\nsim stable 1.1.0: "), "{said}");
    let shown = other.good(&["image", "show", "sim", "stable", "1.1.0"]);
    assert!(shown.contains("approved: signed by person:dora (1 of 1)"), "{shown}");
    let again = other.good(&["image", "import", &stick]);
    assert!(again.starts_with("sim stable 1.0.0: "), "{again}");
    other.good(&["people", "add", "eve"]);
    other.good(&["keys", "add", "eve", "--generate"]);
    let third = TestHome::new();
    third.good(&["people", "add", "eve"]);
    third.good(&["keys", "add", "eve", "--generate"]);
    let refused = third.bad(&["--as", "eve", "image", "import", &stick]);
    assert!(
        refused.contains("does not know sim stable 1.0.0 yet") && refused.contains("hint: "),
        "{refused}"
    );
    assert!(third.json(&["image", "list"])["releases"].as_array().unwrap().is_empty());
}

#[test]
fn a_damaged_stick_names_the_file_loses_nothing_and_is_mended_by_another_export() {
    let home = publisher();
    let stick = stick(&home);
    export(&home, "1.0.0", &stick, &[]);
    let files = chunks(&stick);
    let (damaged, missing) = (&files[0], &files[files.len() - 1]);
    let mut bytes = fs::read(damaged).unwrap();
    bytes[3] ^= 1;
    fs::write(damaged, bytes).unwrap();
    fs::remove_file(missing).unwrap();
    let far = far_box(&home);
    let said = far.bad(&["image", "import", &stick]);
    assert!(
        said.contains("2 files of the stick are damaged or missing") && said.contains("hint: "),
        "{said}"
    );
    let name = missing.file_name().unwrap().to_str().unwrap();
    assert!(said.contains(damaged.to_str().unwrap()) && said.contains(name), "{said}");
    let kept = far.json(&["blob", "gc"])["kept"].as_u64().unwrap();
    assert_eq!(kept as usize, files.len() - 2, "the whole chunks are kept");
    let mended = export(&home, "1.0.0", &stick, &[]);
    assert!(mended.contains(", 2 written now"), "{mended}");
    far.good(&["image", "import", &stick]);
}

#[test]
fn a_stick_that_lies_is_refused_before_anything_is_kept() {
    let home = publisher();
    let stick = stick(&home);
    export(&home, "1.0.0", &stick, &[]);
    let far = far_box(&home);
    let folder = Path::new(&stick).join("images/sim/stable/1.0.0");
    let refused = |file: &str, change: &dyn Fn(String) -> String| {
        let whole = fs::read_to_string(folder.join(file)).unwrap();
        fs::write(folder.join(file), change(whole.clone())).unwrap();
        let said = far.bad(&["image", "import", &stick]);
        fs::write(folder.join(file), whole).unwrap();
        said
    };
    let version = refused("release.toml", &|text| text.replace("1.0.0", "1.0.1"));
    assert!(version.contains("says that it belongs to images/sim/stable/1.0.1"), "{version}");
    let notes = refused("release.toml", &|text| text.replace("parts]]\n", "parts]]\n\n"));
    assert!(notes.contains("release.toml is damaged"), "{notes}");
    let made = refused("release.toml", &|text| text.replace("made = 1", "made = 2"));
    assert!(made.contains("the ledger has another release 1.0.0"), "{made}");
    let manifest = refused("root.erofs.manifest", &|text| text.replacen("65536", "65538", 1));
    assert!(manifest.contains("root.erofs.manifest is damaged"), "{manifest}");
    assert!(far.bad(&["image", "import", "nowhere"]).contains("there is no release in nowhere"));
    far.good(&["image", "import", &stick]);
    assert!(far.good(&[&["image", "show"][..], &FIRST].concat()).contains("approved"));
}
