//! Reading a request: JSON bodies and queries as checked types, refusals where they are not.
//!
//! The media type of a body is not asked for here, so that `curl -d` works on the sockets; the page's guard asks.

use super::refused::Refused;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::BytesRejection},
    http::{StatusCode, request::Parts},
};
use dapp::wire::ErrorCode;
use serde::de::DeserializeOwned;

/// A JSON body.
pub struct Body<T>(pub T);

/// A query string.
pub struct Ask<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;
    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let bytes = Bytes::from_request(request, state).await.map_err(unread)?;
        let value = serde_json::from_slice(&bytes);
        value.map(Self).map_err(|error| Refused::bad(format!("the body is not what is asked for: {error}")))
    }
}

fn unread(rejection: BytesRejection) -> Refused {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Refused::new(ErrorCode::TooLarge, "the body is over the limit of this path")
    } else {
        Refused::bad("the body broke off")
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Ask<T> {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let query = Query::try_from_uri(&parts.uri);
        query.map(|Query(value)| Self(value)).map_err(|error| Refused::bad(error.body_text()))
    }
}
