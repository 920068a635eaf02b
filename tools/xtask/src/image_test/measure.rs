//! Figures of the image in QEMU: where the time of a start goes, how much memory is in use at rest, and how long an
//! edge takes from the exit button's line to the relay's.
//!
//! They are QEMU's, which translates another processor's instructions (TCG) on whatever this machine is, and stand in
//! docs/BENCHMARKS.md with the command.

use super::{
    door::{EXIT, STRIKE, new_box},
    inside::{Inside, Key},
    machine::{Bench, Machine},
};
use crate::shell::{Done, say};
use std::{fs, path::Path, thread, time::Duration};

/// Starts that are measured; the middle one counts.
const STARTS: usize = 5;
/// Long enough for everything that a start brings with it to be over.
const AT_REST: Duration = Duration::from_secs(90);
/// Edges that are measured.
const EDGES: usize = 100;

/// All figures.
pub fn run(bench: &Bench<'_>, key: &Key) -> Done {
    let (card, machine) = new_box(bench, key, "measure")?;
    machine.cut()?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(start(bench, &card)?);
    }
    starts.sort_by_key(|start| start.ready);
    let Start { kernel, init, up, ready } = starts[STARTS / 2];
    let s = |span: Duration| format!("{:.2} s", span.as_secs_f32());
    say(&format!(
        "power on to door ready, the middle one of {STARTS}: {}; boot loader {}, kernel {}, init's scripts {}, agent and dapps {}",
        s(ready),
        s(kernel),
        s(init),
        s(up.saturating_sub(init)),
        s(ready.saturating_sub(kernel + up))
    ));
    let machine = Machine::on(bench, &card, "measure")?;
    at_rest(bench, machine, key)
}

/// A start: when the kernel began and the doors were open, since power-on; when init began and was through, since the
/// kernel began.
struct Start {
    kernel: Duration,
    init: Duration,
    up: Duration,
    ready: Duration,
}

fn start(bench: &Bench<'_>, card: &Path) -> Done<Start> {
    let mut machine = Machine::on(bench, card, "measure")?;
    let kernel = machine.until_said("Starting kernel")?;
    let ready = machine.until_ready()?;
    let said = machine.said();
    let (init, up) = (seconds(&said, "ledger: init after ")?, seconds(&said, "ledger: up after ")?);
    machine.cut()?;
    Ok(Start { kernel, init, up, ready })
}

/// The seconds that the serial line names behind these words.
fn seconds(said: &str, words: &str) -> Done<Duration> {
    let rest =
        said.split_once(words).map(|(_, rest)| rest).ok_or_else(|| format!("nobody said {words:?}"))?;
    let number = rest.split_whitespace().next().unwrap_or_default();
    Ok(Duration::from_secs_f64(number.parse().map_err(|_| format!("{words}{number}?"))?))
}

/// Memory, and the way of an edge.
fn at_rest(bench: &Bench<'_>, mut machine: Machine, key: &Key) -> Done {
    machine.until_ready()?;
    thread::sleep(AT_REST);
    let inside = Inside::of(&machine, key);
    say("memory at rest, KiB:");
    say(&inside.run("free -k; grep -H -E '^(Name|VmRSS|RssAnon):' /proc/[0-9]*/status | grep -A2 -E 'Name:.(ledgerd|doorbot|lockout|dropbear|init)'")?);
    inside.put(&fs::read(bench.image.example("edge")?)?, "/run/edge")?;
    say("exit button's line to the relay's line, with the 30 ms that the button is debounced:");
    say(&inside.run(&format!("/run/edge {EXIT} {STRIKE} {EDGES}"))?);
    machine.cut()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_on_the_serial_line() {
        let said = "Starting kernel ...\nledger: init after 0.91 s\nledger: up after 2.5 s: ledger.slot=A";
        assert_eq!(seconds(said, "ledger: up after ").unwrap(), Duration::from_millis(2500));
        assert!(seconds(said, "ledger: down after ").is_err());
    }
}
