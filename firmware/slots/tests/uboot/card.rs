//! A card as `cargo xtask image` lays it out, but small: partition table, boot script, both copies of the state, two slots.

use crate::{
    common::InFile,
    kernel::{Arch, kernel},
};
use slots::{BootState, Place, Slot, SlotFile, SlotScript, Slots, UBoot, fresh_copies, script_image};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// The boot script of all boards.
pub const BOOT_CMD: &str = include_str!("../../../../board/common/boot.cmd");
pub const SIZE: usize = UBoot::<InFile>::SIZE;
const MIB: u64 = 1 << 20;

/// Name, first MiB and length in MiB of the partitions, as docs/formats/slots.md numbers them.
const PARTITIONS: [(&str, u64, u64); 8] = [
    ("boot", 1, 8),
    ("state0", 12, 4),
    ("state1", 16, 4),
    ("boot-a", 20, 8),
    ("root-a", 28, 4),
    ("boot-b", 32, 8),
    ("root-b", 40, 4),
    ("data", 44, 8),
];

fn start(name: &str) -> u64 {
    PARTITIONS.iter().find(|(each, ..)| *each == name).unwrap().1 * MIB
}

/// Where a slot's boot partition begins.
fn boot_of(slot: Slot) -> u64 {
    start(if slot == Slot::A { "boot-a" } else { "boot-b" })
}

/// A card in a file of a temporary folder.
pub struct Card {
    folder: TempDir,
    pub path: PathBuf,
}

impl Card {
    /// A card with this state and a kernel in each slot.
    pub fn new(arch: Arch, slots: &Slots) -> Self {
        let card = Self::empty();
        card.put_in("boot", "boot.scr", &script_image(BOOT_CMD));
        for slot in Slot::BOTH {
            card.put_slot(slot, &slot_script(arch, slot), Some(&kernel(arch, slot)));
        }
        let copies = fresh_copies(slots, SIZE).unwrap();
        card.put_copies(&copies);
        card
    }

    /// A card with its partitions, and nothing in them but file systems.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("card");
        File::create(&path).unwrap().set_len(64 * MIB).unwrap();
        let mut args = vec!["-Z".to_owned()];
        run("/usr/sbin/sgdisk", "gdisk", &[&args[0], path.to_str().unwrap()]);
        args.clear();
        for (at, (name, first, length)) in PARTITIONS.iter().enumerate() {
            let number = at + 1;
            args.extend([format!("-n{number}:{first}M:+{length}M"), format!("-c{number}:{name}")]);
        }
        args.push(path.to_str().unwrap().to_owned());
        run("/usr/sbin/sgdisk", "gdisk", &args.iter().map(String::as_str).collect::<Vec<_>>());
        let card = Self { folder, path };
        for name in ["boot", "boot-a", "boot-b"] {
            run("mformat", "mtools", &["-i", &card.at(start(name)), "-T", "16384", "::"]);
        }
        card
    }

    /// mtools' name of a file system on the card.
    fn at(&self, offset: u64) -> String {
        format!("{}@@{offset}", self.path.display())
    }

    fn put_file(&self, offset: u64, name: &str, bytes: &[u8]) {
        let from = self.folder.path().join("file");
        File::create(&from).unwrap().write_all(bytes).unwrap();
        let from = from.to_str().unwrap();
        run("mcopy", "mtools", &["-o", "-i", &self.at(offset), from, &format!("::{name}")]);
    }

    /// Puts a file onto the partition of this name.
    pub fn put_in(&self, partition: &str, name: &str, bytes: &[u8]) {
        self.put_file(start(partition), name, bytes);
    }

    /// Puts a script into a slot, and a kernel if there is one.
    pub fn put_slot(&self, slot: Slot, script: &[u8], kernel: Option<&[u8]>) {
        self.put_file(boot_of(slot), "slot.scr", script);
        if let Some(kernel) = kernel {
            self.put_file(boot_of(slot), "Image", kernel);
        }
    }

    /// Makes a slot's boot partition unreadable.
    pub fn wipe_slot(&self, slot: Slot) {
        let file = File::options().write(true).open(&self.path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[0; 4096], boot_of(slot)).unwrap();
    }

    /// Where the copies lie.
    pub fn places(&self) -> [InFile; 2] {
        ["state0", "state1"].map(|name| InFile::new(&self.path, start(name)))
    }

    /// The first sector of each copy.
    pub fn sectors() -> [u64; 2] {
        ["state0", "state1"].map(|name| start(name) / 512)
    }

    pub fn put_copies(&self, copies: &[Vec<u8>; 2]) {
        for (mut place, copy) in self.places().into_iter().zip(copies) {
            place.write(copy).unwrap();
        }
    }

    pub fn copies(&self) -> [Vec<u8>; 2] {
        self.places().map(|place| {
            let mut bytes = vec![0; SIZE];
            place.read(&mut bytes).unwrap();
            bytes
        })
    }

    pub fn state(&self) -> UBoot<InFile> {
        UBoot::new(self.places(), SIZE)
    }

    /// The state as the box would read it.
    pub fn slots(&self) -> Slots {
        self.state().load().unwrap()
    }

    /// What `fw_printenv` says of a variable.
    pub fn printenv(&self, name: &str) -> String {
        let config = self.folder.path().join("fw_env.config");
        let line = |partition| format!("{} {:#x} {SIZE:#x}\n", self.path.display(), start(partition));
        File::create(&config).unwrap().write_all((line("state0") + &line("state1")).as_bytes()).unwrap();
        let text = run("fw_printenv", "libubootenv-tool", &["-c", config.to_str().unwrap(), "-n", name]);
        text.trim_end().to_owned()
    }
}

/// The command line that the slots' scripts give, with all that could go wrong in it.
pub const ARGS: &str = r#"console=ttyAMA0 dm-mod.create="root,,,ro,0 8 verity 1 PARTUUID=${root_uuid}""#;

/// The script of a slot with its kernel.
pub fn slot_script(arch: Arch, slot: Slot) -> Vec<u8> {
    let start = match arch {
        Arch::Arm64 => "booti",
        Arch::Arm => "bootz",
    };
    let script = SlotScript {
        files: vec![SlotFile::new("Image", "${kernel_addr_r}", &kernel(arch, slot))],
        device_trees: vec![],
        args: ARGS.to_owned(),
        start: format!("printenv bootargs; {start} ${{kernel_addr_r}} - ${{fdtcontroladdr}}"),
    };
    script_image(&script.text())
}

/// Runs a tool; one that is missing fails, and says where it comes from.
fn run(tool: &str, package: &str, args: &[&str]) -> String {
    let output = Command::new(tool).args(args).output();
    let output = output.unwrap_or_else(|e| panic!("{tool} (Debian package {package}): {e}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The U-Boot of Debian's u-boot-qemu.
pub fn firmware(arch: Arch) -> &'static Path {
    let path = Path::new(match arch {
        Arch::Arm64 => "/usr/lib/u-boot/qemu_arm64/u-boot.bin",
        Arch::Arm => "/usr/lib/u-boot/qemu_arm/u-boot.bin",
    });
    assert!(fs::exists(path).unwrap(), "{} is missing: Debian package u-boot-qemu", path.display());
    path
}
