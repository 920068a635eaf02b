//! Any messages from a broker: no panic, and nothing that is heard orders another level than the safe one.
#![no_main]

use board::{remote::Remote, spec::{RemoteFormat, RemoteSpec}};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

const FORMATS: [RemoteFormat; 3] = [RemoteFormat::Shelly1, RemoteFormat::Shelly2, RemoteFormat::Tasmota];

fuzz_target!(|input: (u8, Vec<(u8, String, Vec<u8>, u8)>)| {
    let (format, messages) = input;
    let format = FORMATS[usize::from(format) % FORMATS.len()];
    let (topic, channel) = ("lathe".to_string(), u8::from(format == RemoteFormat::Tasmota));
    let spec = RemoteSpec { host: "b".into(), port: 1883, format, topic, channel, login: None };
    let mut relay = Remote::new(&spec, false);
    let safe: Vec<_> = relay.connected(Duration::ZERO);
    let topics = relay.subscriptions();
    let mut now = Duration::ZERO;
    for (place, topic, payload, seconds) in messages {
        let topic = topics.get(usize::from(place)).unwrap_or(&topic);
        let said = relay.heard(topic, &payload, now);
        now += Duration::from_secs(seconds.into());
        for message in said.into_iter().chain(relay.tick(now)) {
            assert!(safe.contains(&message), "{message:?}");
        }
    }
});
