//! What a person sees before a disk is written over: which one it is, and what is on it now.
//!
//! Megabytes and gigabytes are those printed on cards, of 1000. What `lsblk` and `blkid` do not know is left out.

use super::sys::{Disk, Part};
use crate::shell::command;
use std::{collections::BTreeMap, fmt::Write};

/// Beyond this it is hardly a card that somebody bought for a small computer.
const CARD_BYTES_MAX: u64 = 300_000_000_000;

/// What one reads on a disk's case, and what is in its partitions.
#[derive(Debug, Default)]
pub struct Look {
    /// Maker and model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// How it is plugged in.
    pub bus: String,
    /// By partition: label and kind of file system. The disk's own name stands for one without partitions.
    pub content: BTreeMap<String, String>,
}

impl Look {
    /// Looks at a disk.
    pub fn at(disk: &Disk) -> Self {
        let said = asked("lsblk", &["--nodeps", "--pairs", "--output", "MODEL,SERIAL,TRAN"], &disk.name);
        let pair = |name: &str| quoted(&said, name).unwrap_or_default().to_owned();
        let names = disk.parts.iter().map(|part| &part.name).chain([&disk.name]);
        let content = names.filter_map(|name| Some((name.clone(), content(name)?))).collect();
        Self { model: pair("MODEL"), serial: pair("SERIAL"), bus: pair("TRAN"), content }
    }
}

/// A size as people know it from the shop.
pub fn megabytes(bytes: u64) -> String {
    match bytes {
        10_000_000_000.. => format!("{} GB", bytes / 1_000_000_000),
        1_000_000_000.. => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}

/// One line: `/dev/sdb   31 GB  SanDisk Ultra  (usb)`.
pub fn line(disk: &Disk, look: &Look) -> String {
    let bus = if look.bus.is_empty() { String::new() } else { format!("  ({})", look.bus) };
    let line = format!("/dev/{:<9} {:>8}  {}{bus}", disk.name, megabytes(disk.bytes), look.model);
    line.trim_end().to_owned()
}

/// All that will be gone.
pub fn warning(disk: &Disk, look: &Look) -> String {
    let mut text = format!("\nThis will be written over, all of it:\n\n  {}\n", line(disk, look));
    if !look.serial.is_empty() {
        let _infallible = writeln!(text, "  serial number {}", look.serial);
    }
    for part in &disk.parts {
        text += &part_line(part, look);
    }
    if let Some(content) = look.content.get(&disk.name).filter(|_| disk.parts.is_empty()) {
        let _infallible = writeln!(text, "    {content}");
    } else if disk.parts.is_empty() {
        text += "    nothing on it that this computer knows\n";
    }
    if disk.bytes > CARD_BYTES_MAX || !(disk.removable || is_card(disk, look)) {
        text += "\n  Look twice: this does not look like a memory card.\n";
    }
    text
}

fn is_card(disk: &Disk, look: &Look) -> bool {
    disk.name.starts_with("mmcblk") || disk.name.starts_with("loop") || look.bus == "usb"
}

fn part_line(part: &Part, look: &Look) -> String {
    let content = look.content.get(&part.name).map_or("", String::as_str);
    format!("    {:<12} {:>8}  {content}", part.name, megabytes(part.bytes)).trim_end().to_owned() + "\n"
}

/// `vfat "PHOTOS"`.
fn content(name: &str) -> Option<String> {
    let said = asked("blkid", &["--probe", "--output", "export"], name);
    let value = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let label = value("LABEL").or_else(|| value("PART_ENTRY_NAME"));
    match (value("TYPE"), label) {
        (None, None) => None,
        (kind, label) => {
            let label = label.map_or_else(String::new, |label| format!(" \"{label}\""));
            Some(kind.unwrap_or("unknown").to_owned() + &label)
        }
    }
}

fn asked(program: &str, args: &[&str], disk: &str) -> String {
    let output = command(program).args(args).arg(format!("/dev/{disk}")).output();
    output.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default()
}

/// The value of `NAME="value"`.
fn quoted<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn disk() -> Disk {
        let part = |name: &str, mib: u64| Part { name: name.into(), bytes: mib << 20 };
        Disk {
            name: "sdb".into(),
            bytes: 31_914_983_424,
            read_only: false,
            removable: true,
            real: true,
            parts: vec![part("sdb1", 256), part("sdb2", 29_000)],
            holders: BTreeSet::new(),
        }
    }

    fn look() -> Look {
        let content = BTreeMap::from([("sdb1".to_owned(), "vfat \"PHOTOS\"".to_owned())]);
        Look { model: "Ultra".into(), serial: "4C53".into(), bus: "usb".into(), content }
    }

    #[test]
    fn sizes_are_those_of_the_shop() {
        assert_eq!(megabytes(31_914_983_424), "31 GB");
        assert_eq!(megabytes(1_999_999_999), "1.9 GB");
        assert_eq!(megabytes(400 << 20), "420 MB");
        assert_eq!(megabytes(1), "1 MB");
    }

    #[test]
    fn a_person_sees_what_is_on_the_card() {
        let text = warning(&disk(), &look());
        for wanted in ["/dev/sdb", "31 GB  Ultra  (usb)", "serial number 4C53", "vfat \"PHOTOS\"", "sdb2"] {
            assert!(text.contains(wanted), "{wanted} is missing in {text}");
        }
        assert!(!text.contains("Look twice"), "{text}");
    }

    #[test]
    fn a_disk_that_is_no_card_is_looked_at_twice() {
        let inside = Disk { removable: false, ..disk() };
        assert!(warning(&inside, &Look::default()).contains("Look twice"));
        let large = Disk { bytes: 2_000_000_000_000, ..disk() };
        assert!(warning(&large, &look()).contains("Look twice"));
    }

    #[test]
    fn what_lsblk_says_is_taken_apart() {
        let line = r#"MODEL="Ultra Fit  " SERIAL="" TRAN="usb""#;
        assert_eq!(
            ["MODEL", "SERIAL", "TRAN"].map(|name| quoted(line, name).unwrap()),
            ["Ultra Fit", "", "usb"]
        );
    }
}
