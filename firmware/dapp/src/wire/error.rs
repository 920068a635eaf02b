//! The one shape of an error: `{"error":{"code","message","hint"}}`.

use serde::{Deserialize, Serialize};

/// The body of every answer whose status is not 2xx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what was wrong, and where.
    pub message: String,
    /// For people: what to do; empty where nothing can be said.
    #[serde(default)]
    pub hint: String,
}

/// The kinds of error; each has one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// 400: the request cannot be read, or a field is wrong. The caller's fault.
    BadRequest,
    /// 403: the manifest does not grant it. The dapp's fault.
    NotGranted,
    /// 403: the organisation's policy does not allow it.
    Denied,
    /// 404: no such path, document, device, dapp or method.
    NotFound,
    /// 405: the path exists, the method does not.
    MethodNotAllowed,
    /// 409: it contradicts what others wrote meanwhile; read again and retry.
    Conflict,
    /// 413: the body or the event is over its limit.
    TooLarge,
    /// 500: the agent failed. Ours.
    Internal,
    /// 501: this node cannot do that, such as a tap on a real board.
    NotSupported,
    /// 502: a device or another dapp failed.
    BadGateway,
    /// 503: not now (starting, stopping, disk full); retry later.
    Unavailable,
    /// 504: another dapp took too long.
    Timeout,
    /// A code of a later version.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// The HTTP status that goes with the code.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NotGranted | Self::Denied => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Internal | Self::Unknown => 500,
            Self::NotSupported => 501,
            Self::BadGateway => 502,
            Self::Unavailable => 503,
            Self::Timeout => 504,
        }
    }

    /// Whether the same request may succeed later without a change.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Internal | Self::BadGateway | Self::Unavailable | Self::Timeout)
    }
}

impl ErrorBody {
    /// An error with what to do about it (empty if nothing can be said).
    pub fn new(code: ErrorCode, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { error: ErrorDetail { code, message: message.into(), hint: hint.into() } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_documented() {
        let body = ErrorBody::new(ErrorCode::NotGranted, "keys/x is not in `reads`", "add it to dapp.toml");
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"error":{"code":"not-granted","message":"keys/x is not in `reads`","hint":"add it to dapp.toml"}}"#
        );
    }

    #[test]
    fn a_code_of_a_later_version_is_no_parse_error() {
        let body: ErrorBody = serde_json::from_str(r#"{"error":{"code":"on-fire","message":"m"}}"#).unwrap();
        assert_eq!(body.error.code, ErrorCode::Unknown);
        assert_eq!(body.error.hint, "");
    }
}
