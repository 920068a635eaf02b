//! Four boxes on loopback that all vote: how soon another one sees a tap, how soon it is final, and what it costs.
//!
//! `cargo xtask bench agree`, or `-- TAPS EVENTS`. First taps, one after another, at the first box's reader: through its doorbot
//! and its log to the last box's tentative state, and to its final one; with `[net.share]` as usual, where an event waits
//! a second for others, and without that wait. Then each box's doorbot says many events at once.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops where it fails")]

mod boxes;

use boxes::{
    figures::{Times, print},
    home::Machine,
    http::{Live, ask},
    in_own_network, numbers,
    organisation::{NUMBER, Organisation},
    wait_for,
};
use serde_json::Value;
use std::{
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

const BOXES: usize = 4;
const LAST: usize = BOXES - 1;
const USUAL: &str = "after_ms = 1000";
const AT_ONCE: &str = "after_ms = 10\nburst = 100000\nper_hour = 360000";

fn main() {
    in_own_network(|| {
        let [count, events] = numbers([100, 10_000]);
        taps(&Organisation::on_loopback(BOXES, USUAL), "usual", count);
        let boxes = Organisation::on_loopback(BOXES, AT_ONCE);
        taps(&boxes, "at_once", count);
        flood(&boxes, events);
    });
}

/// Taps, each when all is quiet again.
fn taps(organisation: &Organisation, name: &str, count: u64) {
    let (mut visible, mut last) = (Times::default(), Times::default());
    let moves = watch(organisation);
    let sent = organisation.sent_bytes();
    let mut final_everywhere = Times::default();
    let begun = Instant::now();
    for _ in 0..count {
        let (seen, here, everywhere) = tap(organisation, &moves);
        visible.add(seen);
        last.add(here);
        final_everywhere.add(everywhere);
    }
    let (bytes, took) = (organisation.sent_bytes() - sent, begun.elapsed());
    visible.print(&format!("{name}_tap_to_visible"));
    last.print(&format!("{name}_tap_to_final"));
    final_everywhere.print(&format!("{name}_tap_to_final_everywhere"));
    print(&format!("{name}_wire_a_tap_a_box"), bytes / count / BOXES as u64, "bytes");
    print(&format!("{name}_seconds_a_tap"), format!("{:.2}", took.as_secs_f64() / count as f64), "s");
}

/// Every line on the ledger that the last box says.
fn watch(organisation: &Organisation) -> Receiver<()> {
    let (said, heard) = channel();
    let mut live = Live::open(&organisation.boxes[LAST].admin()).unwrap();
    thread::spawn(move || while live.next("ledger").is_some() && said.send(()).is_ok() {});
    heard
}

/// One tap: until the last box shows it, until it is final there, and until it is everywhere.
fn tap(organisation: &Organisation, moves: &Receiver<()>) -> (Duration, Duration, Duration) {
    let (first, last) = (&organisation.boxes[0], &organisation.boxes[LAST]);
    while moves.try_recv().is_ok() {}
    let before = newest(&last.admin()).0;
    let begun = Instant::now();
    ask(&first.admin(), "POST", "/v1/tap", &format!("{{\"reader\":\"reader\",\"number\":\"{NUMBER}\"}}"));
    let mut seen = None;
    let (head, here) = loop {
        moves.recv_timeout(Duration::from_secs(120)).expect("the tap was not seen");
        let (head, state) = newest(&last.admin());
        if head == before {
            continue;
        }
        seen.get_or_insert(begun.elapsed());
        if state == "final" {
            break (head, begun.elapsed());
        }
    };
    let is_final = |one: &Machine| newest(&one.admin()) == (head.clone(), "final".into());
    wait_for("all boxes", Duration::from_millis(2), || organisation.boxes.iter().all(is_final).then_some(()));
    let everywhere = begun.elapsed();
    // The door takes the next badge when it has seen the relay fall.
    wait_for("a quiet box", Duration::from_millis(150), || {
        (first.status()["events"]["pending"] == 0).then_some(())
    });
    (seen.unwrap(), here, everywhere)
}

/// The newest block of the first box's line that a box knows, and how it stands there.
fn newest(admin: &std::path::Path) -> (Value, String) {
    let all = ask(admin, "GET", "/v1/proposals?all=true", "");
    let line = all["proposals"].as_array().unwrap().iter().find(|one| one["writer"] == "box-0");
    let line = line.cloned().unwrap_or(Value::Null);
    (line["head"].clone(), line["state"].as_str().unwrap_or_default().to_string())
}

/// All boxes say events at the same time, as fast as they are made durable.
fn flood(organisation: &Organisation, events: u64) {
    organisation.wait_until_quiet();
    let (sent, begun) = (organisation.sent_bytes(), Instant::now());
    organisation.flood(events / BOXES as u64);
    let durable = begun.elapsed();
    let all_final = wait_for("all events", Duration::from_millis(100), || {
        let at = begun.elapsed();
        organisation.boxes.iter().all(|one| is_done(&one.status())).then_some(at)
    });
    let rate = |took: Duration| format!("{:.0}", events as f64 / took.as_secs_f64());
    let bytes = organisation.sent_bytes() - sent;
    print("flood_durable", rate(durable), "events/s");
    print("flood_final_everywhere", rate(all_final), "events/s");
    print("flood_wire_an_event_a_box", bytes / events / BOXES as u64, "bytes");
    print("flood_peak", format!("{:.0}", organisation.peak_mib()), "MiB");
    organisation.wait_until_quiet();
}

fn is_done(status: &Value) -> bool {
    status["agreement"]["waiting"] == 0 && status["events"]["pending"] == 0
}
