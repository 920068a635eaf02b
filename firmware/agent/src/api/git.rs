//! The ledger's repository for `git clone`, and who may: `/git/ledger.git/` of the page, `/v1/git` of the admin socket.
//!
//! Described in docs/formats/git-http.md. While it is off, nothing there exists. Files are sent from an open handle in
//! pieces, so memory is bounded however large a pack is, and from where git asks when it goes on after a break.

use super::{admin::Asking, body::Body, refused::Refused, signin};
use crate::{
    devices::chain,
    git::{HEAD, HELD_FOR, Sweep, Wanted, loose_path, packs_text, refs_text},
    services::Services,
    visitors::{AccessError, Secret},
    wire,
};
use axum::{
    Json,
    body::{Body as Bytes, Bytes as Piece},
    extract::{Path, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            ACCEPT_RANGES, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE,
            WWW_AUTHENTICATE,
        },
    },
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use dapp::wire::ErrorCode;
use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};
use store::GitObjects;

/// How much of a file is read at a time.
const PIECE_BYTES: u64 = 256 * 1024;

/// `GET /v1/git`.
pub async fn show(State(services): Asking) -> Json<wire::GitAccess> {
    Json(services.visitors.access.show(services.clock.now()))
}

/// `PUT /v1/git`.
pub async fn serve(
    State(services): Asking,
    Body(asked): Body<wire::GitServe>,
) -> Result<Json<wire::GitAccess>, Refused> {
    services.visitors.access.serve(asked.serve)?;
    Ok(Json(services.visitors.access.show(services.clock.now())))
}

/// `POST /v1/git/tokens`.
pub async fn add_token(
    State(services): Asking,
    Body(token): Body<wire::NewGitToken>,
) -> Result<Json<wire::GitAccess>, Refused> {
    let now = services.clock.now();
    services.visitors.access.add(token.hash, token.expires, now)?;
    Ok(Json(services.visitors.access.show(now)))
}

/// `DELETE /v1/git/tokens/{id}`.
pub async fn revoke_token(
    State(services): Asking,
    Path(id): Path<String>,
) -> Result<Json<wire::GitAccess>, Refused> {
    services.visitors.access.revoke(&id)?;
    Ok(Json(services.visitors.access.show(services.clock.now())))
}

impl From<AccessError> for Refused {
    fn from(error: AccessError) -> Self {
        let message = chain(&error);
        match error {
            AccessError::Home(_) => Self::new(ErrorCode::Failed, message),
            AccessError::TooMany => Self::new(ErrorCode::TooMany, message),
            AccessError::Past => Self::bad(message),
            AccessError::Unknown(_) => {
                Self::new(ErrorCode::Unknown, message).hint("`ledgerctl git show` lists those that are good")
            }
        }
    }
}

/// `GET /git/ledger.git/{path}`.
pub async fn get(State(services): Asking, Path(path): Path<String>, headers: HeaderMap) -> Response {
    let unknown = || Refused::new(ErrorCode::Unknown, "there is nothing here").into_response();
    if !services.visitors.access.is_on() {
        return unknown();
    }
    if !may_read(&services, &headers) {
        return who_are_you();
    }
    let Some(wanted) = Wanted::parse(&path) else { return unknown() };
    let asked = services.clone();
    let found = tokio::task::spawn_blocking(move || find(&asked, wanted)).await;
    sweep_if_held(&services);
    match found.map_err(io::Error::other).flatten() {
        Ok(Some(Found::Text(text))) => ([(CONTENT_TYPE, "text/plain"), NO_STORE], text).into_response(),
        Ok(Some(Found::File(file, length))) => send(file, length, &headers),
        Ok(None) => unknown(),
        Err(error) => {
            tracing::warn!(error = %chain(&error), path, "the repository could not be read for a clone");
            Refused::new(ErrorCode::Failed, "the repository cannot be read now").into_response()
        }
    }
}

const NO_STORE: (axum::http::HeaderName, &str) = (CACHE_CONTROL, "no-store");

/// Somebody who is signed in, or a token in the place of a password; the user's name does not matter.
fn may_read(services: &Services, headers: &HeaderMap) -> bool {
    let token = headers.get(AUTHORIZATION).and_then(token);
    token.is_some_and(|token| services.visitors.access.admits(&token, services.clock.now()))
        || signin::who(services, headers).is_some()
}

fn token(header: &HeaderValue) -> Option<Secret> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| BASE64.decode(encoded.trim()).ok())??;
    let pair = String::from_utf8(pair).ok()?;
    pair.split_once(':')?.1.parse().ok()
}

fn who_are_you() -> Response {
    let refused = Refused::own(StatusCode::UNAUTHORIZED, "not-signed-in", "a token is needed")
        .hint("`ledgerctl git token` on this box makes one: it is the password, with any user's name");
    let mut response = refused.into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"ledger\""));
    response
}

enum Found {
    Text(String),
    File(Arc<File>, u64),
}

fn find(services: &Services, wanted: Wanted) -> io::Result<Option<Found>> {
    let (held, now) = (&services.visitors.held, services.clock.elapsed());
    let file = match wanted {
        Wanted::Head => return Ok(Some(Found::Text(HEAD.into()))),
        Wanted::Refs => {
            let refs = GitObjects::open(services.home.folder()).map_err(io::Error::other)?.refs();
            return Ok(Some(Found::Text(refs_text(&refs.map_err(io::Error::other)?))));
        }
        Wanted::Packs => return Ok(Some(Found::Text(packs_text(&held.list(now)?)))),
        Wanted::Pack(file) => held.open(file, now)?,
        Wanted::Loose(id) => match File::open(services.home.ledger_folder().join(loose_path(&id))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            file => Some(Arc::new(file?)),
        },
    };
    let Some(file) = file else { return Ok(None) };
    let length = file.metadata()?.len();
    Ok(Some(Found::File(file, length)))
}

/// Sees to it that packs which nobody fetches any more are closed.
fn sweep_if_held(services: &Arc<Services>) {
    if !services.visitors.held.wants_sweep() {
        return;
    }
    let (services, mut stopping) = (services.clone(), services.stopping.clone());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(HELD_FOR / 2) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
            if services.visitors.held.sweep(services.clock.elapsed()) == Sweep::Done {
                return;
            }
        }
    });
}

/// A file as an answer, from where it is asked for.
fn send(file: Arc<File>, length: u64, headers: &HeaderMap) -> Response {
    let asked = headers.get(RANGE).and_then(|range| range.to_str().ok()).and_then(first_byte);
    let from = asked.unwrap_or(0);
    if from > length || (asked.is_some() && from == length) {
        let all = [(CONTENT_RANGE, format!("bytes */{length}"))];
        return (StatusCode::RANGE_NOT_SATISFIABLE, all).into_response();
    }
    let mut response = Bytes::from_stream(pieces(file, from, length)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(NO_STORE.1));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length - from));
    if asked.is_some() {
        let range = format!("bytes {from}-{}/{length}", length.saturating_sub(1));
        let range = HeaderValue::from_str(&range).expect("because digits are good in a header");
        headers.insert(CONTENT_RANGE, range);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// Where a range begins that goes to the end, the only kind that git asks for. Another is answered with the whole.
fn first_byte(range: &str) -> Option<u64> {
    range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

fn pieces(file: Arc<File>, from: u64, length: u64) -> impl futures_util::Stream<Item = io::Result<Piece>> {
    futures_util::stream::unfold(from, move |at| {
        let file = file.clone();
        async move {
            let size = usize::try_from(PIECE_BYTES.min(length.checked_sub(at)?)).ok()?;
            if size == 0 {
                return None;
            }
            let read = move || {
                let mut piece = vec![0; size];
                file.read_exact_at(&mut piece, at).map(|()| Piece::from(piece))
            };
            let piece = tokio::task::spawn_blocking(read).await.map_err(io::Error::other).flatten();
            // After an error the body has broken off, and nobody asks for more.
            Some((piece, at + size as u64))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_password_and_nothing_else_is_one() {
        let secret = "ab".repeat(32);
        let header = |text: &str| HeaderValue::from_str(&format!("Basic {}", BASE64.encode(text))).unwrap();
        assert!(token(&header(&format!("token:{secret}"))) == Some(secret.parse().unwrap()));
        for bad in ["", "token", ":", "token:x", &format!("{secret}:"), &format!("token: {secret}")] {
            assert!(token(&header(bad)).is_none(), "{bad:?}");
        }
        assert!(token(&HeaderValue::from_str(&format!("Bearer {secret}")).unwrap()).is_none());
        assert!(token(&HeaderValue::from_static("Basic ???")).is_none());
    }

    #[test]
    fn only_a_range_to_the_end_is_one() {
        assert_eq!(first_byte("bytes=0-"), Some(0));
        assert_eq!(first_byte("bytes=1234-"), Some(1234));
        for other in ["bytes=-5", "bytes=1-2", "bytes=1-,3-", "bytes=99999999999999999999-", "lines=1-", ""] {
            assert_eq!(first_byte(other), None, "{other}");
        }
    }
}
