//! A small organisation with one door, written through the real ledger functions.

// Each test file uses a part of it; a test that panics has failed.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use ledger::{Change, Genesis, Layered, Meta, NewObjects};
use model::{BadgeDigest, BlockId, Event, KeyId, Millis, Name, SigningKey};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use store::{CommitError, NewEvent, OpenError, Options, RefName, Store, disk::Disk};

/// 22 November 2026, 12:00.
pub const NOON: u64 = 1_795_348_800_000;

/// New objects, moves of references, the last event's number.
pub type Drafted = (NewObjects, Vec<(RefName, BlockId)>, u64);

pub struct Org {
    pub founder: SigningKey,
    pub node: SigningKey,
    pub name: Name,
}

impl Org {
    pub fn new() -> Self {
        let (founder, node) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        Self { founder, node, name: "front-door".parse().unwrap() }
    }

    pub fn key(&self) -> KeyId {
        self.node.public().id()
    }

    pub fn writer(&self) -> RefName {
        RefName::writer(self.key())
    }

    pub fn open(&self, home: &Path, disk: Arc<dyn Disk>) -> Result<Store, OpenError> {
        self.open_with(home, disk, Options::default())
    }

    pub fn open_with(&self, home: &Path, disk: Arc<dyn Disk>, options: Options) -> Result<Store, OpenError> {
        Store::open(home, disk, Options { writer: Some(self.key()), ..options })
    }

    fn documents(&self) -> Vec<Change> {
        let (founder, node) = (self.founder.public(), self.node.public());
        let (founder_id, node_id) = (founder.id(), node.id());
        let badge_key = BadgeDigest::new([7; 32]);
        let key = |public: String, owner: &str| {
            format!("public = {public:?}\nowner = {owner:?}\nlabel = \"test\"\nadded = {NOON}\n")
        };
        [
            ("org.toml".to_string(), format!(
                "name = \"Test space\"\ntimezone = \"Europe/Berlin\"\ncreated = {NOON}\nbadge_key = \"{badge_key}\"\nprotocol = 1\n"
            )),
            ("policy.toml".into(), "[roles]\nowner = [\"alice\"]\n[[rules]]\npaths = [\"**\"]\nroles = [\"owner\"]\n".into()),
            (format!("keys/{founder_id}.toml"), key(founder.to_string(), "person:alice")),
            (format!("keys/{node_id}.toml"), key(node.to_string(), "node:front-door")),
            ("nodes/front-door.toml".into(), format!("key = \"{node_id}\"\nboard = \"sim\"\nplace = \"the front door\"\n")),
            ("branches/main.toml".into(), format!("[validators]\n{node_id} = 1\n")),
        ]
        .into_iter()
        .map(|(path, text)| Change { path: path.parse().unwrap(), content: Some(text.into_bytes()) })
        .collect()
    }

    pub fn genesis_or_fail(&self, store: &mut Store) -> Result<(), CommitError> {
        let genesis = Genesis {
            founder: self.founder.public().id(),
            at: Millis(NOON),
            subject: "begin".into(),
            documents: self.documents(),
        };
        let block = ledger::genesis(genesis).unwrap().sign(&self.founder).unwrap();
        store.commit(&block.objects, &[(RefName::main(), block.id)])
    }

    pub fn genesis(&self, store: &mut Store) {
        self.genesis_or_fail(store).unwrap();
    }

    /// A crash between the two moves of a flush leaves main behind the node's own branch: merges what is there.
    pub fn catch_up_main(&self, store: &mut Store) {
        let objects = store.objects();
        let main = store.head(&RefName::main()).unwrap().unwrap();
        let Some(own) = store.head(&self.writer()).unwrap() else { return };
        let at = Millis(NOON + 1_000_000_000);
        let meta = Meta { author: self.key(), at, subject: "merge".into(), dapp: None };
        if let Some(draft) = ledger::merge_block(&objects, main, &[own], meta).unwrap().draft {
            let merge = draft.sign(&self.node).unwrap();
            store.commit(&merge.objects, &[(RefName::main(), merge.id)]).unwrap();
        }
    }

    /// The first `count` pending events as a block, and main with that block merged in: the new objects, the moves
    /// of the references, and the last event's number.
    pub fn draft(&self, store: &Store, count: usize) -> Result<Drafted, Box<dyn std::error::Error>> {
        let objects = store.objects();
        let main = store.head(&RefName::main())?.ok_or("there is no main")?;
        let own = store.head(&self.writer())?;
        let events = &store.pending()[..count.min(store.pending().len())];
        let last = events.last().ok_or("no event is pending")?;
        let meta =
            |subject: &str| Meta { author: self.key(), at: last.at, subject: subject.into(), dapp: None };
        let draft = ledger::event_block(&objects, main, own, &self.name, events, meta("events"))?;
        let block = draft.sign(&self.node)?;
        let merged = {
            let layered = Layered { new: &block.objects, base: &objects };
            ledger::merge_block(&layered, main, &[block.id], meta("merge"))?
        };
        let merge = merged.draft.ok_or("nothing to merge")?.sign(&self.node)?;
        let mut new = block.objects;
        new.extend(merge.objects);
        Ok((new, vec![(self.writer(), block.id), (RefName::main(), merge.id)], last.seq))
    }

    pub fn flush(&self, store: &mut Store, count: usize) {
        let (new, moves, last) = self.draft(store, count).unwrap();
        store.commit(&new, &moves).unwrap();
        store.events_in_blocks(last).unwrap();
    }
}

/// What a door says when a badge is held to it; some 200 bytes as a line.
pub fn badge(n: u64) -> NewEvent {
    // One of 97 badges; a digest looks random and does not compress.
    let mix = |part: u64| {
        (n * 7919 % 97 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (part << 32 | part)).rotate_left(29)
    };
    let digest: String =
        (0..4).map(|part| format!("{:016x}", mix(part).wrapping_mul(mix(part + 9)))).collect();
    let data = serde_json::json!({
        "badge": digest, "member": format!("member-{}", n % 60), "door": "front", "result": "allowed",
    });
    NewEvent {
        at: Millis(NOON + n * 60_000),
        dapp: "doorbot".parse().unwrap(),
        kind: "access".parse().unwrap(),
        data: data.as_object().unwrap().clone(),
    }
}

/// All events of the ledger: those in the blocks of main, then the pending ones.
pub fn all_events(org: &Org, store: &Store) -> Vec<Event> {
    let objects = store.objects();
    let mut events = Vec::new();
    if let Some(main) = store.head(&RefName::main()).unwrap() {
        let heads = [Some(main), store.head(&org.writer()).unwrap()];
        let mut files = std::collections::BTreeSet::new();
        for head in heads.into_iter().flatten() {
            let state = ledger::State::at(&objects, head).unwrap();
            for path in state.list("log").unwrap() {
                if files.insert(path.clone()) {
                    let text = String::from_utf8(state.read(&path).unwrap().unwrap()).unwrap();
                    events.extend(text.split_inclusive('\n').map(|line| Event::parse(line).unwrap()));
                }
            }
        }
    }
    events.extend_from_slice(store.pending());
    events
}

/// The size of all files below a folder, in whole blocks of 4 KiB as a file system takes them.
pub fn size(folder: &Path) -> u64 {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: PathBuf| match path.is_dir() {
        true => size(&path),
        false => path.metadata().unwrap().len().next_multiple_of(4096),
    };
    paths.map(of).sum()
}
