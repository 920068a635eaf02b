//! Two boxes of one organisation in this process, connected over loopback: what one writes the other has.

use crate::common::{FOUNDED, Socket, Up, copy, options, proposal, until};
use agent::{peers::NetSettings, run::Appliance};
use model::{KeyId, SigningKey};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};
use store::disk::RealDisk;

const DOOR: &str =
    "name = \"door\"\nversion = \"1\"\nreads = [\"people/*\"]\ndevices = [\"strike\"]\n[serve]\n";

/// The second box's key.
fn second() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn quiet() -> NetSettings {
    let bind = vec!["127.0.0.1".parse().unwrap()];
    NetSettings { port: 0, bind, mdns: false, ..NetSettings::default() }
}

/// The documents that make the second box a node, with votes of the two as they are given.
async fn admit_second(up: &Up, weights: (u64, u64)) {
    let (first, second) = (up.appliance.services.key, second().public());
    let key = format!(
        "public = \"{second}\"\nowner = \"node:workshop\"\nlabel = \"box\"\nadded = {}\n",
        FOUNDED.plus(1000).0
    );
    let node = format!("key = \"{}\"\nboard = \"sim\"\nplace = \"the workshop\"\n", second.id());
    let mut validators = format!("[validators]\n{first} = {}\n", weights.0);
    if weights.1 > 0 {
        validators += &format!("{} = {}\n", second.id(), weights.1);
    }
    let path = format!("keys/{}.toml", second.id());
    let changes = [
        (path.as_str(), Some(key.as_str())),
        ("nodes/workshop.toml", Some(node.as_str())),
        ("branches/main.toml", Some(validators.as_str())),
    ];
    let (status, answer) = up.propose(&changes).await;
    assert_eq!(status, 200, "{answer}");
}

/// A home for the second box, from the first one's ledger.
fn second_home(first: &Path, folder: &Path) {
    for part in ["ledger.git", "secrets"] {
        copy(&first.join(part), &folder.join(part));
    }
    for part in ["keys", "wal", "chunks", "run/dapps"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    std::fs::write(folder.join("keys/node"), second().to_openssh().unwrap().as_bytes()).unwrap();
    std::fs::copy(first.join("keys/alice"), folder.join("keys/alice")).unwrap();
    let identity = std::fs::read_to_string(first.join("node.toml")).unwrap();
    std::fs::write(folder.join("node.toml"), identity.replace("front-door", "workshop")).unwrap();
}

pub struct Two {
    pub first: Up,
    pub second: Up,
}

impl Two {
    /// Both up and connected.
    async fn new(weights: (u64, u64)) -> Self {
        let two = Self::apart(weights).await;
        two.meet().await;
        two
    }

    /// Both up, and neither knows where the other is.
    pub async fn apart(weights: (u64, u64)) -> Self {
        let mut first = Up::new().await;
        admit_second(&first, weights).await;
        let folder = tempfile::tempdir().unwrap();
        second_home(first.folder.path(), folder.path());
        let mut appliance = Appliance::open(&options(folder.path()), Arc::new(RealDisk)).unwrap();
        appliance.serve_admin().unwrap();
        first.appliance.open_network(Some(&quiet()));
        appliance.open_network(Some(&quiet()));
        Self { first, second: Up { folder, appliance } }
    }

    pub async fn meet(&self) {
        let peers = |up: &Up| up.appliance.services.abroad.peers.get().unwrap().clone();
        let (first, second) = (peers(&self.first), peers(&self.second));
        let other = self.second.appliance.services.key;
        until("the boxes are connected", async || {
            first.dial(other, &second.addresses());
            !first.connected().is_empty() && !second.connected().is_empty()
        })
        .await;
    }
}

async fn events(box_: &Socket) -> Vec<Value> {
    box_.get("/v1/log").await.1["events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_event_of_one_box_is_seen_on_the_other() {
    let two = Two::new((1, 0)).await;
    let said =
        two.second.dapp(DOOR).post("/v1/events", json!({"kind": "access", "data": {"who": "bob"}})).await;
    assert_eq!(said.0, 200, "{}", said.1);
    until("the first box has the second's event", async || {
        events(&two.first.admin())
            .await
            .iter()
            .any(|event| event["node"] == "workshop" && event["data"]["who"] == "bob")
    })
    .await;
    until("it is final on the second too", async || {
        let status = two.second.admin().get("/v1/status").await.1;
        status["agreement"]["waiting"] == 0 && status["height"].as_u64() > Some(1)
    })
    .await;
}

#[tokio::test]
async fn a_change_made_at_a_box_that_has_no_vote_becomes_final() {
    let two = Two::new((1, 0)).await;
    let change = proposal(two.second.folder.path(), &[("people/bob.toml", Some("name = \"Bob\"\n"))]);
    let (status, answer) =
        two.second.admin().send("POST", "/v1/blocks", Some(serde_json::to_value(change).unwrap())).await;
    assert_eq!((status, &answer["state"]), (200, &json!("waiting")), "{answer}");
    let asked = format!("/v1/proposals?head={}", answer["head"].as_str().unwrap());
    for up in [&two.second, &two.first] {
        until("the change is final", async || {
            up.admin().get(&asked).await.1["proposals"][0]["state"] == "final"
        })
        .await;
        let (status, bob) = up.dapp(DOOR).get("/v1/state/people/bob.toml").await;
        assert_eq!((status, &bob["document"]["name"]), (200, &json!("Bob")));
    }
}

#[tokio::test]
async fn two_that_vote_make_a_change_final_together_and_neither_alone() {
    let two = Two::apart((1, 1)).await;
    let change = [("people/bob.toml", Some("name = \"Bob\"\n"))];
    let (status, answer) = two.first.propose(&change).await;
    assert_eq!((status, &answer["state"]), (200, &json!("waiting")), "{answer}");
    let door = two.first.dapp(DOOR);
    assert_eq!(door.get("/v1/state/people/bob.toml").await.0, 404, "it is not final");
    let seen = door.get("/v1/state/people/bob.toml?state=tentative").await;
    assert_eq!(seen.0, 200, "{}", seen.1);
    two.meet().await;
    for up in [&two.first, &two.second] {
        until("both have agreed", async || up.admin().get("/v1/status").await.1["height"] == 2).await;
    }
    assert_eq!(door.get("/v1/state/people/bob.toml").await.0, 200);
}

#[tokio::test]
async fn a_revocation_counts_before_it_is_final_and_a_grant_does_not() {
    let two = Two::apart((1, 1)).await;
    let alice = "name = \"Alice\"\nplan = \"pro\"\n[revoked]\nat = 1\nby = \"alice\"\nreason = \"left\"\n";
    let (status, answer) = two.first.propose(&[("people/alice.toml", Some(alice))]).await;
    assert_eq!((status, &answer["state"]), (200, &json!("waiting")), "{answer}");
    let seen = two.first.dapp(DOOR).get("/v1/state/people/alice.toml").await.1;
    assert_eq!(seen["document"]["revoked"]["reason"], "left", "{seen}");
    assert_ne!(seen["document"]["plan"], "pro", "{seen}");
}

#[tokio::test]
async fn a_box_without_the_other_says_how_old_its_news_is() {
    let two = Two::apart((1, 0)).await;
    let info = two.first.dapp(DOOR).get("/v1/info").await.1;
    assert!(info["stale_ms"].as_u64() > Some(0), "{info}");
    let status = two.first.admin().get("/v1/status").await.1;
    assert_eq!(status["network"]["peers"][0]["node"], "workshop", "{status}");
    assert_eq!(status["network"]["peers"][0]["connected"], false);
    two.meet().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let info = two.first.dapp(DOOR).get("/v1/info").await.1;
    assert!(info["stale_ms"].as_u64() < Some(60_000), "{info}");
}

#[tokio::test]
async fn a_large_file_that_was_put_on_one_box_comes_to_the_other() {
    let two = Two::new((1, 0)).await;
    let file: Vec<u8> = (0..300_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
    let (status, put) = two.first.admin().bytes("PUT", "/v1/chunks", file.clone()).await;
    let put: Value = serde_json::from_slice(&put).unwrap();
    assert_eq!(status, 200, "{put}");
    let change = [("files/x.manifest", put["manifest"].as_str())];
    let (status, answer) = two.first.propose(&change).await;
    assert_eq!(status, 200, "{answer}");
    let services = &two.second.appliance.services;
    until("the second box has the file", async || {
        let view = services.keeper.view();
        let missing = services.blobs.missing(view.manifests.values());
        !view.manifests.is_empty() && missing.is_ok_and(|missing| missing.is_empty())
    })
    .await;
    let (status, bytes) =
        two.second.admin().bytes("GET", "/v1/chunks?path=files/x.manifest", Vec::new()).await;
    assert!(status == 200 && bytes == file, "{status}, {} bytes", bytes.len());
}

#[tokio::test]
async fn whose_key_is_revoked_is_not_let_in() {
    let two = Two::new((1, 0)).await;
    let id: KeyId = second().public().id();
    let key = format!(
        "public = \"{}\"\nowner = \"node:workshop\"\nlabel = \"box\"\nadded = {}\n[revoked]\nat = 1\nby = \"alice\"\nreason = \"stolen\"\n",
        second().public(),
        FOUNDED.plus(1000).0
    );
    let (status, answer) = two.first.propose(&[(&format!("keys/{id}.toml"), Some(&key))]).await;
    assert_eq!(status, 200, "{answer}");
    let peers = two.first.appliance.services.abroad.peers.get().unwrap().clone();
    until("it is shut out", async || peers.connected().is_empty()).await;
}
