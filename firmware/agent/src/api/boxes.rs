//! New boxes on the page: who waits, let in or turned away by who is signed in.
//!
//! To let one in is a change of the ledger like any other, signed with the person's key that lies in the home. Who may not
//! write its documents may not turn it away either.

use super::{admin::Asking, body::Body, joins, refused::Refused, signin::SignedIn};
use crate::{
    devices::chain,
    join::{ApprovalError, Asker, approval},
    services::Services,
    visitors, wire,
};
use axum::{Json, extract::State};
use dapp::wire::ErrorCode;
use ledger::BranchDocument;
use model::KeyId;

/// `GET /api/joins`.
pub async fn waiting(_: SignedIn, services: Asking) -> Json<wire::Joins> {
    joins::waiting(services).await
}

/// `POST /api/joins/approve`: the box belongs, without a vote.
pub async fn approve(
    SignedIn(person): SignedIn,
    State(services): Asking,
    Body(wire::Reject { key }): Body<wire::Reject>,
) -> Result<Json<wire::Merged>, Refused> {
    let asker = find(&services, key)?;
    let changes =
        approval(&asker, services.clock.now(), 0, services.home.branch(), &BranchDocument::default())?;
    let subject = format!("Let the box {} in", asker.name);
    Ok(Json(visitors::write(&services, &person, changes, subject).await?))
}

/// `POST /api/joins/reject`.
pub async fn reject(
    SignedIn(person): SignedIn,
    services: Asking,
    Body(wire::Reject { key }): Body<wire::Reject>,
) -> Result<Json<wire::Done>, Refused> {
    let asker = find(&services, key)?;
    let path = format!("nodes/{}.toml", asker.name).parse().map_err(ApprovalError::from)?;
    visitors::may_write(&services, &person, &path)?;
    joins::reject(services, Body(wire::Reject { key })).await
}

fn find(services: &Services, key: KeyId) -> Result<Asker, Refused> {
    let waiting = services.door.waiting(&services.keeper.view());
    waiting
        .into_iter()
        .find(|asker| asker.key.id() == key)
        .ok_or_else(|| Refused::new(ErrorCode::Unknown, format!("no box with the key {key} waits")))
}

impl From<ApprovalError> for Refused {
    fn from(error: ApprovalError) -> Self {
        Self::new(ErrorCode::Failed, chain(&error))
    }
}
