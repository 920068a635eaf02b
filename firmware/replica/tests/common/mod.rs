//! A small organisation: alice owns it, the box `front` is its validator.

use ledger::{Change, Genesis, Meta, NewBlock};
use model::{Event, Millis, Name, RefName, SigningKey};
use replica::{Depot, MemoryDepot, Now, Options, Replica};

pub const BEGIN: u64 = 1_795_000_000_000;

pub fn key(name: &str) -> SigningKey {
    let mut seed = [0; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(&seed)
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// So many seconds after the beginning.
pub fn now(seconds: u64) -> Now {
    Now { elapsed: Millis(seconds * 10), clock: Millis(BEGIN + seconds * 1000) }
}

pub fn options() -> Options {
    Options::new(key("front"))
}

pub fn change(path: &str, text: &str) -> Change {
    Change { path: path.parse().unwrap(), content: Some(text.into()) }
}

pub fn key_document(owner: &str) -> Change {
    let key = key(owner.split(':').nth(1).unwrap()).public();
    let text = format!("public = \"{key}\"\nowner = \"{owner}\"\nlabel = \"test\"\nadded = {BEGIN}\n");
    change(&format!("keys/{}.toml", key.id()), &text)
}

/// A depot with the first block in it.
pub fn founded(judge: bool) -> MemoryDepot {
    let front = key("front").public().id();
    let mut documents = vec![
        change(
            "org.toml",
            &format!(
                "name = \"Test\"\ntimezone = \"Europe/Berlin\"\ncreated = {BEGIN}\nbadge_key = \"{}\"\nprotocol = 1\n",
                "ab".repeat(32)
            ),
        ),
        change(
            "policy.toml",
            "[roles]\nowner = [\"alice\"]\n[[rules]]\npaths = [\"**\"]\nroles = [\"owner\"]\n",
        ),
        key_document("person:alice"),
        key_document("node:front"),
        change("nodes/front.toml", &format!("key = \"{front}\"\nboard = \"sim\"\nplace = \"door\"\n")),
        change("branches/main.toml", &format!("[validators]\n{front} = 1\n")),
    ];
    if judge {
        let image = chunk::Builder::new(Default::default()).finish(chunk::FileHasher::new().finish());
        documents.push(change(
            "dapps/desk/dapp.toml",
            "name = \"desk\"\nversion = \"1\"\n[judge]\nargs = [\"/judge\"]\n",
        ));
        documents.push(change("dapps/desk/image.manifest", &image.to_text()));
    }
    let genesis = Genesis {
        founder: key("alice").public().id(),
        at: Millis(BEGIN),
        subject: "Begin".into(),
        documents,
    };
    let block = ledger::genesis(genesis).unwrap().sign(&key("alice")).unwrap();
    let mut depot = MemoryDepot::default();
    depot.commit(&block.objects, &[(RefName::main(), block.id)]).unwrap();
    depot
}

pub fn open(depot: MemoryDepot) -> Replica<MemoryDepot> {
    Replica::open(depot, options(), now(0)).unwrap()
}

pub fn event(seq: u64) -> Event {
    let data = serde_json::Map::new();
    Event { at: Millis(BEGIN + seq), dapp: name("doorbot"), kind: name("access"), data, seq }
}

/// A block by alice on what the box has of main and of her.
pub fn person_block(replica: &Replica<MemoryDepot>, path: &str, note: &str) -> NewBlock {
    alices_block(replica, &[change(path, &format!("note = \"{note}\"\n"))])
}

/// The same with any changes.
pub fn alices_block(replica: &Replica<MemoryDepot>, changes: &[Change]) -> NewBlock {
    let author = key("alice").public().id();
    let meta = Meta { author, at: now(1).clock, subject: "A note".into(), dapp: None };
    let (main, own) = (replica.main().block, replica.head_of(&author));
    let draft = ledger::document_block(replica.objects(), main, own, changes, meta).unwrap();
    draft.sign(&key("alice")).unwrap()
}

/// Lets time pass until nothing is due.
pub fn settle(replica: &mut Replica<MemoryDepot>, until: u64) {
    let clock = now(30).clock;
    while let Some(at) = replica.wake_at().filter(|at| at.0 < until) {
        replica.tick(Now { elapsed: Millis(at.0), clock }).unwrap();
    }
}
