//! The page and its JSON on TCP: what happens at the door, to look at; to touch while the board is simulated, and for who
//! is signed in.

use super::{
    admin, boxes, git,
    guard::guard,
    refused::Refused,
    routes::{Route, router},
    signin, updates,
};
use crate::{services::Services, wire};
use axum::{
    Json, Router,
    extract::State,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    middleware,
    response::IntoResponse,
};
use dapp::wire::ErrorCode;
use std::{sync::Arc, time::Duration};

/// The largest body that the page sends.
const BODY_MAX: usize = 4096;
/// How many connections the page takes at a time; a browser uses up to six.
pub const CONNECTIONS_MAX: usize = 128;
/// How long a connection may take to send a request's headers, from one request to the next.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The largest file of sample badges.
const DEMO_MAX: u64 = 64 * 1024;

/// Every path that is not a file of the page.
pub fn routes() -> Vec<Route<Arc<Services>>> {
    vec![
        Route::get("/api/status", admin::status),
        Route::get("/api/dapps", admin::dapps),
        Route::get("/api/devices", admin::devices),
        Route::get("/api/log", admin::log),
        Route::get("/api/proposals", admin::proposals),
        Route::get("/api/live", admin::live),
        Route::get("/api/demo", demo),
        Route::post("/api/tap", admin::tap),
        Route::put("/api/contacts/{name}", admin::contact),
        Route::get("/api/updates", updates::show),
        Route::get("/api/joins", boxes::waiting),
        Route::post("/api/joins/approve", boxes::approve),
        Route::post("/api/joins/reject", boxes::reject),
        Route::get("/api/session", signin::session),
        Route::post("/api/signout", signin::sign_out),
        Route::get("/signin/{token}", signin::follow),
        Route::get("/git/ledger.git/{*path}", git::get),
    ]
}

/// The server of the page.
pub fn server(services: Arc<Services>) -> Router {
    let files = web::ASSETS.map(|asset| {
        let headers = [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, "no-cache")];
        Route::get(asset.path, async move || (headers, asset.body).into_response())
    });
    let routes = routes().into_iter().chain(files).collect();
    router(routes, BODY_MAX).layer(middleware::from_fn(guard)).with_state(services)
}

async fn demo(State(services): admin::Asking) -> Result<Json<wire::DemoBadges>, Refused> {
    if !services.devices.board_status().simulated {
        return Err(Refused::new(ErrorCode::Unknown, "there is no demo on a real board"));
    }
    let path = services.home.demo_badges();
    let none = || Refused::new(ErrorCode::Unknown, "no demo is running");
    let length = std::fs::metadata(&path).map_err(|_| none())?.len();
    let text =
        if length <= DEMO_MAX { std::fs::read(&path).map_err(|_| none())? } else { return Err(none()) };
    let broken = |error| Refused::new(ErrorCode::Failed, format!("{}: {error}", path.display()));
    serde_json::from_slice(&text).map(Json).map_err(broken)
}
