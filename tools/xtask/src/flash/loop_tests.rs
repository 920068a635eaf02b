//! Real disks, as far as a machine has some to spare: loop devices. Made by root, and gone when a test ends.
//!
//! Their partitions are told to the kernel one by one, so that also a kernel that reads no tables has them.

use super::{
    source::tests::{image, whole},
    *,
};
use crate::shell::{command, output, run};
use std::{fs::File, os::unix::fs::FileExt, process::Stdio};

const MIB: u64 = 1 << 20;
static NEVER: AtomicBool = AtomicBool::new(false);

/// A loop device over a file full of what a former life left on it.
struct Loop {
    folder: tempfile::TempDir,
    path: PathBuf,
    parts: u32,
}

impl Loop {
    fn new(mib: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("disk");
        fs::write(&file, vec![0xee; (mib * MIB) as usize]).unwrap();
        let path = output(root("losetup").args(["--find", "--show", "--partscan"]).arg(&file)).unwrap();
        Self { folder, path: path.trim().into(), parts: 0 }
    }

    /// Makes a partition known, with a file system or as swap. Answers with its device.
    fn part(&mut self, make: &str) -> PathBuf {
        self.parts += 1;
        let begin = (u64::from(self.parts) * 4 * MIB / 512).to_string();
        let mut add = root("addpart");
        run(add.arg(&self.path).arg(self.parts.to_string()).arg(begin).arg((4 * MIB / 512).to_string()))
            .unwrap();
        let part = PathBuf::from(format!("{}p{}", self.path.display(), self.parts));
        run(root(make).arg(&part).stdout(Stdio::null())).unwrap();
        part
    }

    fn sum(&self) -> String {
        output(root("sha256sum").arg(self.folder.path().join("disk"))).unwrap()
    }

    fn flash(&self, source: &Source) -> Done<bool> {
        flash(&self.path, source, &NEVER, &|_| Ok(()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        for part in 1..=self.parts {
            let _gone = root("delpart").arg(&self.path).arg(part.to_string()).status();
        }
        run(root("losetup").arg("--detach").arg(&self.path)).unwrap();
    }
}

/// These tests want root, as containers do: `cargo xtask test` gives it to them.
fn root(program: &str) -> std::process::Command {
    assert!(is_root(), "run this test as root: cargo xtask test");
    command(
        ["/usr/sbin", "/usr/bin"]
            .map(|bin| Path::new(bin).join(program))
            .into_iter()
            .find(|p| p.exists())
            .unwrap(),
    )
}

fn source() -> (tempfile::TempDir, Source) {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::open(&image(folder.path())).unwrap();
    (folder, source)
}

/// What a refused disk's person is told. Nothing on it may have changed.
fn refused(disk: &Loop) -> String {
    let before = disk.sum();
    let error = disk.flash(&source().1).unwrap_err().to_string();
    assert_eq!(disk.sum(), before, "a refused disk was written to");
    error
}

#[test]
fn a_used_disk_gets_the_image_the_settings_and_nothing_else() {
    let (_folder, mut source) = source();
    source.put(&[Put { name: SETTINGS, bytes: b"name = \"lab\"\n" }]).unwrap();
    let disk = Loop::new(30);
    assert!(disk.flash(&source).unwrap(), "the partitions are read again");
    let file = File::open(disk.folder.path().join("disk")).unwrap();
    let mut begin = vec![0; 24 << 20];
    file.read_exact_at(&mut begin, 0).unwrap();
    assert!(begin == whole(&source));
    let mut end = vec![1; MIB as usize];
    file.read_exact_at(&mut end, 29 * MIB).unwrap();
    assert!(end.iter().all(|byte| *byte == 0), "the old end is wiped");
    let at = format!("{}@@1M", disk.path.display());
    assert_eq!(output(root("mtype").args(["-i", &at, "::settings.toml"])).unwrap(), "name = \"lab\"\n");
}

#[test]
fn a_disk_with_a_mounted_partition_is_refused() {
    let mut disk = Loop::new(30);
    let part = disk.part("mkfs.ext4");
    let folder = disk.folder.path().join("mounted");
    fs::create_dir(&folder).unwrap();
    run(root("mount").arg(&part).arg(&folder)).unwrap();
    let error = whole_disk(&Sys::machine(), &disk.path)
        .and_then(|found| Ok(refuse(&Sys::machine(), &found, &in_use::all()?, 1)?))
        .unwrap_err()
        .to_string();
    let opened = Device::open(&disk.path).unwrap_err().to_string();
    run(root("umount").arg(&folder)).unwrap();
    assert!(error.contains("sudo umount") && error.contains("/mounted"), "{error}");
    assert!(opened.contains("is in use by this computer"), "the kernel refuses it as well: {opened}");
}

#[test]
fn a_disk_that_is_swapped_to_is_refused() {
    let mut disk = Loop::new(30);
    let part = disk.part("mkswap");
    run(root("swapon").arg(&part)).unwrap();
    let error = flash(&disk.path, &source().1, &NEVER, &|_| Ok(())).unwrap_err().to_string();
    run(root("swapoff").arg(&part)).unwrap();
    assert!(error.contains("runs from (it swaps there)"), "{error}");
}

#[test]
fn a_partition_a_small_disk_and_a_locked_one_are_refused() {
    let mut disk = Loop::new(20);
    let part = disk.part("mkswap");
    let error = whole_disk(&Sys::machine(), &part).unwrap_err().to_string();
    assert!(error.contains(&format!("written whole: {}", disk.path.display())), "{error}");
    assert!(refused(&disk).contains("too small"));
    run(root("blockdev").arg("--setro").arg(&disk.path)).unwrap();
    let error = refused(&disk);
    run(root("blockdev").arg("--setrw").arg(&disk.path)).unwrap();
    assert!(error.contains("LOCK"), "{error}");
}

#[test]
fn the_disk_under_the_root_is_refused() {
    let source = output(root("findmnt").args(["--noheadings", "--output", "SOURCE", "/"])).unwrap();
    let under = device_number(Path::new(source.trim())).map(|number| Sys::machine().disks_under(number));
    // In a container the root may lie on no disk that is shown.
    for name in under.unwrap_or_default() {
        let disk = Sys::machine().disk(&name).unwrap();
        let refusal = refuse(&Sys::machine(), &disk, &in_use::all().unwrap(), 1).unwrap_err();
        assert!(refusal.to_string().contains("runs from (/)"), "{refusal}");
    }
}

fn device_number(path: &Path) -> Option<sys::Number> {
    let meta = fs::metadata(path).ok().filter(|meta| meta.file_type().is_block_device())?;
    Some((rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev())))
}

#[test]
fn who_does_not_agree_keeps_everything() {
    let disk = Loop::new(30);
    let before = disk.sum();
    let error = flash(&disk.path, &source().1, &NEVER, &|_| Err("nothing was written".into())).unwrap_err();
    assert_eq!((error.to_string().as_str(), disk.sum()), ("nothing was written", before));
}
