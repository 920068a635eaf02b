//! The admin API over its socket: proposals, the log, files, the simulated board.

use crate::common::{CARD, Up, proposal};
use serde_json::{Value, json};

const PERSON: (&str, Option<&str>) = ("people/bob.toml", Some("name = \"Bob\"\nstate = \"active\"\n"));
const HELLO: &str = "name = \"hello\"\nversion = \"1\"\n[serve]\n";

#[tokio::test]
async fn status_says_where_the_box_is() {
    let up = Up::new().await;
    let (status, answer) = up.admin().get("/v1/status").await;
    assert_eq!(status, 200);
    assert_eq!((&answer["org_name"], &answer["node"]), (&json!("Example Makers"), &json!("front-door")));
    assert_eq!((&answer["height"], &answer["board"]["simulated"]), (&json!(0), &json!(true)));
    let mode = std::fs::metadata(&up.admin().0).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
}

#[tokio::test]
async fn a_signed_change_enters_main() {
    let up = Up::new().await;
    let (status, merged) = up.propose(&[PERSON]).await;
    assert_eq!((status, &merged["height"]), (200, &json!(1)), "{merged}");
    let view = up.appliance.services.keeper.view();
    assert_eq!(view.document("people/bob.toml").unwrap()["name"], "Bob");
    let again = up.propose(&[("people/bob.toml", Some("name = \"Bob\"\nstate = \"left\"\n"))]).await;
    assert_eq!((again.0, &again.1["height"]), (200, &json!(2)));
}

#[tokio::test]
async fn a_proposal_that_was_tampered_with_is_refused_and_leaves_nothing() {
    let up = Up::new().await;
    let home = up.folder.path();
    let good = serde_json::to_value(proposal(home, &[PERSON])).unwrap();
    let mut other_bytes = good.clone();
    other_bytes["objects"][0]["bytes"] = json!("AAAA");
    assert_eq!(up.admin().post("/v1/blocks", other_bytes).await.0, 400);
    let mut missing = good.clone();
    missing["objects"].as_array_mut().unwrap().retain(|object| object["kind"] != "tree");
    let (status, refusal) = up.admin().post("/v1/blocks", missing).await;
    assert_eq!((status, &refusal["error"]["code"]), (409, &json!("conflict")), "{refusal}");
    let mut unknown = good.clone();
    unknown["head"] = json!("ab".repeat(32));
    assert_eq!(up.admin().post("/v1/blocks", unknown).await.0, 409);
    assert_eq!(up.appliance.services.keeper.view().height, 0);
    assert_eq!(up.admin().post("/v1/blocks", good).await.0, 200, "the good one is still welcome");
}

#[tokio::test]
async fn a_flush_puts_waiting_events_into_a_block_and_the_log_knows_it() {
    let up = Up::new().await;
    let hello = up.dapp(HELLO);
    hello.post("/v1/events", json!({"kind": "hello", "data": {"text": "wörld"}})).await;
    let waiting = up.admin().get("/v1/log").await.1;
    assert_eq!(waiting["events"][0]["block"], Value::Null);
    let (status, merged) = up.admin().send("POST", "/v1/flush", None).await;
    assert_eq!((status, &merged["height"]), (200, &json!(1)));
    let log = up.admin().get("/v1/log?kind=hello&text=w%C3%B6rld").await.1;
    assert!(log["events"][0]["block"].is_string(), "{log}");
    assert_eq!(log["events"][0]["node"], "front-door");
    let status = up.admin().get("/v1/status").await.1;
    assert_eq!(status["events"], json!({"durable": 1, "pending": 0}));
    assert_eq!(up.admin().get("/v1/log?kind=other").await.1, json!({"events": []}));
    assert_eq!(up.admin().get("/v1/log?limit=5000").await.0, 400);
}

#[tokio::test]
async fn waiting_events_go_along_with_a_proposal() {
    let up = Up::new().await;
    up.dapp(HELLO).post("/v1/events", json!({"kind": "hello", "data": {}})).await;
    let (status, merged) = up.propose(&[PERSON]).await;
    assert_eq!((status, &merged["height"]), (200, &json!(1)), "one block of main for both");
    assert_eq!(up.admin().get("/v1/status").await.1["events"]["pending"], 0);
}

#[tokio::test]
async fn a_file_goes_in_and_comes_out_and_is_collected_when_nothing_needs_it() {
    let up = Up::new().await;
    let file: Vec<u8> = (0..400_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let (status, stored) = up.admin().bytes("PUT", "/v1/chunks", file.clone()).await;
    assert_eq!(status, 200);
    let stored: Value = serde_json::from_slice(&stored).unwrap();
    let manifest = stored["manifest"].as_str().unwrap();
    assert_eq!(up.propose(&[("files/big.manifest", Some(manifest))]).await.0, 200);
    let (status, back) = up.admin().bytes("GET", "/v1/chunks?path=files/big.manifest", Vec::new()).await;
    assert_eq!(status, 200);
    assert!(back == file, "the file came back with {} bytes of {}", back.len(), file.len());
    assert_eq!(up.admin().get("/v1/chunks?path=files/other.manifest").await.0, 404);
    let lines = up.admin().bytes("POST", "/v1/chunks/verify", Vec::new()).await.1;
    let last = String::from_utf8(lines).unwrap().lines().last().unwrap().to_string();
    let report: Value = serde_json::from_str(&last).unwrap();
    assert_eq!((&report["type"], &report["bad"]), (&json!("report"), &json!([])), "{report}");
    let kept = up.admin().send("POST", "/v1/chunks/gc", None).await.1;
    assert_eq!(kept["removed"], 0, "{kept}");
    let (one, other) = (b"a chunk of its own".to_vec(), chunk::chunk_id(b"another"));
    let path = format!("/v1/chunks/{}", chunk::chunk_id(&one));
    assert_eq!(up.admin().bytes("GET", &path, Vec::new()).await.0, 404);
    assert_eq!(up.admin().bytes("PUT", &path, one.clone()).await.0, 200);
    assert_eq!(up.admin().bytes("GET", &path, Vec::new()).await, (200, one.clone()));
    assert_eq!(up.admin().bytes("PUT", &format!("/v1/chunks/{other}"), one).await.0, 400);
    assert_eq!(up.admin().bytes("GET", "/v1/chunks/saw", Vec::new()).await.0, 400);
    assert_eq!(up.admin().bytes("PUT", "/v1/chunks?cutter=saw", Vec::new()).await.0, 400);
}

#[tokio::test]
async fn the_simulated_board_obeys_and_odd_orders_are_refused_without_telling_the_number() {
    let up = Up::new().await;
    let admin = up.admin();
    assert_eq!(admin.post("/v1/tap", json!({"reader": "reader", "number": CARD})).await.0, 200);
    assert_eq!(admin.post("/v1/tap", json!({"reader": "strike", "number": CARD})).await.0, 400);
    assert_eq!(admin.post("/v1/tap", json!({"reader": "nobody", "number": CARD})).await.0, 404);
    for odd in ["12x4567".to_string(), "9".repeat(1 << 20), String::new()] {
        let (status, refusal) = admin.post("/v1/tap", json!({"number": odd})).await;
        assert_eq!(status, 400);
        assert!(odd.is_empty() || !refusal.to_string().contains(&odd), "the number is in the refusal");
    }
    assert_eq!(admin.put("/v1/contacts/door", json!({"on": true})).await.0, 200);
    let devices = admin.get("/v1/devices").await.1;
    let door = devices["devices"].as_array().unwrap().iter().find(|device| device["name"] == "door").unwrap();
    assert_eq!(door["on"], true);
    assert_eq!(admin.put("/v1/contacts/strike", json!({"on": true})).await.0, 400);
}

#[tokio::test]
async fn who_watches_hears_devices_events_and_blocks() {
    let up = Up::new().await;
    let mut live = up.admin().stream("/v1/live").await;
    assert_eq!(live.next_of("ledger").await["height"], 0);
    let door = up.dapp("name = \"door\"\nversion = \"1\"\ndevices = [\"strike\"]\n[serve]\n");
    door.put("/v1/devices/strike", json!({"on": true, "for_ms": 50})).await;
    let on = live.next_of("device").await;
    assert_eq!((&on["name"], &on["on"]), (&json!("strike"), &json!(true)));
    assert_eq!(live.next_of("device").await["on"], false);
    door.post("/v1/events", json!({"kind": "access", "data": {"result": "allowed"}})).await;
    assert_eq!(live.next_of("event").await["data"]["result"], "allowed");
    up.admin().send("POST", "/v1/flush", None).await;
    while live.next_of("ledger").await["height"] != 1 {}
}

#[tokio::test]
async fn going_down_leaves_outputs_safe_and_nothing_waiting() {
    let up = Up::new().await;
    let door = up.dapp("name = \"door\"\nversion = \"1\"\ndevices = [\"strike\"]\n[serve]\n");
    door.put("/v1/devices/strike", json!({"on": true})).await;
    door.post("/v1/events", json!({"kind": "access", "data": {}})).await;
    let (services, folder) = (up.appliance.services.clone(), up.folder);
    up.appliance.stop(async {}, std::future::pending()).await.unwrap();
    let strike =
        services.devices.status().devices.into_iter().find(|device| device.name.as_str() == "strike");
    assert_eq!(strike.unwrap().on, Some(false));
    let events = services.keeper.report().events;
    assert_eq!((events.durable, events.pending), (1, 0));
    assert!(services.keeper.flush().await.is_err(), "the keeper has stopped");
    drop(folder);
}
