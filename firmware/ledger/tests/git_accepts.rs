//! An ordinary git reads the ledger: fsck, log with signatures, and clone.
//!
//! The objects are written as loose objects into a bare SHA-256 repository, as plainly as git's format has them, so that the
//! test depends on no store of ours. A machine without git fails it.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod common;

use common::*;
use ledger::{Choices, State, allowed_signers};
use model::BlockId;
use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output},
};

fn git(folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git is needed for this test");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "git {arguments:?}: {out}{err}");
    output
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn write_loose(house: &House, repository: &Path) {
    for (id, object) in house.store.iter() {
        let id = id.to_string();
        let folder = repository.join("objects").join(&id[..2]);
        fs::create_dir_all(&folder).unwrap();
        let kind = match object.kind {
            ledger::Kind::Blob => "blob",
            ledger::Kind::Tree => "tree",
            ledger::Kind::Commit => "commit",
        };
        let file = fs::File::create(folder.join(&id[2..])).unwrap();
        let mut packed = flate2::write::ZlibEncoder::new(file, flate2::Compression::fast());
        write!(packed, "{kind} {}\0", object.bytes.len()).unwrap();
        packed.write_all(&object.bytes).unwrap();
        packed.finish().unwrap();
    }
}

/// A ledger with every kind of block, a conflict that was left out, a copied card and a revoked key; and the fork's head.
fn ledger_with_everything() -> (House, BlockId) {
    let mut house = House::new();
    let carol = house.write("carol", &[change("people/erik.toml", "name = \"Erik\"\n")]);
    let front = house.events("front", 3);
    house.merge(&[carol, front]);
    let one = house.write("bob", &[change("people/erik.toml", "name = \"Erik\"\nplan = \"a\"\n")]);
    let other = house.write("carol", &[change("people/erik.toml", "name = \"Erik\"\nplan = \"b\"\n")]);
    house.merge(&[one, other]);
    house.write_for("back", "desk", &[change("people/fred.toml", "name = \"Fred\"\n")]).unwrap();
    let back = house.events("back", 2);
    house.merge(&[back]);
    let lab = with_a_fork_that_is_joined(&mut house);
    with_a_copied_card(&mut house);
    let until = house.now + 5000;
    house.change("alice", &[revoked_key("person:carol", "alice", until)]);
    (house, lab)
}

fn with_a_fork_that_is_joined(house: &mut House) -> BlockId {
    let main = house.main;
    house.fork("carol", "lab", "back", Some(POLICY));
    let back = house.events("back", 2);
    let erik = house.write("alice", &[change("people/hans.toml", "name = \"Hans\"\n")]);
    house.merge(&[back, erik]);
    let lab = std::mem::replace(&mut house.main, main);
    house.validator = "front";
    let join = house.join("bob", lab, &Choices::new()).unwrap();
    house.merge(&[join]);
    lab
}

fn with_a_copied_card(house: &mut House) {
    let shared = house.own[&id("back")];
    let original = house.events("back", 1);
    house.own.insert(id("back"), shared);
    let copy = house.events("back", 2);
    house.merge(&[original]);
    house.merge(&[copy]);
    house.own.insert(id("back"), original);
}

#[test]
fn git_clones_checks_and_shows_every_signature_as_good() {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("ledger.git");
    git(folder.path(), &["init", "--quiet", "--bare", "--object-format=sha256", "ledger.git"]);
    let (house, lab) = ledger_with_everything();
    write_loose(&house, &repository);
    git(&repository, &["symbolic-ref", "HEAD", "refs/heads/main"]);
    git(&repository, &["update-ref", "refs/heads/main", &house.main.to_string()]);
    git(&repository, &["update-ref", "refs/heads/lab", &lab.to_string()]);
    for (key, block) in &house.own {
        git(&repository, &["update-ref", &format!("refs/ledger/{key}/main"), &block.to_string()]);
    }
    let checked = text(&git(&repository, &["fsck", "--strict", "--full"]));
    assert!(!checked.contains("error") && !checked.contains("warning"), "{checked}");

    let signers = folder.path().join("allowed_signers");
    fs::write(&signers, allowed_signers(&State::at(&house.store, house.main).unwrap()).unwrap()).unwrap();
    let file = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    let log = ["-c", "gpg.format=ssh", "-c", &file, "log", "--all", "--show-signature", "--format=block %H"];
    let log = text(&git(&repository, &log));
    let blocks = log.lines().filter(|line| line.starts_with("block ")).count();
    let good = log.lines().filter(|line| line.starts_with("Good \"git\" signature for ")).count();
    assert_eq!(blocks, 22, "{log}");
    assert_eq!(good, blocks, "{log}");

    git(folder.path(), &["clone", "--quiet", "ledger.git", "clone"]);
    let erik = fs::read_to_string(folder.path().join("clone/people/erik.toml")).unwrap();
    assert_eq!(erik, "name = \"Erik\"\nplan = \"a\"\n");
    assert_eq!(fs::read_dir(folder.path().join("clone/log/front/1970-01/01")).unwrap().count(), 1);
    assert!(folder.path().join("clone/people/hans.toml").exists());
    house.verify().unwrap();
}

#[test]
fn the_signers_file_ends_a_revoked_key_at_its_revocation() {
    let mut house = House::new();
    house.change("alice", &[revoked_key("person:carol", "alice", 1_795_351_805_007)]);
    let text = allowed_signers(&State::at(&house.store, house.main).unwrap()).unwrap();
    let carol = text.lines().find(|line| line.starts_with("person:carol ")).unwrap();
    let public = key("carol").public();
    assert_eq!(carol, format!("person:carol namespaces=\"git\",valid-before=\"20261122125006Z\" {public}"));
    let alice = text.lines().find(|line| line.starts_with("person:alice ")).unwrap();
    assert!(!alice.contains("valid-before"));
    assert_eq!(text.lines().count(), 5);
}
