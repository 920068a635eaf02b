//! The page on TCP: what a browser gets, and what it cannot be tricked into.

use crate::common::Up;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;

pub struct Page {
    pub up: Up,
    pub address: SocketAddr,
}

impl Page {
    pub async fn new() -> Self {
        let up = Up::new().await;
        let address = up.appliance.serve_page("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { up, address }
    }

    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<String> {
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", self.address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(bytes::Bytes::from(body.to_string()))).unwrap();
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Response::from_parts(head, text)
    }

    pub async fn status(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
        self.ask(method, path, headers, body).await.status().as_u16()
    }
}

pub const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn the_page_and_its_parts_come_with_a_policy_of_their_own() {
    let page = Page::new().await;
    for path in ["/", "/app.js", "/style.css", "/icon.svg", "/api/status", "/api/devices", "/nowhere"] {
        let answer = page.ask("GET", path, &[], "").await;
        assert_eq!(answer.status().as_u16(), if path == "/nowhere" { 404 } else { 200 }, "{path}");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn a_badge_can_be_held_to_the_simulated_reader_from_the_page_alone() {
    let page = Page::new().await;
    let origin = format!("http://{}", page.address);
    let tap = r#"{"number": "0x04184EDCBA"}"#;
    assert_eq!(page.status("POST", "/api/tap", &[JSON, ("origin", &origin)], tap).await, 200);
    assert_eq!(page.status("POST", "/api/tap", &[JSON, ("origin", "http://evil.example")], tap).await, 403);
    assert_eq!(page.status("POST", "/api/tap", &[JSON, ("sec-fetch-site", "cross-site")], tap).await, 403);
    assert_eq!(page.status("POST", "/api/tap", &[("content-type", "text/plain")], tap).await, 400);
    assert_eq!(page.status("POST", "/api/tap", &[JSON, ("host", "evil.example")], tap).await, 421);
    assert_eq!(page.status("GET", "/api/status", &[("host", "evil.example:8080")], "").await, 421);
    let huge = format!("{{\"number\": \"{}\"}}", "9".repeat(1 << 20));
    assert_eq!(page.status("POST", "/api/tap", &[JSON], &huge).await, 413);
    assert_eq!(page.status("PUT", "/api/contacts/door", &[JSON], r#"{"on": true}"#).await, 200);
}

#[tokio::test]
async fn what_changes_the_ledger_is_not_on_the_page() {
    let page = Page::new().await;
    for path in ["/api/blocks", "/api/flush", "/api/chunks", "/v1/flush", "/v1/blocks"] {
        assert_eq!(page.status("POST", path, &[JSON], "{}").await, 404, "{path}");
    }
    assert_eq!(page.status("POST", "/api/status", &[JSON], "{}").await, 405);
}

#[tokio::test]
async fn sample_badges_show_only_while_a_demo_left_them() {
    let page = Page::new().await;
    assert_eq!(page.status("GET", "/api/demo", &[], "").await, 404);
    let text = r#"{"badges": [{"label": "Ann, full member", "number": "4134419"}]}"#;
    std::fs::write(page.up.folder.path().join("demo-badges.json"), text).unwrap();
    let answer = page.ask("GET", "/api/demo", &[], "").await;
    assert!(answer.body().contains("Ann, full member"), "{}", answer.body());
}
