//! What is published when, and what is believed.

use super::*;
use crate::spec::RemoteFormat::{Shelly1, Shelly2, Tasmota};
use proptest::prelude::*;

fn spec(format: RemoteFormat) -> RemoteSpec {
    let channel = u8::from(format == Tasmota);
    RemoteSpec { host: "b".into(), port: 1883, format, topic: "lathe".into(), channel, login: None }
}

fn remote(format: RemoteFormat) -> Remote {
    Remote::new(&spec(format), false)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The levels that messages order.
fn orders(messages: &[Message]) -> Vec<bool> {
    let level = |message: &Message| match message.payload.as_str() {
        "ON" | "on" => Some(true),
        "OFF" | "off" => Some(false),
        json if json.contains("Switch.Set") => Some(json.contains("\"on\":true")),
        _ => None,
    };
    messages.iter().filter_map(level).collect()
}

#[test]
fn each_maker_s_messages_are_its_own() {
    let said = |format, on| {
        let mut remote = remote(format);
        remote.connected(s(0));
        remote.set(on, s(1)).into_iter().map(|m| format!("{} {}", m.topic, m.payload)).collect::<Vec<_>>()
    };
    assert_eq!(said(Shelly1, true), ["shellies/lathe/relay/0/command on", "shellies/lathe/command update"]);
    assert_eq!(said(Tasmota, false), ["cmnd/lathe/POWER1 OFF", "cmnd/lathe/POWER1 "]);
    let rpc = said(Shelly2, true);
    let set = r#"lathe/rpc {"id":1,"method":"Switch.Set","params":{"id":0,"on":true,"toggle_after":30},"src":"lathe/ledger/0"}"#;
    assert_eq!(rpc[0], set, "it goes off by itself if nobody renews it");
    assert!(!said(Shelly2, false)[0].contains("toggle_after"), "the safe level is for good");
}

#[test]
fn what_relays_say_is_understood_and_nothing_else() {
    let heard = |format, topic: &str, payload: &str| {
        let mut remote = remote(format);
        remote.connected(s(0));
        remote.heard(topic, payload.as_bytes(), s(1));
        remote.level()
    };
    for (format, topic, payload, level) in [
        (Shelly1, "shellies/lathe/relay/0", "on", Some(true)),
        (Shelly1, "shellies/lathe/relay/0", "overpower", Some(false)),
        (Shelly1, "shellies/lathe/relay/1", "on", None),
        (Shelly1, "shellies/mill/relay/0", "on", None),
        (Shelly2, "lathe/ledger/0/rpc", r#"{"id":2,"result":{"id":0,"output":true}}"#, Some(true)),
        (Shelly2, "lathe/ledger/0/rpc", r#"{"id":1,"result":{"was_on":true}}"#, None),
        (
            Shelly2,
            "lathe/events/rpc",
            r#"{"method":"NotifyStatus","params":{"switch:0":{"id":0,"output":false}}}"#,
            Some(false),
        ),
        (Shelly2, "lathe/status/switch:0", r#"{"id":0,"output":true}"#, Some(true)),
        (Shelly2, "lathe/status/switch:0", r#"{"id":0,"output":"#, None),
        (Tasmota, "stat/lathe/POWER", "ON", Some(true)),
        (Tasmota, "stat/lathe/POWER1", "OFF", Some(false)),
        (Tasmota, "stat/lathe/POWER2", "ON", None),
        (Tasmota, "stat/lathe/RESULT", "ON", None),
    ] {
        assert_eq!(heard(format, topic, payload), level, "{topic} {payload}");
    }
}

#[test]
fn the_safe_level_is_the_first_word_and_the_will() {
    for format in [Shelly1, Shelly2, Tasmota] {
        let mut remote = remote(format);
        assert_eq!(orders(&[remote.will()]), [false]);
        assert_eq!(orders(&remote.connected(s(0))), [false]);
        assert_eq!(remote.level(), None, "nothing was heard yet");
    }
}

#[test]
fn a_lost_way_means_safe_and_unknown() {
    let mut remote = remote(Tasmota);
    remote.connected(s(0));
    remote.set(true, s(1));
    remote.heard("stat/lathe/POWER", b"ON", s(1));
    assert_eq!(remote.level(), Some(true));
    remote.lost();
    assert_eq!(remote.level(), None);
    assert_eq!(orders(&remote.connected(s(3))), [false], "it was on, and is not wanted on any more");
}

#[test]
fn what_is_ordered_meanwhile_waits_for_seconds_and_no_longer() {
    let mut late = remote(Tasmota);
    assert!(late.set(true, s(0)).is_empty());
    assert_eq!(orders(&late.connected(s(4))), [false, true], "safe first, then what is wanted now");
    let mut stale = remote(Tasmota);
    stale.set(true, s(0));
    assert_eq!(orders(&stale.connected(s(60))), [false]);
}

#[test]
fn an_order_without_an_answer_is_repeated_and_then_given_up() {
    let mut remote = remote(Shelly1);
    remote.connected(s(0));
    remote.heard("shellies/lathe/relay/0", b"off", s(0));
    remote.set(true, s(100));
    let said: Vec<bool> = (101..130).flat_map(|t| orders(&remote.tick(s(t)))).collect();
    assert_eq!(said[..5], [true; 5]);
    assert!(said.ends_with(&[false]), "back to the safe level, which the relay has said last: {said:?}");
    assert!(remote.tick(s(200)).is_empty(), "and quiet");
}

#[test]
fn a_relay_that_somebody_else_switched_is_put_back() {
    let mut remote = remote(Shelly1);
    remote.connected(s(0));
    remote.heard("shellies/lathe/relay/0", b"off", s(1));
    assert!(remote.tick(s(5)).is_empty());
    remote.heard("shellies/lathe/relay/0", b"on", s(6));
    assert_eq!(orders(&remote.tick(s(7))), [false]);
}

#[test]
fn a_relay_that_comes_back_hears_the_safe_level_and_a_level_of_before_does_not_count() {
    let mut remote = remote(Tasmota);
    remote.connected(s(0));
    assert!(remote.heard("tele/lathe/LWT", b"Online", s(0)).is_empty(), "the broker's greeting");
    remote.set(true, s(1));
    remote.heard("stat/lathe/POWER", b"ON", s(1));
    remote.heard("tele/lathe/LWT", b"Offline", s(20));
    assert_eq!(remote.level(), None);
    assert_eq!(orders(&remote.heard("tele/lathe/LWT", b"Online", s(90))), [false]);
}

#[test]
fn what_is_on_is_renewed_for_as_long_as_it_is_wanted() {
    let mut remote = remote(Shelly2);
    remote.connected(s(0));
    remote.set(true, s(1));
    remote.heard("lathe/status/switch:0", br#"{"id":0,"output":true}"#, s(1));
    let said: Vec<u64> = (2..60).filter(|t| orders(&remote.tick(s(*t))) == [true]).collect();
    assert_eq!(said, [11, 21, 31, 41, 51]);
}

proptest! {
    #[test]
    fn nothing_heard_orders_anything_but_the_safe_level(
        messages in prop::collection::vec((0usize..9, 0usize..8), 0..60),
    ) {
        let topics = ["tele/lathe/LWT", "stat/lathe/POWER", "shellies/lathe/online", "shellies/lathe/relay/0",
            "lathe/online", "lathe/events/rpc", "lathe/status/switch:0", "lathe/ledger/0/rpc", ""];
        let payloads = ["Online", "Offline", "true", "false", "ON", "on", r#"{"id":0,"output":true}"#, "{"];
        for format in [Shelly1, Shelly2, Tasmota] {
            let mut remote = remote(format);
            remote.connected(s(0));
            for (at, (topic, payload)) in (1..).zip(&messages) {
                let said = remote.heard(topics[*topic], payloads[*payload].as_bytes(), s(at));
                prop_assert!(orders(&said).iter().chain(&orders(&remote.tick(s(at)))).all(|on| !on));
            }
        }
    }
}
