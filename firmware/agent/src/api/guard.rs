//! What the page refuses, because a browser could be tricked into asking it.
//!
//! A browser that is signed in sends its cookie whoever made it ask, so three doors are shut: a name that somebody else's DNS points at this box
//! (rebinding: the `Host` is neither `localhost` nor an address literal), a request that another site's page
//! started (`Sec-Fetch-Site`, `Origin`), and a body that a plain form can send (anything but JSON). The repository may be
//! asked for by any name: it is git that asks, with a token that no other site has.

use super::refused::Refused;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::net::IpAddr;

/// Where the repository is.
const GIT: &str = "/git/";

/// Passes the request on, or refuses it; puts the security headers on whatever is answered.
pub async fn guard(request: Request, next: Next) -> Response {
    let by_any_name = request.uri().path().starts_with(GIT);
    let refusal = check(request.method(), request.headers(), by_any_name);
    let mut response = match refusal {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, web::CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}

/// Whether the request may come in.
pub fn check(method: &Method, headers: &HeaderMap, by_any_name: bool) -> Result<(), Refused> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    if !by_any_name && !is_own_host(host) {
        let shown: String = host.chars().take(80).collect();
        return Err(Refused::own(
            StatusCode::MISDIRECTED_REQUEST,
            "wrong-host",
            format!("this box is not {shown:?}"),
        )
        .hint("open the page by its address, such as http://127.0.0.1:8080"));
    }
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let navigation =
        method == Method::GET && headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    let foreign_site = site.is_some_and(|site| !matches!(site, "same-origin" | "none")) && !navigation;
    let foreign_origin =
        text(header::ORIGIN).is_some_and(|origin| origin.strip_prefix("http://") != Some(host));
    if foreign_site || foreign_origin {
        let message = "the request was started by another site's page";
        return Err(Refused::own(StatusCode::FORBIDDEN, "foreign-page", message));
    }
    let json = text(header::CONTENT_TYPE).is_some_and(|media| media.starts_with("application/json"));
    if method != Method::GET && method != Method::HEAD && !json {
        return Err(Refused::bad("the page takes bodies of type application/json only"));
    }
    Ok(())
}

/// Whether a Host header names this box by an address literal or as `localhost`. Names that a DNS server
/// answers for are not taken.
fn is_own_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || literal.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(method: Method, pairs: &[(&'static str, &'static str)]) -> bool {
        let headers =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        check(&method, &headers.collect(), false).is_ok()
    }

    #[test]
    fn the_repository_is_asked_for_by_any_name_and_by_no_other_site() {
        let asked = |pairs: &[(&'static str, &'static str)]| {
            let headers =
                pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            check(&Method::GET, &headers.collect(), true).is_ok()
        };
        assert!(asked(&[("host", "front-door.lan:8080")]));
        assert!(!asked(&[("host", "front-door.lan:8080"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn a_name_of_somebody_elses_dns_is_refused() {
        for good in ["127.0.0.1:8080", "localhost:8080", "localhost", "[::1]:8080", "192.168.1.5:80"] {
            assert!(passes(Method::GET, &[("host", good)]), "{good} was refused");
        }
        for bad in ["evil.example:8080", "evil.example", "", "127.0.0.1.evil.example", "localhost.evil:1"] {
            assert!(!passes(Method::GET, &[("host", bad)]), "{bad:?} was taken");
        }
    }

    #[test]
    fn another_sites_page_cannot_tap() {
        let own = ("host", "127.0.0.1:8080");
        let json = ("content-type", "application/json");
        assert!(passes(Method::POST, &[own, json, ("origin", "http://127.0.0.1:8080")]));
        assert!(passes(Method::POST, &[own, json]), "curl sends no origin");
        assert!(!passes(Method::POST, &[own, json, ("origin", "http://evil.example")]));
        assert!(!passes(Method::POST, &[own, json, ("origin", "null")]));
        assert!(!passes(Method::POST, &[own, json, ("sec-fetch-site", "cross-site")]));
        assert!(!passes(Method::GET, &[own, ("sec-fetch-site", "same-site")]));
        let link = [own, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        assert!(passes(Method::GET, &link), "a link to the page may be followed");
        assert!(!passes(Method::POST, &[own, ("content-type", "text/plain")]));
        assert!(!passes(Method::PUT, &[own]));
    }
}
