//! A small organisation in memory, for the tests of this room: alice and bob own it, carol is of the membership,
//! `front` and `back` are its nodes. Each writer's last block is remembered, as its reference would.

#![allow(dead_code, reason = "each test file is a program of its own and uses a part of this")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod forge;

pub use forge::*;
use ledger::{
    Block, Change, Choices, Draft, DraftError, Genesis, JoinError, Layered, MemoryObjects, Merged, Meta,
    NewBlock, NewObjects, State, document_block, event_block, genesis, merge_block,
};
use model::{BlockId, Document, Event, KeyId, Millis, Name, SigningKey, StatePath};
use std::collections::HashMap;

pub const POLICY: &str = r#"
[roles]
owner = ["alice", "bob"]
membership = ["carol"]
[[rules]]
paths = ["policy.toml", "org.toml", "keys/*", "branches/*", "nodes/*"]
roles = ["owner"]
[[rules]]
paths = ["people/*"]
roles = ["owner", "membership"]
dapps = ["desk"]
[[rules]]
paths = ["dapps/**", "doorbot/**"]
roles = ["owner"]
"#;

pub struct House {
    pub store: MemoryObjects,
    /// The head of the branch that is written to; main unless a test forks.
    pub main: BlockId,
    /// Who signs merges.
    pub validator: &'static str,
    pub own: HashMap<KeyId, BlockId>,
    pub now: u64,
}

/// The key of a person or node of the house, the same in every test.
pub fn key(name: &str) -> SigningKey {
    let mut seed = [0; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(&seed)
}

pub fn id(name: &str) -> KeyId {
    key(name).public().id()
}

pub fn path(text: &str) -> StatePath {
    text.parse().unwrap()
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn change(at: &str, content: &str) -> Change {
    Change { path: path(at), content: Some(content.into()) }
}

pub fn remove(at: &str) -> Change {
    Change { path: path(at), content: None }
}

pub fn key_document(owner: &str) -> Change {
    let name = owner.split(':').nth(1).unwrap();
    let text =
        format!("public = \"{}\"\nowner = \"{owner}\"\nlabel = \"test\"\nadded = 1000\n", key(name).public());
    change(&format!("keys/{}.toml", id(name)), &text)
}

pub fn revoked_key(owner: &str, by: &str, at: u64) -> Change {
    let mut document = key_document(owner);
    let mark = format!("\n[revoked]\nat = {at}\nby = \"{by}\"\nreason = \"lost\"\n");
    document.content.as_mut().unwrap().extend(mark.bytes());
    document
}

pub fn first_state() -> Vec<Change> {
    let validators = format!("[validators]\n{} = 1\n", id("front"));
    let org = format!(
        "name = \"Test\"\ntimezone = \"Europe/Berlin\"\ncreated = 1000\nbadge_key = \"{}\"\nprotocol = 1\n",
        "ab".repeat(32)
    );
    let node = |node: &str| {
        let text = format!("key = \"{}\"\nboard = \"sim\"\nplace = \"door\"\n", id(node));
        change(&format!("nodes/{node}.toml"), &text)
    };
    let mut all = vec![change("org.toml", &org), change("policy.toml", POLICY)];
    all.extend(["person:alice", "person:bob", "person:carol", "node:front", "node:back"].map(key_document));
    all.extend([node("front"), node("back"), change("branches/main.toml", &validators)]);
    all.push(change("dapps/desk/dapp.toml", "name = \"desk\"\nwrites = [\"people/*\"]\n"));
    all.push(change("people/dora.toml", "name = \"Dora\"\nplan = \"full\"\nstate = \"active\"\n"));
    all
}

pub fn first_block(documents: Vec<Change>) -> Result<Draft, DraftError> {
    genesis(Genesis { founder: id("alice"), at: Millis(1_000_000), subject: "Begin".into(), documents })
}

impl House {
    pub fn new() -> Self {
        let block = first_block(first_state()).unwrap().sign(&key("alice")).unwrap();
        let mut house = Self {
            store: MemoryObjects::default(),
            main: block.id,
            validator: "front",
            own: HashMap::new(),
            now: 1_000_000,
        };
        house.store.store(&block.objects);
        house
    }

    pub fn meta(&mut self, author: &str) -> Meta {
        self.now += 1000;
        Meta { author: id(author), at: Millis(self.now), subject: format!("Change by {author}"), dapp: None }
    }

    pub fn keep(&mut self, author: &str, block: NewBlock) -> BlockId {
        self.store.store(&block.objects);
        self.own.insert(id(author), block.id);
        block.id
    }

    pub fn draft(&mut self, author: &str, changes: &[Change]) -> Result<Draft, DraftError> {
        let (own, meta) = (self.own.get(&id(author)).copied(), self.meta(author));
        document_block(&self.store, self.main, own, changes, meta)
    }

    /// Writes documents by a person.
    pub fn write(&mut self, author: &str, changes: &[Change]) -> BlockId {
        let block = self.draft(author, changes).unwrap().sign(&key(author)).unwrap();
        self.keep(author, block)
    }

    /// Writes documents by a node for a dapp.
    pub fn write_for(&mut self, node: &str, dapp: &str, changes: &[Change]) -> Result<BlockId, DraftError> {
        let own = self.own.get(&id(node)).copied();
        let meta = Meta { dapp: Some(name(dapp)), ..self.meta(node) };
        let draft = document_block(&self.store, self.main, own, changes, meta)?;
        Ok(self.keep(node, draft.sign(&key(node)).unwrap()))
    }

    pub fn draft_events(&mut self, node: &str, events: &[Event]) -> Result<Draft, DraftError> {
        let (own, meta) = (self.own.get(&id(node)).copied(), self.meta(node));
        event_block(&self.store, self.main, own, &name(node), events, meta)
    }

    /// Writes `count` events of a node, going on from its last block.
    pub fn events(&mut self, node: &str, count: u64) -> BlockId {
        let first = self.last_event(node) + 1;
        let events: Vec<Event> = (first..first + count).map(event).collect();
        let block = self.draft_events(node, &events).unwrap().sign(&key(node)).unwrap();
        self.keep(node, block)
    }

    pub fn last_event(&self, node: &str) -> u64 {
        let at = self.own.get(&id(node)).copied().unwrap_or(self.main);
        ledger::last_event(&self.store, &State::at(&self.store, at).unwrap(), &name(node)).unwrap()
    }

    pub fn try_merge(&mut self, heads: &[BlockId]) -> Merged {
        let meta = Meta { subject: "Merge".into(), ..self.meta(self.validator) };
        merge_block(&self.store, self.main, heads, meta).unwrap()
    }

    /// Merges heads onto main; gives what was left out, as text.
    pub fn merge(&mut self, heads: &[BlockId]) -> Vec<(BlockId, String)> {
        let merged = self.try_merge(heads);
        if let Some(draft) = merged.draft {
            let block = draft.sign(&key(self.validator)).unwrap();
            self.store.store(&block.objects);
            self.main = block.id;
        }
        merged.left_out.into_iter().map(|(head, reason)| (head, reason.to_string())).collect()
    }

    /// Writes documents and merges them.
    pub fn change(&mut self, author: &str, changes: &[Change]) -> Vec<(BlockId, String)> {
        let head = self.write(author, changes);
        self.merge(&[head])
    }

    /// Forks the branch and goes on with the fork.
    pub fn fork(
        &mut self,
        author: &str,
        branch: &str,
        validator: &'static str,
        policy: Option<&str>,
    ) -> BlockId {
        let text = format!("[validators]\n{} = 1\n", id(validator));
        let mut changes = vec![change(&format!("branches/{branch}.toml"), &text)];
        changes.extend(policy.map(|policy| change("policy.toml", policy)));
        let meta = self.meta(author);
        let draft = ledger::fork(&self.store, self.main, name(branch), &changes, meta).unwrap();
        let block = draft.sign(&key(author)).unwrap();
        self.store.store(&block.objects);
        (self.main, self.validator) = (block.id, validator);
        block.id
    }

    /// Writes a join of the branch that ends with `source`.
    pub fn join(&mut self, author: &str, source: BlockId, choices: &Choices) -> Result<BlockId, JoinError> {
        let (own, meta) = (self.own.get(&id(author)).copied(), self.meta(author));
        let draft = ledger::join(&self.store, self.main, own, source, choices, meta)?;
        let block = draft.sign(&key(author)).unwrap();
        Ok(self.keep(author, block))
    }

    pub fn text(&self, at: &str) -> Option<String> {
        let bytes = State::at(&self.store, self.main).unwrap().read(&path(at)).unwrap();
        bytes.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    pub fn document(&self, at: &str) -> Option<Document> {
        State::at(&self.store, self.main).unwrap().document(&path(at)).unwrap()
    }

    pub fn verify(&self) -> Result<ledger::Report, ledger::VerifyError> {
        ledger::verify(&self.store, self.main, &mut |_| {})
    }

    pub fn read(&self, block: BlockId) -> Block {
        Block::read(&self.store, block).unwrap()
    }

    /// Stores a block that was forged by hand and reads it.
    pub fn forged(&mut self, forged: &Forged<'_>) -> Block {
        let mut new = NewObjects::default();
        let block = new.insert(ledger::Kind::Commit, forged.bytes());
        self.store.store(&new);
        self.read(block.into())
    }

    /// What is wrong with a block, as text.
    pub fn fault(&self, block: &Block) -> String {
        ledger::check_block(&self.store, block).unwrap_err().to_string()
    }

    pub fn layered<'a>(&'a self, new: &'a NewObjects) -> Layered<'a> {
        Layered { new, base: &self.store }
    }
}

pub fn event(seq: u64) -> Event {
    let mut data = serde_json::Map::new();
    data.insert("member".into(), "dora".into());
    Event { at: Millis(1_000_000 + seq), dapp: name("doorbot"), data, kind: name("access"), seq }
}

/// All orders of the numbers below `n`.
pub fn permutations(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else { return vec![vec![]] };
    let longer = |shorter: Vec<usize>| {
        (0..=last).map(move |at| {
            let mut longer = shorter.clone();
            longer.insert(at, last);
            longer
        })
    };
    permutations(last).into_iter().flat_map(longer).collect()
}
