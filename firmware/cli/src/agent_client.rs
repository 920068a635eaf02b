//! Talking to a ledgerd that runs: HTTP/1.1 over `DIR/run/admin.sock`, one connection a request.
//!
//! Blocking: a runtime of one thread turns while a request is under way, so files are read and written on it
//! without harm. The words are `agent::wire`; a refusal becomes an error with ledgerd's own hint.

mod body;

use crate::{
    error::{Hint, Result, refused},
    progress::Progress,
};
use agent::wire::Refusal;
use anyhow::Context;
use body::FileBody;
use http_body_util::{BodyExt, Either, Full};
use hyper::{Method, Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io::{ErrorKind, Read, Write},
    ops::ControlFlow,
    os::unix::net::UnixStream,
    path::Path,
};

/// The longest JSON answer that is taken.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

type Body = Either<Full<bytes::Bytes>, FileBody>;

/// A ledgerd that runs.
pub struct AgentClient {
    socket: std::path::PathBuf,
    runtime: tokio::runtime::Runtime,
}

impl AgentClient {
    /// The ledgerd of a home; none if none runs.
    pub fn find(home: &Path) -> Result<Option<Self>> {
        let socket = home.join("run/admin.sock");
        match UnixStream::connect(&socket) {
            Ok(_) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                Ok(Some(Self { socket, runtime }))
            }
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
            Err(e) => Err(e).with_context(|| format!("cannot reach ledgerd at {}", socket.display())),
        }
    }

    /// `GET`.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.call(Method::GET, path, None::<&()>)
    }

    /// `POST` with a body.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.call(Method::POST, path, Some(body))
    }

    /// `POST` without a body.
    pub fn poke<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.call(Method::POST, path, None::<&()>)
    }

    /// `PUT` with a body.
    pub fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.call(Method::PUT, path, Some(body))
    }

    /// `DELETE`.
    pub fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.call(Method::DELETE, path, None::<&()>)
    }

    /// `PUT` of all that `from` has, as it stands.
    pub fn upload<T: DeserializeOwned>(
        &self,
        path: &str,
        from: impl Read + Send + 'static,
        progress: Progress,
    ) -> Result<T> {
        let body = Either::Right(FileBody::new(Box::new(from), progress));
        let request = Request::put(path).header("content-type", "application/octet-stream").body(body);
        self.runtime.block_on(async { answer(self.send(request?).await?).await })
    }

    /// `GET` of bytes into `into`.
    pub fn download(&self, path: &str, into: &mut dyn Write, progress: &mut Progress) -> Result {
        self.stream(Method::GET, path, |bytes| {
            progress.add(bytes.len() as u64);
            into.write_all(bytes).context("cannot write the file")?;
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Lines as they come, until `each` breaks or the stream ends.
    pub fn lines(
        &self,
        method: Method,
        path: &str,
        mut each: impl FnMut(&str) -> Result<ControlFlow<()>>,
    ) -> Result {
        let mut kept: Vec<u8> = Vec::new();
        self.stream(method, path, |bytes| {
            kept.extend_from_slice(bytes);
            if kept.len() > MAX_ANSWER {
                return Err(anyhow::anyhow!("ledgerd sent a line of more than {MAX_ANSWER} bytes"));
            }
            while let Some(end) = kept.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = kept.drain(..=end).collect();
                let line = std::str::from_utf8(&line).context("ledgerd sent a line that is not UTF-8")?;
                if !line.trim().is_empty() && each(line.trim())?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T> {
        let bytes = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Either::Left(Full::from(bytes)));
        self.runtime.block_on(async { answer(self.send(request?).await?).await })
    }

    fn stream(
        &self,
        method: Method,
        path: &str,
        mut each: impl FnMut(&[u8]) -> Result<ControlFlow<()>>,
    ) -> Result {
        let request = Request::builder().method(method).uri(path).body(Either::Left(Full::default()));
        self.runtime.block_on(async {
            let mut response = good(self.send(request?).await?).await?;
            while let Some(frame) = response.frame().await {
                let frame = frame.context("ledgerd ended in the middle of its answer")?;
                if frame.data_ref().is_some_and(|bytes| !bytes.is_empty())
                    && each(frame.data_ref().map_or(&[][..], |bytes| bytes))?.is_break()
                {
                    break;
                }
            }
            Ok(())
        })
    }

    async fn send(&self, mut request: Request<Body>) -> Result<Response<Incoming>> {
        request.headers_mut().insert("host", hyper::header::HeaderValue::from_static("ledger"));
        let no_answer = || format!("ledgerd does not answer at {}", self.socket.display());
        let look = "look at ledgerd's own messages, or stop it and run the command again";
        let stream = tokio::net::UnixStream::connect(&self.socket).await.hint(no_answer, look)?;
        let (mut sender, connection) =
            http1::handshake::<_, Body>(TokioIo::new(stream)).await.hint(no_answer, look)?;
        tokio::spawn(async move {
            // Whatever goes wrong with the connection, the request or its body says so.
            let _ended = connection.await;
        });
        sender.send_request(request).await.hint(no_answer, look)
    }
}

async fn answer<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T> {
    let bytes = collect(good(response).await?).await?;
    serde_json::from_slice(&bytes).context("ledgerd's answer is not what this ledgerctl expects")
}

async fn collect(response: Response<Incoming>) -> Result<Vec<u8>> {
    let limited = http_body_util::Limited::new(response, MAX_ANSWER);
    let body = limited.collect().await.map_err(|e| anyhow::anyhow!("ledgerd's answer broke off: {e}"))?;
    Ok(body.to_bytes().to_vec())
}

async fn good(response: Response<Incoming>) -> Result<Response<Incoming>> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let bytes = collect(response).await?;
    match serde_json::from_slice::<Refusal>(&bytes) {
        Ok(refusal) if refusal.error.hint.is_empty() => Err(anyhow::anyhow!(refusal.error.message)),
        Ok(refusal) => Err(refused(refusal.error.message, refusal.error.hint)),
        Err(_) => Err(anyhow::anyhow!("ledgerd answered {status}")),
    }
}

/// A path with a query: each name and value percent-encoded, empty ones left out.
pub fn with_query(path: &str, pairs: &[(&str, Option<String>)]) -> String {
    let mut text = path.to_string();
    let mut join = '?';
    for (name, value) in pairs {
        if let Some(value) = value {
            text.push(join);
            text += &format!("{name}={}", encode(value));
            join = '&';
        }
    }
    text
}

/// Text as it stands in a path or a query.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(byte as char)
            }
            other => out += &format!("%{other:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_and_leaves_out_what_is_not_asked() {
        let pairs = [("kind", Some("a b&c".to_string())), ("after", None), ("n", Some("5".to_string()))];
        assert_eq!(with_query("/v1/log", &pairs), "/v1/log?kind=a%20b%26c&n=5");
    }

    #[test]
    fn a_home_without_ledgerd_has_none() {
        let home = tempfile::tempdir().unwrap();
        assert!(AgentClient::find(home.path()).unwrap().is_none());
        std::fs::create_dir(home.path().join("run")).unwrap();
        drop(std::os::unix::net::UnixListener::bind(home.path().join("run/admin.sock")).unwrap());
        assert!(AgentClient::find(home.path()).unwrap().is_none(), "a socket that nobody listens on");
    }
}
