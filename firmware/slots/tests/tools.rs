//! The tools that others read and write the boot state with: `fw_printenv` and `fw_setenv` of libubootenv, `grub-editenv`,
//! `dumpimage`. What we write they read, what they write we read.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod common;

use common::{InFile, every_state};
use slots::{BootState, GrubEnv, Left, Pair, Slot, Slots, UBoot, fresh_copies, script_image};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

const SIZE: usize = UBoot::<InFile>::SIZE;
/// Beyond 4 GiB: offsets are 64 bits wide.
const SECOND: u64 = 5 << 30;

/// Runs a tool; one that is missing fails, and says where it comes from.
fn run(tool: &str, package: &str, args: &[&str]) -> String {
    let output = Command::new(tool).args(args).output();
    let output = output.unwrap_or_else(|e| panic!("{tool} (Debian package {package}): {e}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// A sparse file as a card, with both copies of the environment, and the file that tells fw_printenv.
struct Card {
    _folder: TempDir,
    path: PathBuf,
    config: String,
    state: UBoot<InFile>,
}

impl Card {
    fn new(slots: &Slots) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card");
        let file = fs::File::create(&path).unwrap();
        file.set_len(SECOND + SIZE as u64).unwrap();
        let config = folder.path().join("fw_env.config");
        let line = |at: u64| format!("{} {at:#x} {SIZE:#x}\n", path.display());
        fs::File::create(&config).unwrap();
        write_file(&config, &(line(0) + &line(SECOND)));
        let places = [0, SECOND].map(|at| InFile::new(&path, at));
        for (mut place, copy) in places.clone().into_iter().zip(fresh_copies(slots, SIZE).unwrap()) {
            slots::Place::write(&mut place, &copy).unwrap();
        }
        let config = config.to_str().unwrap().to_owned();
        Self { _folder: folder, path, config, state: UBoot::new(places, SIZE) }
    }

    fn printenv(&self, name: &str) -> String {
        let text = run("fw_printenv", "libubootenv-tool", &["-c", &self.config, "-n", name]);
        text.trim_end().to_owned()
    }

    fn setenv(&self, name: &str, value: &str) {
        run("fw_setenv", "libubootenv-tool", &["-c", &self.config, name, value]);
    }

    fn pair(&self) -> Pair {
        self.state.pair().unwrap().unwrap()
    }
}

fn write_file(path: &Path, text: &str) {
    use std::io::Write;
    fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn left(count: u8) -> Left {
    Left::new(count).unwrap()
}

#[test]
fn fw_printenv_reads_what_we_save_at_every_flag() {
    let mut slots = Slots::fresh(Slot::A);
    slots.commit(Slot::A);
    slots.try_next(Slot::B, Slot::A).unwrap();
    let mut card = Card::new(&slots);
    for _ in 0..9 {
        slots.boot();
        card.state.save(&slots).unwrap();
        assert_eq!(card.printenv("BOOT_ORDER"), "B A");
        assert_eq!(card.printenv("BOOT_GOOD"), "A");
        assert_eq!(card.printenv("BOOT_A_LEFT"), slots.left(Slot::A).to_string());
        assert_eq!(card.printenv("BOOT_B_LEFT"), slots.left(Slot::B).to_string());
    }
}

#[test]
fn we_read_what_fw_setenv_saves_and_it_reads_us_again() {
    let mut card = Card::new(&Slots::fresh(Slot::A));
    for round in 0..12_u8 {
        let count = left(round % 4);
        card.setenv("BOOT_A_LEFT", &count.to_string());
        let mut slots = card.state.load().unwrap();
        assert_eq!(slots.left(Slot::A), count, "round {round}");
        card.setenv("BOOT_NOTE", &format!("round {round}"));
        // Sometimes once, sometimes twice, so that flags of both kinds meet.
        for _ in 0..=round % 2 {
            slots.boot();
            card.state.save(&slots).unwrap();
        }
        assert_eq!(card.printenv("BOOT_A_LEFT"), slots.left(Slot::A).to_string(), "round {round}");
        assert_eq!(card.printenv("BOOT_NOTE"), format!("round {round}"));
    }
}

#[test]
fn fw_printenv_and_we_agree_when_a_copy_is_torn() {
    for harmed in [0, SECOND] {
        let mut card = Card::new(&Slots::unknown());
        let mut slots = Slots::unknown();
        slots.boot();
        card.state.save(&slots).unwrap();
        let torn = InFile::new(&card.path, harmed + 100);
        slots::Place::write(&mut torn.clone(), &[0xff; 512]).unwrap();
        let read = card.state.load().unwrap();
        assert_eq!(card.printenv("BOOT_A_LEFT"), read.left(Slot::A).to_string());
        assert!(card.pair().other_fault.is_some());
    }
}

#[test]
fn grub_editenv_reads_every_state_and_we_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grubenv");
    let name = path.to_str().unwrap();
    run("grub-editenv", "grub-common", &[name, "create"]);
    run("grub-editenv", "grub-common", &[name, "set", "saved_entry=a b\\c"]);
    let mut state = GrubEnv::new(InFile::new(&path, 0));
    for slots in every_state().into_iter().step_by(7) {
        state.save(&slots).unwrap();
        let listed = run("grub-editenv", "grub-common", &[name, "list"]);
        assert!(listed.contains("saved_entry=a b\\c\n"), "{listed}");
        assert!(listed.contains(&format!("ORDER={}\n", slots.order())), "{listed}");
        run("grub-editenv", "grub-common", &[name, "set", "A_TRY=1", "A_OK=1", "ORDER=A B"]);
        assert_eq!(state.load().unwrap().left(Slot::A), left(2));
    }
}

#[test]
fn dumpimage_takes_our_scripts_for_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("boot.scr");
    let text = "echo hello\n";
    let mut place = {
        fs::File::create(&path).unwrap();
        InFile::new(&path, 0)
    };
    slots::Place::write(&mut place, &script_image(text)).unwrap();
    let listed = run("dumpimage", "u-boot-tools", &["-l", path.to_str().unwrap()]);
    assert!(listed.contains("ARM Linux Script (uncompressed)"), "{listed}");
    assert!(listed.contains(&format!("Image 0: {} Bytes", text.len())), "{listed}");
}
