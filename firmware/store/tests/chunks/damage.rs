//! Every byte of every file damaged, one at a time: never wrong bytes, and what is not hit is not lost.

use std::path::Path;

use chunk::chunk_id;
use store::{
    chunks::{Chunks, GetError, OpenError},
    disk::Disk,
};

use super::{FOLDER, content, disk::FakeDisk, open, try_open};

const COUNT: usize = 14;

/// Several full packs and one that is not.
fn filled() -> FakeDisk {
    let disk = FakeDisk::new();
    let chunks = open(&disk);
    for number in 0..COUNT {
        chunks.put(&content(number)).unwrap();
    }
    chunks.sync().unwrap();
    assert!(disk.paths().len() > 4, "{:?}", disk.paths());
    disk
}

/// How many chunks cannot be had; panics on wrong bytes.
fn lost(chunks: &Chunks) -> usize {
    let lost = |number: &usize| {
        let plain = content(*number);
        match chunks.get(&chunk_id(&plain)) {
            Ok(got) => {
                assert_eq!(got, plain, "wrong bytes for chunk {number}");
                false
            }
            Err(error) => {
                assert!(error.is_missing_or_damaged(), "{error}");
                true
            }
        }
    };
    (0..COUNT).filter(lost).count()
}

/// Each file with each of its bytes turned, on a disk of its own.
fn each_damage(mut check: impl FnMut(&FakeDisk, &Path, usize)) {
    let good = filled();
    for path in good.paths() {
        let bytes = good.read(&path).unwrap();
        for at in 0..bytes.len() {
            let disk = good.copy();
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x10;
            disk.write(&path, bytes);
            check(&disk, &path, at);
        }
    }
}

#[test]
fn a_turned_byte_costs_one_chunk_at_most_and_putting_it_again_heals() {
    each_damage(|disk, path, at| {
        let chunks = open(disk);
        let lost_now = lost(&chunks);
        let in_index = path.extension().is_some_and(|ending| ending == "index");
        assert!(lost_now <= usize::from(!in_index), "{lost_now} lost by byte {at} of {}", path.display());
        (0..COUNT).for_each(|number| assert!(chunks.put(&content(number)).is_ok()));
        chunks.sync().unwrap();
        assert_eq!(lost(&chunks), 0, "byte {at} of {}", path.display());
        drop(chunks);
        assert_eq!(lost(&open(disk)), 0, "byte {at} of {} after opening again", path.display());
    });
}

#[test]
fn verify_finds_every_damaged_chunk_and_forgets_it() {
    each_damage(|disk, path, at| {
        let chunks = open(disk);
        let report = chunks.verify(&mut |_| ()).unwrap();
        let cut_off = !chunks.opened().torn.is_empty() || !chunks.opened().damage.is_empty();
        let in_pack = path.extension().is_some_and(|ending| ending == "pack");
        assert_eq!(!report.damaged.is_empty() || cut_off, in_pack, "byte {at} of {}", path.display());
        for damage in report.damaged.iter().filter_map(|damage| damage.id) {
            assert!(!chunks.contains(&damage).unwrap());
        }
    });
}

#[test]
fn a_pack_cut_short_anywhere_keeps_what_stands_before_the_cut() {
    let good = filled();
    let last = good.paths().into_iter().rfind(|path| path.extension().unwrap() == "pack").unwrap();
    let bytes = good.read(&last).unwrap();
    let mut before = COUNT;
    for length in (0..bytes.len()).rev() {
        let disk = good.copy();
        disk.write(&last, bytes[..length].to_vec());
        let chunks = open(&disk);
        let here = COUNT - lost(&chunks);
        assert!(here == before || here + 1 == before, "cut at {length}: {here} after {before}");
        before = here;
        chunks.put(b"the next chunk").unwrap();
        chunks.sync().unwrap();
        drop(chunks);
        assert!(open(&disk).contains(&chunk_id(b"the next chunk")).unwrap());
    }
}

#[test]
fn damage_is_told_with_pack_and_offset() {
    let disk = FakeDisk::new();
    let chunks = open(&disk);
    let id = chunks.put(&content(1)).unwrap();
    let path = Path::new(FOLDER).join("000001.pack");
    let mut bytes = disk.read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    disk.open(&path, false).unwrap().write_all_at(&bytes, 0).unwrap();
    let error = chunks.get(&id).unwrap_err();
    assert!(matches!(&error, GetError::Damaged { pack, offset: 16, .. } if *pack == path), "{error}");
    assert!(matches!(chunks.get(&id), Err(GetError::Missing(_))), "a damaged chunk is not forgotten");
}

#[test]
fn a_pack_of_a_later_version_is_refused_and_left_alone() {
    let disk = FakeDisk::new();
    let mut bytes = b"LEDGPACK\x02\0\0\0".to_vec();
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    let path = Path::new(FOLDER).join("000001.pack");
    disk.write(&path, bytes.clone());
    let error = try_open(&disk).unwrap_err();
    assert!(matches!(error, OpenError::Newer { version: 2, .. }), "{error}");
    assert_eq!(disk.read(&path).unwrap(), bytes);
}
