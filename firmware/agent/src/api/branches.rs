//! Branches: one that begins, and the one that this box follows; and the key with which the box writes on them.

use super::{
    admin::{Asking, objects_of},
    body::Body,
    refused::Refused,
};
use crate::{devices::chain, wire};
use axum::{Json, extract::State};
use dapp::wire::ErrorCode;
use store::{GitObjects, RefName};

/// `POST /v1/branches`: the first block of a branch, signed by a person.
pub async fn begin(
    State(services): Asking,
    Body(proposal): Body<wire::Proposal>,
) -> Result<Json<wire::Done>, Refused> {
    let head = proposal.head;
    services.keeper.begin_branch(head, objects_of(proposal)?).await?;
    Ok(Json(wire::Done {}))
}

/// `POST /v1/node/rotate`: this box's key gives way to the one that ledgerctl made for it.
pub async fn rotate(
    State(services): Asking,
    Body(wanted): Body<wire::Rotate>,
) -> Result<Json<wire::Merged>, Refused> {
    Ok(Json(services.keeper.rotate(wanted.label).await?))
}

/// `PUT /v1/branch`: the box follows another branch. ledgerd begins anew for it.
pub async fn follow(
    State(services): Asking,
    Body(wanted): Body<wire::Follow>,
) -> Result<Json<wire::Done>, Refused> {
    let failed = |error: &dyn std::error::Error| Refused::new(ErrorCode::Failed, chain(error));
    let objects = GitObjects::open(services.home.folder()).map_err(|error| failed(&error))?;
    let head = objects.head(&RefName::Head(wanted.branch.clone())).map_err(|error| failed(&error))?;
    if head.is_none() {
        let message = format!("this box knows no branch {}", wanted.branch);
        return Err(Refused::new(ErrorCode::Unknown, message));
    }
    services.home.follow(&wanted.branch).map_err(|error| failed(&error))?;
    services.anew.notify_one();
    Ok(Json(wire::Done {}))
}
