//! What this machine has mounted, and where it swaps: from `/proc/self/mountinfo` and `/proc/swaps`.
//!
//! A file system on several devices (btrfs) has a number of its own there; then the device that the line names counts. The
//! other devices of such a one show when the disk is opened for us alone, which the kernel refuses.

use super::sys::Number;
use rustix::fs::{major, minor};
use std::{fs, os::unix::fs::FileTypeExt, os::unix::fs::MetadataExt, path::Path};

/// A device in use.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// The device.
    pub number: Number,
    /// The folder that shows it; none if the machine swaps there.
    pub folder: Option<String>,
}

impl Use {
    /// Whether the machine itself runs from it.
    pub fn is_system(&self) -> bool {
        let Some(folder) = &self.folder else { return true };
        let below = |top: &str| folder == top || folder.starts_with(&format!("{top}/"));
        folder == "/" || ["/boot", "/efi", "/usr", "/var", "/home", "/nix"].into_iter().any(below)
    }
}

/// All that is in use on this machine.
pub fn all() -> std::io::Result<Vec<Use>> {
    let mut uses = mounted(&fs::read_to_string("/proc/self/mountinfo")?, device_of);
    // A kernel without swapping has no such file.
    uses.extend(swaps(&fs::read_to_string("/proc/swaps").unwrap_or_default(), device_of));
    Ok(uses)
}

/// The number of a block device; of another file, of the device that it lies on.
fn device_of(path: &str) -> Option<Number> {
    let meta = fs::metadata(Path::new(path)).ok()?;
    let device = if meta.file_type().is_block_device() { meta.rdev() } else { meta.dev() };
    Some((major(device), minor(device)))
}

fn mounted(mountinfo: &str, device_of: impl Fn(&str) -> Option<Number>) -> Vec<Use> {
    mountinfo.lines().filter_map(|line| mount(line, &device_of)).collect()
}

/// `36 35 8:18 / /media/stick rw shared:1 - vfat /dev/sdb2 rw`
fn mount(line: &str, device_of: impl Fn(&str) -> Option<Number>) -> Option<Use> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(2);
    let (major, minor) = left.next()?.split_once(':')?;
    let number = (major.parse().ok()?, minor.parse().ok()?);
    let folder = plain(left.nth(1)?);
    let source = plain(right.split(' ').nth(1)?);
    let named = (number.0 == 0 && source.starts_with("/dev/")).then(|| device_of(&source)).flatten();
    Some(Use { number: named.unwrap_or(number), folder: Some(folder) })
}

fn swaps(text: &str, device_of: impl Fn(&str) -> Option<Number>) -> Vec<Use> {
    let files = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    files.filter_map(|file| Some(Use { number: device_of(&plain(file))?, folder: None })).collect()
}

/// The kernel writes a blank as `\040`, and others alike.
fn plain(word: &str) -> String {
    let blanks = [(r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")];
    blanks.iter().fold(word.to_owned(), |word, (code, blank)| word.replace(code, blank))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 259:2 / / rw,relatime - ext4 /dev/nvme0n1p2 rw
36 35 8:18 / /media/alice/MY\\040CARD rw,nosuid shared:1 - vfat /dev/sdb2 rw
40 27 0:45 /@home /home rw shared:2 - btrfs /dev/mapper/data rw
";

    #[test]
    fn what_is_mounted_is_found_with_its_folder() {
        let uses = mounted(MOUNTS, |path| (path == "/dev/mapper/data").then_some((253, 1)));
        let number = |folder: &str| uses.iter().find(|u| u.folder.as_deref() == Some(folder)).unwrap().number;
        assert_eq!(number("/"), (259, 2));
        assert_eq!(number("/media/alice/MY CARD"), (8, 18));
        assert_eq!(number("/home"), (253, 1), "btrfs has a number of its own");
    }

    #[test]
    fn a_swap_file_counts_for_the_disk_that_it_lies_on() {
        let text =
            "Filename\tType\tSize\tUsed\tPriority\n/dev/sdb3 partition 1 0 -2\n/swap\\040file file 1 0 -3\n";
        let device = |path: &str| if path == "/dev/sdb3" { Some((8, 19)) } else { Some((259, 2)) };
        let uses = swaps(text, device);
        assert_eq!(uses.iter().map(|u| u.number).collect::<Vec<_>>(), [(8, 19), (259, 2)]);
        assert!(uses.iter().all(Use::is_system));
    }

    #[test]
    fn the_system_is_what_it_starts_and_runs_from() {
        let system = |folder: &str| Use { number: (8, 1), folder: Some(folder.into()) }.is_system();
        assert!(["/", "/boot", "/boot/firmware", "/home/alice"].into_iter().all(system));
        assert!(!["/media/alice/x", "/mnt", "/bootleg"].into_iter().any(system));
    }

    #[test]
    fn this_machine_has_a_root() {
        assert!(all().unwrap().iter().any(|each| each.folder.as_deref() == Some("/")));
    }
}
