//! The local API over real sockets: what a manifest grants, and nothing else.

use crate::common::{CARD, Up, digest, until};
use serde_json::json;

const DOOR: &str = r#"
name = "door"
version = "1"
reads = ["people/*", "door/**"]
writes = ["door/**"]
devices = ["reader", "strike", "green", "door", "exit"]
calls = ["helper"]
[serve]
"#;
const HELPER: &str = "name = \"helper\"\nversion = \"1\"\n[serve]\n";
const DOOR_POLICY: &str = r#"
[roles]
owner = ["alice"]
membership = []
[[rules]]
paths = ["**"]
roles = ["owner"]
[[rules]]
paths = ["door/**"]
dapps = ["door"]
"#;

#[tokio::test]
async fn info_says_where_the_dapp_is() {
    let up = Up::new().await;
    let (status, info) = up.dapp(DOOR).get("/v1/info").await;
    assert_eq!(status, 200);
    assert_eq!(info["org_name"], "Example Makers");
    assert_eq!(info["timezone"], "America/Detroit");
    assert_eq!((&info["node"], &info["dapp"]), (&json!("front-door"), &json!("door")));
    assert_eq!(info["height"], 0);
    let _: dapp::wire::Info = serde_json::from_value(info).unwrap();
}

#[tokio::test]
async fn a_tap_becomes_digests_and_the_number_never_leaves() {
    let up = Up::new().await;
    let door = up.dapp(DOOR);
    let mut inputs = door.stream("/v1/devices/inputs").await;
    assert_eq!(inputs.next().await.unwrap()["type"], "edge", "first the contacts as they are");
    let mut live = up.admin().stream("/v1/live").await;
    let tapped = up.admin().post("/v1/tap", json!({"number": CARD})).await;
    assert_eq!(tapped, (200, json!({})));
    let badge = inputs.next_of("badge").await;
    assert_eq!(badge["device"], "reader");
    assert!(badge["digests"].as_array().unwrap().contains(&json!(digest(CARD))), "{badge}");
    let seen = live.next_of("badge").await;
    assert_eq!(seen.as_object().unwrap().len(), 3, "only that a badge was there: {seen}");
}

#[tokio::test]
async fn outputs_are_set_for_a_while_and_only_those_that_are_granted() {
    let up = Up::new().await;
    let door = up.dapp(DOOR);
    assert_eq!(door.put("/v1/devices/strike", json!({"on": true, "for_ms": 150})).await.0, 200);
    assert_eq!(level(&up, "strike").await, json!(true));
    until("the timer to turn the strike off", async || level(&up, "strike").await == json!(false)).await;
    let (status, refusal) = door.put("/v1/devices/buzzer", json!({"on": true})).await;
    assert_eq!((status, &refusal["error"]["code"]), (403, &json!("not-granted")));
    assert!(refusal["error"]["hint"].as_str().unwrap().contains("dapp.toml"));
    assert_eq!(door.put("/v1/devices/reader", json!({"on": true})).await.0, 400);
    assert_eq!(door.put("/v1/devices/strike", json!({"on": true, "for_ms": 0})).await.0, 400);
    assert_eq!(door.put("/v1/devices/strike", json!({"on": false, "for_ms": 5})).await.0, 400);
    let listed = door.get("/v1/devices").await.1;
    let names: Vec<_> = listed["devices"].as_array().unwrap().iter().map(|device| &device["name"]).collect();
    assert_eq!(names, ["door", "exit", "green", "reader", "strike"]);
}

#[tokio::test]
async fn a_later_order_replaces_the_timer_of_an_earlier_one() {
    let up = Up::new().await;
    let door = up.dapp(DOOR);
    door.put("/v1/devices/strike", json!({"on": true, "for_ms": 100})).await;
    door.put("/v1/devices/strike", json!({"on": true})).await;
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    assert_eq!(level(&up, "strike").await, json!(true));
}

#[tokio::test]
async fn outputs_go_safe_when_the_dapp_hears_nothing_any_more() {
    let up = Up::new().await;
    let door = up.dapp(DOOR);
    let inputs = door.stream("/v1/devices/inputs").await;
    door.put("/v1/devices/strike", json!({"on": true})).await;
    assert_eq!(level(&up, "strike").await, json!(true));
    drop(inputs);
    until("the strike to fall", async || level(&up, "strike").await == json!(false)).await;
}

#[tokio::test]
async fn an_order_that_comes_after_the_dapp_ended_is_refused() {
    let up = Up::new().await;
    let (former, door) = up.caller(DOOR);
    let inputs = door.stream("/v1/devices/inputs").await;
    door.put("/v1/devices/strike", json!({"on": true})).await;
    former.retire();
    assert_eq!(level(&up, "strike").await, json!(false));
    let (status, refusal) = door.put("/v1/devices/strike", json!({"on": true, "for_ms": 4000})).await;
    assert_eq!((status, &refusal["error"]["code"]), (503, &json!("stopping")), "{refusal}");
    assert_eq!(level(&up, "strike").await, json!(false));
    let successor = up.dapp(DOOR);
    successor.put("/v1/devices/strike", json!({"on": true})).await;
    drop(inputs);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(
        level(&up, "strike").await,
        json!(true),
        "the former run's stream moves nothing of its successor"
    );
}

#[tokio::test]
async fn documents_are_read_watched_and_written_as_granted() {
    let up = Up::new().await;
    let door = up.dapp(DOOR);
    assert_eq!(door.get("/v1/state/people/alice.toml").await.1["document"]["name"], "alice");
    assert_eq!(door.get("/v1/state/people/nobody.toml").await.0, 404);
    assert_eq!(door.get("/v1/state/policy.toml").await.0, 403);
    assert_eq!(door.get("/v1/state/../secrets").await.0, 400);
    assert_eq!(door.get("/v1/state?folder=keys").await.0, 403);
    assert_eq!(door.get("/v1/state?folder=people").await.1["documents"].as_array().unwrap().len(), 1);
    let mut watch = door.stream("/v1/watch?folder=people&folder=door").await;
    assert_eq!(watch.next().await.unwrap()["documents"].as_array().unwrap().len(), 1);
    let manifest = DOOR.to_string();
    let changes = [("policy.toml", Some(DOOR_POLICY)), ("dapps/door/dapp.toml", Some(manifest.as_str()))];
    assert_eq!(up.propose(&changes).await.0, 200);
    let change = json!({"message": "Count", "changes": [{"path": "door/count.toml", "document": {"n": 1}}]});
    let (status, written) = door.post("/v1/documents", change).await;
    assert_eq!((status, &written["height"]), (200, &json!(2)), "{written}");
    let line = watch.next_of("change").await;
    assert_eq!(line["changed"], json!([{"path": "door/count.toml", "document": {"n": 1}}]));
    let removal = json!({"message": "Forget", "changes": [{"path": "door/count.toml", "delete": true}]});
    assert_eq!(door.post("/v1/documents", removal).await.0, 200);
    assert_eq!(watch.next_of("change").await["removed"], json!(["door/count.toml"]));
}

#[tokio::test]
async fn what_the_policy_or_the_manifest_does_not_allow_is_not_written() {
    let up = Up::new().await;
    let door = up.dapp(DOOR);
    let write = |path: &str| json!({"message": "x", "changes": [{"path": path, "document": {"n": 1}}]});
    let (status, refusal) = door.post("/v1/documents", write("people/alice.toml")).await;
    assert_eq!((status, &refusal["error"]["code"]), (403, &json!("not-granted")));
    let manifest = DOOR.to_string();
    assert_eq!(up.propose(&[("dapps/door/dapp.toml", Some(manifest.as_str()))]).await.0, 200);
    let (status, refusal) = door.post("/v1/documents", write("door/count.toml")).await;
    assert_eq!((status, &refusal["error"]["code"]), (403, &json!("denied")), "{refusal}");
    for bad in [
        json!({"message": "", "changes": [{"path": "door/a.toml", "document": {}}]}),
        json!({"message": "x", "changes": []}),
        json!({"message": "x", "changes": [{"path": "door/a.bin", "document": {}}]}),
        json!({"message": "x", "changes": [{"path": "door/a.toml", "document": {"a": null}}]}),
        json!({"message": "x", "changes": [{"path": "door/a.toml"}]}),
    ] {
        assert_eq!(door.post("/v1/documents", bad.clone()).await.0, 400, "{bad} was taken");
    }
}

#[tokio::test]
async fn events_are_numbered_kept_and_read_back_by_their_dapp() {
    let up = Up::new().await;
    let (door, helper) = (up.dapp(DOOR), up.dapp(HELPER));
    for n in 1..=3 {
        let (status, said) = door.post("/v1/events", json!({"kind": "access", "data": {"n": n}})).await;
        assert_eq!((status, &said["seq"]), (200, &json!(n)), "{said}");
    }
    helper.post("/v1/events", json!({"kind": "hello", "data": {}})).await;
    let listed = door.get("/v1/events?kind=access&after=1").await.1;
    let numbers: Vec<_> = listed["events"].as_array().unwrap().iter().map(|event| &event["seq"]).collect();
    assert_eq!(numbers, [2, 3]);
    assert_eq!(up.admin().send("POST", "/v1/flush", None).await.0, 200);
    assert_eq!(door.get("/v1/events?limit=2").await.1["events"].as_array().unwrap().len(), 2);
    assert_eq!(helper.get("/v1/events").await.1["events"].as_array().unwrap().len(), 1);
    assert_eq!(door.get("/v1/events?limit=0").await.0, 400);
    let long = json!({"kind": "access", "data": {"x": "y".repeat(20_000)}});
    assert_eq!(door.post("/v1/events", long).await.0, 413);
    let huge = json!({"kind": "access", "data": {"x": "y".repeat(2_000_000)}});
    assert_eq!(door.post("/v1/events", huge).await.0, 413);
}

#[tokio::test]
async fn a_dapp_that_shouts_is_told_to_wait() {
    let up = Up::new().await;
    let door = up.dapp(DOOR);
    let mut refused = 0;
    for _ in 0..60 {
        let noise = (0..50).map(|_| door.post("/v1/events", json!({"kind": "noise", "data": {}})));
        let answers = futures_util::future::join_all(noise).await;
        refused += answers.iter().filter(|(status, _)| *status == 429).count();
    }
    assert!(refused > 0, "3000 events in a moment were all taken");
    let streams = futures_util::future::join_all((0..8).map(|_| door.stream("/v1/devices/inputs"))).await;
    assert_eq!(door.get("/v1/devices/inputs").await.0, 429);
    drop(streams);
}

#[tokio::test]
async fn one_dapp_calls_another_if_it_may() {
    let up = Up::new().await;
    let door = up.dapp(DOOR);
    assert_eq!(door.post("/v1/calls/ledger/x", json!({})).await.0, 403);
    assert_eq!(door.post("/v1/calls/helper/add", json!({})).await.0, 404, "there is none yet");
    assert_eq!(up.propose(&[("dapps/helper/dapp.toml", Some(HELPER))]).await.0, 200);
    assert_eq!(door.post("/v1/calls/helper/add", json!({})).await.0, 503, "nobody listens yet");
    let folder = up.appliance.services.home.dapp_folder(&crate::common::name("helper"));
    std::fs::create_dir_all(&folder).unwrap();
    let listener = tokio::net::UnixListener::bind(folder.join("serve.sock")).unwrap();
    let add = axum::routing::post(async |body: axum::Json<serde_json::Value>| {
        axum::Json(json!({"sum": body["a"].as_i64().unwrap() + body["b"].as_i64().unwrap()}))
    });
    let other = axum::Router::new().route("/add", add);
    tokio::spawn(async move { axum::serve(listener, other).await });
    let answer = door.post("/v1/calls/helper/add", json!({"a": 2, "b": 3})).await;
    assert_eq!(answer, (200, json!({"sum": 5})));
}

#[tokio::test]
async fn odd_requests_get_the_one_shape_of_a_refusal() {
    let up = Up::new().await;
    let door = up.dapp(DOOR);
    for (method, path, status) in [
        ("GET", "/v2/info", 404),
        ("GET", "/", 404),
        ("DELETE", "/v1/events", 405),
        ("GET", "/v1/watch", 400),
        ("GET", "/v1/watch?path=x", 400),
        ("GET", "/v1/events?after=x", 400),
        ("POST", "/v1/events", 400),
    ] {
        let (got, refusal) = door.send(method, path, None).await;
        assert_eq!(got, status, "{method} {path}: {refusal}");
        assert!(
            refusal["error"]["message"].as_str().is_some_and(|text| !text.is_empty()),
            "{path}: {refusal}"
        );
    }
}

async fn level(up: &Up, device: &str) -> serde_json::Value {
    let devices = up.admin().get("/v1/devices").await.1;
    let found = devices["devices"].as_array().unwrap().iter().find(|found| found["name"] == device);
    found.unwrap()["on"].clone()
}
