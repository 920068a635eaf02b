//! A data partition that goes bad: repaired where that can be, else left alone by a box that comes up all the same.

use super::{
    log::Acknowledged,
    machine::{Bench, Machine},
    rollback::{BLOCK, copy, spoil},
};
use crate::{
    image::card,
    shell::{Done, say},
};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
    thread,
    time::Duration,
};

/// A box without data must still be up after so long: longer than a watchdog's patience.
const STAYS_UP: Duration = Duration::from_secs(60);

/// Both, with copies of a card.
pub fn run(bench: &Bench<'_>, card: &Path) -> Done {
    say("image-test: a damaged data partition");
    repaired_data(bench, &copy(bench, card)?)?;
    lost_data(bench, &copy(bench, card)?)
}

/// Without its first blocks the file system is found by its copies of them.
fn repaired_data(bench: &Bench<'_>, card: &Path) -> Done {
    let mut before = Machine::on(bench, card, "data-before")?;
    before.until_ready()?;
    let mut seen = Acknowledged::default();
    seen.look(&before)?;
    before.cut()?;
    spoil(bench, card, "data", 0, 4 * BLOCK)?;
    let mut after = Machine::on(bench, card, "data-repaired")?;
    after.until_said("the data partition is damaged: repairing")?;
    after.until_ready()?;
    seen.look(&after)?;
    say(&format!("  repaired, with all {} events", seen.len()));
    started_once(&after)?;
    after.cut()
}

/// Nothing is left of it: the box comes up, says so, and waits for a person.
fn lost_data(bench: &Bench<'_>, card: &Path) -> Done {
    let length = fs::metadata(card)?.len();
    let begin = card::begin(&bench.image.board.card, "data");
    let file = File::options().write(true).open(card)?;
    let rubbish = vec![0x5a; 1 << 20];
    // The end belongs to the second partition table.
    for at in (begin..length - (2 << 20)).step_by(1 << 20) {
        file.write_all_at(&rubbish, at)?;
    }
    let mut machine = Machine::on(bench, card, "data-lost")?;
    machine.until_said("DAMAGED")?;
    machine.until_said("ledger: up after")?;
    thread::sleep(STAYS_UP);
    started_once(&machine)?;
    machine.cut()
}

fn started_once(machine: &Machine) -> Done {
    match machine.said().matches(" left, saved: ").count() {
        1 => Ok(()),
        starts => Err(format!("the box started {starts} times: {}", machine.serial.display()).into()),
    }
}
