//! Which room may use which: model <- pure rooms <- adapters <- agent <- command line.
//!
//! Read from `cargo metadata`, so that a wrong arrow fails before anybody has to argue about it. Dev
//! dependencies are free: a pure room's tests may use an adapter.

use crate::shell::{Done, cargo, output, say};

/// A room, and the rooms of ours that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("chunk", &["model"]),
    ("ledger", &["model", "chunk"]),
    ("board", &["model"]),
    ("dapp", &["model"]),
    ("slots", &[]),
    ("update", &["model", "chunk", "slots"]),
    ("card", &[]),
    ("ntp", &[]),
    ("sync", &["model", "chunk", "ledger"]),
    ("replica", &["model", "chunk", "ledger", "sync"]),
    ("store", &["model", "chunk", "ledger"]),
    ("net", &["model"]),
    ("sim", &["model", "chunk", "ledger", "sync", "replica"]),
    ("container", &["model", "dapp"]),
    ("web", &[]),
    (
        "agent",
        &[
            "model",
            "chunk",
            "ledger",
            "sync",
            "replica",
            "board",
            "dapp",
            "slots",
            "update",
            "store",
            "net",
            "container",
            "web",
        ],
    ),
    ("cli", &["model", "chunk", "ledger", "sync", "dapp", "slots", "update", "store", "container", "agent"]),
    ("doorbot", &["model", "dapp"]),
    ("lockout", &["model", "dapp"]),
    ("netns", &[]),
    ("walk", &[]),
    ("imager", &["slots"]),
    ("xtask", &["imager", "netns", "walk"]),
];

/// Rooms without clock, socket, file, thread, randomness or async, and what they must therefore not use.
const PURE: &[&str] = &["model", "chunk", "ledger", "sync", "replica", "dapp", "slots", "update"];
const IMPURE: &[&str] = &[
    "tokio",
    "axum",
    "hyper",
    "iroh",
    "gix",
    "gix-odb",
    "gix-pack",
    "rusqlite",
    "libcontainer",
    "getrandom",
    "rustix",
];

/// Fails on a wrong arrow, naming it.
pub fn check() -> Done {
    let text = output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let mut wrong = Vec::new();
    for package in packages {
        wrong.extend(wrong_arrows(package));
    }
    if wrong.is_empty() {
        say(&format!("arrows: {} rooms, every arrow as ARCHITECTURE.md has it", packages.len()));
        return Ok(());
    }
    Err(format!("wrong arrows:\n  {}", wrong.join("\n  ")).into())
}

fn wrong_arrows(package: &serde_json::Value) -> Vec<String> {
    let room = package["name"].as_str().unwrap_or_default();
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{room} is a new room: say in tools/xtask/src/arrows.rs what it may use")];
    };
    let mut wrong = Vec::new();
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let name = dependency["name"].as_str().unwrap_or_default();
        let optional = dependency["optional"].as_bool().unwrap_or(false);
        if dependency["kind"] == "dev" {
            continue;
        }
        let ours = ARROWS.iter().any(|(other, _)| *other == name);
        if ours && !allowed.contains(&name) {
            wrong.push(format!("{room} -> {name}"));
        }
        if PURE.contains(&room) && IMPURE.contains(&name) && !optional {
            wrong.push(format!("{room} is pure and uses {name}"));
        }
    }
    wrong
}
