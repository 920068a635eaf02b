//! The admin API, for whoever may open `DIR/run/admin.sock`, and the handlers that the page shares with it.
//!
//! Described in docs/formats/admin-api.md, against whose table `tests/admin_api.rs` holds [`routes`].

use super::{
    body::{Ask, Body},
    branches, chunks, git, joins,
    refused::Refused,
    replay,
    routes::{Route, router},
    signin,
    stream::{self, Framing, Gone, Lines},
    updates,
};
use crate::{devices::SimError, services::Services, wire};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use board::BoardError;
use dapp::wire::ErrorCode;
use ledger::{Kind, NewObjects};
use model::Name;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

/// The largest proposal, in bytes of its JSON.
const PROPOSAL_MAX: usize = 32 * 1024 * 1024;
/// How many connections the admin socket takes at a time.
pub const CONNECTIONS_MAX: usize = 64;
/// How many events a query gives if it does not say, and at most.
const LOG_DEFAULT: usize = 100;
const LOG_MAX: usize = 1000;

/// The state of the handlers.
pub type Asking = State<Arc<Services>>;

/// Every path of the admin API.
pub fn routes() -> Vec<Route<Arc<Services>>> {
    vec![
        Route::get("/v1/status", status),
        Route::get("/v1/dapps", dapps),
        Route::get("/v1/devices", devices),
        Route::get("/v1/log", log),
        Route::get("/v1/live", live),
        Route::post("/v1/blocks", propose),
        Route::get("/v1/proposals", proposals),
        Route::post("/v1/branches", branches::begin),
        Route::put("/v1/branch", branches::follow),
        Route::post("/v1/node/rotate", branches::rotate),
        Route::post("/v1/flush", flush),
        Route::post("/v1/replay/{height}", replay::post),
        Route::post("/v1/invites", joins::invite),
        Route::get("/v1/joins", joins::waiting),
        Route::post("/v1/joins/reject", joins::reject),
        Route::post("/v1/tap", tap),
        Route::put("/v1/contacts/{name}", contact),
        Route::put("/v1/chunks", chunks::put),
        Route::get("/v1/chunks", chunks::get),
        Route::put("/v1/chunks/{id}", chunks::put_one),
        Route::get("/v1/chunks/{id}", chunks::get_one),
        Route::post("/v1/chunks/verify", chunks::verify),
        Route::post("/v1/chunks/gc", chunks::gc),
        Route::get("/v1/updates", updates::show),
        Route::post("/v1/updates/now", updates::now),
        Route::post("/v1/updates/cancel", updates::cancel),
        Route::post("/v1/updates/back", updates::back),
        Route::post("/v1/signin", signin::make_link),
        Route::get("/v1/git", git::show),
        Route::put("/v1/git", git::serve),
        Route::post("/v1/git/tokens", git::add_token),
        Route::delete("/v1/git/tokens/{id}", git::revoke_token),
    ]
}

/// The server of the admin socket.
pub fn server(services: Arc<Services>) -> Router {
    router(routes(), PROPOSAL_MAX).with_state(services)
}

/// `GET /v1/status`.
pub async fn status(State(services): Asking) -> Json<wire::Status> {
    Json(services.status().await)
}

/// `GET /v1/dapps`.
pub async fn dapps(State(services): Asking) -> Json<wire::Dapps> {
    Json(wire::Dapps { dapps: services.dapps.list() })
}

/// `GET /v1/devices`.
pub async fn devices(State(services): Asking) -> Json<wire::Devices> {
    Json(services.devices.status())
}

/// `GET /v1/log`.
pub async fn log(
    State(services): Asking,
    Ask(mut query): Ask<wire::LogQuery>,
) -> Result<Json<wire::Log>, Refused> {
    let limit = query.limit.unwrap_or(LOG_DEFAULT);
    if !(1..=LOG_MAX).contains(&limit) {
        return Err(Refused::bad(format!("limit must be 1 to {LOG_MAX}")));
    }
    query.limit = Some(limit);
    Ok(Json(wire::Log { events: services.keeper.log(query).await? }))
}

/// `GET /v1/live`.
pub async fn live(State(services): Asking, headers: HeaderMap) -> Response {
    let stopping = services.stopping.clone();
    stream::answer(Framing::wanted(&headers), stopping, |lines| follow(lines, services))
}

async fn follow(mut lines: Lines, services: Arc<Services>) -> Result<(), Gone> {
    let mut live = services.live.watch();
    for device in services.devices.status().devices {
        lines.send(&wire::Live::Device(device)).await?;
    }
    for dapp in services.dapps.list() {
        lines.send(&wire::Live::Dapp(dapp)).await?;
    }
    lines.send(&services.keeper.ledger_line()).await?;
    loop {
        match lines.wait(live.recv()).await? {
            Ok(what) => lines.send(&what).await?,
            // Too slow: something was lost. The watcher connects again and begins with what is.
            Err(RecvError::Lagged(_) | RecvError::Closed) => return Err(Gone),
        }
    }
}

/// `GET /v1/proposals`.
pub async fn proposals(
    State(services): Asking,
    Ask(query): Ask<wire::ProposalsQuery>,
) -> Result<Json<wire::Proposals>, Refused> {
    Ok(Json(services.keeper.proposals(query).await?))
}

async fn flush(State(services): Asking) -> Result<Json<wire::Merged>, Refused> {
    Ok(Json(services.keeper.flush().await?))
}

async fn propose(
    State(services): Asking,
    Body(proposal): Body<wire::Proposal>,
) -> Result<Json<wire::Merged>, Refused> {
    let head = proposal.head;
    Ok(Json(services.keeper.propose(head, objects_of(proposal)?).await?))
}

/// The objects of a proposal, each with the bytes that its id says.
pub(super) fn objects_of(proposal: wire::Proposal) -> Result<NewObjects, Refused> {
    let mut objects = NewObjects::default();
    for object in proposal.objects {
        let (id, kind) = (object.id, kind(&object.kind)?);
        let bytes = BASE64.decode(&object.bytes);
        let bytes = bytes.map_err(|error| Refused::bad(format!("object {id} is not base64: {error}")))?;
        let real = objects.insert(kind, bytes);
        if real != id {
            return Err(Refused::bad(format!("object {id} has the bytes of {real}")));
        }
    }
    Ok(objects)
}

fn kind(word: &str) -> Result<Kind, Refused> {
    match word {
        "blob" => Ok(Kind::Blob),
        "tree" => Ok(Kind::Tree),
        "commit" => Ok(Kind::Commit),
        other => {
            let shown: String = other.chars().take(20).collect();
            Err(Refused::bad(format!("{shown:?} is no kind of object: blob, tree or commit")))
        }
    }
}

/// `POST /v1/tap`.
pub async fn tap(State(services): Asking, Body(tap): Body<wire::Tap>) -> Result<Json<wire::Done>, Refused> {
    // The parser's own error would repeat what may be a badge's number.
    let number = tap.number.trim().parse().map_err(|_| {
        Refused::bad("that is not a card number: decimal digits, or hex after 0x, of at most 64 bits")
    })?;
    let at = services.clock.now();
    services.devices.tap(tap.reader, number, at).map_err(simulated)?;
    Ok(Json(wire::Done {}))
}

/// `PUT /v1/contacts/{name}`.
pub async fn contact(
    State(services): Asking,
    Path(name): Path<String>,
    Body(level): Body<wire::Level>,
) -> Result<Json<wire::Done>, Refused> {
    let name: Name = name.parse().map_err(|error: model::NameError| Refused::bad(error.to_string()))?;
    let at = services.clock.now();
    services.devices.edge(name, level.on, at).map_err(simulated)?;
    Ok(Json(wire::Done {}))
}

fn simulated(error: SimError) -> Refused {
    let message = error.to_string();
    match error {
        SimError::NotSimulated { .. } => Refused::own(StatusCode::FORBIDDEN, "not-simulated", message)
            .hint("start ledgerd with --board sim to try things out"),
        SimError::Board(BoardError::UnknownDevice { .. }) => Refused::new(ErrorCode::Unknown, message),
        SimError::WhichReader | SimError::Board(_) => Refused::bad(message),
    }
}
