//! Sign-in: a link from the admin socket, a cookie for whoever follows it, and who a request is from.
//!
//! The cookie is `HttpOnly` and `SameSite=Strict`, and the page's guard refuses what another site's page started: so a
//! request with it is the person's own. It is not `Secure`, for the page speaks plain HTTP. Its name has the box's
//! key in it, because a browser sends cookies to every port of a host and two boxes may share one.

use super::{admin::Asking, body::Body, refused::Refused};
use crate::{
    devices::chain,
    services::Services,
    visitors::{self, ActError, LINK_LASTS, SESSION_LASTS, Secret},
    wire,
};
use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{
        HeaderMap, Method, StatusCode,
        header::{COOKIE, LOCATION, SET_COOKIE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use dapp::wire::ErrorCode;
use model::Name;
use std::sync::Arc;

/// Where the page says that a link is good no more.
const LINK_IS_OLD: &str = "/#link-is-old";

/// A request by somebody who is signed in.
pub struct SignedIn(pub Name);

impl FromRequestParts<Arc<Services>> for SignedIn {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self, Refused> {
        who(services, &parts.headers).map(Self).ok_or_else(|| {
            let message = "nobody is signed in";
            Refused::own(StatusCode::UNAUTHORIZED, "not-signed-in", message)
                .hint("`ledgerctl signin` on this box prints a link")
        })
    }
}

/// Who is signed in, if the ledger still has the key of theirs on this box.
pub fn who(services: &Services, headers: &HeaderMap) -> Option<Name> {
    let session = cookie(services, headers)?;
    let person = services.visitors.sessions.who(&session, services.clock.elapsed())?;
    visitors::key_of(services, &services.keeper.view(), &person).is_ok().then_some(person)
}

/// `POST /v1/signin`: makes a link.
pub async fn make_link(
    State(services): Asking,
    Body(asked): Body<wire::SignIn>,
) -> Result<Json<wire::SignInLink>, Refused> {
    visitors::key_of(&services, &services.keeper.view(), &asked.person)?;
    let Some(page) = services.visitors.page() else {
        return Err(Refused::new(ErrorCode::Unknown, "ledgerd serves no page")
            .hint("start it with --listen 127.0.0.1:8080"));
    };
    let now = services.clock.elapsed();
    services.visitors.sessions.make_link(asked.person, asked.link, asked.session, now);
    Ok(Json(wire::SignInLink { page: page.to_string(), seconds: LINK_LASTS.as_secs() }))
}

/// `GET /signin/{token}`: follows a link. A `HEAD`, with which some programs look ahead, does not use it up.
pub async fn follow(State(services): Asking, Path(token): Path<String>, method: Method) -> Response {
    let link = token.parse().ok().filter(|_| method == Method::GET);
    let now = services.clock.elapsed();
    let session = link.and_then(|link: Secret| services.visitors.sessions.follow(&link, now));
    match session {
        Some(session) => {
            let cookie = set_cookie(&services, &String::from(session), SESSION_LASTS.as_secs());
            (StatusCode::SEE_OTHER, [(LOCATION, "/".to_string()), (SET_COOKIE, cookie)]).into_response()
        }
        None => (StatusCode::SEE_OTHER, [(LOCATION, LINK_IS_OLD)]).into_response(),
    }
}

/// `GET /api/session`.
pub async fn session(State(services): Asking, headers: HeaderMap) -> Json<wire::SessionStatus> {
    Json(wire::SessionStatus { person: who(&services, &headers) })
}

/// `POST /api/signout`.
pub async fn sign_out(State(services): Asking, headers: HeaderMap) -> Response {
    if let Some(session) = cookie(&services, &headers) {
        services.visitors.sessions.end(&session, services.clock.elapsed());
    }
    ([(SET_COOKIE, set_cookie(&services, "", 0))], Json(wire::Done {})).into_response()
}

fn set_cookie(services: &Services, value: &str, seconds: u64) -> String {
    let name = cookie_name(services);
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict")
}

fn cookie(services: &Services, headers: &HeaderMap) -> Option<Secret> {
    let name = cookie_name(services);
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(key, value)| if key == name { value.parse().ok() } else { None })
}

fn cookie_name(services: &Services) -> String {
    format!("ledger-{}", &services.key.to_string()[..8])
}

impl From<ActError> for Refused {
    fn from(error: ActError) -> Self {
        let message = chain(&error);
        match error {
            ActError::Keeper(error) => error.into(),
            ActError::Denied(_) => Self::new(ErrorCode::Denied, message)
                .hint("policy.toml says who may write what (`ledgerctl policy`)"),
            ActError::NoKey { .. } | ActError::NotTheirs { .. } => Self::new(ErrorCode::Denied, message)
                .hint("a key lies with its owner: `ledgerctl keys list` shows whose keys count"),
            _ => Self::new(ErrorCode::Failed, message).hint("ledgerd's own messages say more"),
        }
    }
}
