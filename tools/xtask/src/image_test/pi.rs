//! A Raspberry Pi 3 at its door, as far as QEMU plays one: its card, its U-Boot, a reader on its serial pins, its strike's pin.
//!
//! QEMU's model moves no input pin, so button and contact are not tried here. What the pins say is read where the processor
//! reads it: in the registers of the chip (BCM2835 ARM Peripherals, 6.1).

use super::{
    door::{ADA, ADA_AT_THE_FRONT, after_the_cut, expect, new_box},
    inside::{Inside, Key},
    log::Acknowledged,
    machine::{Bench, Machine},
};
use crate::{
    readers::Reader,
    shell::{Done, say},
};
use serde_json::json;
use std::path::PathBuf;

/// GPLEV0: the levels of the first 32 pins.
const LEVELS: u64 = 0x3f20_0034;
/// As board.toml has it.
const STRIKE: u32 = 4;

/// The whole part. Leaves the card for others.
pub fn run(bench: &Bench<'_>, key: &Key) -> Done<PathBuf> {
    say("image-test: a Raspberry Pi at a door");
    let (card, mut machine) = new_box(bench, key, "door")?;
    say(&Inside::of(&machine, key).run("ledgerctl board list; cat /proc/device-tree/model; echo; free -k")?);
    until_strike(&mut machine, false)?;
    machine.hold(Reader::Rdm6300, ADA)?;
    until_strike(&mut machine, true)?;
    expect(&mut machine, 0, "a badge at the RDM6300 on the serial pins", ADA_AT_THE_FRONT)?;
    until_strike(&mut machine, false)?;
    let mut seen = Acknowledged::default();
    seen.look(&machine)?;
    machine.cut()?;
    after_the_cut(bench, key, &card, &mut seen)?;
    Ok(card)
}

fn until_strike(machine: &mut Machine, high: bool) -> Done {
    let what = format!("the strike's pin to be {}", u8::from(high));
    machine.until(&what, |machine| strike(machine).is_ok_and(|is| is == high)).map(drop)
}

fn strike(machine: &Machine) -> Done<bool> {
    let line = json!({ "command-line": format!("xp /1wx {LEVELS:#x}") });
    let said = machine.monitor()?.execute("human-monitor-command", line)?;
    let levels =
        word(said.as_str().unwrap_or_default()).ok_or_else(|| format!("QEMU's monitor said {said}"))?;
    Ok(levels & (1 << STRIKE) != 0)
}

/// The word of an answer such as `000000003f200034: 0x00000010`.
fn word(said: &str) -> Option<u32> {
    let (_, word) = said.trim().rsplit_once("0x")?;
    u32::from_str_radix(word, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_read_from_what_the_monitor_says() {
        assert_eq!(word("000000003f200034: 0x00000010\r\n"), Some(16));
        assert_eq!(word("Cannot access memory\r\n"), None);
    }
}
