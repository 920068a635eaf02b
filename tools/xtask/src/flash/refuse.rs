//! Which disks are not written over, whatever a person typed.
//!
//! The order is that of the harm: first the disk that this computer runs from, last one that is merely too small.

use super::{
    in_use::Use,
    show::megabytes,
    sys::{Disk, Sys},
};

/// Why a disk is not taken. Each says what the person can do.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The system's.
    #[error("{disk} is what this computer runs from ({why}). It is not touched")]
    System {
        /// The disk.
        disk: String,
        /// Which part of the system lies there.
        why: String,
    },
    /// Open in a file manager, for instance.
    #[error("{disk} is in use: it is mounted at {folders}. If it is the right one: sudo umount {folders}")]
    Mounted {
        /// The disk.
        disk: String,
        /// Where.
        folders: String,
    },
    /// A part of a volume.
    #[error("{disk} is in use: {holders} is made of it (LVM, RAID or encryption). It is not touched")]
    Held {
        /// The disk.
        disk: String,
        /// By what.
        holders: String,
    },
    /// Made by software.
    #[error("{disk} is no card: there is no device behind it, this computer's own software makes it up")]
    NotReal {
        /// The disk.
        disk: String,
    },
    /// The little lock on the card's left side.
    #[error(
        "{disk} cannot be written. Does the card have a little slider at its side? Push it away from LOCK"
    )]
    ReadOnly {
        /// The disk.
        disk: String,
    },
    /// An empty slot of a reader.
    #[error("{disk} is empty: there is no card in it")]
    Empty {
        /// The disk.
        disk: String,
    },
    /// Too small.
    #[error("{disk} is too small: it has {}, and the image needs {}", megabytes(*bytes), megabytes(*needed))]
    Small {
        /// The disk.
        disk: String,
        /// What it has.
        bytes: u64,
        /// What it would need.
        needed: u64,
    },
}

/// Whether this disk may be written over with so many bytes.
pub fn refuse(sys: &Sys, disk: &Disk, uses: &[Use], needed: u64) -> Result<(), Refusal> {
    in_use(sys, disk, uses)?;
    let name = || disk.name.clone();
    if !disk.real {
        return Err(Refusal::NotReal { disk: name() });
    }
    if disk.bytes == 0 {
        return Err(Refusal::Empty { disk: name() });
    }
    if disk.read_only {
        return Err(Refusal::ReadOnly { disk: name() });
    }
    if disk.bytes < needed {
        return Err(Refusal::Small { disk: name(), bytes: disk.bytes, needed });
    }
    Ok(())
}

fn in_use(sys: &Sys, disk: &Disk, uses: &[Use]) -> Result<(), Refusal> {
    let name = || disk.name.clone();
    let here: Vec<&Use> =
        uses.iter().filter(|each| sys.disks_under(each.number).contains(&disk.name)).collect();
    if let Some(system) = here.iter().find(|each| each.is_system()) {
        let why = system.folder.clone().unwrap_or_else(|| "it swaps there".into());
        return Err(Refusal::System { disk: name(), why });
    }
    let mut folders: Vec<String> = here.iter().filter_map(|each| each.folder.as_deref()).map(word).collect();
    folders.sort_unstable();
    folders.dedup();
    if !folders.is_empty() {
        return Err(Refusal::Mounted { disk: name(), folders: folders.join(" ") });
    }
    let holders: Vec<String> =
        disk.holders.iter().map(|holder| sys.made_name(holder).unwrap_or_else(|| holder.clone())).collect();
    if !holders.is_empty() {
        return Err(Refusal::Held { disk: name(), holders: holders.join(", ") });
    }
    Ok(())
}

/// A folder as a shell takes it.
fn word(folder: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if folder.chars().all(plain) { folder.to_owned() } else { format!("'{}'", folder.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::{super::sys::tests::Machine, *};

    const NEEDED: u64 = 90 << 20;

    fn machine() -> Machine {
        let machine = Machine::new();
        machine.add("nvme0n1", (259, 0), 1000);
        machine.add("nvme0n1/nvme0n1p1", (259, 1), 900);
        machine.add("sdb", (8, 16), 100);
        machine.add("sdb/sdb1", (8, 17), 50);
        machine
    }

    fn at(number: (u32, u32), folder: &str) -> Use {
        Use { number, folder: Some(folder.into()) }
    }

    fn refused(machine: &Machine, disk: &str, uses: &[Use]) -> Option<Refusal> {
        let sys = machine.sys();
        refuse(&sys, &sys.disk(disk).unwrap(), uses, NEEDED).err()
    }

    #[test]
    fn a_card_that_nobody_uses_is_taken() {
        assert_eq!(refused(&machine(), "sdb", &[at((259, 1), "/")]), None);
    }

    #[test]
    fn the_disk_of_the_system_is_refused_also_behind_encryption() {
        let machine = machine();
        assert!(matches!(refused(&machine, "nvme0n1", &[at((259, 1), "/")]), Some(Refusal::System { .. })));
        machine.add("dm-0", (253, 0), 900);
        machine.made_of("dm-0", "nvme0n1/nvme0n1p1");
        let refusal = refused(&machine, "nvme0n1", &[at((253, 0), "/boot/efi")]).unwrap();
        assert!(refusal.to_string().contains("runs from (/boot/efi)"), "{refusal}");
    }

    #[test]
    fn a_mounted_partition_is_named_with_what_to_do() {
        let uses = [at((8, 17), "/media/x"), at((8, 17), "/media/x"), at((8, 16), "/media/MY CARD")];
        let refusal = refused(&machine(), "sdb", &uses).unwrap().to_string();
        assert!(refusal.contains("sudo umount '/media/MY CARD' /media/x"), "{refusal}");
    }

    #[test]
    fn swap_is_the_systems() {
        let swap = Use { number: (8, 17), folder: None };
        assert!(matches!(refused(&machine(), "sdb", &[swap]), Some(Refusal::System { .. })));
    }

    #[test]
    fn a_disk_in_a_volume_is_refused_by_the_volumes_name() {
        let machine = machine();
        machine.add("dm-3", (253, 3), 50);
        machine.made_of("dm-3", "sdb/sdb1");
        machine.write("dm-3/dm/name", "backup\n");
        let refusal = refused(&machine, "sdb", &[]).unwrap();
        assert_eq!(refusal, Refusal::Held { disk: "sdb".into(), holders: "backup".into() });
    }

    #[test]
    fn what_is_no_card_or_cannot_hold_the_image_is_refused() {
        let machine = machine();
        machine.add("sdc", (8, 32), 89);
        assert!(matches!(refused(&machine, "sdc", &[]), Some(Refusal::Small { .. })));
        machine.add("sdd", (8, 48), 0);
        assert!(matches!(refused(&machine, "sdd", &[]), Some(Refusal::Empty { .. })));
        machine.write("sdb/ro", "1\n");
        assert!(matches!(refused(&machine, "sdb", &[]), Some(Refusal::ReadOnly { .. })));
        machine.write("zram0/size", "800000\n");
        assert!(matches!(refused(&machine, "zram0", &[]), Some(Refusal::NotReal { .. })));
    }
}
