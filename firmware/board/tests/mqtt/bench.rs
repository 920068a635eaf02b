//! A broker of our own, and relays that obey.

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const MOSQUITTO: &str = "/usr/sbin/mosquitto";
const SOON: Duration = Duration::from_secs(40);
const TOPIC: &str = "mill/lathe";

/// Waits until something is so.
pub fn until(what: &str, so: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !so() {
        assert!(Instant::now() < end, "not within {SOON:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Debian's mosquitto on a port of its own.
pub struct Broker {
    pub port: u16,
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Broker {
    pub fn start() -> Self {
        Self::configured("allow_anonymous true\n", None)
    }

    pub fn with_password(user: &str, password: &str) -> Self {
        Self::configured("allow_anonymous false\n", Some(format!("{user}:{password}\n")))
    }

    fn configured(more: &str, passwords: Option<String>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let mut config = std::fs::File::create(folder.path().join("config")).unwrap();
        write!(config, "listener {port} 127.0.0.1\nuser root\n{more}").unwrap();
        if let Some(passwords) = passwords {
            let file = folder.path().join("passwords");
            std::fs::write(&file, passwords).unwrap();
            assert!(Command::new("mosquitto_passwd").arg("-U").arg(&file).status().unwrap().success());
            writeln!(config, "password_file {}", file.display()).unwrap();
        }
        let mut broker = Self { port, folder, process: None };
        broker.run();
        broker
    }

    pub fn run(&mut self) {
        let mut command = Command::new(MOSQUITTO);
        command.arg("-c").arg(self.folder.path().join("config")).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().expect("mosquitto is installed (cargo xtask test does that)"));
        until("the broker listens", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A relay that obeys, whichever maker's.
pub struct Relay {
    on: Arc<AtomicBool>,
    client: Client,
    ended: Arc<AtomicBool>,
}

impl Relay {
    pub fn start(port: u16, format: &'static str) -> Self {
        Self::login(port, format, None)
    }

    pub fn login(port: u16, format: &'static str, login: Option<(&str, &str)>) -> Self {
        let mut options = MqttOptions::new(format!("relay-{format}"), "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(5));
        if let Some((user, password)) = login {
            options.set_credentials(user, password);
        }
        let (client, mut connection) = Client::new(options, 32);
        let (on, ended, ready) = (<Arc<AtomicBool>>::default(), <Arc<AtomicBool>>::default(), Arc::default());
        let relay = Self { on: on.clone(), client: client.clone(), ended: ended.clone() };
        let subscribed: Arc<AtomicBool> = Arc::clone(&ready);
        thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    _ if ended.load(Ordering::SeqCst) => return,
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        client.try_subscribe(commands(format), QoS::AtLeastOnce).unwrap();
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => subscribed.store(true, Ordering::SeqCst),
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        for (topic, said) in obey(format, &message.topic, &message.payload, &on) {
                            client.try_publish(topic, QoS::AtLeastOnce, false, said).unwrap();
                        }
                    }
                    Ok(_) => {}
                    Err(_) => thread::sleep(Duration::from_millis(50)),
                }
            }
        });
        until("the relay listens", || ready.load(Ordering::SeqCst));
        relay
    }

    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::SeqCst)
    }

    /// Somebody presses its own button.
    pub fn set(&self, on: bool) {
        self.on.store(on, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _queued = self.client.try_disconnect();
    }
}

fn commands(format: &str) -> String {
    match format {
        "shelly1" => format!("shellies/{TOPIC}/#"),
        "shelly2" => format!("{TOPIC}/rpc"),
        _ => format!("cmnd/{TOPIC}/#"),
    }
}

/// Does what a message says; what is to be said then.
fn obey(format: &str, topic: &str, payload: &[u8], on: &AtomicBool) -> Vec<(String, String)> {
    let put = |level: bool| on.store(level, Ordering::SeqCst);
    let word = |yes: &str, no: &str| if on.load(Ordering::SeqCst) { yes.to_string() } else { no.to_string() };
    match (format, topic.strip_prefix("shellies/mill/lathe/"), payload) {
        ("shelly1", Some("relay/0/command"), b"on" | b"off") => put(payload == b"on"),
        ("shelly1", Some("command"), b"update") => {}
        ("shelly1", ..) => return Vec::new(),
        ("shelly2", ..) => return rpc(payload, on),
        (_, _, b"ON" | b"OFF") => put(payload == b"ON"),
        _ => {}
    }
    match format {
        "shelly1" => vec![(format!("shellies/{TOPIC}/relay/0"), word("on", "off"))],
        _ => vec![
            (format!("stat/{TOPIC}/RESULT"), format!("{{\"POWER\":\"{}\"}}", word("ON", "OFF"))),
            (format!("stat/{TOPIC}/POWER"), word("ON", "OFF")),
        ],
    }
}

fn rpc(payload: &[u8], on: &AtomicBool) -> Vec<(String, String)> {
    let call: Value = serde_json::from_slice(payload).unwrap();
    let reply = |result: Value| {
        let said = json!({ "id": call["id"], "src": "shellyplus1", "dst": call["src"], "result": result });
        (format!("{}/rpc", call["src"].as_str().unwrap()), said.to_string())
    };
    match call["method"].as_str() {
        Some("Switch.Set") => {
            let was = on.swap(call["params"]["on"].as_bool().unwrap(), Ordering::SeqCst);
            vec![reply(json!({ "was_on": was }))]
        }
        Some("Switch.GetStatus") => {
            vec![reply(json!({ "id": 0, "source": "MQTT", "output": on.load(Ordering::SeqCst) }))]
        }
        _ => Vec::new(),
    }
}
