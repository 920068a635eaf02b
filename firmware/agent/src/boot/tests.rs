//! The boot state found in a `/sys` of our own.

use super::*;
use slots::{Status, fresh_copies};
use std::{io::Write, os::unix::fs::symlink};

/// A machine made of files.
struct Machine {
    _folder: tempfile::TempDir,
    roots: Roots,
}

impl Machine {
    fn new(cmdline: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let below = |name: &str| folder.path().join(name);
        let roots = Roots { proc: below("proc"), sys: below("sys"), dev: below("dev") };
        for path in [&roots.proc, &roots.dev, &roots.sys.join("class/block"), &roots.sys.join("devices")] {
            fs::create_dir_all(path).unwrap();
        }
        write(&roots.proc.join("cmdline"), cmdline.as_bytes());
        Self { _folder: folder, roots }
    }

    /// A disk with partitions of these names, and a state in those that are for it.
    fn disk(&self, disk: &str, names: &[&str], slots: &Slots) {
        let copies = fresh_copies(slots, 0x2000).unwrap();
        for (at, name) in names.iter().enumerate() {
            let partition = format!("{disk}p{}", at + 1);
            let device = self.roots.sys.join("devices").join(disk).join(&partition);
            fs::create_dir_all(&device).unwrap();
            write(&device.join("uevent"), format!("DEVTYPE=partition\nPARTNAME={name}\n").as_bytes());
            symlink(&device, self.roots.sys.join("class/block").join(&partition)).unwrap();
            let copy = STATE_NAMES.iter().position(|state| state == name).map_or(&[][..], |at| &copies[at]);
            write(&self.roots.dev.join(&partition), copy);
        }
    }

    /// Puts the root onto this partition, under dm-verity.
    fn root_on(&self, disk: &str, partition: &str) {
        let slaves = self.roots.sys.join("class/block/dm-0/slaves");
        fs::create_dir_all(&slaves).unwrap();
        symlink(self.roots.sys.join("devices").join(disk).join(partition), slaves.join(partition)).unwrap();
    }
}

fn write(path: &Path, bytes: &[u8]) {
    File::create(path).unwrap().write_all(bytes).unwrap();
}

const NAMES: [&str; 4] = ["boot", "state0", "state1", "root-a"];

#[test]
fn a_machine_without_slots_has_none() {
    let machine = Machine::new("quiet root=/dev/sda1\n");
    assert!(Booted::find(&machine.roots).unwrap().is_none());
}

#[test]
fn a_commit_is_on_the_card() {
    let machine = Machine::new("quiet ledger.slot=A ledger.left=2 ledger.saved=yes\n");
    machine.disk("mmcblk0", &NAMES, &Slots::fresh(Slot::A));
    let mut booted = Booted::find(&machine.roots).unwrap().unwrap();
    assert!(matches!(booted.slots().unwrap().status(Slot::A), Status::OnTrial(_)));
    booted.commit().unwrap();
    let again = Booted::find(&machine.roots).unwrap().unwrap();
    assert!(matches!(again.slots().unwrap().status(Slot::A), Status::Good(_)));
}

#[test]
fn of_two_cards_the_one_with_the_root_is_taken() {
    let machine = Machine::new("ledger.slot=B\n");
    machine.disk("mmcblk0", &NAMES, &Slots::fresh(Slot::A));
    machine.disk("mmcblk1", &NAMES, &Slots::fresh(Slot::B));
    assert!(matches!(Booted::find(&machine.roots), Err(BootError::Disks(disks)) if disks.is_empty()));
    machine.root_on("mmcblk1", "mmcblk1p4");
    let booted = Booted::find(&machine.roots).unwrap().unwrap();
    assert_eq!(booted.slots().unwrap(), Slots::fresh(Slot::B));
}

#[test]
fn a_lost_state_is_begun_anew_with_what_runs() {
    let machine = Machine::new("ledger.slot=B\n");
    machine.disk("mmcblk0", &NAMES, &Slots::fresh(Slot::A));
    for partition in ["mmcblk0p2", "mmcblk0p3"] {
        write(&machine.roots.dev.join(partition), &[0xff; 0x2000]);
    }
    let mut booted = Booted::find(&machine.roots).unwrap().unwrap();
    assert!(booted.slots().is_err());
    booted.commit().unwrap();
    assert_eq!(booted.slots().unwrap().order().first(), Slot::B);
}

#[test]
fn a_refused_change_writes_nothing() {
    let machine = Machine::new("ledger.slot=A\n");
    machine.disk("mmcblk0", &NAMES, &Slots::fresh(Slot::A));
    let before = fs::read(machine.roots.dev.join("mmcblk0p3")).unwrap();
    let mut booted = Booted::find(&machine.roots).unwrap().unwrap();
    let refused = booted.change(|slots| slots.roll_back(Slot::A));
    assert!(matches!(refused, Err(BootError::Refused(Refusal::NotGood(Slot::B)))));
    assert_eq!(fs::read(machine.roots.dev.join("mmcblk0p3")).unwrap(), before);
}
