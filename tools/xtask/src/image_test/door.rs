//! The box at its work: three readers, two doors, a machine, lines that move, a reader that is pulled out, a power cut.

use super::{
    inside::{Inside, Key},
    log::{Acknowledged, Like, events, newest},
    machine::{Bench, Machine},
};
use crate::{
    qemu,
    readers::Reader,
    shell::{Done, say},
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// A card of the demo's access list, Ada's.
pub const ADA: u64 = 4_189_338_108;
/// What is in the log when she was let in.
pub const ADA_AT_THE_FRONT: Like<'static> =
    Like { dapp: "doorbot", kind: "access", says: &[("door", "front"), ("result", "allowed")] };
/// Where there are readers for them: a second door and a machine.
const DOCUMENTS: &str = r#"
cat >/run/back.toml <<END
node = "front-door"
title = "Back door"
resource = "frontdoor"
[devices]
strike = "strike-2"
reader = "reader-2"
[times]
latch_ms = 500
repeat_ms = 500
END
cat >/run/bench.toml <<END
node = "front-door"
title = "Bench"
resource = "frontdoor"
[devices]
machine = "machine"
reader = "machine-reader"
[times]
repeat_ms = 500
END
ledgerctl propose doorbot/doors/back.toml=/run/back.toml lockout/machines/bench.toml=/run/bench.toml
"#;
/// An impatient front door, on every board.
const FRONT: &str = r#"
ledgerctl propose --set doorbot/doors/front.toml:times.latch_ms=500 --set doorbot/doors/front.toml:times.exit_ms=500 \
    --set doorbot/doors/front.toml:times.repeat_ms=500 --set doorbot/doors/front.toml:times.denied_ms=200
"#;
/// Lines of gpio-sim, as board.toml has them.
pub const STRIKE: u8 = 0;
const STRIKE_2: u8 = 8;
const MACHINE: u8 = 9;
const CONTACT: u8 = 4;
/// Low while it is pressed.
pub const EXIT: u8 = 5;
/// Longer than a reader takes to be found again, and than a door is busy with a badge.
const AGAIN: Duration = Duration::from_secs(6);
/// So often a person tries.
const HOLDS: usize = 10;

/// A new card on which the organisation was made and the dapps have work. The machine is on.
pub fn new_box(bench: &Bench<'_>, key: &Key, name: &str) -> Done<(PathBuf, Machine)> {
    let card = bench.file(&format!("{name}.img"));
    qemu::new_card(bench.image, &card, &qemu::demo(Some(&key.public()?)))?;
    let mut machine = Machine::on(bench, &card, name)?;
    machine.until_ready()?;
    let inside = Inside::of(&machine, key);
    inside.run(FRONT)?;
    if inside.run("ledgerctl board list")?.contains("machine-reader") {
        inside.run(DOCUMENTS)?;
    }
    machine.until_ready()?;
    Ok((card, machine))
}

/// The whole part. Leaves the card for others.
pub fn run(bench: &Bench<'_>, key: &Key) -> Done<PathBuf> {
    say("image-test: readers, doors, a machine");
    let (card, mut machine) = new_box(bench, key, "door")?;
    let mut seen = Acknowledged::default();
    every_device_is_there(&Inside::of(&machine, key))?;
    badges(&mut machine, key)?;
    lines(&mut machine, key)?;
    a_reader_that_was_away(&mut machine)?;
    seen.look(&machine)?;
    machine.cut()?;
    after_the_cut(bench, key, &card, &mut seen)?;
    Ok(card)
}

fn every_device_is_there(inside: &Inside<'_>) -> Done {
    let list = inside.run("ledgerctl board list")?;
    for device in
        ["reader", "reader-2", "machine-reader", "strike", "strike-2", "machine", "buzzer", "door", "exit"]
    {
        if !list.lines().any(|line| line.split_whitespace().next() == Some(device)) {
            return Err(format!("the box has no {device}:\n{list}").into());
        }
    }
    inside.run("test -c /dev/watchdog0").map(|_| say("  all devices are there, and a watchdog"))
}

fn badges(machine: &mut Machine, key: &Key) -> Done {
    machine.hold(Reader::Rdm6300, ADA)?;
    Inside::of(machine, key).until_level(STRIKE, true)?;
    expect(machine, 0, "a badge at the RDM6300", ADA_AT_THE_FRONT)?;
    Inside::of(machine, key).until_level(STRIKE, false)?;
    // A slow machine drops keys, as a slow person would not: the line is then typed again.
    let back = Like { dapp: "doorbot", kind: "access", says: &[("door", "back"), ("result", "allowed")] };
    held(machine, 0, back, |machine| machine.monitor()?.type_line(&ADA.to_string()))?;
    say("  a badge typed by a wedge");
    Inside::of(machine, key).until_level(STRIKE_2, false)?;
    machine.hold(Reader::Gwiot7941e, ADA)?;
    let bench =
        Like { dapp: "lockout", kind: "access", says: &[("machine", "bench"), ("result", "allowed")] };
    expect(machine, 0, "a badge at the Gwiot", bench)?;
    Inside::of(machine, key).until_level(MACHINE, true)
}

fn lines(machine: &mut Machine, key: &Key) -> Done {
    let front = |kind| Like { dapp: "doorbot", kind, says: &[("door", "front")] };
    Inside::of(machine, key).pull(CONTACT, true)?;
    expect(machine, 0, "the door's contact", front("door-open"))?;
    Inside::of(machine, key).pull(CONTACT, false)?;
    expect(machine, 0, "the contact again", front("door-closed"))?;
    Inside::of(machine, key).pull(EXIT, false)?;
    expect(machine, 0, "the exit button", front("exit"))?;
    Inside::of(machine, key).pull(EXIT, true)?;
    Inside::of(machine, key).until_level(STRIKE, false)
}

/// The serial reader is pulled out and plugged in; then a badge is held to it until it is read.
fn a_reader_that_was_away(machine: &mut Machine) -> Done {
    let mut monitor = machine.monitor()?;
    monitor.unplug("rdm6300")?;
    thread::sleep(AGAIN / 2);
    monitor.plug(json!({
        "driver": "usb-serial", "id": "rdm6300", "chardev": "rdm6300", "bus": "usb.0", "port": "2",
    }))?;
    let before = newest(machine)?;
    let_in(machine, before)?;
    say("  a reader that was pulled out and plugged in again reads");
    Ok(())
}

/// Ada's badge is held to the front door, and again while nothing happens, as people do.
pub fn let_in(machine: &mut Machine, after: u64) -> Done {
    held(machine, after, ADA_AT_THE_FRONT, |machine| machine.hold(Reader::Rdm6300, ADA))
}

/// A badge is held until there is an event like this.
fn held(machine: &mut Machine, after: u64, like: Like<'_>, hold: impl Fn(&mut Machine) -> Done) -> Done {
    for _ in 0..HOLDS {
        hold(machine)?;
        thread::sleep(AGAIN);
        if events(machine, after)?.values().any(|event| like.is(event)) {
            return Ok(());
        }
    }
    Err(format!("nobody is let in; {}", machine.serial.display()).into())
}

/// All is still there, the door opens, the slot has proven itself, and every block is right.
pub fn after_the_cut(bench: &Bench<'_>, key: &Key, card: &Path, seen: &mut Acknowledged) -> Done {
    let mut machine = Machine::on(bench, card, "door-after")?;
    machine.until_ready()?;
    seen.look(&machine)?;
    say(&format!("  {} events, all there after the power cut", seen.len()));
    let_in(&mut machine, seen.newest())?;
    let inside = Inside::of(&machine, key);
    inside.until_says("ledgerctl slots show --json", r#""left":3,"runs":true,"slot":"A","state":"good""#)?;
    say(&inside.run("ledgerctl slots show")?);
    say(&inside.run("ledgerctl verify && df -h /data")?);
    machine.cut()
}

/// Waits for an event after that number.
pub fn expect(machine: &mut Machine, after: u64, what: &str, like: Like<'_>) -> Done {
    let found = |machine: &Machine| {
        events(machine, after).is_ok_and(|events| events.values().any(|event| like.is(event)))
    };
    machine.until(what, found).map(drop)
}
