//! Holds docs/formats/local-api.openapi.json against the wire types: what the types write, the file's schemas
//! take, and a field that is in one is in the other.

#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

use dapp::wire::*;
use model::{BadgeDigest, BlockId, Millis, OrgId};
use serde_json::{Value, json};

fn openapi() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/local-api.openapi.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The part of JSON Schema that the file uses.
fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#'));
        return check(root, target.ok_or(format!("{at}: no {name}"))?, value, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().filter(|choice| check(root, choice, value, at).is_ok()).count();
        return if fits == 1 { Ok(()) } else { Err(format!("{at}: {value} fits {fits} choices")) };
    }
    if let Some(wanted) = schema.get("const") {
        return if wanted == value { Ok(()) } else { Err(format!("{at}: {value} is not {wanted}")) };
    }
    let right = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64(),
        Some("boolean") => value.is_boolean(),
        _ => return Err(format!("{at}: the schema has no type")),
    };
    if !right {
        return Err(format!("{at}: {value} is no {}", schema["type"]));
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], item, &format!("{at}[{n}]"))?;
    }
    check_fields(root, schema, value, at)
}

fn check_fields(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let (Some(fields), Some(known)) = (value.as_object(), schema["properties"].as_object()) else {
        return Ok(());
    };
    for (name, field) in fields {
        let schema = known.get(name).ok_or(format!("{at}.{name} is not in the file"))?;
        check(root, schema, field, &format!("{at}.{name}"))?;
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match required.into_iter().find(|name| !fields.contains_key(*name)) {
        Some(name) => Err(format!("{at}.{name} is required by the file and missing")),
        None => Ok(()),
    }
}

fn value(sample: &impl serde::Serialize) -> Value {
    serde_json::to_value(sample).unwrap()
}

fn document() -> JsonMap {
    json!({"name": "Alice"}).as_object().unwrap().clone()
}

fn path() -> model::StatePath {
    "people/alice.toml".parse().unwrap()
}

fn name() -> model::Name {
    "reader".parse().unwrap()
}

const BLOCK: BlockId = BlockId::new([1; 32]);

type Samples = Vec<(&'static str, Value)>;

fn samples() -> Samples {
    [samples_of_the_state(), samples_of_writing(), samples_of_devices()].concat()
}

fn samples_of_the_state() -> Samples {
    let info = Info {
        org: OrgId::new([2; 32]),
        org_name: "Space".into(),
        timezone: "America/Detroit".into(),
        node: name(),
        dapp: name(),
        head: BLOCK,
        height: 3,
        protocol: 1,
        clock: Clock { now: Millis(5), trusted: true, reason: "set by NTP".into() },
        stale_ms: 0,
    };
    let pair = PathDocument { path: path(), document: document() };
    let changed = WatchLine::Change { block: BLOCK, changed: vec![pair.clone()], removed: vec![path()] };
    vec![
        ("Error", value(&ErrorBody::new(ErrorCode::Denied, "message", "hint"))),
        ("Info", value(&info)),
        ("StateDocument", value(&StateDocument { path: path(), block: BLOCK, document: document() })),
        ("StateFolder", value(&StateFolder { block: BLOCK, documents: vec![pair.clone()] })),
        ("WatchLine", value(&WatchLine::Snapshot { block: BLOCK, documents: vec![pair] })),
        ("WatchLine", value(&changed)),
        ("WatchLine", value(&WatchLine::Alive {})),
    ]
}

fn samples_of_writing() -> Samples {
    let write = DocumentChange::Write { path: path(), document: document() };
    let delete = DocumentChange::Delete { path: path() };
    let request = DocumentsRequest { message: "why".into(), changes: vec![write, delete] };
    let record = EventRecord { seq: 1, at: Millis(5), kind: name(), data: document() };
    vec![
        ("EventRequest", value(&EventRequest { kind: name(), data: document() })),
        ("EventAppended", value(&EventAppended { seq: 1, at: Millis(5) })),
        ("EventList", value(&EventList { events: vec![record] })),
        ("DocumentsRequest", value(&request)),
        ("DocumentsWritten", value(&DocumentsWritten { block: BLOCK, height: 4, state: Written::Waiting })),
        ("Done", value(&Done {})),
    ]
}

fn samples_of_devices() -> Samples {
    let device = DeviceInfo { name: name(), kind: DeviceKind::Reader, on: false };
    let (digests, reason) = (vec![BadgeDigest::new([3; 32])], "checksum".to_string());
    vec![
        ("DeviceList", value(&DeviceList { devices: vec![device] })),
        ("SetDevice", value(&SetDevice { on: true, for_ms: Some(4000) })),
        ("SetDevice", value(&SetDevice { on: false, for_ms: None })),
        ("DeviceSet", value(&DeviceSet { name: name(), on: true })),
        ("InputLine", value(&InputLine::Badge { device: name(), at: Millis(5), digests })),
        ("InputLine", value(&InputLine::BadReading { device: name(), at: Millis(5), reason })),
        ("InputLine", value(&InputLine::Edge { device: name(), at: Millis(5), on: true })),
        ("InputLine", value(&InputLine::Alive {})),
    ]
}

#[test]
fn what_the_types_write_the_file_describes() {
    let root = openapi();
    for (name, sample) in samples() {
        let schema = &root["components"]["schemas"][name];
        assert!(schema.is_object(), "the file has no schema {name}");
        if let Err(difference) = check(&root, schema, &sample, name) {
            panic!("{difference}");
        }
    }
}

#[test]
fn every_property_of_the_file_is_written_by_a_type() {
    let root = openapi();
    let written: String = samples().iter().map(|(_, sample)| sample.to_string()).collect();
    for (name, schema) in root["components"]["schemas"].as_object().unwrap() {
        for choice in schema["oneOf"].as_array().map_or(vec![schema], |choices| choices.iter().collect()) {
            for field in choice["properties"].as_object().into_iter().flat_map(|fields| fields.keys()) {
                assert!(written.contains(&format!("\"{field}\":")), "{name}.{field} is in no type");
            }
        }
    }
}

#[test]
fn every_word_for_an_error_is_in_the_file_and_reads_back() {
    let root = openapi();
    let words = root.pointer("/components/schemas/Error/properties/error/properties/code/examples").unwrap();
    for word in words.as_array().unwrap() {
        let code: ErrorCode = serde_json::from_value(word.clone()).unwrap();
        assert_ne!(code, ErrorCode::Other, "{word} is in no type");
    }
}

#[test]
fn every_reference_of_the_file_leads_somewhere() {
    fn walk(root: &Value, value: &Value) {
        if let Some(name) = value["$ref"].as_str() {
            assert!(root.pointer(name.trim_start_matches('#')).is_some(), "{name} leads nowhere");
        }
        value.as_object().into_iter().flatten().for_each(|(_, inner)| walk(root, inner));
        value.as_array().into_iter().flatten().for_each(|inner| walk(root, inner));
    }
    walk(&openapi(), &openapi());
}
