//! Sign-in on the page, and the ledger cloned by git itself.

use crate::{
    common::{FOUNDED, name},
    page::{JSON, Page},
};
use agent::{join::Knock, visitors::Secret};
use model::{PublicKey, SigningKey};
use serde_json::{Value, json};
use std::process::Command;

fn secret(n: u8) -> String {
    Secret::new([n; 32]).into()
}

fn hash(n: u8) -> String {
    Secret::new([n; 32]).hash().into()
}

impl Page {
    /// A link for alice's browser.
    async fn link(&self, link: u8, session: u8) -> Value {
        let asked = json!({"person": "alice", "link": hash(link), "session": secret(session)});
        let (status, answer) = self.up.admin().post("/v1/signin", asked).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// A browser that has followed one: its cookie.
    async fn signed_in(&self) -> String {
        self.link(1, 2).await;
        let answer = self.ask("GET", &format!("/signin/{}", secret(1)), &[], "").await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["location"]), (303, &"/".parse().unwrap()));
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
        cookie.split(';').next().unwrap().to_string()
    }

    async fn person(&self, cookie: &str) -> Value {
        let answer = self.ask("GET", "/api/session", &[("cookie", cookie)], "").await;
        serde_json::from_str::<Value>(answer.body()).unwrap()["person"].clone()
    }

    /// A new box with a ticket asks to belong.
    fn knocks(&self, n: u8, called: &str) -> PublicKey {
        let services = &self.up.appliance.services;
        let (view, now) = (services.keeper.view(), services.clock.now());
        services.door.invite(&view, &[], [n; 16], now.plus(60_000), now).unwrap();
        let key = SigningKey::from_seed(&[100 + n; 32]).public();
        let (board, place) = (name("sim"), "hall".to_string());
        let knock = Knock { secret: [n; 16], name: name(called), board, place };
        services.door.hear(&key, &knock.to_bytes(), &view, now);
        key
    }

    async fn waiting(&self, cookie: &str) -> Vec<String> {
        let answer = self.ask("GET", "/api/joins", &[("cookie", cookie)], "").await;
        let answer: Value = serde_json::from_str(answer.body()).unwrap();
        let names = answer["waiting"].as_array().unwrap().iter();
        names.map(|join| join["name"].as_str().unwrap().to_string()).collect()
    }

    async fn serve_git(&self, on: bool) {
        assert_eq!(self.up.admin().put("/v1/git", json!({ "serve": on })).await.0, 200);
    }
}

#[tokio::test]
async fn a_link_signs_one_browser_in_until_it_signs_out() {
    let page = Page::new().await;
    let cookie = page.signed_in().await;
    assert_eq!(page.person(&format!("other=1; {cookie}")).await, "alice");
    assert_eq!(page.person("").await, Value::Null);
    let again = page.ask("GET", &format!("/signin/{}", secret(1)), &[], "").await;
    assert_eq!(again.headers()["location"], "/#link-is-old");
    assert!(!again.headers().contains_key("set-cookie"));
    let foreign = [("cookie", cookie.as_str()), JSON, ("origin", "http://evil.example")];
    assert_eq!(page.status("POST", "/api/signout", &foreign, "{}").await, 403);
    assert_eq!(page.status("POST", "/api/signout", &[("cookie", &cookie)], "{}").await, 400);
    assert_eq!(page.person(&cookie).await, "alice");
    assert_eq!(page.status("POST", "/api/signout", &[("cookie", &cookie), JSON], "{}").await, 200);
    assert_eq!(page.person(&cookie).await, Value::Null);
}

#[tokio::test]
async fn looking_ahead_does_not_use_a_link_up() {
    let page = Page::new().await;
    let answer = page.link(1, 2).await;
    assert_eq!(answer, json!({"page": page.address.to_string(), "seconds": 300}));
    let path = format!("/signin/{}", secret(1));
    assert!(!page.ask("HEAD", &path, &[], "").await.headers().contains_key("set-cookie"));
    assert!(page.ask("GET", &path, &[], "").await.headers().contains_key("set-cookie"));
}

#[tokio::test]
async fn nobody_is_signed_in_without_a_key_that_counts() {
    let page = Page::new().await;
    let asked = json!({"person": "bob", "link": hash(1), "session": secret(2)});
    assert_eq!(page.up.admin().post("/v1/signin", asked).await.0, 403);
    let cookie = page.signed_in().await;
    let key = page.up.appliance.services.home.person_key(&name("alice")).unwrap().public();
    let document = |key: &PublicKey| {
        format!("public = \"{key}\"\nowner = \"person:alice\"\nlabel = \"\"\nadded = {}\n", FOUNDED.0)
    };
    let next = SigningKey::from_seed(&[9; 32]).public();
    let path = |key: &PublicKey| format!("keys/{}.toml", key.id());
    let added = page.up.propose(&[(&path(&next), Some(&document(&next)))]).await;
    assert_eq!(added.0, 200, "{}", added.1);
    assert_eq!(page.person(&cookie).await, "alice");
    let old = page.up.appliance.services.keeper.view().document(&path(&key)).unwrap()["label"].clone();
    let mark =
        format!("label = {old}\nrevoked = {{ at = {}, by = \"alice\", reason = \"lost\" }}\n", FOUNDED.0);
    let text = document(&key).replace("label = \"\"\n", &mark);
    let revoked = page.up.propose(&[(&path(&key), Some(&text))]).await;
    assert_eq!(revoked.0, 200, "{}", revoked.1);
    assert_eq!(page.person(&cookie).await, Value::Null, "the key is revoked");
}

#[tokio::test]
async fn the_repository_is_not_there_until_it_is_turned_on_and_then_asks_for_a_token() {
    let page = Page::new().await;
    const REFS: &str = "/git/ledger.git/info/refs";
    let cookie = page.signed_in().await;
    assert_eq!(page.status("GET", REFS, &[("cookie", &cookie)], "").await, 404);
    page.serve_git(true).await;
    let answer = page.ask("GET", REFS, &[], "").await;
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["www-authenticate"], "Basic realm=\"ledger\"");
    assert_eq!(page.status("GET", REFS, &[("cookie", &cookie)], "").await, 200);
    for path in
        ["config", "../node.toml", "..%2fnode.toml", "objects/..%2f..%2f..%2fkeys/node", "refs/heads/main"]
    {
        let status = page.status("GET", &format!("/git/ledger.git/{path}"), &[("cookie", &cookie)], "").await;
        assert_eq!(status, 404, "{path}");
    }
    let put = page.status("PUT", REFS, &[("cookie", &cookie), JSON], "").await;
    assert_eq!(put, 405);
    page.serve_git(false).await;
    assert_eq!(page.status("GET", REFS, &[("cookie", &cookie)], "").await, 404);
}

#[tokio::test]
async fn git_itself_clones_the_ledger_with_a_token_and_goes_on_after_packs_were_merged() {
    let page = Page::new().await;
    page.serve_git(true).await;
    let expires = page.up.appliance.services.clock.now().plus(60_000);
    let token = json!({"hash": hash(7), "expires": expires});
    assert_eq!(page.up.admin().post("/v1/git/tokens", token).await.0, 200);
    for n in 0..20 {
        let (path, text) =
            (format!("people/bob-{n}.toml"), format!("name = \"Bob {n}\"\nstate = \"active\"\n"));
        assert_eq!(page.up.propose(&[(&path, Some(&text))]).await.0, 200);
    }
    let folder = page.up.folder.path().join("clone");
    let url = |password: &str| format!("http://token:{password}@{}/git/ledger.git", page.address);
    let refused = git(&["clone", &url(&secret(8)), folder.to_str().unwrap()]).await;
    assert!(!refused.0, "{}", refused.1);
    let cloned = git(&["clone", &url(&secret(7)), folder.to_str().unwrap()]).await;
    assert!(cloned.0, "{}", cloned.1);
    let checked = git(&["-C", folder.to_str().unwrap(), "fsck", "--strict"]).await;
    assert!(checked.0, "{}", checked.1);
    let head = git(&["-C", folder.to_str().unwrap(), "rev-parse", "HEAD"]).await;
    assert_eq!(head.1.trim(), page.up.appliance.services.keeper.view().head.to_string());
    assert!(folder.join("people/bob-19.toml").exists());
    let text = page.up.propose(&[("people/late.toml", Some("name = \"Late\"\nstate = \"active\"\n"))]).await;
    assert_eq!(text.0, 200);
    let pulled = git(&["-C", folder.to_str().unwrap(), "pull", "--ff-only"]).await;
    assert!(pulled.0 && folder.join("people/late.toml").exists(), "{}", pulled.1);
}

#[tokio::test]
async fn boxes_that_wait_are_for_who_is_signed_in_alone() {
    let page = Page::new().await;
    for (method, path) in
        [("GET", "/api/joins"), ("POST", "/api/joins/approve"), ("POST", "/api/joins/reject")]
    {
        let body = format!("{{\"key\": \"{}\"}}", "ab".repeat(16));
        assert_eq!(page.status(method, path, &[JSON], &body).await, 401, "{path}");
    }
    let cookie = page.signed_in().await;
    let answer = page.ask("GET", "/api/joins", &[("cookie", &cookie)], "").await;
    assert_eq!(answer.body(), "{\"waiting\":[]}");
}

#[tokio::test]
async fn a_box_that_waits_is_let_in_or_turned_away_by_a_click() {
    let page = Page::new().await;
    let cookie = page.signed_in().await;
    let (laser, lathe) = (page.knocks(1, "laser"), page.knocks(2, "lathe"));
    page.knocks(3, "front-door");
    assert_eq!(page.waiting(&cookie).await, ["laser", "lathe"], "no box takes another's name");
    let approve = format!("{{\"key\": \"{}\"}}", laser.id());
    let headers = [("cookie", cookie.as_str()), JSON];
    let foreign = [("cookie", cookie.as_str()), JSON, ("sec-fetch-site", "cross-site")];
    assert_eq!(page.status("POST", "/api/joins/approve", &foreign, &approve).await, 403);
    let answer = page.ask("POST", "/api/joins/approve", &headers, &approve).await;
    assert_eq!(answer.status(), 200, "{}", answer.body());
    assert_eq!(page.status("POST", "/api/joins/approve", &headers, &approve).await, 404, "it is in");
    let reject = format!("{{\"key\": \"{}\"}}", lathe.id());
    assert_eq!(page.status("POST", "/api/joins/reject", &headers, &reject).await, 200);
    assert!(page.waiting(&cookie).await.is_empty());
    let view = page.up.appliance.services.keeper.view();
    assert_eq!(view.document("nodes/laser.toml").unwrap()["key"], laser.id().to_string());
    assert_eq!(view.document(&format!("keys/{}.toml", laser.id())).unwrap()["owner"], "node:laser");
    assert!(view.document("nodes/lathe.toml").is_none());
}

#[tokio::test]
async fn who_may_not_write_a_boxes_documents_neither_lets_it_in_nor_turns_it_away() {
    let page = Page::new().await;
    let cookie = page.signed_in().await;
    let key = page.knocks(1, "laser").id();
    let policy = r#"
        roles = { owner = ["alice"], doors = [] }
        rules = [
            { paths = ["policy.toml", "keys/*"], roles = ["owner"] },
            { paths = ["nodes/*"], roles = ["doors"] },
        ]
    "#;
    assert_eq!(page.up.propose(&[("policy.toml", Some(policy))]).await.0, 200);
    for what in ["approve", "reject"] {
        let body = format!("{{\"key\": \"{key}\"}}");
        let path = format!("/api/joins/{what}");
        let answer = page.ask("POST", &path, &[("cookie", &cookie), JSON], &body).await;
        assert_eq!(answer.status(), 403, "{what}: {}", answer.body());
    }
    assert_eq!(page.waiting(&cookie).await, ["laser"]);
}

/// Whether git did it, and what it said.
async fn git(args: &[&str]) -> (bool, String) {
    let mut command = Command::new("git");
    command
        .args(args)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("LC_ALL", "C");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into())
}
