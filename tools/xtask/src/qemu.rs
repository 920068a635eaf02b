//! `qemu [BOARD]`: the image in QEMU, with the real boot loader, a card of its own, and the page forwarded.
//!
//! The card is a copy of the image with room to grow, kept between runs (`--fresh` makes a new one). A new card is given
//! settings on its first partition, as a person would: a demo organisation with a real access list.

use crate::{
    image::{self, Image, board::Qemu, card},
    packages,
    shell::{self, Done, command, run, say},
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The port of this machine that leads to the page.
const PORT: u16 = 8080;
/// As large as the smallest card that one can buy, with holes.
const CARD_BYTES: u64 = 2 << 30;
/// The demo organisation.
const SETTINGS: &str = "\
name = \"front-door\"
org = \"Example Makers\"
founder = \"alice\"
timezone = \"Europe/Berlin\"
import = \"acl-v1.json\"
";

/// `qemu [BOARD] [--fresh]`.
pub fn run_chore(args: &[String]) -> Done {
    let name = args.iter().find(|arg| !arg.starts_with("--")).map_or("qemu-aarch64", String::as_str);
    packages::for_qemu()?;
    let image = image::build(name)?;
    let card = image::folder(name)?.join("qemu-card.img");
    if args.iter().any(|arg| arg == "--fresh") || !card.exists() {
        new_card(&image, &card)?;
    }
    say(&format!(
        "\n  The door's page:  http://127.0.0.1:{PORT}  (some seconds from now)\n  \
         Ctrl-A X cuts the power; start it again and all is still there.\n"
    ));
    run(machine(&image, &card, PORT)?.args(["-serial", "mon:stdio"]))
}

/// A card for a machine: the image, larger, with the demo's settings.
pub fn new_card(image: &Image, card: &Path) -> Done {
    run(command("cp").args(["--sparse=always", "--reflink=auto"]).arg(&image.card).arg(card))?;
    File::options().write(true).open(card)?.set_len(CARD_BYTES)?;
    let data = shell::root().join("firmware/cli/tests/data");
    let settings = card.with_extension("settings");
    fs::write(&settings, SETTINGS)?;
    for (file, name) in [
        (settings, "settings.toml"),
        (data.join("acl-v1.json"), "acl-v1.json"),
        (data.join("demo-badges.json"), "demo-badges.json"),
    ] {
        card::put(card, card::FIRST_BYTES, &file, name)?;
    }
    Ok(())
}

/// The machine, powered on when the command is run: without a serial line yet.
pub fn machine(image: &Image, card: &Path, port: u16) -> Done<Command> {
    let name = &image.board.name;
    let Some(Qemu { program, firmware, args, card: slot, net }) = &image.board.qemu else {
        return Err(format!("QEMU plays no {name}").into());
    };
    let mut machine = command(program);
    machine.args(args).args(["-display", "none", "-bios"]).arg(firmware);
    machine.arg("-drive").arg(format!("if=none,id=card,format=raw,cache=writeback,file={}", card.display()));
    machine.args(slot).arg("-netdev");
    machine.arg(format!("user,id=net,hostfwd=tcp:127.0.0.1:{port}-:8080")).args(net);
    Ok(machine)
}

/// The same machine with its serial line in a file, for tests.
pub fn unattended(image: &Image, card: &Path, port: u16, serial: &PathBuf) -> Done<Command> {
    let mut machine = machine(image, card, port)?;
    machine.arg("-serial").arg(format!("file:{}", serial.display())).stdin(Stdio::null());
    Ok(machine)
}
