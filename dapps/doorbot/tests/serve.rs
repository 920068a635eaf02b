//! The whole program against a small agent: badges in, relay and events out, with the agent going away.

#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

use dapp::{client::Client, kit::serve};
use doorbot::house::House;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    sync::{broadcast, oneshot},
    task::JoinHandle,
};

/// An agent with one door, one member, and a list of all that it was asked to do.
struct Agent {
    asked: Mutex<Vec<(String, Value)>>,
    inputs: broadcast::Sender<String>,
    /// Ends every stream.
    end: broadcast::Sender<()>,
    /// How many more events are refused with 503.
    refuse_events: Mutex<u32>,
    /// Whether the watch answers.
    watch: Mutex<bool>,
    strike_fails: Mutex<bool>,
}

impl Agent {
    fn start(socket: &Path) -> Arc<Self> {
        let agent = Arc::new(Self {
            asked: Mutex::default(),
            inputs: broadcast::channel(64).0,
            end: broadcast::channel(4).0,
            refuse_events: Mutex::new(0),
            watch: Mutex::new(true),
            strike_fails: Mutex::new(false),
        });
        let listener = UnixListener::bind(socket).unwrap();
        let serving = agent.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().converse(stream));
            }
        });
        agent
    }

    async fn converse(self: Arc<Self>, mut stream: UnixStream) {
        while let Some((line, body)) = read_request(&mut stream).await {
            match line.as_str() {
                "GET /v1/devices/inputs" => return self.stream(stream, None).await,
                line if line.starts_with("GET /v1/watch?") => {
                    let first = self.watch.lock().unwrap().then(snapshot);
                    return if first.is_some() {
                        self.stream(stream, first).await
                    };
                }
                _ => {}
            }
            let (status, answer) = self.answer(&line, &body);
            if !line.starts_with("GET") && line != "POST /v1/alive" {
                self.asked.lock().unwrap().push((line, body));
            }
            let text = answer.to_string();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", text.len());
            if stream.write_all(format!("{head}{text}").as_bytes()).await.is_err() {
                return;
            }
        }
    }

    async fn stream(&self, mut stream: UnixStream, first: Option<Value>) {
        let (mut inputs, mut end) = (self.inputs.subscribe(), self.end.subscribe());
        let watching = first.is_some();
        let first = first.map_or_else(|| "{\"type\":\"alive\"}".to_string(), |line| line.to_string());
        let head = format!("HTTP/1.1 200 OK\r\n\r\n{first}\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        loop {
            tokio::select! {
                _ = end.recv() => return,
                Ok(line) = inputs.recv(), if !watching => stream.write_all(line.as_bytes()).await.unwrap(),
            }
        }
    }

    fn answer(&self, line: &str, body: &Value) -> (u16, Value) {
        let error = |code: &str| json!({"error": {"code": code, "message": "told to fail", "hint": ""}});
        match line {
            "GET /v1/info" => (200, info()),
            "GET /v1/devices" => (200, devices()),
            "PUT /v1/devices/strike" if *self.strike_fails.lock().unwrap() => (502, error("device-failed")),
            "POST /v1/events" => {
                let mut refuse = self.refuse_events.lock().unwrap();
                if *refuse > 0 {
                    *refuse -= 1;
                    return (503, error("stopping"));
                }
                (200, json!({"seq": 1, "at": 5}))
            }
            line if line.starts_with("PUT /v1/devices/") => (200, json!({"name": "x", "on": body["on"]})),
            _ => (200, json!({})),
        }
    }

    fn tap(&self, badge: u8) {
        let digest = hex(badge);
        let line = json!({"type": "badge", "device": "reader", "at": 5, "digests": [digest]});
        self.inputs.send(format!("{line}\n")).unwrap();
    }

    /// Waits for a request that fits, at or after `from`; its place and body.
    async fn wait_for(&self, from: usize, line: &str, fits: impl Fn(&Value) -> bool) -> (usize, Value) {
        for _ in 0..1000 {
            let asked = self.asked.lock().unwrap().clone();
            let found =
                asked.iter().enumerate().skip(from).find(|(_, (was, body))| was == line && fits(body));
            if let Some((place, (_, body))) = found {
                return (place, body.clone());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{line} was not asked; asked were {:#?}", self.asked.lock().unwrap());
    }

    async fn wait_for_event(&self, from: usize, kind: &str) -> (usize, Value) {
        self.wait_for(from, "POST /v1/events", |body| body["kind"] == kind).await
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

async fn read_request(stream: &mut UnixStream) -> Option<(String, Value)> {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
            return Some((line.to_string(), serde_json::from_str(body).unwrap_or_default()));
        }
    }
}

fn hex(badge: u8) -> String {
    format!("{badge:02x}").repeat(32)
}

fn info() -> Value {
    json!({
        "org": hex(1), "org_name": "Space", "timezone": "America/Detroit", "node": "box", "dapp": "doorbot",
        "head": hex(2), "height": 1, "protocol": 1, "stale_ms": 0,
        "clock": {"now": 1_795_453_200_000_u64, "trusted": true, "reason": "set by NTP"},
    })
}

fn devices() -> Value {
    let device = |name: &str, kind: &str| json!({"name": name, "kind": kind, "on": false});
    json!({"devices": [
        device("reader", "reader"), device("strike", "relay"), device("red", "lamp"),
        device("green", "lamp"), device("buzzer", "buzzer"), device("door", "contact"), device("exit", "button"),
    ]})
}

fn snapshot() -> Value {
    let alice = json!({
        "name": "Alice", "badges": {hex(1): {"label": "card"}}, "certificates": {"front": {"level": 0}},
    });
    let door = json!({"node": "box", "times": {"latch_ms": 300, "denied_ms": 200, "repeat_ms": 0}});
    json!({"type": "snapshot", "block": hex(2), "documents": [
        {"path": "doorbot/doors/front.toml", "document": door},
        {"path": "people/alice.toml", "document": alice},
    ]})
}

struct Scene {
    _folder: tempfile::TempDir,
    socket: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    doorbot: Option<JoinHandle<()>>,
}

impl Scene {
    fn doorbot() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("api.sock");
        let (stop, stopped) = oneshot::channel::<()>();
        let client = Client::new(&socket);
        let doorbot = tokio::spawn(serve(client, House::default(), async move { drop(stopped.await) }));
        Self { _folder: folder, socket, stop: Some(stop), doorbot: Some(doorbot) }
    }

    async fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.doorbot.take().unwrap().await.unwrap();
    }
}

const STRIKE: &str = "PUT /v1/devices/strike";

#[tokio::test]
async fn a_badge_opens_the_door_and_is_in_the_log_after_that() {
    let mut scene = Scene::doorbot();
    let agent = Agent::start(&scene.socket);
    let (start, started) = agent.wait_for_event(0, "started").await;
    assert_eq!(started["data"]["doors"], json!(["front"]));
    agent.wait_for(0, STRIKE, |body| body["on"] == false).await;
    agent.tap(1);
    let (on, body) = agent.wait_for(start, STRIKE, |body| body["on"] == true).await;
    assert_eq!(body["for_ms"], 300);
    let (told, event) = agent.wait_for_event(start + 1, "access").await;
    assert!(told > on, "the event came before the relay");
    assert_eq!(event["data"]["person"], "alice");
    agent.wait_for(on, STRIKE, |body| body["on"] == false).await;
    agent.wait_for(on, "PUT /v1/devices/green", |body| body["on"] == true).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_stranger_is_in_the_log_and_the_strike_stays_off() {
    let mut scene = Scene::doorbot();
    let agent = Agent::start(&scene.socket);
    agent.wait_for_event(0, "started").await;
    agent.tap(9);
    let (_, event) = agent.wait_for_event(0, "access").await;
    assert_eq!(
        (&event["data"]["result"], &event["data"]["badge"]),
        (&json!("unknown"), &json!("090909090909"))
    );
    scene.stop().await;
    let asked = agent.asked.lock().unwrap();
    assert!(!asked.iter().any(|(line, body)| line == STRIKE && body["on"] == true));
}

#[tokio::test]
async fn an_event_that_is_refused_for_a_while_comes_once_and_in_its_order() {
    let mut scene = Scene::doorbot();
    let agent = Agent::start(&scene.socket);
    agent.wait_for_event(0, "started").await;
    *agent.refuse_events.lock().unwrap() = 3;
    let from = agent.count();
    agent.tap(9);
    tokio::time::sleep(Duration::from_millis(400)).await;
    agent.tap(1);
    let known = |body: &Value| body["data"]["person"] == "alice";
    agent.wait_for(from, "POST /v1/events", known).await;
    let asked = agent.asked.lock().unwrap().clone();
    let results: Vec<_> = asked[from..].iter().filter(|(line, _)| line == "POST /v1/events").collect();
    let strangers = results.iter().filter(|(_, body)| body["data"]["result"] == "unknown").count();
    assert_eq!((strangers, results.len()), (4, 5), "three refusals, the fourth taken, then the member");
    scene.stop().await;
}

#[tokio::test]
async fn the_door_decides_from_memory_when_the_watch_is_gone() {
    let mut scene = Scene::doorbot();
    let agent = Agent::start(&scene.socket);
    agent.wait_for_event(0, "started").await;
    *agent.watch.lock().unwrap() = false;
    agent.end.send(()).unwrap();
    let from = agent.count();
    // The lamps are set anew when the inputs are back.
    agent.wait_for(from, "PUT /v1/devices/red", |body| body["on"] == true).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    agent.tap(1);
    agent.wait_for(from, STRIKE, |body| body["on"] == true).await;
    scene.stop().await;
}

#[tokio::test]
async fn at_the_end_everything_is_off_and_told() {
    let mut scene = Scene::doorbot();
    let agent = Agent::start(&scene.socket);
    agent.wait_for_event(0, "started").await;
    agent.tap(1);
    let (on, _) = agent.wait_for(0, STRIKE, |body| body["on"] == true).await;
    scene.stop().await;
    for device in ["strike", "red", "green", "buzzer"] {
        let asked = agent.asked.lock().unwrap();
        let line = format!("PUT /v1/devices/{device}");
        let last = asked.iter().rfind(|(was, _)| *was == line).unwrap();
        assert_eq!(last.1["on"], false, "{device}");
    }
    agent.wait_for(on, "POST /v1/events", |body| body["kind"] == "access").await;
}

#[tokio::test]
async fn a_strike_that_fails_is_said_in_the_event_and_not_tried_late() {
    let mut scene = Scene::doorbot();
    let agent = Agent::start(&scene.socket);
    agent.wait_for_event(0, "started").await;
    *agent.strike_fails.lock().unwrap() = true;
    let from = agent.count();
    agent.tap(1);
    let (_, event) = agent.wait_for_event(from, "access").await;
    assert!(event["data"]["strike_failed"].as_str().unwrap().contains("told to fail"), "{event}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let asked = agent.asked.lock().unwrap().clone();
    assert_eq!(asked[from..].iter().filter(|(line, body)| line == STRIKE && body["on"] == true).count(), 1);
    *agent.strike_fails.lock().unwrap() = false;
    scene.stop().await;
}
