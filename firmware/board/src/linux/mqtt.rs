//! A relay on the network, by rumqttc: a thread that keeps a way to the broker, and [`Remote`] that decides.
//!
//! Each relay has its own connection, for a connection has one will. Each attempt begins with a new client, so that
//! nothing of before is sent when the way is back: rumqttc keeps what was not acknowledged. Setting a level takes a
//! lock and a place in a queue; a level that finds the queue full is repeated by the machine.

use super::time::{Backoff, Pace};
use super::wake::Stop;
use crate::{
    remote::{Message, Remote},
    spec::RemoteSpec,
};
use rumqttc::{Client, Connection, Event, LastWill, MqttOptions, Outgoing, Packet, QoS};
use std::{
    hash::{BuildHasher, RandomState},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How often the broker and we make sure of each other. After half as much again it says our will; and
/// whatever it says to us gives the machine its time.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Messages that wait for the network.
const QUEUE_LEN: usize = 32;
/// The longest message that is taken.
const MESSAGE_LEN_MAX: usize = 64 * 1024;
/// The longest file of a password.
const PASSWORD_LEN_MAX: u64 = 1024;

/// The relay, for whoever sets it.
#[derive(Clone)]
pub struct RemoteRelay {
    spec: RemoteSpec,
    client_id: String,
    begin: Instant,
    state: Arc<Mutex<State>>,
}

struct State {
    remote: Remote,
    client: Option<Client>,
}

impl RemoteRelay {
    /// A relay that nobody minds yet.
    pub fn new(spec: RemoteSpec, safe: bool) -> Self {
        let remote = Remote::new(&spec, safe);
        // The broker ends the older of two clients of one name: the name is this board's alone.
        let client_id = format!("ledger-{:016x}", RandomState::new().hash_one(&spec.topic));
        let state = Arc::new(Mutex::new(State { remote, client: None }));
        Self { spec, client_id, begin: Instant::now(), state }
    }

    /// Orders a level.
    pub fn set(&self, on: bool) {
        let mut state = self.lock();
        let messages = state.remote.set(on, self.begin.elapsed());
        state.publish(messages);
    }

    /// The level that the relay has confirmed.
    pub fn get(&self) -> io::Result<bool> {
        let unheard = || {
            let RemoteSpec { topic, host, port, .. } = &self.spec;
            io::Error::new(io::ErrorKind::NotConnected, format!("{topic} is not heard by {host}:{port}"))
        };
        self.lock().remote.level().ok_or_else(unheard)
    }

    /// Says good-bye behind all that was said before; the broker then forgets our will.
    pub fn close(&self) {
        if let Some(client) = &self.lock().client {
            // If the queue is full, the connection ends without it and the will is said.
            let _queued = client.try_disconnect();
        }
    }

    /// Keeps a way to the broker until the board is closed.
    pub fn mind(&self, stop: &Stop, pace: Pace) {
        let (mut backoff, mut told) = (Backoff::new(pace), false);
        while !stop.is_stopped() {
            let began = Instant::now();
            let Err(error) = self.attend(stop) else { break };
            let mut state = self.lock();
            state.client = None;
            state.remote.lost();
            drop(state);
            told &= !backoff.worked(began.elapsed());
            if !std::mem::replace(&mut told, true) {
                let RemoteSpec { host, port, topic, .. } = &self.spec;
                tracing::warn!(relay = %topic, broker = %format!("{host}:{port}"), %error, "no way to a relay");
            }
            if stop.sleep(backoff.wait()) {
                break;
            }
        }
        self.lock().client = None;
    }

    /// One connection: ends well when the board is closed.
    fn attend(&self, stop: &Stop) -> io::Result<()> {
        let (client, mut connection) = self.client()?;
        self.lock().client = Some(client.clone());
        for event in connection.iter() {
            match event.map_err(io::Error::other)? {
                Event::Outgoing(Outgoing::Disconnect) => return Ok(()),
                Event::Incoming(Packet::ConnAck(_)) => self.connected(&client)?,
                Event::Incoming(Packet::Publish(message)) => {
                    let mut state = self.lock();
                    let said = state.remote.heard(&message.topic, &message.payload, self.begin.elapsed());
                    state.publish(said);
                }
                _ => {}
            }
            if stop.is_stopped() {
                self.close();
            }
            let mut state = self.lock();
            let said = state.remote.tick(self.begin.elapsed());
            state.publish(said);
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn connected(&self, client: &Client) -> io::Result<()> {
        let mut state = self.lock();
        for topic in state.remote.subscriptions() {
            client.try_subscribe(topic, QoS::AtLeastOnce).map_err(io::Error::other)?;
        }
        let said = state.remote.connected(self.begin.elapsed());
        state.publish(said);
        Ok(())
    }

    fn client(&self) -> io::Result<(Client, Connection)> {
        let RemoteSpec { host, port, login, .. } = &self.spec;
        let mut options = MqttOptions::new(&self.client_id, host, *port);
        options.set_keep_alive(KEEP_ALIVE).set_clean_session(true);
        options.set_max_packet_size(MESSAGE_LEN_MAX, MESSAGE_LEN_MAX);
        let will = self.lock().remote.will();
        options.set_last_will(LastWill::new(will.topic, will.payload, QoS::AtLeastOnce, false));
        if let Some((user, file)) = login {
            options.set_credentials(user, password(file)?);
        }
        Ok(Client::new(options, QUEUE_LEN))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// In the order in which the machine said it. Never retained: a relay that comes back would obey it.
    fn publish(&self, messages: Vec<Message>) {
        let Some(client) = &self.client else { return };
        for Message { topic, payload } in messages {
            if let Err(error) = client.try_publish(&topic, QoS::AtLeastOnce, false, payload) {
                tracing::debug!(%topic, %error, "not published; it will be repeated");
            }
        }
    }
}

/// The first line of a file.
fn password(file: &str) -> io::Result<String> {
    use io::Read;
    let mut text = String::new();
    std::fs::File::open(file)?.take(PASSWORD_LEN_MAX).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_string())
}
