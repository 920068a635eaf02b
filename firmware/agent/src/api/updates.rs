//! Updates of the operating system: how they stand, and what a person asks for at the box.

use super::{admin::Asking, body::Body, refused::Refused};
use crate::{
    updates::{AskError, Asked},
    wire,
};
use axum::{Json, extract::State};
use dapp::wire::ErrorCode;

type Answer = Result<Json<wire::Updates>, Refused>;

/// `GET /v1/updates`.
pub async fn show(State(services): Asking) -> Json<wire::Updates> {
    Json(services.updates.shown())
}

/// `POST /v1/updates/now`.
pub async fn now(State(services): Asking, Body(wanted): Body<wire::UpdateNow>) -> Answer {
    let version = wanted.version.parse();
    let version = version.map_err(|error: update::VersionError| Refused::bad(error.to_string()))?;
    Ok(Json(services.updates.ask(Asked::Now(version)).await?))
}

/// `POST /v1/updates/cancel`.
pub async fn cancel(State(services): Asking) -> Answer {
    Ok(Json(services.updates.ask(Asked::Cancel).await?))
}

/// `POST /v1/updates/back`.
pub async fn back(State(services): Asking) -> Answer {
    Ok(Json(services.updates.ask(Asked::Back).await?))
}

impl From<AskError> for Refused {
    fn from(error: AskError) -> Self {
        let message = error.to_string();
        match error {
            AskError::Unknown(_) => {
                Self::new(ErrorCode::Unknown, message).hint("`ledgerctl image list` names those it has")
            }
            AskError::NoSlots(_) | AskError::Refused(_) => Self::new(ErrorCode::Conflict, message),
            AskError::Stopping => Self::new(ErrorCode::Stopping, message).hint("come again"),
        }
    }
}
