//! The shapes of `--json`: programs rely on these keys. Adding one is fine (add it here); none goes or moves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

#[path = "common/bundles.rs"]
mod bundles;

use common::{TestHome, keys};

#[test]
fn json_keeps_its_shape() {
    let home = TestHome::new();
    home.good(&["badge", "add", "alice", "1234567", "--label", "fob"]);
    home.good(&["certificate", "grant", "alice", "frontdoor"]);
    let file = home.file("file", "x".repeat(100_000));
    home.good(&["blob", "put", &file, "files/x"]);
    bundles::publish(&home, &bundles::bundle(&home, "one.tar", "sim", &bundles::root(100, 0)), "1.0.0", &[]);
    let more =
        ["--floor", "1.0.0", "--from", "1.0.0", "--notes", "New.", "--rollout", "100% now", "--hold", "1"];
    bundles::publish(
        &home,
        &bundles::bundle(&home, "two.tar", "sim", &bundles::root(100, 1)),
        "1.1.0",
        &more,
    );
    for (args, wanted) in SHAPES {
        let args: Vec<&str> = args.split(' ').collect();
        let mut got = keys(&home.json(&args));
        got.retain(|key| key.split('.').all(|part| part.len() < 64));
        assert_eq!(got.join(" "), *wanted, "ledgerctl --json {args:?}");
    }
}

/// A command, and the keys of what it says.
const SHAPES: &[(&str, &str)] = &[
    (
        "status",
        "agreement agreement.alone agreement.clones agreement.conduct agreement.left_out agreement.tentative agreement.validators \
         agreement.validators[].key agreement.validators[].node agreement.validators[].weight agreement.waiting \
         branch events events.durable events.pending head head_at height node org org_name people running timezone",
    ),
    (
        "people list",
        "people people[].badges people[].certificates people[].certificates.frontdoor \
         people[].certificates.frontdoor.from people[].certificates.frontdoor.level \
         people[].certificates.frontdoor.reason people[].certificates.frontdoor.revoked people[].certificates.frontdoor.until people[].expires \
         people[].lockout people[].name people[].person people[].plan people[].state people[].warning",
    ),
    (
        "badge list",
        "badges badges[].digest badges[].kind badges[].label badges[].person badges[].revoked badges[].state",
    ),
    (
        "certificate list",
        "certificates certificates[].from certificates[].level certificates[].person certificates[].reason certificates[].resource \
         certificates[].revoked certificates[].state certificates[].until",
    ),
    (
        "keys list",
        "keys keys[].added keys[].key keys[].label keys[].owner keys[].public keys[].revoked keys[].state",
    ),
    ("policy who-may people/x.toml", "path who who[].person who[].role"),
    ("verify", "blocks events good head"),
    (
        "blob list",
        "files files[].blake3 files[].chunks files[].cutter files[].manifest files[].path files[].size",
    ),
    ("blob gc", "freed_bytes kept removed"),
    ("dapp list", "dapps"),
    (
        "image list sim",
        "releases releases[].approved releases[].boards releases[].channel releases[].id releases[].image releases[].kind \
         releases[].made releases[].need releases[].signed releases[].size releases[].version",
    ),
    (
        "image show sim stable 1.1.0",
        "approved folder id ignored need open release release.boards release.channel release.deltas release.deltas[].bytes \
         release.deltas[].from release.deltas[].list release.deltas[].part release.floor release.from release.image release.kind \
         release.made release.notes release.parts release.parts[].manifest release.parts[].name release.parts[].size \
         release.parts[].verity release.parts[].verity.blocks release.parts[].verity.root release.rollout release.rollout.hold \
         release.rollout.steps release.rollout.steps[].at release.rollout.steps[].percent release.version signed size",
    ),
    ("image export sim stable 1.0.0 stick", "bytes chunks folder written"),
    ("image import stick", "changed imported"),
    ("policy releases", "releases releases.stable releases.stable.signers releases.stable.threshold"),
    ("completions bash", "script shell"),
    ("people set alice plan=pro", "block changed height state"),
    (
        "proposals --all",
        "block height proposals proposals[].at proposals[].head proposals[].key proposals[].reason proposals[].state proposals[].subject proposals[].writer",
    ),
    (
        "log --blocks",
        "blocks blocks[].at blocks[].author blocks[].block blocks[].by blocks[].height blocks[].kind \
         blocks[].left_out blocks[].parents blocks[].subject",
    ),
];

#[test]
fn the_manual_and_the_completions_know_every_command() {
    let home = TestHome::new();
    let dir = home.folder().join("man");
    let said = home.json(&["man", dir.to_str().unwrap()]);
    assert!(said["pages"].as_array().unwrap().contains(&"ledgerctl-badge-add.1".into()), "{said}");
    let page = std::fs::read_to_string(dir.join("ledgerctl-badge-add.1")).unwrap();
    assert!(page.contains("shell"), "{page}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(home.good(&["completions", shell]).contains("allowed-signers"), "{shell}");
    }
}
