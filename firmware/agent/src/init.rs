//! The beginning of an organisation on its first box: keys, genesis, and the first documents.

use crate::home::{Home, HomeError, main_branch};
use ledger::{Change, DraftError, Genesis, SignError, genesis};
use model::{BadgeKey, Document, DocumentError, Millis, Name, OrgId, PathError, SigningKey};
use std::{path::Path, sync::Arc};
use store::{CommitError, Options, RefName, Store, disk::RealDisk};

/// What a new organisation is told.
pub struct InitOptions {
    /// Its name, as people write it.
    pub org: String,
    /// Its IANA time zone.
    pub timezone: String,
    /// The person who founds it.
    pub founder: Name,
    /// The founder's name as it is shown.
    pub founder_name: String,
    /// This box.
    pub node: Name,
    /// When.
    pub now: Millis,
    /// Secrets, drawn by the caller.
    pub seeds: Seeds,
}

/// The randomness of a new organisation.
pub struct Seeds {
    /// Of the founder's key.
    pub founder: [u8; 32],
    /// Of the node's key.
    pub node: [u8; 32],
    /// The badge key.
    pub badge: [u8; 32],
}

/// A beginning that failed. What was made of the home holds no ledger and can be removed.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A document cannot be written.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A path cannot be spelt.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The genesis cannot be drafted.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The genesis cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] store::OpenError),
    /// The genesis cannot be stored.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The organisation has no usable name.
    #[error("the organisation's name must be one line of 1 to 100 bytes")]
    OrgName,
}

impl Home {
    /// Makes a home with a new organisation in it.
    pub fn init(folder: &Path, options: InitOptions) -> Result<Self, InitError> {
        Self::check_person_name(&options.founder)?;
        let name = options.org.trim();
        if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return Err(InitError::OrgName);
        }
        let founder = SigningKey::from_seed(&options.seeds.founder);
        let node = SigningKey::from_seed(&options.seeds.node);
        let badge_key = BadgeKey::new(options.seeds.badge);
        Self::prepare(folder, &[("node", &node), (options.founder.as_str(), &founder)], &badge_key)?;
        let draft = genesis(Genesis {
            founder: founder.public().id(),
            at: options.now,
            subject: format!("Found {name}"),
            documents: documents(&options, &founder, &node, &badge_key)?,
        })?;
        let block = draft.sign(&founder)?;
        let mut store = Store::open(folder, Arc::new(RealDisk), Options::default())?;
        store.commit(&block.objects, &[(RefName::main(), block.id)])?;
        Ok(Self::finish(folder, options.node, OrgId::from(block.id), main_branch())?)
    }
}

fn documents(
    options: &InitOptions,
    founder: &SigningKey,
    node: &SigningKey,
    badge_key: &BadgeKey,
) -> Result<Vec<Change>, InitError> {
    let (person, place) = (&options.founder, &options.node);
    let (person_key, node_key) = (founder.public(), node.public());
    let (org, timezone) = (quoted(options.org.trim()), quoted(&options.timezone));
    let shown = quoted(&options.founder_name);
    let (at, fingerprint) = (options.now.0, badge_key.fingerprint());
    let key = |public: &model::PublicKey, owner: String, label: &str| {
        format!("public = \"{public}\"\nowner = \"{owner}\"\nlabel = \"{label}\"\nadded = {at}\n")
    };
    let texts = [
        (
            "org.toml".to_string(),
            format!(
                "name = {org}\ntimezone = {timezone}\ncreated = {at}\nbadge_key = \"{fingerprint}\"\nprotocol = 1\n"
            ),
        ),
        ("policy.toml".into(), POLICY.replace("FOUNDER", person.as_str())),
        (format!("keys/{}.toml", person_key.id()), key(&person_key, format!("person:{person}"), "founder")),
        (format!("keys/{}.toml", node_key.id()), key(&node_key, format!("node:{place}"), "the first box")),
        (format!("people/{person}.toml"), format!("name = {shown}\nstate = \"active\"\n")),
        (
            format!("nodes/{place}.toml"),
            format!("key = \"{}\"\nboard = \"sim\"\nplace = \"{place}\"\n", node_key.id()),
        ),
        (
            "doorbot/doors/front.toml".into(),
            format!("node = \"{place}\"\ntitle = \"Front door\"\nresource = \"frontdoor\"\n"),
        ),
        ("branches/main.toml".into(), format!("[validators]\n\"{}\" = 1\n", node_key.id())),
    ];
    let change = |(path, text): (String, String)| {
        let content = Document::parse(text.as_bytes())?.to_canonical()?;
        Ok(Change { path: path.parse()?, content: Some(content.into_bytes()) })
    };
    texts.into_iter().map(change).collect()
}

/// Text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_string()).to_string()
}

/// Who may write what in a new organisation: the founder everything, members' records also the
/// membership role, machines also the stewards; what is found at a machine, its lockout. Releases of the channel
/// `stable` are good once the founder has signed them.
const POLICY: &str = r#"
[roles]
owner = ["FOUNDER"]
membership = []
steward = []

[[rules]]
paths = ["policy.toml", "org.toml", "keys/*", "branches/*", "nodes/*"]
roles = ["owner"]

[[rules]]
paths = ["people/*"]
roles = ["owner", "membership"]

[[rules]]
paths = ["dapps/**", "doorbot/**", "files/**", "images/**"]
roles = ["owner"]

[[rules]]
paths = ["lockout/**"]
roles = ["owner", "steward"]

[[rules]]
paths = ["lockout/issues/**", "lockout/inspections/*"]
dapps = ["lockout"]

[releases.stable]
threshold = 1
signers = ["person:FOUNDER"]
"#;
