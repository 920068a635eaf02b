//! Devices: listed, listened to, set. Only those that the manifest names and the board has.

use super::{Asking, Caller, not_granted};
use crate::api::{
    body::Body,
    refused::Refused,
    stream::{self, Framing, Gone, Lines},
};
use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use board::BoardError;
use dapp::wire::{DeviceKind, DeviceList, DeviceSet, ErrorCode, InputLine, MAX_FOR_MS, SetDevice};
use model::Name;
use std::sync::{Arc, atomic::Ordering};
use tokio::sync::broadcast::error::RecvError;

/// `GET /v1/devices`.
pub async fn list(State(caller): Asking) -> Json<DeviceList> {
    Json(DeviceList { devices: caller.services.devices.granted(|device| caller.manifest.may_use(device)) })
}

/// `PUT /v1/devices/{name}`: answers once the line is set.
pub async fn set(
    State(caller): Asking,
    Path(name): Path<String>,
    Body(request): Body<SetDevice>,
) -> Result<Json<DeviceSet>, Refused> {
    let name: Name = name.parse().map_err(|error: model::NameError| Refused::bad(error.to_string()))?;
    if !caller.manifest.may_use(&name) {
        let line = format!("add \"{name}\" to `devices` in dapp.toml");
        return Err(not_granted(format!("the manifest of {} does not grant {name}", caller.name()), line));
    }
    match request.for_ms {
        Some(ms) if !(1..=MAX_FOR_MS).contains(&ms) => {
            return Err(Refused::bad(format!("for_ms must be 1 to {MAX_FOR_MS}")));
        }
        Some(_) if !request.on => return Err(Refused::bad("for_ms goes with \"on\": true only")),
        _ => {}
    }
    caller.set(&name, request.on, request.for_ms)?;
    Ok(Json(DeviceSet { name, on: request.on }))
}

pub(super) fn failed(error: &BoardError) -> Refused {
    let code = match error {
        BoardError::UnknownDevice { .. } => ErrorCode::Unknown,
        BoardError::Device { .. }
        | BoardError::NoDriver { .. }
        | BoardError::Wiring { .. }
        | BoardError::Threads { .. } => ErrorCode::DeviceFailed,
        _ => ErrorCode::BadRequest,
    };
    Refused::new(code, crate::devices::chain(error))
}

/// `GET /v1/devices/inputs`.
pub async fn inputs(State(caller): Asking, headers: HeaderMap) -> Result<Response, Refused> {
    let room = caller.stream()?;
    let listening = Listening::new(caller.clone());
    let stopping = caller.services.stopping.clone();
    Ok(stream::answer(Framing::wanted(&headers), stopping, |lines| async move {
        let (_room, _listening) = (room, listening);
        listen(lines, &caller).await
    }))
}

/// While one of these lives the dapp hears its inputs. A dapp that hears nothing any more cannot be in charge
/// of anything: with the last one its outputs go safe.
struct Listening(Arc<Caller>);

impl Listening {
    fn new(caller: Arc<Caller>) -> Self {
        caller.listeners.fetch_add(1, Ordering::SeqCst);
        Self(caller)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if self.0.listeners.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.make_safe();
        }
    }
}

async fn listen(mut lines: Lines, caller: &Caller) -> Result<(), Gone> {
    let devices = &caller.services.devices;
    let mut inputs = devices.inputs();
    let at = caller.services.clock.now();
    for device in devices.granted(|device| caller.manifest.may_use(device)) {
        if matches!(device.kind, DeviceKind::Contact | DeviceKind::Button) {
            lines.send(&InputLine::Edge { device: device.name, at, on: device.on }).await?;
        }
    }
    loop {
        match lines.wait(inputs.recv()).await? {
            Ok(input) if device_of(&input).is_some_and(|device| caller.manifest.may_use(device)) => {
                lines.send(&input).await?;
            }
            Ok(_) => {}
            // Too slow: inputs were lost. The stream ends, and the next one begins with the levels as they are.
            Err(RecvError::Lagged(_) | RecvError::Closed) => return Err(Gone),
        }
    }
}

/// Which device a line is about.
fn device_of(input: &InputLine) -> Option<&Name> {
    match input {
        InputLine::Badge { device, .. } | InputLine::BadReading { device, .. } => Some(device),
        InputLine::Edge { device, .. } => Some(device),
        InputLine::Alive {} | InputLine::Unknown => None,
    }
}
