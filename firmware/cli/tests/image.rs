//! Releases: published, approved, listed, shown; ledgerd does not run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

#[path = "common/bundles.rs"]
mod bundles;

use bundles::{PUBLISH, bundle, bundle_with, publish, root};
use common::{TestHome, noise, run};
use serde_json::{Value, json};
use std::{fs, process::Command};

const DAPP: &str = r#"
name = "hello"
version = "1.0.0"
about = "Greets"
[serve]
args = ["/program"]
"#;
const FIRST: [&str; 3] = ["sim", "stable", "1.0.0"];

fn show(home: &TestHome, version: &str) -> Value {
    home.json(&["image", "show", "sim", "stable", version])
}

/// A file of the ledger.
fn in_ledger(home: &TestHome, path: &str) -> String {
    run(Command::new("git").arg("-C").arg(home.git()).args(["show", &format!("main:{path}")]))
}

/// Bob, who signs releases and has no other right; two of two must sign.
fn with_bob(home: &TestHome) {
    home.good(&["people", "add", "bob"]);
    home.good(&["keys", "add", "bob", "--generate"]);
    home.good(&["policy", "releases", "stable", "alice", "bob", "--threshold", "2"]);
}

#[test]
fn a_release_is_published_signed_and_listed() {
    let home = TestHome::new();
    let file = bundle(&home, "update.tar", "sim", &root(40, 0));
    let said = publish(&home, &file, "1.0.0", &["--notes", "The first one.", "--floor", "1.0.0"]);
    assert!(
        said.starts_with("sim stable 1.0.0\n  boot.vfat: 8 B in 1 chunk, 1 new\n  root.erofs: 164.0 KiB in "),
        "{said}"
    );
    assert!(said.contains("approved: signed by person:alice (1 of 1)"), "{said}");
    let listed = &home.json(&["image", "list"])["releases"][0];
    assert_eq!((&listed["version"], &listed["approved"]), (&json!("1.0.0"), &json!(true)), "{listed}");
    let shown = home.good(&[&["image", "show"][..], &FIRST].concat());
    for part in [
        "sim stable 1.0.0: system",
        "part      root.erofs, 164.0 KiB",
        "notes     The first one.",
        "nobody goes back below 1.0.0",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    home.good(&["verify"]);
    assert_eq!(home.json(&["blob", "gc"])["removed"], 0, "the ledger needs all of it");
    assert!(home.good(&["blob", "verify"]).starts_with("good: "));
}

#[test]
fn ssh_keygen_finds_the_signature_good_over_what_show_prints() {
    let home = TestHome::new();
    publish(&home, &bundle(&home, "update.tar", "sim", &root(4, 0)), "1.0.0", &[]);
    let document = home.good(&[&["image", "show", "--document"][..], &FIRST].concat());
    assert_eq!(document, in_ledger(&home, "images/sim/stable/1.0.0/release.toml"));
    let keys = home.json(&["keys", "list"]);
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["owner"] == "person:alice").unwrap();
    let id = key["key"].as_str().unwrap();
    let signed: toml::Table =
        in_ledger(&home, &format!("images/sim/stable/1.0.0/signed/{id}.toml")).parse().unwrap();
    let signature = home.file("sig", signed["signature"].as_str().unwrap().to_owned() + "\n");
    let signers = home.file("signers", format!("alice {}\n", key["public"].as_str().unwrap()));
    let document = fs::File::open(home.file("release.toml", document)).unwrap();
    let args = ["-Y", "verify", "-f", &signers, "-I", "alice", "-n", "ledger-release", "-s", &signature];
    let said = run(Command::new("ssh-keygen").args(args).stdin(document));
    assert!(said.starts_with("Good \"ledger-release\" signature for alice"), "{said}");
}

#[test]
fn the_next_release_has_a_delta_that_is_far_smaller_than_the_whole() {
    let home = TestHome::new();
    for (release, version) in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"].into_iter().enumerate() {
        publish(&home, &bundle(&home, "update.tar", "sim", &root(400, release)), version, &[]);
    }
    let deltas = show(&home, "1.3.0")["release"]["deltas"].as_array().unwrap().clone();
    let bytes = |from: Value| {
        let found = deltas.iter().find(|delta| delta["from"] == from && delta["part"] == "root.erofs");
        found.unwrap_or_else(|| panic!("none from {from} in {deltas:?}"))["bytes"].as_u64().unwrap()
    };
    let whole = bytes(Value::Null);
    assert!(whole < 400 * 4096 * 6 / 10, "{whole} of {} bytes", 400 * 4096);
    assert!(bytes(json!("1.2.0")) * 20 < whole, "{} of {whole}", bytes(json!("1.2.0")));
    assert!(bytes(json!("1.1.0")) * 20 < whole, "{} of {whole}", bytes(json!("1.1.0")));
    assert_eq!(deltas.len(), 3, "two older releases are enough, and the kernel is the same: {deltas:?}");
    assert_eq!(home.json(&["blob", "gc"])["removed"], 0, "the frames of the deltas are needed");
}

#[test]
fn what_could_never_be_a_release_is_refused_before_anything_is_kept() {
    let home = TestHome::new();
    let file = bundle(&home, "update.tar", "sim", &root(4, 0));
    let refused = |more: &[&str]| home.bad(&[&PUBLISH[..], more].concat());
    publish(&home, &file, "1.1.0", &[]);
    let used = refused(&["--version", "1.1.0", &file]);
    assert!(
        used.contains("1.1.0 of sim in the channel stable is used already") && used.contains("hint: "),
        "{used}"
    );
    let older = refused(&["--version", "1.0.9", &file]);
    assert!(
        older.contains("1.0.9 is not newer than 1.1.0") && older.contains("versions only rise"),
        "{older}"
    );
    let below = refused(&["--version", "1.2.0", "--floor", "1.3.0", &file]);
    assert!(below.contains("floor 1.3.0, which is above itself"), "{below}");
    let other = bundle(&home, "other.tar", "raspberrypi", &root(4, 0));
    let board = refused(&["--version", "1.2.0", &other]);
    assert!(board.contains("built for the board raspberrypi, not for sim"), "{board}");
    let wrong = bundle_with(&home, "wrong.tar", "sim", &root(4, 0), &"ab".repeat(32));
    let verity = refused(&["--version", "1.2.0", &wrong]);
    assert!(verity.contains("root.erofs does not fit the verity root"), "{verity}");
    let noise = home.file("noise", noise(5000));
    assert!(refused(&["--version", "1.2.0", &noise]).contains("is no bundle of a system"));
    assert_eq!(home.json(&["image", "list"])["releases"].as_array().unwrap().len(), 1);
}

#[test]
fn a_channel_that_the_policy_does_not_name_is_refused_with_the_way_to_name_it() {
    let home = TestHome::new();
    let file = bundle(&home, "update.tar", "sim", &root(4, 0));
    let args = ["image", "publish", "--board", "sim", "--channel", "beta", "--version", "1.0.0", &file];
    let said = home.bad(&args);
    assert!(said.contains("nobody who may sign releases of the channel beta"), "{said}");
    assert!(said.contains("ledgerctl policy releases beta person:NAME"), "{said}");
    home.good(&["policy", "releases", "beta", "alice"]);
    home.good(&args);
    let channels = home.good(&["policy", "releases"]);
    assert!(channels.contains("beta     1          person:alice"), "{channels}");
}

#[test]
fn an_old_organisation_whose_policy_knows_no_releases_gets_all_that_is_needed() {
    let home = TestHome::new();
    let policy = home.good(&["policy", "show"]);
    let (_, rest) = policy.split_once("[roles]").unwrap();
    let old = format!("[roles]{rest}").replace(", \"images/**\"", "");
    assert!(!old.contains("images") && !old.contains("releases"), "{old}");
    home.good(&["policy", "set", &home.file("policy.toml", old)]);
    assert!(home.good(&["policy", "releases"]).contains("nobody may release"));
    with_bob(&home);
    let who = |path: &str| home.json(&["policy", "who-may", path])["who"].to_string();
    assert!(who("images/sim/stable/1.0.0/release.toml").contains("alice"));
    assert!(!who("images/sim/stable/1.0.0/release.toml").contains("bob"), "who signs does not publish");
    assert!(who("images/sim/stable/1.0.0/signed/x.toml").contains("bob"));
    home.good(&["policy", "releases", "beta", "bob"]);
    let again = home.good(&["policy", "show"]);
    assert_eq!(again.matches("images/").count(), 2, "the rules are there once: {again}");
    let file = bundle(&home, "update.tar", "sim", &root(4, 0));
    publish(&home, &file, "1.0.0", &["--as", "alice"]);
    home.good(&[&["image", "approve"][..], &FIRST, &["--as", "bob"]].concat());
    let few = home.bad(&["policy", "releases", "stable", "alice", "--threshold", "2"]);
    assert!(few.contains("nobody could release so") && few.contains("hint: "), "{few}");
}

#[test]
fn a_release_that_two_must_sign_is_approved_by_the_second() {
    let home = TestHome::new();
    with_bob(&home);
    let file = bundle(&home, "update.tar", "sim", &root(4, 0));
    let said = publish(&home, &file, "1.0.0", &["--as", "alice"]);
    assert!(
        said.contains("not approved yet: signed by person:alice (1 of 2); person:bob is missing"),
        "{said}"
    );
    assert!(said.contains("ledgerctl image approve sim stable 1.0.0 --as PERSON"), "{said}");
    assert_eq!(show(&home, "1.0.0")["approved"], false);
    let approve = |person: &'static str| [&["image", "approve"][..], &FIRST, &["--as", person]].concat();
    let said = home.good(&approve("bob"));
    assert!(said.starts_with("approved: signed by person:alice, person:bob (2 of 2)"), "{said}");
    let shown = show(&home, "1.0.0");
    assert_eq!(
        (&shown["approved"], &shown["signed"]),
        (&json!(true), &json!(["person:alice", "person:bob"]))
    );
    home.good(&["people", "add", "eve"]);
    home.good(&["keys", "add", "eve", "--generate"]);
    let refused = home.bad(&approve("eve"));
    assert!(refused.contains("may not sign releases of the channel stable"), "{refused}");
    let cannot = home.bad(&[&PUBLISH[..], &["--version", "1.1.0", &file, "--as", "bob"]].concat());
    assert!(cannot.contains("the policy does not allow it"), "who signs does not publish: {cannot}");
}

#[test]
fn a_signature_that_ssh_keygen_made_elsewhere_is_brought_by_somebody_else() {
    let home = TestHome::new();
    let key = home.folder().join("token").to_str().unwrap().to_owned();
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &key]));
    home.good(&["people", "add", "carol"]);
    home.good(&["keys", "add", "carol", &format!("{key}.pub")]);
    home.good(&["policy", "releases", "stable", "alice", "carol", "--threshold", "2"]);
    publish(&home, &bundle(&home, "update.tar", "sim", &root(4, 0)), "1.0.0", &[]);
    let document = home.good(&[&["image", "show", "--document"][..], &FIRST].concat());
    let sign = |name: &str, namespace: &str, text: &str| {
        let file = home.file(name, text);
        run(Command::new("ssh-keygen").args(["-q", "-Y", "sign", "-n", namespace, "-f", &key, &file]));
        format!("{file}.sig")
    };
    let bring = |file: &str| {
        [&["image", "approve"][..], &FIRST, &["--signature"]]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .chain([file.to_owned()])
            .collect::<Vec<_>>()
    };
    let strs = |args: &[String]| home.bad(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let purpose = strs(&bring(&sign("purpose", "git", &document)));
    assert!(purpose.contains("is not over 1.0.0") && purpose.contains("-n ledger-release"), "{purpose}");
    let other = strs(&bring(&sign("other", "ledger-release", &document.replace("stable", "beta"))));
    assert!(other.contains("is not over 1.0.0"), "{other}");
    assert!(strs(&bring(&home.file("none", "hello"))).contains("is not a signature"));
    let good = bring(&sign("release.toml", "ledger-release", &document));
    let said = home.good(&good.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(said.starts_with("approved: signed by person:alice, person:carol (2 of 2)"), "{said}");
}

#[test]
fn other_disk_images_and_dapps_take_the_same_way() {
    let home = TestHome::new();
    let disk = home.file("laser-cutter.img", noise(300_000));
    let args = ["image", "publish", &disk, "--kind", "disk", "--channel", "stable", "--version", "1.0.0"];
    let said = home.good(&args);
    assert!(said.starts_with("laser-cutter stable 1.0.0\n  laser-cutter.img: 293.0 KiB"), "{said}");
    let rollout = ["--rollout", "10% now, 100% at 3 days", "--hold", "2"];
    let newer = [&args[..8], &["1.0.1"], &rollout].concat();
    home.good(&newer);
    let shown = home.good(&["image", "show", "laser-cutter", "stable", "1.0.1"]);
    assert!(shown.contains("10% from 20") && shown.contains("held once it failed on 2 boxes"), "{shown}");
    let folder = home.folder().join("hello");
    fs::create_dir_all(folder.join("rootfs")).unwrap();
    fs::write(folder.join("rootfs/greeting"), noise(100_000)).unwrap();
    fs::copy("/bin/true", folder.join("rootfs/program")).unwrap();
    fs::write(folder.join("dapp.toml"), DAPP).unwrap();
    let folder = folder.to_str().unwrap();
    let said = home.good(&[
        "image",
        "publish",
        folder,
        "--kind",
        "dapp",
        "--channel",
        "stable",
        "--version",
        "1.0.0",
        "--deltas",
        "0",
    ]);
    assert!(said.starts_with("hello stable 1.0.0\n  image.tar: "), "{said}");
}

#[test]
fn what_a_box_is_to_follow_stands_in_its_document() {
    let home = TestHome::new();
    let wishes = || {
        let node: toml::Table = in_ledger(&home, "nodes/front-door.toml").parse().unwrap();
        node.get("updates").map(ToString::to_string)
    };
    let follow = |more: &[&str]| home.good(&[&["image", "follow", "front-door"][..], more].concat());
    follow(&["--channel", "beta", "--mode", "by-hand", "--quiet", "08:00-20:00", "--bandwidth", "200k"]);
    let said = wishes().unwrap();
    for part in ["channel = \"beta\"", "mode = \"by-hand\"", "quiet = \"08:00-20:00\"", "bandwidth = 200000"]
    {
        assert!(said.contains(part), "{said}");
    }
    home.good(&["image", "pin", "front-door", "1.3.0"]);
    assert!(wishes().unwrap().contains("pinned = \"1.3.0\""));
    home.good(&["image", "pin", "front-door", "--none"]);
    follow(&["--quiet", "none", "--bandwidth", "none", "--mode", "prefetch"]);
    assert_eq!(wishes().unwrap(), "{ channel = \"beta\", mode = \"prefetch\" }");
    for (wrong, says) in [(["--quiet", "22-6"], "22:00-06:00"), (["--bandwidth", "3"], "at least 1000")] {
        let said = home.bad(&[&["image", "follow", "front-door"][..], &wrong].concat());
        assert!(said.contains("cannot be updated so") && said.contains(says), "{said}");
    }
    let nobody = home.bad(&["image", "pin", "back-door", "1.3.0"]);
    assert!(nobody.contains("no such box: back-door"), "{nobody}");
    let alone = home.bad(&["image", "status"]);
    assert!(alone.contains("no ledgerd runs here") && alone.contains("image list"), "{alone}");
}
