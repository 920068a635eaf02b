//! Slot A goes bad in each way that there is, and the box comes up in slot B by itself, says so, and opens its door.

use super::{
    door::let_in,
    inside::{Inside, Key},
    log::Acknowledged,
    machine::{Bench, Machine},
};
use crate::{
    image::card,
    shell::{Done, command, run as run_command, say},
};
use std::{
    fs::{self, File},
    os::unix::fs::{FileExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Of file systems and of verity.
pub const BLOCK: usize = 4096;
/// Somewhere in the kernel's file, also in the smallest one: boot-a is FAT, written in one piece.
const IN_THE_KERNEL: u64 = 2 << 20;
/// A ledgerd that runs and answers nobody.
const SICK: &str = "#!/bin/sh\nexec sleep 1000000\n";

/// A way for a slot to go bad, and who does it to a card.
type Damage = (&'static str, fn(&Bench<'_>, &Path) -> Done);

const DAMAGES: [Damage; 4] = [
    ("a damaged kernel", damaged_kernel),
    ("a damaged root", damaged_root),
    ("a damaged program", damaged_program),
    ("an agent that never becomes healthy", sick_agent),
];

/// All of it, with copies of a card on which slot A has proven itself.
pub fn run(bench: &Bench<'_>, key: &Key, card: &Path) -> Done {
    for (what, damage) in DAMAGES {
        say(&format!("image-test: {what} in slot A"));
        let card = copy(bench, card)?;
        damage(bench, &card)?;
        falls_back(bench, key, &card)?;
    }
    Ok(())
}

/// A copy of a card, to be damaged.
pub fn copy(bench: &Bench<'_>, card: &Path) -> Done<PathBuf> {
    let copy = bench.file("rollback.img");
    run_command(command("cp").arg("--sparse=always").arg(card).arg(&copy))?;
    Ok(copy)
}

fn falls_back(bench: &Bench<'_>, key: &Key, card: &Path) -> Done {
    let mut machine = Machine::on(bench, card, "rollback")?;
    machine.until_said("ledger: slot B")?;
    let tries = machine.said().matches("ledger: slot A, ").count();
    if tries != 3 {
        return Err(format!("slot A was tried {tries} times, not 3; {}", machine.serial.display()).into());
    }
    machine.until_ready()?;
    let mut seen = Acknowledged::default();
    seen.look(&machine)?;
    if seen.len() == 0 {
        return Err("the ledger is empty after falling back".into());
    }
    let_in(&mut machine, seen.newest())?;
    let inside = Inside::of(&machine, key);
    say(&inside.until_says("ledgerctl slots show", "slot A did not come up")?);
    say(&inside.until_says("ledgerctl slots show --json", r#""order":"B A""#)?);
    say(&inside.until_says("ledgerctl slots show", "slot A did not come up")?);
    machine.cut()
}

/// Writes rubbish over part of a partition.
pub fn spoil(bench: &Bench<'_>, card: &Path, partition: &str, offset: u64, bytes: usize) -> Done {
    let file = File::options().write(true).open(card)?;
    let at = card::begin(&bench.image.board.card, partition) + offset;
    Ok(file.write_all_at(&vec![0x5a; bytes], at)?)
}

fn damaged_kernel(bench: &Bench<'_>, card: &Path) -> Done {
    spoil(bench, card, "boot-a", IN_THE_KERNEL, BLOCK)
}

fn damaged_root(bench: &Bench<'_>, card: &Path) -> Done {
    spoil(bench, card, "root-a", 0, BLOCK)
}

/// The box comes up to the first use of ledgerd.
fn damaged_program(bench: &Bench<'_>, card: &Path) -> Done {
    let program = fs::read(bench.image.root_file("usr/bin/ledgerd")?)?;
    let root = fs::read(bench.image.root()?)?;
    let mut blocks = root.chunks(BLOCK);
    let at = blocks.position(|block| Some(block) == program.get(..BLOCK));
    let at = at.ok_or("ledgerd is not in the root")?;
    spoil(bench, card, "root-a", ((at + 1) * BLOCK).try_into()?, 64 * BLOCK)
}

fn sick_agent(bench: &Bench<'_>, card: &Path) -> Done {
    let folder = bench.file("sick");
    bench.image.changed_slot(&folder, |tree| {
        let program = tree.join("usr/bin/ledgerd");
        fs::write(&program, SICK)?;
        Ok(fs::set_permissions(program, fs::Permissions::from_mode(0o755))?)
    })?;
    card::put_slot_a(card, &bench.image.board.card, &folder)
}
