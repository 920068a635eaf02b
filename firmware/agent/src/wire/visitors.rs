//! What is said about sign-in and about cloning: `/v1/signin`, `/v1/git`, and the page's own paths.

use crate::visitors::{Secret, SecretHash};
use model::{Millis, Name};
use serde::{Deserialize, Serialize};

/// `POST /v1/signin`: a link for a person's browser.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignIn {
    /// Whose key the session acts with.
    pub person: Name,
    /// The hash of the link's secret.
    pub link: SecretHash,
    /// The session's secret, which the browser gets for following the link.
    pub session: Secret,
}

/// Where the link leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInLink {
    /// Address and port of the page; the link is `http://ADDRESS/signin/SECRET`.
    pub page: String,
    /// How long it can be followed, in seconds.
    pub seconds: u64,
}

/// `GET /api/session`: who looks at the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStatus {
    /// Who is signed in.
    pub person: Option<Name>,
}

/// `GET /v1/git`: whether the ledger can be cloned from this box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitAccess {
    /// Whether it can at all.
    pub serve: bool,
    /// The tokens that are good.
    pub tokens: Vec<GitToken>,
}

/// A token that is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitToken {
    /// The beginning of its hash, by which it can be revoked.
    pub id: String,
    /// Until when.
    pub expires: Millis,
}

/// `PUT /v1/git`: on, or off.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GitServe {
    /// Whether the ledger can be cloned.
    pub serve: bool,
}

/// `POST /v1/git/tokens`: a new token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewGitToken {
    /// The hash of its secret.
    pub hash: SecretHash,
    /// Until when it is good.
    pub expires: Millis,
}
