//! The crash disk itself: synced things stay, the rest is kept, dropped or torn.

use super::*;

fn after(disk: &RecordingDisk, seed: u64) -> BTreeMap<PathBuf, Vec<u8>> {
    let into = tempfile::tempdir().unwrap();
    disk.materialise(disk.operations(), seed, into.path()).unwrap();
    let name = |path: &PathBuf| path.strip_prefix(into.path()).unwrap().to_path_buf();
    RealDisk
        .list(into.path())
        .unwrap()
        .iter()
        .filter(|path| path.is_file())
        .map(|path| (name(path), fs::read(path).unwrap()))
        .collect()
}

use std::collections::BTreeMap;

#[test]
fn what_was_synced_is_there_whatever_the_seed() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("before"), "old").unwrap();
    let disk = RecordingDisk::new(root.path()).unwrap();
    disk.replace(&root.path().join("a"), b"synced").unwrap();
    for seed in 0..20 {
        let files = after(&disk, seed);
        assert_eq!(files[Path::new("a")], b"synced");
        assert_eq!(files[Path::new("before")], b"old");
    }
}

#[test]
fn an_unsynced_write_is_kept_dropped_and_torn() {
    let root = tempfile::tempdir().unwrap();
    let disk = RecordingDisk::new(root.path()).unwrap();
    disk.replace(&root.path().join("a"), &[0; 2048]).unwrap();
    disk.open(&root.path().join("a"), false).unwrap().write_all_at(&[1; 1600], 100).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let bytes = &after(&disk, seed)[Path::new("a")];
        assert_eq!(bytes.len(), 2048);
        seen.insert([100, 600, 1100, 1650].map(|at| bytes[at]));
    }
    assert!(seen.contains(&[0; 4]) && seen.contains(&[1; 4]) && seen.len() > 6, "{seen:?}");
}

#[test]
fn an_unsynced_renaming_leaves_the_old_or_the_new_and_never_neither() {
    let root = tempfile::tempdir().unwrap();
    let disk = RecordingDisk::new(root.path()).unwrap();
    disk.replace(&root.path().join("a"), b"old").unwrap();
    let new = disk.open(&root.path().join("b"), true).unwrap();
    new.write_all_at(b"new", 0).unwrap();
    new.sync().unwrap();
    disk.rename(&root.path().join("b"), &root.path().join("a")).unwrap();
    let seen: std::collections::BTreeSet<_> =
        (0..40).map(|seed| after(&disk, seed)[Path::new("a")].clone()).collect();
    assert_eq!(seen, [b"new".to_vec(), b"old".to_vec()].into());
}

#[test]
fn a_faulty_disk_fails_when_it_was_told_and_works_until_then() {
    let root = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(Arc::new(RealDisk), Fault::Once, 2);
    let file = disk.open(&root.path().join("a"), true).unwrap();
    assert!(file.write_all_at(b"1234", 0).is_err());
    assert_eq!(fs::read(root.path().join("a")).unwrap(), b"12", "half a write is on the disk");
    file.write_all_at(b"1234", 0).unwrap();
    let full = FaultyDisk::new(Arc::new(RealDisk), Fault::Full, 1);
    let error = full.open(&root.path().join("b"), true).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    full.open(&root.path().join("a"), false).unwrap().write_all_at(b"4321", 0).unwrap();
}
