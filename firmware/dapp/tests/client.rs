//! The client against a small server that answers as it is told, byte by byte.

#![allow(clippy::unwrap_used, reason = "helpers of tests may")]

use dapp::client::{Client, ClientError, Item, Stream};
use dapp::wire::{ErrorCode, InputLine, JsonMap, SetDevice, WatchLine};
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

/// What was asked: the request line and the body.
type Asked = Arc<Mutex<Vec<(String, String)>>>;

/// Answers each request with the next of `answers`; an answer of zero bytes closes the connection instead, and
/// one that does not say its length closes it after itself.
fn serve(socket: &Path, answers: Vec<Vec<u8>>) -> Asked {
    let asked = Asked::default();
    let listener = UnixListener::bind(socket).unwrap();
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let log = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, answers.clone(), log.clone()));
        }
    });
    asked
}

async fn converse(mut stream: UnixStream, answers: Arc<Mutex<std::vec::IntoIter<Vec<u8>>>>, asked: Asked) {
    while let Some(request) = read_request(&mut stream).await {
        asked.lock().unwrap().push(request);
        let Some(answer) = answers.lock().unwrap().next() else { return std::future::pending().await };
        if answer.is_empty() || stream.write_all(&answer).await.is_err() {
            return;
        }
        if !answer.starts_with(b"HTTP/1.1 200 OK\r\ncontent-length") && !answer.starts_with(b"HTTP/1.1 4") {
            return;
        }
    }
}

async fn read_request(stream: &mut UnixStream) -> Option<(String, String)> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some((head.lines().next().unwrap().to_string(), body.to_string()));
            }
        }
    }
}

fn ok(json: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{json}", json.len()).into_bytes()
}

fn stream(lines: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\r\n{lines}").into_bytes()
}

fn socket() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    (folder, path)
}

async fn line<T>(stream: &mut Stream<T>) -> T
where
    T: serde::de::DeserializeOwned + Send + 'static,
{
    match stream.next().await {
        Item::Line(line) => line,
        Item::Lost(error) => panic!("lost: {error}"),
    }
}

const ON: SetDevice = SetDevice { on: true, for_ms: Some(4000) };

#[tokio::test]
async fn a_request_says_what_the_api_expects_and_the_connection_is_kept() {
    let (_folder, socket) = socket();
    let device = r#"{"name":"strike","on":true}"#;
    let asked = serve(&socket, vec![ok(device), ok(r#"{"seq":7,"at":5}"#), ok("{}")]);
    let client = Client::new(&socket);
    assert!(client.set_device(&"strike".parse().unwrap(), ON).await.unwrap().on);
    assert_eq!(client.append_event("access".parse().unwrap(), JsonMap::new()).await.unwrap().seq, 7);
    client.alive().await.unwrap();
    let expected = [
        ("PUT /v1/devices/strike HTTP/1.1", r#"{"on":true,"for_ms":4000}"#),
        ("POST /v1/events HTTP/1.1", r#"{"kind":"access","data":{}}"#),
        ("POST /v1/alive HTTP/1.1", "{}"),
    ];
    assert_eq!(*asked.lock().unwrap(), expected.map(|(line, body)| (line.to_string(), body.to_string())));
}

#[tokio::test]
async fn a_refusal_carries_the_agents_words() {
    let (_folder, socket) = socket();
    let body = r#"{"error":{"code":"unknown","message":"no person bob","hint":"ledgerctl people"}}"#;
    let answer = format!("HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    serve(
        &socket,
        vec![answer.into_bytes(), b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno".to_vec()],
    );
    let client = Client::new(&socket);
    let error = client.state(&"people/bob.toml".parse().unwrap()).await.unwrap_err();
    assert!(error.is_not_found() && !error.is_transient());
    assert_eq!(
        error.to_string(),
        "the agent refused GET /v1/state/people/bob.toml with 404: no person bob (ledgerctl people)"
    );
    assert!(client.info().await.unwrap_err().is_not_found(), "an answer without JSON has its status");
}

#[tokio::test]
async fn no_agent_a_silent_one_and_one_that_hangs_up_are_transient_errors() {
    let (_folder, socket) = socket();
    let client = Client::new(&socket).with_timeout(Duration::from_millis(100));
    let absent = client.info().await.unwrap_err();
    assert!(matches!(absent, ClientError::Connect { .. }) && absent.is_transient());
    serve(&socket, vec![Vec::new()]);
    let broken = client.info().await.unwrap_err();
    assert!(matches!(broken, ClientError::Broken { .. }) && broken.is_transient(), "{broken}");
    let silent = client.info().await.unwrap_err();
    assert!(matches!(silent, ClientError::Timeout { .. }) && silent.is_transient(), "{silent}");
}

#[tokio::test]
async fn an_answer_that_is_not_what_the_api_promises_is_the_agents_fault() {
    let (_folder, socket) = socket();
    serve(&socket, vec![ok("{\"head\":3}")]);
    let error = Client::new(&socket).info().await.unwrap_err();
    assert!(matches!(error, ClientError::Answer { .. }) && !error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_stream_connects_again_after_the_agent_ended_it() {
    let (_folder, socket) = socket();
    let client = Client::new(&socket);
    let mut inputs = client.inputs();
    assert!(matches!(inputs.next().await, Item::Lost(ClientError::Connect { .. })), "nobody there yet");
    let asked = serve(
        &socket,
        vec![
            stream("{\"type\":\"edge\",\"device\":\"door\",\"at\":5,\"on\":true}\n{\"type\":\"alive\"}\n"),
            Vec::new(),
            stream("{\"type\":\"alive\"}\n"),
        ],
    );
    assert!(matches!(line(&mut inputs).await, InputLine::Edge { on: true, .. }));
    assert_eq!(line(&mut inputs).await, InputLine::Alive {});
    assert!(matches!(inputs.next().await, Item::Lost(ClientError::Ended { .. })));
    assert!(matches!(inputs.next().await, Item::Lost(ClientError::Broken { .. })));
    assert_eq!(line(&mut inputs).await, InputLine::Alive {});
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn an_unreadable_line_is_a_loss_and_the_stream_goes_on() {
    let (_folder, socket) = socket();
    serve(&socket, vec![stream("{\"type\":\n"), stream("{\"type\":\"alive\"}\n")]);
    let mut watch = Client::new(&socket).watch(&["people".parse().unwrap()]);
    assert!(matches!(watch.next().await, Item::Lost(ClientError::Answer { .. })));
    assert_eq!(line(&mut watch).await, WatchLine::Alive {});
}

#[tokio::test]
async fn a_refused_stream_says_why() {
    let (_folder, socket) = socket();
    let body = r#"{"error":{"code":"not-granted","message":"keys is not in reads","hint":""}}"#;
    let answer = format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let asked = serve(&socket, vec![answer.into_bytes()]);
    let folders = ["keys".parse().unwrap(), "people".parse().unwrap()];
    let mut watch: Stream<WatchLine> = Client::new(&socket).watch(&folders);
    match watch.next().await {
        Item::Lost(ClientError::Refused { status: 403, error, .. }) => {
            assert_eq!(error.code, ErrorCode::NotGranted);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(asked.lock().unwrap()[0].0, "GET /v1/watch?folder=keys&folder=people HTTP/1.1");
}

#[tokio::test]
async fn a_slow_event_does_not_hold_up_the_relay() {
    let (_folder, socket) = socket();
    // The first request gets no answer at all: it hangs until its deadline.
    let listener = UnixListener::bind(&socket).unwrap();
    let client = Client::new(&socket).with_timeout(Duration::from_secs(5));
    let event = client.append_event("access".parse().unwrap(), JsonMap::new());
    let strike = "strike".parse().unwrap();
    let relay = async {
        let (_event, _) = listener.accept().await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await.unwrap();
        stream.write_all(&ok(r#"{"name":"strike","on":true}"#)).await.unwrap();
        stream.flush().await.unwrap();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = event => panic!("the event cannot have been answered"),
        _ = relay => unreachable!(),
        set = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            client.set_device(&strike, ON).await
        } => assert!(set.unwrap().on),
    }
}
