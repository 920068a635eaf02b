//! Any bytes as somebody's new blocks, in the JSON of `POST /v1/blocks`: an error, or a block that keeps the rules.
//! Bytes by chance have no signature, so any state and any message are also put under a block that carol signed,
//! who is of the membership: what is taken from her changes people, revokes nothing back, and nothing else.
#![no_main]

use agent::wire::{Proposal, WireObject};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ledger::{
    Block, Change, Genesis, Kind, Layered, MemoryObjects, Meta, NewObjects, Object, State, check_block, diff,
    document_block, genesis,
};
use libfuzzer_sys::{arbitrary, fuzz_target};
use model::{BlockId, GIT_NAMESPACE, Millis, ObjectId, SigningKey, StatePath};
use std::{cell::OnceCell, collections::BTreeMap};

const FOUNDED: Millis = Millis(1_000_000);
const POLICY: &str = r#"
[roles]
owner = ["alice"]
membership = ["carol"]
[[rules]]
paths = ["policy.toml", "org.toml", "keys/*", "branches/*", "nodes/*", "dapps/**"]
roles = ["owner"]
[[rules]]
paths = ["people/*"]
roles = ["owner", "membership"]
"#;
/// Whose record is revoked.
const DORA: &str = "people/dora.toml";
/// Names that are worth a try.
const NAMES: [&str; 9] =
    ["people", "keys", "log", "dapps", "dora.toml", "erik.toml", "policy.toml", "main.toml", "app.manifest"];

#[derive(arbitrary::Arbitrary, Debug)]
enum Input<'a> {
    Json(&'a [u8]),
    Forged { edits: Vec<Edit<'a>>, message: Option<&'a str> },
}

/// A file below the root or below a folder; without bytes it is removed.
#[derive(arbitrary::Arbitrary, Debug)]
struct Edit<'a> {
    folder: Option<Name<'a>>,
    file: Name<'a>,
    bytes: Option<Bytes<'a>>,
}

#[derive(arbitrary::Arbitrary, Debug)]
enum Bytes<'a> {
    Any(&'a [u8]),
    Document(u8),
}

#[derive(arbitrary::Arbitrary, Debug)]
enum Name<'a> {
    Known(u8),
    Any(&'a str),
}

/// Files by folder and name; those of the root in the folder "".
type Files = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

/// A small organisation: alice owns it, carol is of the membership.
struct House {
    objects: MemoryObjects,
    main: Block,
    files: Files,
    /// A block of carol's as it was signed.
    signed: String,
}

thread_local!(static HOUSE: OnceCell<House> = const { OnceCell::new() });

fuzz_target!(|input: Input| {
    HOUSE.with(|house| house.get_or_init(House::new).check(&input));
});

impl House {
    fn new() -> Self {
        let founder = key("alice").public().id();
        let draft =
            genesis(Genesis { founder, at: FOUNDED, subject: "Begin".into(), documents: documents() });
        let block =
            draft.expect("because the documents are right").sign(&key("alice")).expect("because it is hers");
        let mut objects = MemoryObjects::default();
        objects.store(&block.objects);
        let main = Block::read(&objects, block.id).expect("because it was stored");
        let (files, signed) = (files(&objects, main.id), carols(&objects, main.id));
        Self { objects, main, files, signed }
    }

    fn check(&self, input: &Input) {
        let Some((head, new)) = (match input {
            Input::Json(json) => read(json),
            Input::Forged { edits, message } => Some(self.forged(edits, *message)),
        }) else {
            return;
        };
        let objects = Layered { new: &new, base: &self.objects };
        let Ok(block) = Block::read(&objects, head) else { return };
        if block.id == self.main.id || check_block(&objects, &block).is_err() {
            return;
        }
        let changes =
            diff(&objects, Some(&self.main.tree), Some(&block.tree)).expect("because it was checked");
        assert!(changes.iter().all(|change| change.path.as_str().starts_with("people/")), "{changes:?}");
        let dora =
            State::at_tree(&objects, block.tree).document(&path(DORA)).expect("because it was checked");
        assert!(dora.is_some_and(|dora| {
            dora.get(&["revoked", "reason"]).is_some_and(|why| why.as_str() == Some("left"))
        }));
    }

    /// Carol's block over any state, with any message, as it arrives.
    fn forged(&self, edits: &[Edit], message: Option<&str>) -> (BlockId, NewObjects) {
        let mut files = self.files.clone();
        for Edit { folder, file, bytes } in edits {
            let folder = files.entry(folder.as_ref().map_or("", Name::text).to_string()).or_default();
            match bytes {
                Some(Bytes::Any(bytes)) => drop(folder.insert(file.text().to_string(), bytes.to_vec())),
                Some(Bytes::Document(number)) => {
                    folder.insert(file.text().to_string(), format!("plan = {number}\n").into_bytes());
                }
                None => drop(folder.remove(file.text())),
            }
        }
        let mut new = NewObjects::default();
        let tree = tree(&files, &mut new);
        let (header, own) = self.signed.split_once("\n\n").expect("because it is a commit");
        let (_, header) = header.split_once('\n').expect("because the tree is the first line");
        let (header, message) = (format!("tree {tree}\n{header}"), message.unwrap_or(own));
        let signature = key("carol").sign(GIT_NAMESPACE, format!("{header}\n\n{message}").as_bytes());
        let signature = signature.expect("because the key can sign").replace('\n', "\n ");
        let commit = format!("{header}\ngpgsig-sha256 {signature}\n\n{message}");
        let head = new.insert(Kind::Commit, commit.into_bytes()).into();
        read(&written(head, &new)).expect("because it was written")
    }
}

impl Name<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Known(n) => NAMES[usize::from(*n) % NAMES.len()],
            Self::Any(text) => text,
        }
    }
}

fn documents() -> Vec<Change> {
    let change = |at: &str, text: String| Change { path: path(at), content: Some(text.into_bytes()) };
    let key_of = |name: &str| {
        let public = key(name).public();
        let text = format!("public = \"{public}\"\nowner = \"person:{name}\"\nlabel = \"\"\nadded = 1\n");
        change(&format!("keys/{}.toml", public.id()), text)
    };
    let badge_key = "ab".repeat(32);
    let org =
        format!("name = \"T\"\ntimezone = \"UTC\"\ncreated = 1\nbadge_key = \"{badge_key}\"\nprotocol = 1\n");
    let validators = format!("[validators]\n{} = 1\n", key("alice").public().id());
    let dora = "name = \"Dora\"\n[revoked]\nat = 1\nby = \"alice\"\nreason = \"left\"\n";
    vec![
        change("org.toml", org),
        change("policy.toml", POLICY.into()),
        change("branches/main.toml", validators),
        change(DORA, dora.into()),
        key_of("alice"),
        key_of("carol"),
    ]
}

fn files(objects: &MemoryObjects, main: BlockId) -> Files {
    let state = State::at(objects, main).expect("because it was stored");
    let mut files = Files::new();
    for change in documents() {
        let bytes = state.read(&change.path).expect("because it was stored").unwrap_or_default();
        let (folder, file) = change.path.as_str().rsplit_once('/').unwrap_or(("", change.path.as_str()));
        files.entry(folder.to_string()).or_default().insert(file.to_string(), bytes);
    }
    files
}

fn carols(objects: &MemoryObjects, main: BlockId) -> String {
    let change = Change { path: path("people/erik.toml"), content: Some(b"name = \"Erik\"\n".to_vec()) };
    let (author, at) = (key("carol").public().id(), FOUNDED.plus(1000));
    let meta = Meta { author, at, subject: "Change".into(), dapp: None };
    let draft = document_block(objects, main, None, &[change], meta).expect("because carol may");
    let block = draft.sign(&key("carol")).expect("because it is hers");
    let block = Block::read(&block.objects, block.id).expect("because it was made");
    String::from_utf8(block.signed).expect("because a block is text")
}

/// The root as git writes it, whatever the names are.
fn tree(files: &Files, new: &mut NewObjects) -> ObjectId {
    let mut root = Vec::new();
    for (folder, files) in files {
        let mut entries = Vec::new();
        for (name, bytes) in files {
            entries.push((name.clone(), "100644", new.insert(Kind::Blob, bytes.clone())));
        }
        match folder.as_str() {
            "" => root.extend(entries),
            _ if entries.is_empty() => {}
            name => root.push((name.to_string(), "40000", new.insert(Kind::Tree, encoded(entries)))),
        }
    }
    new.insert(Kind::Tree, encoded(root))
}

fn encoded(mut entries: Vec<(String, &str, ObjectId)>) -> Vec<u8> {
    entries.sort_by_key(|(name, mode, _)| if *mode == "40000" { format!("{name}/") } else { name.clone() });
    let entry = |(name, mode, id): &(String, &str, ObjectId)| {
        [mode.as_bytes(), b" ", name.as_bytes(), b"\0", id.as_bytes()].concat()
    };
    entries.iter().flat_map(entry).collect()
}

/// The objects of a proposal, as the agent reads them.
fn read(json: &[u8]) -> Option<(BlockId, NewObjects)> {
    let proposal: Proposal = serde_json::from_slice(json).ok()?;
    let mut new = NewObjects::default();
    for WireObject { id, kind, bytes } in proposal.objects {
        let kind = match kind.as_str() {
            "blob" => Kind::Blob,
            "tree" => Kind::Tree,
            "commit" => Kind::Commit,
            _ => return None,
        };
        if new.insert(kind, BASE64.decode(bytes).ok()?) != id {
            return None;
        }
    }
    Some((proposal.head, new))
}

fn written(head: BlockId, new: &NewObjects) -> Vec<u8> {
    let object = |(id, object): (&ObjectId, &Object)| WireObject {
        id: *id,
        kind: word(object.kind).into(),
        bytes: BASE64.encode(&object.bytes),
    };
    let proposal = Proposal { head, objects: new.iter().map(object).collect() };
    serde_json::to_vec(&proposal).expect("because it is plain data")
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Blob => "blob",
        Kind::Tree => "tree",
        Kind::Commit => "commit",
    }
}

fn path(text: &str) -> StatePath {
    text.parse().expect("because it is a path")
}

fn key(name: &str) -> SigningKey {
    let mut seed = [0; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(&seed)
}
