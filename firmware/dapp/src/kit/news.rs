//! What happens to a program, and what it wants done.

use super::{feed::FeedLine, time::Ticks};
use crate::wire::{DeviceInfo, EventRecord, Info, InputLine, JsonMap};
use model::{Name, StatePath};
use serde_json::Value;

/// The rules of a dapp, without clock, file or socket.
pub trait Program {
    /// The dapp's name, which is also the folder of its documents.
    const NAME: &'static str;
    /// What its relays are to people: events about one that failed say `<RELAY>_failed`.
    const RELAY: &'static str;
    /// Whether it wants to know what it said before it started: [`News::Past`], once.
    const RECALLS: bool = false;

    /// Takes what happened at `now`, and gives what is to be done, in this order.
    fn step(&mut self, now: Ticks, news: News) -> Vec<Command>;

    /// When it wants its next tick, if nothing happens before.
    fn next_wake(&self, now: Ticks) -> Option<Ticks>;

    /// Whether it wants to hear of the tentative state.
    fn wants_tentative(&self) -> bool {
        false
    }
}

/// What happens to a program.
#[derive(Debug)]
pub enum News {
    /// A line of the watch.
    Feed(FeedLine),
    /// A line of the watch of the tentative state; none when that broke off.
    Tentative(Option<FeedLine>),
    /// What the agent says of itself.
    Info(Box<Info>),
    /// The devices that the agent grants.
    Devices(Vec<DeviceInfo>),
    /// A line of the inputs.
    Input(InputLine),
    /// The inputs broke off: the agent is gone.
    Lost,
    /// A relay did not switch.
    RelayFailed {
        /// The relay.
        device: Name,
    },
    /// A document was written, or was not.
    Written {
        /// Which.
        path: StatePath,
        /// Why it was not.
        failed: Option<String>,
    },
    /// Its newest events of before this start, oldest first.
    Past(Vec<EventRecord>),
    /// Time has passed.
    Tick,
    /// The program ends.
    Stop,
}

/// What a program wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// A relay on, for so long at most; the events are about that and follow it.
    Hold {
        /// The relay.
        device: Name,
        /// In milliseconds.
        for_ms: u64,
        /// To keep once the relay was set.
        events: Vec<LogEvent>,
    },
    /// A relay off.
    Release {
        /// The relay.
        device: Name,
    },
    /// A lamp or buzzer.
    Set {
        /// Which.
        device: Name,
        /// On or off.
        on: bool,
    },
    /// Something to keep.
    Event(LogEvent),
    /// A document of the ledger; answered by [`News::Written`].
    Write {
        /// Where.
        path: StatePath,
        /// The whole document.
        document: JsonMap,
        /// One line that says why.
        message: String,
    },
}

/// An event as the log keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEvent {
    /// What kind of thing happened; a name.
    pub kind: &'static str,
    /// What is kept about it.
    pub data: JsonMap,
}

/// The longest text that an event keeps, in characters: a lockout's text is somebody else's.
const MAX_TEXT: usize = 400;

impl LogEvent {
    /// An event with the fields of a JSON object.
    pub fn new(kind: &'static str, data: Value) -> Self {
        let data = match data {
            Value::Object(data) => data,
            _ => JsonMap::new(),
        };
        Self { kind, data }
    }

    /// The same with one field more.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.data.insert(key.to_string(), value.into());
        self
    }

    /// The same with `person`, or with `people` if it is about several.
    pub fn with_people(self, people: &[Name]) -> Self {
        match people {
            [] => self,
            [person] => self.with("person", person.as_str()),
            people => self.with("people", people.iter().map(Name::as_str).collect::<Vec<_>>()),
        }
    }
}

/// A text, cut to what an event keeps.
pub fn short(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}
