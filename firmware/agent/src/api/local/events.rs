//! Events: appended, and read back.

use super::Asking;
use crate::api::{
    body::{Ask, Body},
    refused::Refused,
};
use axum::{Json, extract::State};
use dapp::wire::{EventAppended, EventList, EventRequest, EventsQuery};

/// `POST /v1/events`: answers once the event survives a power cut.
pub async fn append(
    State(caller): Asking,
    Body(request): Body<EventRequest>,
) -> Result<Json<EventAppended>, Refused> {
    caller.may_write_event()?;
    let event = caller.services.keeper.append(caller.name().clone(), request.kind, request.data).await?;
    Ok(Json(EventAppended { seq: event.seq, at: event.at }))
}

/// `GET /v1/events`: of this dapp on this node, oldest first.
pub async fn list(State(caller): Asking, Ask(query): Ask<EventsQuery>) -> Result<Json<EventList>, Refused> {
    let limit = query.limit.unwrap_or(EventsQuery::DEFAULT_LIMIT);
    if limit == 0 || limit > EventsQuery::MAX_LIMIT {
        return Err(Refused::bad(format!("limit must be 1 to {}", EventsQuery::MAX_LIMIT)));
    }
    let keeper = &caller.services.keeper;
    let events = keeper.events_of(caller.name().clone(), query.kind, query.after.unwrap_or(0), limit).await?;
    Ok(Json(EventList { events: events.into_iter().map(Into::into).collect() }))
}
