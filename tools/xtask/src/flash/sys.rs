//! The machine's disks, as the kernel shows them below `/sys`.
//!
//! Read only. The folder is an argument, so that tests lay out machines of their own. What cannot be read counts as not
//! there, but for a disk's own size, without which it is no disk.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The kernel's counts are in these, whatever the disk's own sectors are.
const SECTOR_BYTES: u64 = 512;

/// Major and minor number of a block device.
pub type Number = (u32, u32);

/// A disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Disk {
    /// `sdb`, `mmcblk0`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// It has a lock that is closed, or cannot be written at all.
    pub read_only: bool,
    /// It can be taken out, as far as the kernel knows.
    pub removable: bool,
    /// There is a device behind it; the others are made by this computer's own software.
    pub real: bool,
    /// Its partitions in the order of their numbers.
    pub parts: Vec<Part>,
    /// What is made of it or of one of its partitions: `dm-0`, `md127`.
    pub holders: BTreeSet<String>,
}

/// A partition of a disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// `sdb1`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// What a device's number belongs to.
#[derive(Debug, PartialEq)]
pub enum Device {
    /// A whole disk.
    Whole(Disk),
    /// A partition, of the disk with this name.
    PartOf(String),
}

/// The kernel's view of this machine.
pub struct Sys(PathBuf);

impl Sys {
    /// This machine.
    pub fn machine() -> Self {
        Self("/sys".into())
    }

    /// A machine that is laid out in a folder.
    #[cfg(test)]
    pub fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// What has this number.
    pub fn device(&self, number: Number) -> Option<Device> {
        let folder = self.folder(number)?;
        if folder.join("partition").exists() {
            return Some(Device::PartOf(name(folder.parent()?)));
        }
        self.disk(&name(&folder)).map(Device::Whole)
    }

    /// The disk of this name.
    pub fn disk(&self, disk: &str) -> Option<Disk> {
        let folder = self.block(disk);
        let mut parts: Vec<(u64, Part)> = entries(&folder).filter_map(|each| part(&each)).collect();
        parts.sort_by_key(|(number, _)| *number);
        let parts: Vec<Part> = parts.into_iter().map(|(_, part)| part).collect();
        let with_holders =
            [folder.clone()].into_iter().chain(parts.iter().map(|part| folder.join(&part.name)));
        let holders =
            with_holders.flat_map(|each| entries(&each.join("holders"))).map(|holder| name(&holder));
        Some(Disk {
            name: disk.to_owned(),
            bytes: number(&folder.join("size"))? * SECTOR_BYTES,
            read_only: number(&folder.join("ro")) == Some(1),
            removable: number(&folder.join("removable")) == Some(1),
            real: folder.join("device").exists() || disk.starts_with("loop"),
            holders: holders.collect(),
            parts,
        })
    }

    /// All disks, by name.
    pub fn disks(&self) -> Vec<Disk> {
        let names: BTreeSet<String> = entries(&self.0.join("block")).map(|folder| name(&folder)).collect();
        names.iter().filter_map(|name| self.disk(name)).collect()
    }

    /// The disks that a device lies on: itself, the one that it is a partition of, or those that it was made of.
    pub fn disks_under(&self, number: Number) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if let Some(folder) = self.folder(number) {
            self.climb(&folder, &mut found);
        }
        found
    }

    fn climb(&self, folder: &Path, found: &mut BTreeSet<String>) {
        let whole =
            if folder.join("partition").exists() { folder.parent().unwrap_or(folder) } else { folder };
        // What was seen is not walked again, so that no circle of links could hold us.
        if !found.insert(name(whole)) {
            return;
        }
        for slave in entries(&whole.join("slaves")).filter_map(|slave| fs::canonicalize(slave).ok()) {
            self.climb(&slave, found);
        }
    }

    /// What the software that made a device calls it, such as a volume of LVM.
    pub fn made_name(&self, device: &str) -> Option<String> {
        text(&self.block(device).join("dm/name"))
    }

    fn block(&self, disk: &str) -> PathBuf {
        self.0.join("block").join(disk)
    }

    fn folder(&self, (major, minor): Number) -> Option<PathBuf> {
        fs::canonicalize(self.0.join("dev/block").join(format!("{major}:{minor}"))).ok()
    }
}

fn part(folder: &Path) -> Option<(u64, Part)> {
    let at = number(&folder.join("partition"))?;
    let bytes = number(&folder.join("size")).unwrap_or_default() * SECTOR_BYTES;
    Some((at, Part { name: name(folder), bytes }))
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// A folder's own name. The kernel writes `!` where a device's name has a slash.
fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn text(file: &Path) -> Option<String> {
    Some(fs::read_to_string(file).ok()?.trim().to_owned())
}

fn number(file: &Path) -> Option<u64> {
    text(file)?.parse().ok()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A machine in a folder.
    pub struct Machine(pub tempfile::TempDir);

    impl Machine {
        pub fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir_all(folder.path().join("dev/block")).unwrap();
            Self(folder)
        }

        pub fn sys(&self) -> Sys {
            Sys::at(self.0.path())
        }

        /// Adds a device: its place below `block`, its number, its size in MiB.
        pub fn add(&self, place: &str, (major, minor): Number, mib: u64) {
            let folder = self.0.path().join("block").join(place);
            fs::create_dir_all(folder.join("holders")).unwrap();
            fs::create_dir_all(folder.join("slaves")).unwrap();
            fs::write(folder.join("size"), format!("{}\n", mib << 11)).unwrap();
            fs::write(folder.join("ro"), "0\n").unwrap();
            symlink(&folder, self.0.path().join(format!("dev/block/{major}:{minor}"))).unwrap();
            let digits = |c: char| c.is_ascii_digit();
            match place.rsplit_once('/') {
                Some((_, part)) => {
                    let at = &part[part.trim_end_matches(digits).len()..];
                    fs::write(folder.join("partition"), at).unwrap();
                }
                None => fs::create_dir_all(folder.join("device")).unwrap(),
            }
        }

        /// One device is made of another.
        pub fn made_of(&self, holder: &str, slave: &str) {
            let block = self.0.path().join("block");
            let last = slave.rsplit('/').next().unwrap();
            symlink(block.join(slave), block.join(holder).join("slaves").join(last)).unwrap();
            symlink(block.join(holder), block.join(slave).join("holders").join(holder)).unwrap();
        }

        pub fn write(&self, file: &str, text: &str) {
            let file = self.0.path().join("block").join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
    }

    fn laptop() -> Machine {
        let machine = Machine::new();
        machine.add("nvme0n1", (259, 0), 1000);
        machine.add("nvme0n1/nvme0n1p2", (259, 2), 900);
        machine.add("dm-0", (253, 0), 900);
        machine.add("dm-1", (253, 1), 500);
        machine.made_of("dm-0", "nvme0n1/nvme0n1p2");
        machine.made_of("dm-1", "dm-0");
        machine.add("sdb", (8, 16), 100);
        machine.add("sdb/sdb10", (8, 26), 10);
        machine.add("sdb/sdb2", (8, 18), 20);
        machine
    }

    #[test]
    fn a_disk_has_its_size_and_its_partitions_by_number() {
        let disk = laptop().sys().disk("sdb").unwrap();
        assert_eq!((disk.bytes, disk.read_only, disk.real), (100 << 20, false, true));
        let parts: Vec<_> = disk.parts.iter().map(|part| (part.name.as_str(), part.bytes >> 20)).collect();
        assert_eq!(parts, [("sdb2", 20), ("sdb10", 10)]);
    }

    #[test]
    fn a_partition_is_told_from_its_disk() {
        let machine = laptop();
        assert_eq!(machine.sys().device((8, 18)), Some(Device::PartOf("sdb".into())));
        assert!(matches!(machine.sys().device((8, 16)), Some(Device::Whole(disk)) if disk.name == "sdb"));
        assert_eq!(machine.sys().device((9, 9)), None);
    }

    #[test]
    fn an_encrypted_volume_is_followed_down_to_its_disk() {
        let under = laptop().sys().disks_under((253, 1));
        assert!(under.contains("nvme0n1"), "{under:?}");
        assert!(!under.contains("sdb"));
    }

    #[test]
    fn what_is_made_of_a_partition_holds_its_disk() {
        assert_eq!(laptop().sys().disk("nvme0n1").unwrap().holders, BTreeSet::from(["dm-0".to_owned()]));
        assert!(laptop().sys().disk("sdb").unwrap().holders.is_empty());
    }
}
