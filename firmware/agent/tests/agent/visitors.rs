//! Sign-in on the page, and the ledger cloned by git itself.

use crate::{
    common::{FOUNDED, name},
    page::{JSON, Page},
};
use agent::visitors::Secret;
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
