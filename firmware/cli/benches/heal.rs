//! Four boxes that vote, cut in two halves that each go on alone with 10,000 events; then the cut heals.
//!
//! `cargo xtask bench heal`, or with another number of events a side behind `--`. Each box is a network namespace on one
//! switch, which is split as if the cable between two halves were pulled. Neither half has a quorum, so nothing is
//! final in between. The time counts from the healed cable until all four boxes have the same main with all events.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops where it fails")]

mod boxes;

use boxes::{figures::print, home::Machine, numbers, organisation::Organisation, wait_for};
use std::time::{Duration, Instant};

const SIDES: [[usize; 2]; 2] = [[0, 1], [2, 3]];
const SHARE: &str = "after_ms = 1000";
/// Events of one block.
const PER_BLOCK: u64 = 20;
const LOOK: Duration = Duration::from_millis(100);

fn main() {
    let [events] = numbers([10_000]);
    let organisation = Organisation::on_a_switch(4, SHARE);
    organisation.lan.as_ref().unwrap().split(&[&SIDES[0], &SIDES[1]]).unwrap();
    wait_for("a cut that is noticed", LOOK, || all(&organisation, |one| peers(one) == 1));
    let begun = Instant::now();
    organisation.say_in_blocks(events / 2, PER_BLOCK);
    let rate = 2.0 * events as f64 / begun.elapsed().as_secs_f64();
    print("cut_durable_in_blocks", format!("{rate:.0}"), "events/s");
    settled(&organisation);
    print("cut_peak", format!("{:.0}", organisation.peak_mib()), "MiB");
    heal(&organisation, 2 * events);
}

/// Waits until both sides have told each other all within.
fn settled(organisation: &Organisation) {
    let mut before = 0;
    wait_for("two quiet sides", Duration::from_secs(2), || {
        let sent = organisation.sent_bytes();
        let is_quiet = sent - before < 100_000;
        before = sent;
        is_quiet.then_some(())
    });
}

fn heal(organisation: &Organisation, events: u64) {
    let (sent, begun) = (organisation.sent_bytes(), Instant::now());
    organisation.lan.as_ref().unwrap().heal().unwrap();
    let done = wait_for("one main", LOOK, || {
        let at = begun.elapsed();
        let head = organisation.boxes[0].head();
        all(organisation, |one| one.head() == head && one.status()["agreement"]["waiting"] == 0).map(|()| at)
    });
    let bytes = organisation.sent_bytes() - sent;
    print("heal_one_main", format!("{:.1}", done.as_secs_f64()), "s");
    print("heal_rate", format!("{:.0}", events as f64 / done.as_secs_f64()), "events/s");
    print("heal_wire_an_event_a_box", bytes / events / 4, "bytes");
    print("heal_peak", format!("{:.0}", organisation.peak_mib()), "MiB");
    let verified = organisation.boxes[3].ctl(&["verify"]);
    println!("verify: {verified}");
}

fn all(organisation: &Organisation, is_so: impl Fn(&Machine) -> bool) -> Option<()> {
    organisation.boxes.iter().all(is_so).then_some(())
}

fn peers(machine: &Machine) -> usize {
    let status = machine.status();
    let peers = status["network"]["peers"].as_array().unwrap();
    peers.iter().filter(|peer| peer["connected"] == true).count()
}
