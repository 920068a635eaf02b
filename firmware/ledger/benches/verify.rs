//! Verifies a ledger of 100,000 events in memory and prints figures as `name value unit`.
//!
//! `cargo bench -p ledger`, or with a number of events and of events in a block: `cargo bench -p ledger -- 20000 1`.
//! The ledger is made with the same functions that a node uses, so making it is a figure too.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops where it fails")]

use ledger::{Change, Genesis, MemoryObjects, Meta, event_block, genesis, merge_block, verify};
use model::{BlockId, Event, KeyId, Millis, Name, SigningKey};
use std::time::Instant;

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let events = numbers.first().copied().unwrap_or(100_000);
    let batch = numbers.get(1).copied().unwrap_or(20);
    let mut bench = Bench::new();
    let start = Instant::now();
    for first in (1..=events).step_by(batch as usize) {
        bench.add(first, batch.min(events + 1 - first));
    }
    let made = start.elapsed();
    let reads = bench.store.reads();
    let start = Instant::now();
    let report = verify(&bench.store, bench.main, &mut |_| {}).unwrap();
    let verified = start.elapsed();
    let bytes: usize = bench.store.iter().map(|(_, object)| object.bytes.len()).sum();
    println!("events {} events", report.events);
    println!("blocks {} blocks", report.blocks);
    println!("made {:.0} events/s", report.events as f64 / made.as_secs_f64());
    println!("verified {:.0} events/s", report.events as f64 / verified.as_secs_f64());
    println!("verified {:.0} blocks/s", report.blocks as f64 / verified.as_secs_f64());
    println!("verify {:.3} s", verified.as_secs_f64());
    let reads = bench.store.reads() - reads;
    println!("reads {:.1} objects/block", reads as f64 / report.blocks as f64);
    println!("objects {:.0} bytes/event", bytes as f64 / report.events as f64);
}

struct Bench {
    store: MemoryObjects,
    main: BlockId,
    own: Option<BlockId>,
    key: SigningKey,
    node: Name,
    at: u64,
}

impl Bench {
    fn new() -> Self {
        let (person, key) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let (founder, subject) = (person.public().id(), "Begin".to_string());
        let documents = documents(&person, &key);
        let draft = genesis(Genesis { founder, at: Millis(1_795_000_000_000), subject, documents }).unwrap();
        let block = draft.sign(&person).unwrap();
        let mut store = MemoryObjects::default();
        store.store(&block.objects);
        let node = "front".parse().unwrap();
        Self { store, main: block.id, own: None, key, node, at: 1_795_000_000_000 }
    }

    fn meta(&self) -> Meta {
        Meta { author: self.key.public().id(), at: Millis(self.at), subject: "Events".into(), dapp: None }
    }

    /// One block of events and its merge, ten minutes after the last.
    fn add(&mut self, first: u64, count: u64) {
        self.at += 600_000;
        let events: Vec<Event> = (first..first + count).map(|seq| event(seq, self.at)).collect();
        let draft = event_block(&self.store, self.main, self.own, &self.node, &events, self.meta()).unwrap();
        let block = draft.sign(&self.key).unwrap();
        self.store.store(&block.objects);
        self.own = Some(block.id);
        let merged = merge_block(&self.store, self.main, &[block.id], self.meta()).unwrap();
        let block = merged.draft.unwrap().sign(&self.key).unwrap();
        self.store.store(&block.objects);
        self.main = block.id;
    }
}

fn event(seq: u64, at: u64) -> Event {
    let data =
        serde_json::json!({"door": "front", "member": format!("member-{}", seq % 500), "result": "allowed"});
    let data = data.as_object().unwrap().clone();
    Event { at: Millis(at), dapp: "doorbot".parse().unwrap(), data, kind: "access".parse().unwrap(), seq }
}

fn documents(person: &SigningKey, node: &SigningKey) -> Vec<Change> {
    let badge_key = "ab".repeat(32);
    let id = |key: &SigningKey| -> KeyId { key.public().id() };
    let file =
        |path: String, text: String| Change { path: path.parse().unwrap(), content: Some(text.into()) };
    let key = |key: &SigningKey, owner: &str| {
        let text =
            format!("public = \"{}\"\nowner = \"{owner}\"\nlabel = \"bench\"\nadded = 0\n", key.public());
        file(format!("keys/{}.toml", id(key)), text)
    };
    let org = format!(
        "name = \"Bench\"\ntimezone = \"UTC\"\ncreated = 0\nbadge_key = \"{badge_key}\"\nprotocol = 1\n"
    );
    let policy = "[roles]\nowner = [\"alice\"]\n[[rules]]\npaths = [\"**\"]\nroles = [\"owner\"]\n";
    let mut all = vec![
        file("org.toml".into(), org),
        file("policy.toml".into(), policy.into()),
        file("branches/main.toml".into(), format!("[validators]\n{} = 1\n", id(node))),
        file(
            "nodes/front.toml".into(),
            format!("key = \"{}\"\nboard = \"sim\"\nplace = \"door\"\n", id(node)),
        ),
        key(person, "person:alice"),
        key(node, "node:front"),
    ];
    let member = |n: u64| file(format!("people/member-{n}.toml"), format!("name = \"Member {n}\"\n"));
    all.extend((0..500).map(member));
    all
}
