//! A relay on the network: which broker, which relay, and what it speaks.

use super::Problem;
use super::raw::{Wrong, text};
use serde::Deserialize;

/// The port of MQTT without TLS.
const PORT: u16 = 1883;
/// The most switches that one box of these makers has.
const CHANNEL_MAX: u8 = 31;

/// A relay behind an MQTT broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSpec {
    /// The broker's host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What the relay speaks.
    pub format: RemoteFormat,
    /// Where it listens: the part of its topics that is its own.
    pub topic: String,
    /// Which of its switches, as its maker counts.
    pub channel: u8,
    /// Who we are for the broker, and the file that holds the password on its first line.
    pub login: Option<(String, String)>,
}

/// What a remote relay speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemoteFormat {
    /// Shelly's first generation: `shellies/NAME/relay/0/command`.
    Shelly1,
    /// Shelly's second generation and later ones: RPC.
    Shelly2,
    /// Tasmota: `cmnd/NAME/POWER`.
    Tasmota,
}

/// The keys as they stand in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    broker: String,
    format: RemoteFormat,
    topic: String,
    channel: Option<u8>,
    user: Option<String>,
    password_file: Option<String>,
}

impl Raw {
    pub(super) fn check(self) -> Result<RemoteSpec, Wrong> {
        let (host, port) = address(&self.broker)?;
        let least = u8::from(self.format == RemoteFormat::Tasmota);
        let channel = self.channel.unwrap_or(least);
        if !(least..=CHANNEL_MAX).contains(&channel) {
            let want = if least == 0 { "0 to 31" } else { "1 to 31" };
            return Err(("mqtt.channel", Problem::Range { got: channel.to_string(), want }));
        }
        let login = match (self.user, self.password_file) {
            (Some(user), Some(file)) => Some((text("mqtt.user", user)?, text("mqtt.password_file", file)?)),
            (None, None) => None,
            _ => return Err(("mqtt.user", Problem::Missing("give user and password_file, or neither"))),
        };
        Ok(RemoteSpec { host, port, format: self.format, topic: topic(self.topic)?, channel, login })
    }
}

/// `host`, `host:port`, `[v6]:port` or `v6`.
fn address(broker: &str) -> Result<(String, u16), Wrong> {
    let wrong = || {
        let got = format!("{:?}", broker.chars().take(80).collect::<String>());
        ("mqtt.broker", Problem::Range { got, want: "a host or host:port, such as \"broker.lan:1883\"" })
    };
    let (host, port) = match broker.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().map_err(|_| wrong())?)
        }
        _ => (broker, PORT),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if port == 0 || host.is_empty() || host.len() > 253 || !host.chars().all(fits) {
        return Err(wrong());
    }
    Ok((host.to_string(), port))
}

/// A topic of one relay: `+` and `#` would listen to others.
fn topic(topic: String) -> Result<String, Wrong> {
    let topic = text("mqtt.topic", topic)?;
    let edges = topic.starts_with('/') || topic.ends_with('/');
    if edges || topic.chars().any(|c| matches!(c, '+' | '#') || c.is_control()) {
        let want = "one relay's topic, without + and # and without / at its ends";
        return Err(("mqtt.topic", Problem::Range { got: format!("{topic:?}"), want }));
    }
    Ok(topic)
}
