//! A box in a temporary folder, and clients of its sockets.

use agent::{
    api::{listen, local},
    home::Home,
    init::{InitOptions, Seeds},
    run::{Appliance, Options},
    wire,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use dapp::Manifest;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, body::Incoming};
use hyper_util::rt::TokioIo;
use ledger::{Change, Kind, Meta, NewBlock};
use model::{BadgeKey, CardNumber, Millis, Name, Width};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::{
    GitObjects, RefName,
    disk::{Disk, RealDisk},
};
use tokio::net::UnixStream;

/// When the organisation was founded.
pub const FOUNDED: Millis = Millis(1_790_000_000_000);
/// Alice's card.
pub const CARD: &str = "0x04184EDCBA";

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Makes a home.
pub fn found(folder: &Path) -> Home {
    found_with(folder, [2; 32])
}

/// Makes a home whose node has a key from this seed.
pub fn found_with(folder: &Path, node: [u8; 32]) -> Home {
    let seeds = Seeds { founder: [1; 32], node, badge: [3; 32] };
    let options = InitOptions {
        org: "Example Makers".into(),
        timezone: "America/Detroit".into(),
        founder: name("alice"),
        founder_name: "alice".into(),
        node: name("front-door"),
        now: FOUNDED,
        seeds,
    };
    Home::init(folder, options).unwrap()
}

pub fn options(folder: &Path) -> Options {
    Options {
        home: folder.into(),
        board: "sim".into(),
        listen: None,
        block_interval: Duration::from_secs(900),
        net: None,
        exe: env!("CARGO_BIN_EXE_ledgerd").into(),
        updates: agent::updates::Options::default(),
    }
}

/// The digest under which the ledger knows a card.
pub fn digest(card: &str) -> String {
    let number: CardNumber = card.parse().unwrap();
    BadgeKey::new([3; 32]).of_number(number.at(Width::Bits32)).to_string()
}

/// A box that is up, in this process.
pub struct Up {
    pub folder: tempfile::TempDir,
    pub appliance: Appliance,
}

impl Up {
    pub async fn new() -> Self {
        Self::on(Arc::new(RealDisk)).await
    }

    pub async fn on(disk: Arc<dyn Disk>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        found(folder.path());
        let appliance = Appliance::open(&options(folder.path()), disk).unwrap();
        appliance.serve_admin().unwrap();
        Self { folder, appliance }
    }

    pub fn admin(&self) -> Socket {
        Socket(self.appliance.services.home.admin_socket())
    }

    /// A dapp's socket, served as the supervisor would, without a container.
    pub fn dapp(&self, manifest: &str) -> Socket {
        self.caller(manifest).1
    }

    pub fn caller(&self, manifest: &str) -> (Arc<local::Caller>, Socket) {
        let manifest = Manifest::parse(manifest.as_bytes()).unwrap();
        let services = self.appliance.services.clone();
        let folder = services.home.dapp_folder(&manifest.name);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("api.sock");
        let listener = listen::Limited::new(listen::unix(&path, 0o600).unwrap(), local::CONNECTIONS_MAX);
        let caller = local::Caller::new(services.clone(), manifest);
        tokio::spawn(listen::serve(listener, local::server(caller.clone()), None, services.stopping.clone()));
        (caller, Socket(path))
    }

    /// Proposes documents, signed by the founder.
    pub async fn propose(&self, changes: &[(&str, Option<&str>)]) -> (u16, Value) {
        let proposal = proposal(self.folder.path(), changes);
        self.admin().send("POST", "/v1/blocks", Some(serde_json::to_value(proposal).unwrap())).await
    }
}

/// The founder's block with these documents.
pub fn founders_block(home: &Path, changes: &[(&str, Option<&str>)]) -> NewBlock {
    let key = Home::open(home).unwrap().person_key(&name("alice")).unwrap();
    let objects = GitObjects::open(home).unwrap();
    let main = objects.head(&RefName::main()).unwrap().unwrap();
    let own = objects.head(&RefName::writer(key.public().id())).unwrap();
    let changes: Vec<Change> = changes
        .iter()
        .map(|(path, text)| Change { path: path.parse().unwrap(), content: text.map(|text| text.into()) })
        .collect();
    let meta =
        Meta { author: key.public().id(), at: FOUNDED.plus(1000), subject: "Change".into(), dapp: None };
    ledger::document_block(&objects, main, own, &changes, meta).unwrap().sign(&key).unwrap()
}

pub fn proposal(home: &Path, changes: &[(&str, Option<&str>)]) -> wire::Proposal {
    let block = founders_block(home, changes);
    let objects = block.objects.iter().map(|(id, object)| wire::WireObject {
        id: *id,
        kind: match object.kind {
            Kind::Blob => "blob".into(),
            Kind::Tree => "tree".into(),
            Kind::Commit => "commit".into(),
        },
        bytes: BASE64.encode(&object.bytes),
    });
    wire::Proposal { head: block.id, objects: objects.collect() }
}

/// A Unix socket that speaks HTTP.
#[derive(Clone)]
pub struct Socket(pub PathBuf);

impl Socket {
    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("POST", path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("PUT", path, Some(body)).await
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let bytes = body.map(|body| serde_json::to_vec(&body).unwrap()).unwrap_or_default();
        let (status, bytes) = self.bytes(method, path, bytes).await;
        let value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into()));
        (status, value)
    }

    pub async fn bytes(&self, method: &str, path: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        let response = self.open(method, path, body).await;
        let status = response.status().as_u16();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    async fn open(&self, method: &str, path: &str, body: Vec<u8>) -> hyper::Response<Incoming> {
        let stream = UnixStream::connect(&self.0).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header("host", "ledger")
            .header("content-type", "application/json")
            .body(Full::new(bytes::Bytes::from(body)))
            .unwrap();
        sender.send_request(request).await.unwrap()
    }

    /// A stream of JSON lines.
    pub async fn stream(&self, path: &str) -> Stream {
        let response = self.open("GET", path, Vec::new()).await;
        assert_eq!(response.status(), 200, "{path}");
        Stream { body: response.into_body(), kept: Vec::new() }
    }
}

/// Lines as they come.
pub struct Stream {
    body: Incoming,
    kept: Vec<u8>,
}

impl Stream {
    /// The next line; none at the end of the stream.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.kept.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.kept.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = tokio::time::timeout(Duration::from_secs(10), self.body.frame()).await.unwrap()?;
            self.kept.extend_from_slice(&frame.ok()?.into_data().unwrap());
        }
    }

    /// The next line of a type.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let line = self.next().await.unwrap_or_else(|| panic!("the stream ended before a {kind}"));
            if line["type"] == kind {
                return line;
            }
        }
    }
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("waited in vain: {what}");
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else if path.is_file() {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
