//! docs/formats/local-api.openapi.json and the table of docs/formats/admin-api.md, held against the servers.

use crate::common::Up;
use agent::api::{admin, local, page};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DAPP: &str =
    "name = \"door\"\nversion = \"1\"\nreads = [\"people/*\"]\ndevices = [\"strike\"]\n[serve]\n";

fn document(path: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/");
    std::fs::read_to_string(format!("{root}{path}")).unwrap()
}

fn described() -> Value {
    serde_json::from_str(&document("local-api.openapi.json")).unwrap()
}

#[test]
fn every_route_of_the_local_api_is_described_and_every_described_one_is_served() {
    let served: BTreeSet<_> =
        local::routes().iter().map(|route| (route.described_path(), route.method.to_lowercase())).collect();
    let described = described();
    let mut listed = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        let verbs = methods.as_object().unwrap().keys().filter(|key| *key != "parameters");
        listed.extend(verbs.map(|method| (path.clone(), method.clone())));
    }
    assert_eq!(served, listed);
}

#[test]
fn every_route_of_the_admin_api_is_in_its_table_and_the_pages_below_it() {
    let text = document("admin-api.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<(String, String)> = rows
        .filter_map(|row| row.split('`').next()?.split_once(' '))
        .map(|(method, path)| (method.to_string(), path.split('?').next().unwrap().to_string()))
        .collect();
    let served: BTreeSet<_> =
        admin::routes().iter().map(|route| (route.method.to_string(), route.path.to_string())).collect();
    assert_eq!(served, listed);
    for route in page::routes() {
        assert!(text.contains(route.path), "{} is not described", route.path);
    }
}

#[tokio::test]
async fn the_server_answers_with_a_status_and_fields_that_are_described() {
    let up = Up::new().await;
    let door = up.dapp(DAPP);
    let described = described();
    let event = json!({"kind": "hello", "data": {}});
    for (method, path, asked, body) in [
        ("get", "/v1/info", "/v1/info", None),
        ("get", "/v1/state/{path}", "/v1/state/people/alice.toml", None),
        ("get", "/v1/state/{path}", "/v1/state/people/nobody.toml", None),
        ("get", "/v1/state/{path}", "/v1/state/policy.toml", None),
        ("get", "/v1/state", "/v1/state?folder=people", None),
        ("get", "/v1/state", "/v1/state", None),
        ("get", "/v1/watch", "/v1/watch", None),
        ("post", "/v1/events", "/v1/events", Some(event)),
        ("post", "/v1/events", "/v1/events", Some(json!({}))),
        ("get", "/v1/events", "/v1/events", None),
        ("get", "/v1/events", "/v1/events?limit=0", None),
        ("post", "/v1/documents", "/v1/documents", Some(json!({"message": "x", "changes": []}))),
        ("post", "/v1/calls/{dapp}/{method}", "/v1/calls/x/y", Some(json!({}))),
        ("get", "/v1/devices", "/v1/devices", None),
        ("put", "/v1/devices/{name}", "/v1/devices/strike", Some(json!({"on": false}))),
        ("put", "/v1/devices/{name}", "/v1/devices/red", Some(json!({"on": false}))),
        ("post", "/v1/alive", "/v1/alive", None),
    ] {
        let (status, answer) = door.send(&method.to_uppercase(), asked, body).await;
        let responses = &described["paths"][path][method]["responses"];
        let response = &responses[status.to_string()];
        assert!(!response.is_null(), "{method} {asked}: {status} is not described");
        for field in required(&described, response) {
            assert!(!answer[&field].is_null(), "{method} {asked}: {status} has no {field}: {answer}");
        }
    }
}

/// The fields that a described JSON answer must have.
fn required(described: &Value, response: &Value) -> Vec<String> {
    let follow = |value: &Value| match value["$ref"].as_str() {
        Some(pointer) => described.pointer(pointer.trim_start_matches('#')).unwrap().clone(),
        None => value.clone(),
    };
    let schema = follow(&follow(response)["content"]["application/json"]["schema"]);
    let fields = schema["required"].as_array().cloned().unwrap_or_default();
    fields.iter().map(|field| field.as_str().unwrap().to_string()).collect()
}
