//! The local API: what one dapp may ask, on a socket of its own.
//!
//! Who asks is known by the socket, so no request names its dapp. Rights are the manifest's; what they do not
//! grant is refused with the line that would grant it. Limits: the body, the rate of events, the number of
//! streams. Described in docs/formats/local-api.md and, for programs, docs/formats/local-api.openapi.json,
//! against which `tests/openapi.rs` holds [`routes`].

mod calls;
mod devices;
mod events;
mod state;

use super::{
    refused::Refused,
    routes::{Route, router},
};
use crate::{rate::Rate, services::Services};
use axum::{Json, Router, extract::State};
use dapp::{
    Manifest,
    wire::{Clock, Done, ErrorCode, Info, MAX_REQUEST_BYTES},
};
use model::Name;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64, atomic::Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many streams a dapp may have open.
const STREAMS_MAX: usize = 8;
/// How many connections a dapp may have open.
pub const CONNECTIONS_MAX: usize = 64;
/// How many events a dapp may write at once, and a second after that.
const EVENTS_BURST: u32 = 1000;
const EVENTS_PER_SECOND: u32 = 100;

/// One dapp at its socket.
pub struct Caller {
    /// The ledger, the board, the others.
    pub services: Arc<Services>,
    /// Its rights.
    pub manifest: Manifest,
    streams: Arc<Semaphore>,
    rate: Mutex<Rate>,
    /// When it last said that it lives, in milliseconds of the monotonic clock.
    alive_ms: AtomicU64,
    /// How many listeners of inputs it has; with the last one its outputs go safe.
    listeners: AtomicU64,
    /// Whether it moves its outputs. Held while one moves, so that nothing of a retired dapp is under way.
    in_charge: Mutex<bool>,
}

/// The state of the handlers.
pub type Asking = State<Arc<Caller>>;

impl Caller {
    /// The dapp of a manifest.
    pub fn new(services: Arc<Services>, manifest: Manifest) -> Arc<Self> {
        Arc::new(Self {
            services,
            manifest,
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            rate: Mutex::new(Rate::new(EVENTS_BURST, EVENTS_PER_SECOND)),
            alive_ms: AtomicU64::new(0),
            listeners: AtomicU64::new(0),
            in_charge: Mutex::new(true),
        })
    }

    /// The dapp's name.
    pub fn name(&self) -> &Name {
        &self.manifest.name
    }

    /// It lives: said by the dapp, and by the supervisor when it starts it.
    pub fn lives(&self) {
        self.alive_ms.store(self.elapsed_ms(), Ordering::Relaxed);
    }

    /// How long ago it last said that it lives, in milliseconds.
    pub fn silent_ms(&self) -> u64 {
        self.elapsed_ms().saturating_sub(self.alive_ms.load(Ordering::Relaxed))
    }

    /// Brings its outputs to their safe levels. Nothing once it is retired: they belong to its successor then.
    pub fn make_safe(&self) {
        let in_charge = self.in_charge();
        if *in_charge {
            self.services.devices.make_safe(|device| self.manifest.may_use(device));
        }
    }

    /// Takes its outputs away for good and makes them safe: an order that was on its way is refused.
    pub fn retire(&self) {
        let mut in_charge = self.in_charge();
        if std::mem::replace(&mut *in_charge, false) {
            self.services.devices.make_safe(|device| self.manifest.may_use(device));
        }
    }

    /// Moves one of its outputs.
    fn set(&self, device: &Name, on: bool, for_ms: Option<u64>) -> Result<(), Refused> {
        let in_charge = self.in_charge();
        if !*in_charge {
            let message = format!("this run of {} is over: it moves nothing any more", self.name());
            return Err(Refused::new(ErrorCode::Stopping, message));
        }
        self.services.devices.set(device, on, for_ms).map_err(|error| devices::failed(&error))
    }

    fn in_charge(&self) -> MutexGuard<'_, bool> {
        self.in_charge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.services.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Room for one more stream.
    fn stream(&self) -> Result<OwnedSemaphorePermit, Refused> {
        self.streams.clone().try_acquire_owned().map_err(|_| {
            Refused::new(ErrorCode::TooMany, format!("{} has {STREAMS_MAX} streams open", self.name()))
                .hint("close one; /v1/watch takes several folders")
        })
    }

    /// Room for one more event.
    fn may_write_event(&self) -> Result<(), Refused> {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        if rate.take(self.services.clock.elapsed()) {
            return Ok(());
        }
        let message = format!("{} writes more than {EVENTS_PER_SECOND} events a second", self.name());
        Err(Refused::new(ErrorCode::TooMany, message).hint("wait a second; sum up what repeats"))
    }

    /// Where another dapp listens for calls.
    fn serve_socket(&self, dapp: &Name) -> PathBuf {
        self.services.home.dapp_folder(dapp).join("serve.sock")
    }
}

/// What the manifest does not grant.
fn not_granted(what: impl Into<String>, line: String) -> Refused {
    Refused::new(ErrorCode::NotGranted, what).hint(line)
}

/// Every path of the local API.
pub fn routes() -> Vec<Route<Arc<Caller>>> {
    vec![
        Route::get("/v1/info", info),
        Route::get("/v1/state", state::folder),
        Route::get("/v1/state/{*path}", state::document),
        Route::get("/v1/watch", state::watch),
        Route::get("/v1/events", events::list),
        Route::post("/v1/events", events::append),
        Route::post("/v1/documents", state::write),
        Route::post("/v1/calls/{dapp}/{method}", calls::call),
        Route::get("/v1/devices", devices::list),
        Route::get("/v1/devices/inputs", devices::inputs),
        Route::put("/v1/devices/{name}", devices::set),
        Route::post("/v1/alive", alive),
    ]
}

/// The server of one dapp's socket.
pub fn server(caller: Arc<Caller>) -> Router {
    router(routes(), MAX_REQUEST_BYTES).with_state(caller)
}

async fn info(State(caller): Asking) -> Json<Info> {
    let services = &caller.services;
    let (view, clock) = (services.keeper.view(), services.clock.status());
    Json(Info {
        org: view.org,
        org_name: view.org_text("name"),
        timezone: view.org_text("timezone"),
        node: services.home.node().clone(),
        dapp: caller.name().clone(),
        head: view.head,
        height: view.height,
        protocol: view.protocol(),
        clock: Clock {
            now: clock.now,
            trusted: clock.trusted,
            reason: clock.reason.unwrap_or_else(|| "not before the newest block".into()),
        },
        stale_ms: services.stale_ms(),
    })
}

async fn alive(State(caller): Asking) -> Json<Done> {
    caller.lives();
    Json(Done {})
}
