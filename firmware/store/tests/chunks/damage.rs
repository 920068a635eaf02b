//! Every byte of every file damaged, one at a time: never wrong bytes, and what is not hit is not lost.

use std::{fs, path::Path};

use chunk::chunk_id;
use store::chunks::{Chunks, GetError, OpenError};

use super::{Home, content, ends_in};

const COUNT: usize = 14;

/// Several full packs and one that is not.
fn filled() -> Home {
    let home = Home::new();
    let chunks = home.open();
    for number in 0..COUNT {
        chunks.put(&content(number)).unwrap();
    }
    chunks.sync().unwrap();
    assert!(home.files().len() >= 5, "{:?}", home.files());
    home
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

/// Each file with each of its bytes turned, in a folder of its own.
fn each_damage(mut check: impl FnMut(&Home, &Path, usize)) {
    let good = filled();
    for path in good.files() {
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x10;
            check(&good.with(&path, &bytes), &path, at);
        }
    }
}

#[test]
fn a_turned_byte_costs_one_chunk_at_most_and_putting_it_again_heals() {
    each_damage(|home, path, at| {
        let chunks = home.open();
        let lost_now = lost(&chunks);
        assert!(
            lost_now <= usize::from(ends_in(path, "pack")),
            "{lost_now} lost by byte {at} of {}",
            path.display()
        );
        (0..COUNT).for_each(|number| assert!(chunks.put(&content(number)).is_ok()));
        chunks.sync().unwrap();
        assert_eq!(lost(&chunks), 0, "byte {at} of {}", path.display());
        drop(chunks);
        assert_eq!(lost(&home.open()), 0, "byte {at} of {} after opening again", path.display());
    });
}

#[test]
fn verify_finds_every_damaged_chunk_and_forgets_it() {
    each_damage(|home, path, at| {
        let chunks = home.open();
        let report = chunks.verify(&mut |_| ()).unwrap();
        let cut_off = !chunks.opened().torn.is_empty() || !chunks.opened().damage.is_empty();
        assert_eq!(
            !report.damaged.is_empty() || cut_off,
            ends_in(path, "pack"),
            "byte {at} of {}",
            path.display()
        );
        for damage in report.damaged.iter().filter_map(|damage| damage.id) {
            assert!(!chunks.contains(&damage).unwrap());
        }
    });
}

#[test]
fn a_pack_cut_short_anywhere_keeps_what_stands_before_the_cut() {
    let good = filled();
    let last = good.files().into_iter().rfind(|path| ends_in(path, "pack")).unwrap();
    let bytes = fs::read(&last).unwrap();
    let mut before = COUNT;
    for length in (0..bytes.len()).rev() {
        let home = good.with(&last, &bytes[..length]);
        let chunks = home.open();
        let here = COUNT - lost(&chunks);
        assert!(here == before || here + 1 == before, "cut at {length}: {here} after {before}");
        before = here;
        chunks.put(b"the next chunk").unwrap();
        chunks.sync().unwrap();
        drop(chunks);
        assert!(home.open().contains(&chunk_id(b"the next chunk")).unwrap());
    }
}

#[test]
fn damage_is_told_with_pack_and_offset() {
    let home = Home::new();
    let chunks = home.open();
    let id = chunks.put(&content(1)).unwrap();
    let path = home.folder().join("000001.pack");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = chunks.get(&id).unwrap_err();
    assert!(matches!(&error, GetError::Damaged { pack, offset: 16, .. } if *pack == path), "{error}");
    assert!(matches!(chunks.get(&id), Err(GetError::Missing(_))), "a damaged chunk is not forgotten");
}

#[test]
fn a_pack_of_a_later_version_is_refused_and_left_alone() {
    let home = Home::new();
    let mut bytes = b"LEDGPACK\x02\0\0\0".to_vec();
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    let path = home.folder().join("000001.pack");
    fs::create_dir(home.folder()).unwrap();
    fs::write(&path, &bytes).unwrap();
    let error = home.try_open(&home.disk).unwrap_err();
    assert!(matches!(error, OpenError::Newer { version: 2, .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
