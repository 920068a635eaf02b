//! One request, one answer, over connections that are kept for the next request.
//!
//! A relay must not wait for an event that is being synced to a card, so requests do not share a connection
//! while one is under way: each takes an idle one or makes its own, and gives it back when it is done.

use super::error::ClientError;
use crate::wire::{ErrorBody, ErrorCode, ErrorDetail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{Method, Request, Response, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use std::{path::PathBuf, sync::Mutex, time::Duration};
use tokio::net::UnixStream;

type Sender = http1::SendRequest<Full<Bytes>>;

/// How many idle connections are kept.
const MAX_IDLE: usize = 4;

/// The socket and the idle connections to it.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) socket: PathBuf,
    idle: Mutex<Vec<Sender>>,
}

impl Connections {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket, idle: Mutex::new(Vec::new()) }
    }

    /// Sends a request and gives the answer's bytes; anything but 2xx is [`ClientError::Refused`].
    pub(super) async fn ask(
        &self,
        method: Method,
        target: &str,
        body: Option<Vec<u8>>,
        (limit, timeout): (usize, Duration),
    ) -> Result<Bytes, ClientError> {
        let what = format!("{method} {target}");
        let asked = async {
            let (response, sender) = self.send(request(method, target, body)?, &what).await?;
            let status = response.status();
            let bytes = collect(response, &what, limit).await?;
            self.give_back(sender);
            if status.is_success() { Ok(bytes) } else { Err(refused(&what, status.as_u16(), &bytes)) }
        };
        match tokio::time::timeout(timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(ClientError::Timeout { what: what.clone(), ms: timeout.as_millis() as u64 }),
        }
    }

    /// Opens a stream on a connection of its own.
    pub(super) async fn stream(&self, target: &str) -> Result<Response<Incoming>, ClientError> {
        let what = format!("GET {target}");
        let mut sender = self.connect(&what).await?;
        let request = request(Method::GET, target, None)?;
        let sent = sender.send_request(request).await;
        let response = sent.map_err(|source| ClientError::Broken { what: what.clone(), source })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let bytes = collect(response, &what, crate::wire::MAX_REQUEST_BYTES).await?;
        Err(refused(&what, status, &bytes))
    }

    /// Tries idle connections first; one that the agent closed meanwhile gives the request back unsent.
    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        what: &str,
    ) -> Result<(Response<Incoming>, Sender), ClientError> {
        let broken = |source| ClientError::Broken { what: what.to_string(), source };
        while let Some(mut sender) = self.take_idle() {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, sender)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(broken(error.into_error())),
                },
            }
        }
        let mut sender = self.connect(what).await?;
        let response = sender.send_request(request).await.map_err(broken)?;
        Ok((response, sender))
    }

    async fn connect(&self, what: &str) -> Result<Sender, ClientError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| ClientError::Connect { socket: self.socket.clone(), source })?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|source| ClientError::Broken { what: what.to_string(), source })?;
        // Its errors reach whoever waits for an answer; it ends with the sender.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    fn take_idle(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(|sender| !sender.is_closed())
    }

    fn give_back(&self, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if idle.len() < MAX_IDLE && !sender.is_closed() {
            idle.push(sender);
        }
    }
}

fn request(method: Method, target: &str, body: Option<Vec<u8>>) -> Result<Request<Full<Bytes>>, ClientError> {
    let what = format!("{method} {target}");
    let mut builder = Request::builder().method(method).uri(target).header(header::HOST, "localhost");
    if body.is_some() {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
    }
    builder
        .body(Full::new(body.unwrap_or_default().into()))
        .map_err(|error| ClientError::Request { what, why: error.to_string() })
}

async fn collect(response: Response<Incoming>, what: &str, limit: usize) -> Result<Bytes, ClientError> {
    match Limited::new(response.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ClientError::TooLong { what: what.to_string(), limit })
        }
        Err(error) => match error.downcast::<hyper::Error>() {
            Ok(source) => Err(ClientError::Broken { what: what.to_string(), source: *source }),
            Err(other) => Err(ClientError::Request { what: what.to_string(), why: other.to_string() }),
        },
    }
}

/// The agent's words, or what came in their place.
fn refused(what: &str, status: u16, body: &[u8]) -> ClientError {
    let error = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) => body.error,
        Err(_) => ErrorDetail {
            code: if status == 404 { ErrorCode::Unknown } else { ErrorCode::Other },
            message: String::from_utf8_lossy(body).chars().take(200).collect(),
            hint: String::new(),
        },
    };
    ClientError::Refused { what: what.to_string(), status, error }
}
