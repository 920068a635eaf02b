//! Packs against git itself, and against whoever damages them.

use super::*;
use ledger::Object;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn blob(bytes: &[u8]) -> Object {
    Object { kind: Kind::Blob, bytes: bytes.to_vec() }
}

fn pack(objects: &[Object]) -> Vec<u8> {
    let mut writer = PackWriter::new();
    objects.iter().for_each(|object| writer.add(object));
    assert_eq!(writer.count() as usize, objects.len());
    writer.finish()
}

fn read(bytes: &[u8], limit: u64) -> Result<Vec<Object>, PackError> {
    let mut reader = PackReader::open(bytes, limit)?;
    let mut objects = Vec::new();
    while let Some(object) = reader.next_object()? {
        objects.push(object);
    }
    Ok(objects)
}

/// Puts the right checksum under a pack that was changed.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - CHECKSUM_BYTES);
    let checksum = Sha256::digest(&bytes);
    [&bytes[..], &checksum].concat()
}

#[test]
fn objects_of_all_sizes_come_back() {
    let long: Vec<u8> = (0..300_000_u32).map(|n| (n.wrapping_mul(n) >> 5) as u8).collect();
    let sizes = [0, 1, 15, 16, 2047, 2048, 70_000, 300_000];
    let mut objects: Vec<Object> = sizes.iter().map(|size| blob(&long[..*size])).collect();
    objects.push(Object { kind: Kind::Tree, bytes: long.clone() });
    objects.push(Object { kind: Kind::Commit, bytes: vec![b'x'; 100_000] });
    assert_eq!(read(&pack(&objects), u64::MAX).unwrap(), objects);
    assert_eq!(read(&pack(&[]), 0).unwrap(), []);
}

#[test]
fn a_pack_costs_no_more_than_its_objects_do() {
    let random: Vec<u8> = (0..4000_u32).flat_map(|n| Sha256::digest(n.to_le_bytes())).collect();
    for kind in [Kind::Blob, Kind::Tree] {
        for size in [0, 1, 50, 1000, 128_000] {
            let objects: Vec<Object> =
                (0..20).map(|n| Object { kind, bytes: [&[n], &random[..size]].concat() }).collect();
            let costs: u64 = objects.iter().map(|object| cost(object.bytes.len())).sum();
            let got = pack(&objects).len() as u64;
            assert!(got <= costs + 64, "{kind:?} {size}: {got} of {costs}");
        }
    }
}

#[test]
fn every_byte_that_changes_is_noticed() {
    let bytes = pack(&[blob(b"hello hello hello"), blob(b"")]);
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(read(&bad, u64::MAX).is_err(), "byte {at}");
        assert!(read(&bytes[..at], u64::MAX).is_err(), "cut at {at}");
    }
}

#[test]
fn deltas_tags_and_odd_kinds_are_refused_under_a_right_checksum() {
    let bytes = pack(&[blob(b"hello")]);
    for code in [0, 4, 5, 6, 7] {
        let mut bad = bytes.clone();
        bad[HEADER_BYTES] = (bad[HEADER_BYTES] & 0x8f) | (code << 4);
        assert_eq!(read(&resealed(bad), u64::MAX), Err(PackError::Kind { index: 0, code }));
    }
}

#[test]
fn a_size_that_lies_is_refused_before_and_after_unpacking() {
    let bytes = pack(&[blob(b"hello")]);
    for size in [4, 6] {
        let mut bad = bytes.clone();
        bad[HEADER_BYTES] = (BLOB << 4) | size;
        assert_eq!(read(&resealed(bad), u64::MAX), Err(PackError::Object { index: 0 }));
    }
    // Four gigabytes, says the header: refused by the limit, nothing is allocated.
    let huge = [&bytes[..HEADER_BYTES], &[0xbf, 0xff, 0xff, 0xff, 0xff, 0x01], &[0; 32]].concat();
    assert_eq!(read(&resealed(huge), 1 << 20), Err(PackError::TooLarge { limit: 1 << 20 }));
    let padded = [&bytes[..HEADER_BYTES], &[0xb5, 0x00], &bytes[HEADER_BYTES + 1..]].concat();
    assert_eq!(read(&resealed(padded), 1 << 20), Err(PackError::Object { index: 0 }));
}

#[test]
fn more_than_was_asked_for_is_refused() {
    let objects = [blob(&[0; 1000]), blob(&[1; 1000])];
    let limit = 2 * cost(1000);
    assert!(read(&pack(&objects), limit).is_ok());
    assert_eq!(read(&pack(&objects), limit - 1), Err(PackError::TooLarge { limit: limit - 1 }));
    let mut many = pack(&objects);
    many[8..12].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(read(&resealed(many), limit), Err(PackError::TooLarge { limit }));
}

#[test]
fn bytes_after_the_last_object_and_a_wrong_count_are_refused() {
    let bytes = pack(&[blob(b"a"), blob(b"b")]);
    let longer = [&bytes[..bytes.len() - CHECKSUM_BYTES], &[0, 0], &[0; 32]].concat();
    assert_eq!(read(&resealed(longer), u64::MAX), Err(PackError::Trailing { bytes: 2 }));
    for count in [1_u8, 3] {
        let mut bad = bytes.clone();
        bad[HEADER_BYTES - 1] = count;
        assert!(read(&resealed(bad), u64::MAX).is_err());
    }
}

proptest! {
    #[test]
    fn any_objects_come_back(list in prop::collection::vec((0_u8..3, prop::collection::vec(any::<u8>(), 0..300)), 0..20)) {
        let objects: Vec<Object> = list
            .into_iter()
            .map(|(kind, bytes)| Object { kind: kind_of(kind + 1).unwrap(), bytes })
            .collect();
        prop_assert_eq!(read(&pack(&objects), u64::MAX).unwrap(), objects);
    }

    #[test]
    fn any_body_under_a_right_checksum_is_read_or_refused(count in 0_u8..4, body in prop::collection::vec(any::<u8>(), 0..100)) {
        let bytes = [&b"PACK\0\0\0\x02\0\0\0"[..], &[count], &body, &[0; 32]].concat();
        let _ = read(&resealed(bytes), 1 << 20);
    }
}
