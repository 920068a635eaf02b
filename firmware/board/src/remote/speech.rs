//! What the relays of the makers understand and say. Topics and payloads: `docs/formats/board.md`.
//!
//! Whatever a relay says that is not expected is nothing: a broker carries other people's messages.

use super::{LEASE, Message, Remote, Said};
use crate::spec::RemoteFormat;
use serde_json::{Value, json};

impl Remote {
    /// The topics that the relay answers on.
    pub fn subscriptions(&self) -> Vec<String> {
        let Self { topic, channel, .. } = self;
        match self.format {
            RemoteFormat::Shelly1 => {
                vec![format!("shellies/{topic}/relay/{channel}"), format!("shellies/{topic}/online")]
            }
            RemoteFormat::Shelly2 => vec![
                format!("{}/rpc", self.reply_to()),
                format!("{topic}/events/rpc"),
                format!("{topic}/status/switch:{channel}"),
                format!("{topic}/online"),
            ],
            RemoteFormat::Tasmota => vec![
                format!("stat/{topic}/POWER"),
                format!("stat/{topic}/POWER{channel}"),
                format!("tele/{topic}/LWT"),
            ],
        }
    }

    /// Orders a level.
    pub(super) fn order(&self, on: bool) -> Message {
        let Self { topic, channel, .. } = self;
        match self.format {
            RemoteFormat::Shelly1 => {
                message(format!("shellies/{topic}/relay/{channel}/command"), if on { "on" } else { "off" })
            }
            RemoteFormat::Shelly2 => {
                let mut params = json!({ "id": channel, "on": on });
                if on != self.safe {
                    params["toggle_after"] = LEASE.as_secs().into();
                }
                self.call(1, "Switch.Set", &params)
            }
            RemoteFormat::Tasmota => {
                message(format!("cmnd/{topic}/POWER{channel}"), if on { "ON" } else { "OFF" })
            }
        }
    }

    /// Asks for the level.
    pub(super) fn question(&self) -> Message {
        let Self { topic, channel, .. } = self;
        match self.format {
            RemoteFormat::Shelly1 => message(format!("shellies/{topic}/command"), "update"),
            RemoteFormat::Shelly2 => self.call(2, "Switch.GetStatus", &json!({ "id": channel })),
            RemoteFormat::Tasmota => message(format!("cmnd/{topic}/POWER{channel}"), ""),
        }
    }

    fn call(&self, id: u8, method: &str, params: &Value) -> Message {
        let call = json!({ "id": id, "src": self.reply_to(), "method": method, "params": params });
        message(format!("{}/rpc", self.topic), &call.to_string())
    }

    /// Where a Shelly 2 sends its answers: below its own topic, so that a broker's access list is short.
    fn reply_to(&self) -> String {
        format!("{}/ledger/{}", self.topic, self.channel)
    }

    /// What a message says, if it says anything.
    pub(super) fn understand(&self, topic: &str, payload: &[u8]) -> Option<Said> {
        match self.format {
            RemoteFormat::Shelly1 => self.shelly1(topic, payload),
            RemoteFormat::Shelly2 => self.shelly2(topic, payload),
            RemoteFormat::Tasmota => self.tasmota(topic, payload),
        }
    }

    fn shelly1(&self, topic: &str, payload: &[u8]) -> Option<Said> {
        let rest = topic.strip_prefix("shellies/")?.strip_prefix(self.topic.as_str())?;
        if rest == "/online" {
            return word(payload, b"true", b"false").map(Said::Online);
        }
        let channel = rest.strip_prefix("/relay/")?;
        // It says "overpower" when it has cut the current itself.
        let level = word(payload, b"on", b"off").or((payload == b"overpower").then_some(false));
        level.filter(|_| channel == self.channel.to_string()).map(Said::Level)
    }

    fn shelly2(&self, topic: &str, payload: &[u8]) -> Option<Said> {
        if topic == format!("{}/online", self.topic) {
            return word(payload, b"true", b"false").map(Said::Online);
        }
        let value: Value = serde_json::from_slice(payload).ok()?;
        let status = if topic == format!("{}/rpc", self.reply_to()) {
            &value["result"]
        } else if topic == format!("{}/events/rpc", self.topic) {
            &value["params"][format!("switch:{}", self.channel)]
        } else if topic == format!("{}/status/switch:{}", self.topic, self.channel) {
            &value
        } else {
            return None;
        };
        let ours = status["id"].as_u64() == Some(self.channel.into());
        status["output"].as_bool().filter(|_| ours).map(Said::Level)
    }

    fn tasmota(&self, topic: &str, payload: &[u8]) -> Option<Said> {
        if let Some(rest) = topic.strip_prefix("tele/") {
            let ours = rest.strip_suffix("/LWT") == Some(&self.topic);
            return word(payload, b"Online", b"Offline").filter(|_| ours).map(Said::Online);
        }
        let switch =
            topic.strip_prefix("stat/")?.strip_prefix(self.topic.as_str())?.strip_prefix("/POWER")?;
        // With one switch it leaves the number out.
        let ours = switch == self.channel.to_string() || switch.is_empty() && self.channel == 1;
        word(payload, b"ON", b"OFF").filter(|_| ours).map(Said::Level)
    }
}

fn word(payload: &[u8], yes: &[u8], no: &[u8]) -> Option<bool> {
    if payload == yes { Some(true) } else { (payload == no).then_some(false) }
}

fn message(topic: String, payload: &str) -> Message {
    Message { topic, payload: payload.to_string() }
}
