//! The client of the local API, for dapps in Rust: tokio on one thread, hyper, one Unix socket.
//!
//! Requests have a deadline and give up; streams never do. Nothing is retried here but a request that was
//! surely not sent: whether an event that was not answered shall be sent again is the dapp's to decide.

mod connection;
mod error;
mod lines;
mod stream;

pub use error::ClientError;
pub use stream::{Item, Stream};

use crate::wire::{
    Certainty, DeviceList, DeviceSet, DocumentsRequest, DocumentsWritten, Done, EventAppended, EventList,
    EventRequest, EventsQuery, Info, InputLine, JsonMap, MAX_LINE_BYTES, SetDevice, StateDocument,
    StateFolder, WatchLine, WatchQuery,
};
use connection::Connections;
use hyper::Method;
use model::{Name, StatePath};
use serde::{Serialize, de::DeserializeOwned};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Where the agent's socket is inside a container.
pub const SOCKET: &str = "/run/ledger/api.sock";
/// The variable that names another socket.
pub const SOCKET_VARIABLE: &str = "LEDGER_API";
/// How long a request may take, in milliseconds: a card that syncs slowly, and a bit.
const TIMEOUT_MS: u64 = 10_000;

/// A client of one agent. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    connections: Arc<Connections>,
    timeout: Duration,
}

impl Client {
    /// A client of the agent at this socket. Nothing is connected yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            connections: Arc::new(Connections::new(socket.into())),
            timeout: Duration::from_millis(TIMEOUT_MS),
        }
    }

    /// A client of the agent at [`SOCKET`], or where [`SOCKET_VARIABLE`] says.
    pub fn from_env() -> Self {
        Self::new(std::env::var_os(SOCKET_VARIABLE).map_or_else(|| PathBuf::from(SOCKET), PathBuf::from))
    }

    /// The same with another deadline for requests.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Where the dapp runs and what time it is there.
    pub async fn info(&self) -> Result<Info, ClientError> {
        self.get("/v1/info").await
    }

    /// One document.
    pub async fn state(&self, path: &StatePath) -> Result<StateDocument, ClientError> {
        self.get(&format!("/v1/state/{path}")).await
    }

    /// The documents of a folder, at any depth.
    pub async fn folder(&self, folder: &StatePath) -> Result<StateFolder, ClientError> {
        self.get(&format!("/v1/state?folder={folder}")).await
    }

    /// The documents of folders, and what changes in them.
    pub fn watch(&self, folders: &[StatePath]) -> Stream<WatchLine> {
        let query = WatchQuery { folders: folders.to_vec(), state: Certainty::Final };
        self.follow(&format!("/v1/watch?{}", query.to_query()))
    }

    /// Keeps an event; answered once it is durable.
    pub async fn append_event(&self, kind: Name, data: JsonMap) -> Result<EventAppended, ClientError> {
        self.ask(Method::POST, "/v1/events", &EventRequest { kind, data }).await
    }

    /// This dapp's events on this node, oldest first.
    pub async fn events(&self, query: &EventsQuery) -> Result<EventList, ClientError> {
        self.get(&format!("/v1/events?{}", query.to_query())).await
    }

    /// Writes and deletes documents, all or nothing.
    pub async fn propose(&self, request: &DocumentsRequest) -> Result<DocumentsWritten, ClientError> {
        self.ask(Method::POST, "/v1/documents", request).await
    }

    /// Asks another dapp.
    pub async fn call<Q: Serialize, A: DeserializeOwned>(
        &self,
        dapp: &Name,
        method: &Name,
        question: &Q,
    ) -> Result<A, ClientError> {
        self.ask(Method::POST, &format!("/v1/calls/{dapp}/{method}"), question).await
    }

    /// The devices that the dapp may use.
    pub async fn devices(&self) -> Result<DeviceList, ClientError> {
        self.get("/v1/devices").await
    }

    /// Badges, contacts and buttons as they happen.
    pub fn inputs(&self) -> Stream<InputLine> {
        self.follow("/v1/devices/inputs")
    }

    /// Switches a relay, lamp or buzzer.
    pub async fn set_device(&self, name: &Name, set: SetDevice) -> Result<DeviceSet, ClientError> {
        self.ask(Method::PUT, &format!("/v1/devices/{name}"), &set).await
    }

    /// Says that the dapp's loop turns.
    pub async fn alive(&self) -> Result<(), ClientError> {
        self.ask(Method::POST, "/v1/alive", &Done {}).await.map(|Done {}| ())
    }

    /// Any stream of the API, with lines of the caller's own type.
    pub fn follow<T: DeserializeOwned + Send + 'static>(&self, target: &str) -> Stream<T> {
        Stream::open(self.connections.clone(), target.to_string())
    }

    async fn get<A: DeserializeOwned>(&self, target: &str) -> Result<A, ClientError> {
        self.exchange(Method::GET, target, None).await
    }

    async fn ask<Q: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        target: &str,
        question: &Q,
    ) -> Result<A, ClientError> {
        let body = serde_json::to_vec(question).map_err(|error| ClientError::Request {
            what: format!("{method} {target}"),
            why: error.to_string(),
        })?;
        self.exchange(method, target, Some(body)).await
    }

    async fn exchange<A: DeserializeOwned>(
        &self,
        method: Method,
        target: &str,
        body: Option<Vec<u8>>,
    ) -> Result<A, ClientError> {
        let what = format!("{method} {target}");
        let bytes = self.connections.ask(method, target, body, (MAX_LINE_BYTES, self.timeout)).await?;
        serde_json::from_slice(&bytes).map_err(|source| ClientError::Answer { what, source })
    }
}
