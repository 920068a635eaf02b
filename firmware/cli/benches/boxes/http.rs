//! A box's sockets, asked as ledgerctl and dapps ask them: HTTP/1.1 over a Unix socket.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// A connection that is kept.
pub struct Connection(BufReader<UnixStream>);

impl Connection {
    /// None while nobody listens.
    pub fn open(socket: &Path) -> Option<Self> {
        let stream = UnixStream::connect(socket).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(600))).unwrap();
        Some(Self(BufReader::new(stream)))
    }

    /// What is answered; anything but success ends the bench.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> Value {
        let (status, answer) = self.try_ask(method, path, body).unwrap();
        assert!(status == 200, "{method} {path}: {status} {answer}");
        answer
    }

    /// The status and what is answered.
    pub fn try_ask(&mut self, method: &str, path: &str, body: &str) -> std::io::Result<(u16, Value)> {
        let length = body.len();
        write!(
            self.0.get_mut(),
            "{method} {path} HTTP/1.1\r\nHost: box\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer)?;
        Ok((status, serde_json::from_slice(&answer).unwrap_or(Value::Null)))
    }
}

/// One question on a connection of its own.
pub fn ask(socket: &Path, method: &str, path: &str, body: &str) -> Value {
    let mut connection = Connection::open(socket).unwrap_or_else(|| panic!("nobody at {}", socket.display()));
    connection.ask(method, path, body)
}

/// The live stream of a box.
pub struct Live(BufReader<UnixStream>);

impl Live {
    /// None while nobody listens.
    pub fn open(socket: &Path) -> Option<Self> {
        let Connection(mut stream) = Connection::open(socket)?;
        write!(stream.get_mut(), "GET /v1/live HTTP/1.1\r\nHost: box\r\n\r\n").ok()?;
        Some(Self(stream))
    }

    /// The next line of a type, such as `ledger`; none when the box stops.
    pub fn next(&mut self, kind: &str) -> Option<Value> {
        let mut line = String::new();
        while self.0.read_line(&mut line).ok()? > 0 {
            match serde_json::from_str::<Value>(&line) {
                Ok(value) if value["type"] == kind => return Some(value),
                _ => line.clear(),
            }
        }
        None
    }
}
