//! A relay behind an MQTT broker, as a machine: what to publish, and what its level is known to be.
//!
//! Pure: messages and the time since some beginning come in, messages go out. Three rules keep it safe. Whoever loses
//! the way to the relay wants the safe level from then on, and says so first when the way is back. A level
//! that was ordered and not confirmed is repeated, but one that is not the safe one for [`FRESH`] only: a door
//! must not open a minute later because a network has come back. And the broker holds a will of ours that says
//! the safe level if we fall silent. A level is known if the relay itself has said it since the way is there.

mod speech;
#[cfg(test)]
mod tests;

use crate::spec::{RemoteFormat, RemoteSpec};
use std::time::Duration;

/// How long a level other than the safe one may take to be confirmed; then it is given up.
pub const FRESH: Duration = Duration::from_secs(10);
/// How long until an order that was not confirmed is repeated.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a relay that can count (Shelly 2) stays at another level than the safe one without hearing of us.
const LEASE: Duration = Duration::from_secs(30);
/// How often that is renewed.
const RENEW: Duration = Duration::from_secs(10);
/// The longest payload that is looked at.
const PAYLOAD_LEN_MAX: usize = 16 * 1024;

/// Something to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: String,
}

/// What a relay has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// Its level.
    Level(bool),
    /// Whether the broker hears it.
    Online(bool),
}

/// The machine.
#[derive(Debug)]
pub struct Remote {
    format: RemoteFormat,
    topic: String,
    channel: u8,
    safe: bool,
    wanted: bool,
    /// When it was last wanted by somebody, and when it was last published.
    asked: Duration,
    sent: Duration,
    linked: bool,
    /// What the relay has said of itself.
    level: Option<bool>,
    online: Option<bool>,
}

impl Remote {
    /// A relay of that description. There is no way to it yet.
    pub fn new(spec: &RemoteSpec, safe: bool) -> Self {
        Self {
            format: spec.format,
            topic: spec.topic.clone(),
            channel: spec.channel,
            safe,
            wanted: safe,
            asked: Duration::ZERO,
            sent: Duration::ZERO,
            linked: false,
            level: None,
            online: None,
        }
    }

    /// What the relay was last heard to be; none if nothing was heard since the way to it was there.
    pub fn level(&self) -> Option<bool> {
        self.level
    }

    /// What the broker says to the relay when we fall silent.
    pub fn will(&self) -> Message {
        self.order(self.safe)
    }

    /// The broker was reached.
    pub fn connected(&mut self, now: Duration) -> Vec<Message> {
        self.linked = true;
        self.begin_anew(now)
    }

    /// The broker was lost. Whatever was wanted is not any more.
    pub fn lost(&mut self) {
        (self.linked, self.online) = (false, None);
        self.forget();
    }

    /// Somebody wants a level.
    pub fn set(&mut self, on: bool, now: Duration) -> Vec<Message> {
        (self.wanted, self.asked) = (on, now);
        if self.linked { self.say(now) } else { Vec::new() }
    }

    /// A message came.
    pub fn heard(&mut self, topic: &str, payload: &[u8], now: Duration) -> Vec<Message> {
        let said = if payload.len() <= PAYLOAD_LEN_MAX { self.understand(topic, payload) } else { None };
        match said {
            Some(Said::Level(on)) => self.level = Some(on),
            Some(Said::Online(online)) => return self.came_or_went(online, now),
            None => {}
        }
        Vec::new()
    }

    /// Time goes on; to be called every few seconds.
    pub fn tick(&mut self, now: Duration) -> Vec<Message> {
        let waited = now.saturating_sub(self.sent);
        let unconfirmed = self.level != Some(self.wanted) && waited >= AGAIN;
        let lease_ends = self.wanted != self.safe && waited >= RENEW;
        if !self.linked || !(unconfirmed || lease_ends) {
            return Vec::new();
        }
        if unconfirmed {
            self.give_up_if_old(now);
        }
        self.say(now)
    }

    fn came_or_went(&mut self, online: bool, now: Duration) -> Vec<Message> {
        let before = self.online.replace(online);
        match (before, online) {
            (_, false) => {
                self.forget();
                Vec::new()
            }
            (Some(false), true) => self.begin_anew(now),
            // The broker tells everybody who comes: we have said all there is to say.
            (None | Some(true), true) => Vec::new(),
        }
    }

    fn forget(&mut self) {
        (self.wanted, self.level) = (self.safe, None);
    }

    /// First the safe level, then what somebody wants who has asked while there was no way.
    fn begin_anew(&mut self, now: Duration) -> Vec<Message> {
        self.level = None;
        self.give_up_if_old(now);
        let mut messages = vec![self.order(self.safe)];
        if self.wanted != self.safe {
            messages.push(self.order(self.wanted));
        }
        messages.push(self.question());
        self.sent = now;
        messages
    }

    fn give_up_if_old(&mut self, now: Duration) {
        if now.saturating_sub(self.asked) > FRESH {
            self.wanted = self.safe;
        }
    }

    fn say(&mut self, now: Duration) -> Vec<Message> {
        self.sent = now;
        vec![self.order(self.wanted), self.question()]
    }
}
