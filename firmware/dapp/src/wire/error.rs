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

/// The kinds of error; each has one HTTP status. The admin API's words mean the same where both have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// 400: the request cannot be read, or a field is wrong. The caller's fault.
    BadRequest,
    /// 403: the manifest does not grant it.
    NotGranted,
    /// 403: the organisation's policy does not allow it.
    Denied,
    /// 404: no such path, document, device, dapp or route.
    Unknown,
    /// 405: the route exists, the method does not.
    WrongMethod,
    /// 409: it contradicts what others wrote meanwhile; read again and retry.
    Conflict,
    /// 413: the body or the event is over its limit.
    TooLarge,
    /// 429: over the rate of events or the number of streams; wait.
    TooMany,
    /// 500: the agent or its disk failed.
    Failed,
    /// 502: the device failed.
    DeviceFailed,
    /// 503: the agent is going down; come again.
    Stopping,
    /// 503: the other dapp does not answer.
    NoAnswer,
    /// 507: the disk has no room; nothing was kept.
    DiskFull,
    /// A word of a later version.
    #[serde(other)]
    Other,
}

impl ErrorCode {
    /// The HTTP status that goes with the code.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NotGranted | Self::Denied => 403,
            Self::Unknown => 404,
            Self::WrongMethod => 405,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::TooMany => 429,
            Self::Failed | Self::Other => 500,
            Self::DeviceFailed => 502,
            Self::Stopping | Self::NoAnswer => 503,
            Self::DiskFull => 507,
        }
    }

    /// Whether the same request may succeed later without a change.
    pub const fn is_transient(self) -> bool {
        self.status() >= 500 || matches!(self, Self::TooMany)
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
        assert_eq!(body.error.code, ErrorCode::Other);
        assert_eq!(body.error.hint, "");
    }
}
