//! The organisation that is simulated: its keys, its first block.
//!
//! Alice owns it, the others of the staff may write people and the desk. Each box has a key and a node's document, the first
//! ones are validators. The dapp `desk` has a judge, which dislikes one word.

use crate::{dice::Dice, plan::Plan};
use chunk::{Builder, Cutter, FileHasher};
use ledger::{Change, Genesis, NewBlock};
use model::{KeyId, Millis, Name, SigningKey};
use std::fmt::Write;

/// When it all begins.
pub(crate) const BEGIN: Millis = Millis(1_795_000_000_000);

/// The people who write documents; the first one is the owner.
pub(crate) const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// What the judge of the desk does not let pass.
pub(crate) const FORBIDDEN: &str = "forbidden";

/// Keys and first block.
pub(crate) struct Founding {
    pub(crate) people: Vec<SigningKey>,
    pub(crate) nodes: Vec<(Name, SigningKey)>,
    pub(crate) genesis: NewBlock,
}

impl Founding {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut dice = Dice::new(plan.seed ^ 0x5eed_0f0d);
        let people: Vec<SigningKey> = PEOPLE.iter().map(|_| SigningKey::from_seed(&dice.bytes())).collect();
        let named = |n| -> Name { format!("node-{n:04}").parse().expect("because it is a name") };
        let nodes: Vec<(Name, SigningKey)> =
            (0..plan.nodes).map(|n| (named(n), SigningKey::from_seed(&dice.bytes()))).collect();
        let documents = documents(plan, &people, &nodes);
        let founder = people[0].public().id();
        let draft = ledger::genesis(Genesis { founder, at: BEGIN, subject: "Begin".into(), documents })
            .expect("because the first state is a good one");
        let genesis = draft.sign(&people[0]).expect("because it is drafted for this key");
        Self { people, nodes, genesis }
    }
}

fn documents(plan: &Plan, people: &[SigningKey], nodes: &[(Name, SigningKey)]) -> Vec<Change> {
    let mut all = vec![change("org.toml", ORG), change("policy.toml", POLICY)];
    for (name, key) in PEOPLE.iter().zip(people) {
        all.push(key_document(&format!("person:{name}"), key, None));
    }
    let mut validators = "[validators]\n".to_string();
    for (n, (name, key)) in nodes.iter().enumerate() {
        let id = key.public().id();
        all.push(key_document(&format!("node:{name}"), key, None));
        let node = format!("key = \"{id}\"\nboard = \"sim\"\nplace = \"door\"\n");
        all.push(change(&format!("nodes/{name}.toml"), &node));
        if n < plan.validators {
            writeln!(validators, "{id} = 1").expect("because a string takes any text");
        }
    }
    all.push(change("branches/main.toml", &validators));
    all.push(change("dapps/desk/dapp.toml", DESK));
    let image = Builder::new(Cutter::default()).finish(FileHasher::new().finish());
    all.push(change("dapps/desk/image.manifest", &image.to_text()));
    all
}

pub(crate) fn change(path: &str, content: &str) -> Change {
    let path = path.parse().expect("because the paths of the simulation are paths");
    Change { path, content: Some(content.as_bytes().to_vec()) }
}

/// A key's document, revoked by alice at some moment or not.
pub(crate) fn key_document(owner: &str, key: &SigningKey, revoked: Option<Millis>) -> Change {
    let (public, added) = (key.public(), BEGIN.0);
    let mut text = format!("public = \"{public}\"\nowner = \"{owner}\"\nlabel = \"sim\"\nadded = {added}\n");
    if let Some(at) = revoked {
        text += &format!("\n[revoked]\nat = {}\nby = \"alice\"\nreason = \"lost\"\n", at.0);
    }
    change(&format!("keys/{}.toml", key_id(key)), &text)
}

fn key_id(key: &SigningKey) -> KeyId {
    key.public().id()
}

const ORG: &str = "\
name = \"Simulated Space\"
timezone = \"Europe/Berlin\"
created = 1795000000000
badge_key = \"abababababababababababababababababababababababababababababababab\"
protocol = 1
";

const POLICY: &str = r#"
[roles]
owner = ["alice"]
staff = ["alice", "bob", "carol", "dave", "erin"]
[[rules]]
paths = ["policy.toml", "org.toml", "keys/*", "branches/*", "nodes/*", "dapps/**"]
roles = ["owner"]
[[rules]]
paths = ["people/*", "desk/**"]
roles = ["staff"]
"#;

const DESK: &str = r#"
name = "desk"
version = "1"
writes = ["desk/**"]
[judge]
args = ["/judge"]
"#;
