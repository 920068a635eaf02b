//! An organisation to make blocks in: one person, some nodes, and a clock that goes on by itself.

#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

use ledger::{
    Change, Genesis, MemoryObjects, Meta, NewBlock, NewObjects, Objects, event_block, genesis, merge_block,
};
use model::{BlockId, Event, KeyId, Millis, Name, OrgId, SigningKey};
use std::collections::HashMap;

const FOUNDED: u64 = 1_795_000_000_000;
/// Between two blocks of a node.
const PAUSE_MS: u64 = 600_000;

/// The organisation.
pub struct House {
    pub org: OrgId,
    pub genesis: BlockId,
    pub nodes: Vec<SigningKey>,
    beginning: NewObjects,
    /// The number of the last event up to a block.
    seqs: HashMap<BlockId, u64>,
    clock: u64,
}

impl House {
    /// An organisation of that name; the same name and number give the same one.
    pub fn new(name: &str, nodes: usize) -> Self {
        let person = SigningKey::from_seed(&[1; 32]);
        let nodes: Vec<SigningKey> = (0..nodes).map(|n| SigningKey::from_seed(&seed(n))).collect();
        let documents = documents(name, &person, &nodes);
        let (founder, subject) = (person.public().id(), "Begin".to_string());
        let draft = genesis(Genesis { founder, at: Millis(FOUNDED), subject, documents }).unwrap();
        let block = draft.sign(&person).unwrap();
        Self {
            org: block.id.into(),
            genesis: block.id,
            nodes,
            beginning: block.objects,
            seqs: HashMap::new(),
            clock: FOUNDED,
        }
    }

    /// A store with the first block in it.
    pub fn store(&self) -> MemoryObjects {
        let mut store = MemoryObjects::default();
        store.store(&self.beginning);
        store
    }

    pub fn key(&self, node: usize) -> KeyId {
        self.nodes[node].public().id()
    }

    /// A block of `count` events of a node.
    pub fn events(
        &mut self,
        objects: &dyn Objects,
        node: usize,
        main: BlockId,
        own: Option<BlockId>,
        count: u64,
    ) -> NewBlock {
        let last = own.and_then(|own| self.seqs.get(&own).copied()).unwrap_or(0);
        let meta = self.meta(node);
        let events: Vec<Event> = (last + 1..=last + count).map(|seq| event(seq, self.clock)).collect();
        let draft = event_block(objects, main, own, &node_name(node), &events, meta).unwrap();
        let block = draft.sign(&self.nodes[node]).unwrap();
        self.seqs.insert(block.id, last + count);
        block
    }

    /// A merge block by the first node, who is the validator.
    pub fn merge(&mut self, objects: &dyn Objects, main: BlockId, heads: &[BlockId]) -> NewBlock {
        let merged = merge_block(objects, main, heads, self.meta(0)).unwrap();
        merged.draft.unwrap().sign(&self.nodes[0]).unwrap()
    }

    fn meta(&mut self, node: usize) -> Meta {
        self.clock += PAUSE_MS;
        let author = self.key(node);
        Meta { author, at: Millis(self.clock), subject: "Events".into(), dapp: None }
    }
}

fn seed(n: usize) -> [u8; 32] {
    let mut seed = [2; 32];
    seed[..8].copy_from_slice(&(n as u64).to_le_bytes());
    seed
}

fn node_name(n: usize) -> Name {
    format!("node-{n}").parse().unwrap()
}

fn event(seq: u64, at: u64) -> Event {
    let data =
        serde_json::json!({"door": "front", "member": format!("member-{}", seq % 500), "result": "allowed"});
    let data = data.as_object().unwrap().clone();
    Event { at: Millis(at), dapp: "doorbot".parse().unwrap(), data, kind: "access".parse().unwrap(), seq }
}

fn documents(name: &str, person: &SigningKey, nodes: &[SigningKey]) -> Vec<Change> {
    let file =
        |path: String, text: String| Change { path: path.parse().unwrap(), content: Some(text.into()) };
    let key = |key: &SigningKey, owner: String| {
        let text =
            format!("public = \"{}\"\nowner = \"{owner}\"\nlabel = \"test\"\nadded = 0\n", key.public());
        file(format!("keys/{}.toml", key.public().id()), text)
    };
    let badge_key = "ab".repeat(32);
    let org = format!(
        "name = \"{name}\"\ntimezone = \"UTC\"\ncreated = 0\nbadge_key = \"{badge_key}\"\nprotocol = 1\n"
    );
    let policy = "[roles]\nowner = [\"alice\"]\n[[rules]]\npaths = [\"**\"]\nroles = [\"owner\"]\n";
    let validators = format!("[validators]\n{} = 1\n", nodes[0].public().id());
    let mut all = vec![
        file("org.toml".into(), org),
        file("policy.toml".into(), policy.into()),
        file("branches/main.toml".into(), validators),
        key(person, "person:alice".into()),
    ];
    for (n, node) in nodes.iter().enumerate() {
        let id = node.public().id();
        all.push(key(node, format!("node:node-{n}")));
        let text = format!("key = \"{id}\"\nboard = \"sim\"\nplace = \"door\"\n");
        all.push(file(format!("nodes/node-{n}.toml"), text));
    }
    all
}
