//! QEMU's monitor (QMP): keys on the machine's keyboard, and devices that are pulled out and plugged in.
//!
//! JSON, a line each. Every command has one answer; events come between them, and are kept for who waits for one.

use crate::shell::Done;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long QEMU takes to open its sockets, and to let go of a device, at the most.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(20);
/// A key is down for so long, and up for so long: a USB keyboard is asked a hundred times a second.
const KEY: Duration = Duration::from_millis(20);

/// A machine's monitor.
pub struct Monitor {
    lines: BufReader<UnixStream>,
    events: Vec<Value>,
}

impl Monitor {
    /// Connects, as soon as QEMU listens.
    pub fn connect(socket: &Path) -> Done<Self> {
        let stream = connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut monitor = Self { lines: BufReader::new(stream), events: Vec::new() };
        monitor.line()?;
        monitor.execute("qmp_capabilities", json!({}))?;
        Ok(monitor)
    }

    /// Has a command carried out.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Done<Value> {
        let mut line = json!({ "execute": command, "arguments": arguments }).to_string();
        line.push('\n');
        self.lines.get_mut().write_all(line.as_bytes())?;
        loop {
            let answer = self.line()?;
            if let Some(error) = answer.get("error") {
                return Err(format!("QEMU refused {command}: {error}").into());
            }
            match answer.get("return") {
                Some(value) => return Ok(value.clone()),
                None => self.events.push(answer),
            }
        }
    }

    /// Types on the machine's keyboard: digits, and Enter at the end.
    pub fn type_line(&mut self, digits: &str) -> Done {
        let keys = digits.chars().map(|digit| digit.to_string());
        for key in keys.chain(["ret".to_owned()]) {
            for down in [true, false] {
                let key = json!({ "type": "key", "data": { "down": down, "key": { "type": "qcode", "data": key } } });
                self.execute("input-send-event", json!({ "events": [key] }))?;
                thread::sleep(KEY);
            }
        }
        Ok(())
    }

    /// Pulls a device out.
    pub fn unplug(&mut self, id: &str) -> Done {
        self.execute("device_del", json!({ "id": id }))?;
        let gone = |event: &Value| event["event"] == "DEVICE_DELETED" && event["data"]["device"] == id;
        while !self.events.iter().any(gone) {
            let event = self.line()?;
            self.events.push(event);
        }
        self.events.clear();
        Ok(())
    }

    /// Plugs a device in.
    pub fn plug(&mut self, device: Value) -> Done {
        self.execute("device_add", device).map(drop)
    }

    fn line(&mut self) -> Done<Value> {
        let mut line = String::new();
        self.lines.read_line(&mut line).map_err(|e| format!("QEMU's monitor does not answer: {e}"))?;
        Ok(serde_json::from_str(&line).map_err(|e| format!("QEMU's monitor said {line:?}: {e}"))?)
    }
}

/// Connects to a socket of QEMU's, which it opens a moment after it was started.
pub fn connect(socket: &Path) -> Done<UnixStream> {
    let begun = Instant::now();
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return Ok(stream),
            Err(error) if begun.elapsed() > PATIENCE => {
                return Err(format!("{}: {error}", socket.display()).into());
            }
            Err(_) => thread::sleep(STEP),
        }
    }
}
