//! Calls from one dapp to another: the body goes to the other's socket as it came, the answer comes back.

use super::{Asking, not_granted};
use crate::api::refused::Refused;
use axum::{
    body::Bytes,
    extract::{Path, State},
    http::header::{CONTENT_TYPE, HOST},
    response::{IntoResponse, Response},
};
use dapp::wire::{ErrorCode, MAX_REQUEST_BYTES};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use model::Name;
use std::{path::PathBuf, time::Duration};
use tokio::net::UnixStream;

/// How long the other dapp may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Who called, for the one that is called.
const CALLER: &str = "ledger-caller";

/// `POST /v1/calls/{dapp}/{method}`.
pub async fn call(
    State(caller): Asking,
    Path((other, method)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Refused> {
    let name = |text: String| text.parse().map_err(|e: model::NameError| Refused::bad(e.to_string()));
    let (other, method): (Name, Name) = (name(other)?, name(method)?);
    if !caller.manifest.may_call(&other) {
        let line = format!("add \"{other}\" to `calls` in dapp.toml");
        return Err(not_granted(
            format!("the manifest of {} does not grant calls of {other}", caller.name()),
            line,
        ));
    }
    let view = caller.services.keeper.view();
    if view.document(&format!("dapps/{other}/dapp.toml")).is_none() {
        return Err(Refused::new(ErrorCode::Unknown, format!("the ledger has no dapp {other}")));
    }
    serde_json::from_slice::<serde::de::IgnoredAny>(&body)
        .map_err(|error| Refused::bad(format!("the body is not JSON: {error}")))?;
    let no_answer =
        |why: String| Refused::new(ErrorCode::NoAnswer, format!("dapp {other} does not answer: {why}"));
    let asked = ask(caller.serve_socket(&other), &method, caller.name(), body);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(no_answer(error.to_string())),
        Err(_) => Err(no_answer(format!("nothing within {} s", PATIENCE.as_secs()))),
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("nobody listens at its socket")]
    Connect(#[source] std::io::Error),
    #[error("its HTTP is wrong")]
    Http(#[from] hyper::Error),
    #[error("its answer is over {MAX_REQUEST_BYTES} bytes or broke off")]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the request cannot be made")]
    Request(#[from] axum::http::Error),
}

async fn ask(socket: PathBuf, method: &Name, caller: &Name, body: Bytes) -> Result<Response, CallError> {
    let stream = UnixStream::connect(socket).await.map_err(CallError::Connect)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = hyper::Request::post(format!("/{method}"))
        .header(HOST, "dapp")
        .header(CONTENT_TYPE, "application/json")
        .header(CALLER, caller.as_str())
        .body(Full::new(body))?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let answer = Limited::new(body, MAX_REQUEST_BYTES).collect().await.map_err(CallError::Answer)?;
    connection.abort();
    Ok((head.status, [(CONTENT_TYPE, "application/json")], answer.to_bytes()).into_response())
}
