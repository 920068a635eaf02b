//! A refusal on its way out: one shape for every API, with a word for programs and a sentence for people.

use crate::wire::{Refusal, RefusalText};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use dapp::wire::ErrorCode;
use std::borrow::Cow;

/// What is answered instead.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    hint: Cow<'static, str>,
}

impl Refused {
    /// A refusal that both APIs know.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let word = serde_json::to_value(code).ok();
        let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or("failed").to_string();
        Self { status, code: word.into(), message: message.into(), hint: "".into() }
    }

    /// A refusal of the admin API and the page alone.
    pub fn own(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), hint: "".into() }
    }

    /// What to do about it.
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The caller sent something that cannot be read.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadRequest, message)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let error =
            RefusalText { code: self.code.into(), message: self.message, hint: self.hint.into_owned() };
        (self.status, Json(Refusal { error })).into_response()
    }
}

/// The answer to a path that is not served.
pub async fn unknown_route(uri: axum::http::Uri) -> Refused {
    let path: String = uri.path().chars().take(120).collect();
    Refused::new(ErrorCode::Unknown, format!("nothing is served at {path}"))
        .hint("docs/formats/local-api.md and docs/formats/admin-api.md list the paths")
}

/// The answer to a method that a path does not have.
pub async fn wrong_method(method: axum::http::Method, uri: axum::http::Uri) -> Refused {
    let path: String = uri.path().chars().take(120).collect();
    Refused::new(ErrorCode::WrongMethod, format!("{path} does not take {method}"))
}
