//! Invitations and the boxes that wait, for `ledgerctl invite` and `ledgerctl nodes`.

use super::{admin::Asking, body::Body, refused::Refused};
use crate::{
    join::{Asker, DoorError, Secret},
    wire,
};
use axum::{Json, extract::State};
use dapp::wire::ErrorCode;

/// `POST /v1/invites`. The secret is drawn by the caller.
pub async fn invite(
    State(services): Asking,
    Body(wanted): Body<wire::Invite>,
) -> Result<Json<wire::Invitation>, Refused> {
    let Some(peers) = services.abroad.peers.get() else {
        return Err(Refused::new(ErrorCode::Conflict, "this box has no network: nobody could knock here")
            .hint("ledgerctl status says why; [net] in node.toml turns it on"));
    };
    let secret = secret(&wanted.secret)?;
    let (view, addresses, now) = (services.keeper.view(), peers.addresses(), services.clock.now());
    let ticket = services.door.invite(&view, &addresses, secret, wanted.expires, now)?;
    Ok(Json(wire::Invitation { ticket: ticket.to_string(), expires: wanted.expires }))
}

fn secret(text: &str) -> Result<Secret, Refused> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| Refused::bad("the secret must be 32 hex digits"))?;
    Ok(bytes)
}

/// `GET /v1/joins`.
pub async fn waiting(State(services): Asking) -> Json<wire::Joins> {
    let waiting = services.door.waiting(&services.keeper.view());
    Json(wire::Joins { waiting: waiting.into_iter().map(shown).collect() })
}

fn shown(asker: Asker) -> wire::Join {
    let Asker { name, key, board, place, asked, .. } = asker;
    wire::Join { name, key: key.id(), public: key, board, place, asked }
}

/// `POST /v1/joins/reject`.
pub async fn reject(
    State(services): Asking,
    Body(who): Body<wire::Reject>,
) -> Result<Json<wire::Done>, Refused> {
    services.door.reject(&who.key)?;
    Ok(Json(wire::Done {}))
}

impl From<DoorError> for Refused {
    fn from(error: DoorError) -> Self {
        let code = match error {
            DoorError::NobodyWaits(_) => ErrorCode::Unknown,
            DoorError::TooMany(_) => ErrorCode::Conflict,
            DoorError::Home(_) => ErrorCode::Failed,
        };
        Self::new(code, crate::devices::chain(&error))
    }
}
