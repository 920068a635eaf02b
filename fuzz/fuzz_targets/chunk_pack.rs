//! A walk through any bytes as a pack ends, stays inside them, and shows records that follow each other. Headers
//! stand behind checksums that bytes by chance do not have, so chunks are also put into records, which are found
//! and unpacked; and a header that says anything, with its checksums right, unpacks to its chunk or to nothing.
#![no_main]

use std::io;

use chunk::chunk_id;
use libfuzzer_sys::{arbitrary, fuzz_target};
use model::ChunkId;
use record::{HEADER_BYTES, Header, Packer};
use store::{
    chunks::{Shape, scan},
    disk::DiskFile,
};

// The store keeps its records to itself, so the file is taken as it is.
#[expect(dead_code, reason = "a part of it is used")]
#[path = "../../firmware/store/src/chunks/record.rs"]
mod record;

// Where `record` looks for it.
use store::disk;

#[derive(arbitrary::Arbitrary, Debug)]
struct Input<'a> {
    pack: &'a [u8],
    chunks: Vec<&'a [u8]>,
    header: [u8; HEADER_BYTES],
    data: &'a [u8],
}

/// A file that is only read.
struct Bytes<'a>(&'a [u8]);

impl DiskFile for Bytes<'_> {
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let from = self.0.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|input: Input| {
    walk(input.pack);
    let mut packer = Packer::new().expect("because zstd can begin");
    // The start of a pack, and the chunks as they would be put.
    let mut pack = [&b"LEDGPACK\x01\0\0\0"[..], &[0; 4]].concat();
    let sum = crc32c::crc32c(&pack[..12]);
    pack[12..].copy_from_slice(&sum.to_le_bytes());
    for plain in &input.chunks {
        pack.extend(packer.pack(chunk_id(plain), plain).bytes);
    }
    let (shape, found) = walk(&pack);
    assert!(shape.damage.is_empty() && shape.end == pack.len() as u64);
    let ids: Vec<_> = input.chunks.iter().map(|plain| chunk_id(plain)).collect();
    assert_eq!(found, ids);
    unpack(&pack[16..], &input.chunks);
    claim(input.header, input.data);
});

fn walk(bytes: &[u8]) -> (Shape, Vec<ChunkId>) {
    let (mut end, mut found) = (0, Vec::new());
    let shape = scan(&Bytes(bytes), bytes.len() as u64, &mut |offset, header, stored| {
        assert!(offset >= end && stored.len() == header.stored as usize);
        end = offset + stored.len() as u64;
        found.push(header.id);
    });
    let shape = shape.expect("because the walk stays inside the file");
    assert!(shape.end >= end && shape.end <= bytes.len() as u64);
    assert!(shape.damage.iter().all(|range| range.start < range.end && range.end <= shape.end));
    (shape, found)
}

fn unpack(mut records: &[u8], chunks: &[&[u8]]) {
    for plain in chunks {
        let (header, rest) = records.split_first_chunk().expect("because a record follows");
        let header = Header::parse(header).expect("because it was written");
        let (data, rest) = rest.split_at(header.stored as usize);
        assert!(header.fits(data) && header.unpack(data.to_vec()).as_deref() == Some(*plain));
        records = rest;
    }
}

/// A header that says anything, but has its marker and its checksum.
fn claim(mut header: [u8; HEADER_BYTES], data: &[u8]) {
    header[..4].copy_from_slice(b"chnk");
    let sum = crc32c::crc32c(&header[..HEADER_BYTES - 4]);
    header[HEADER_BYTES - 4..].copy_from_slice(&sum.to_le_bytes());
    let Some(header) = Header::parse(&header) else { return };
    assert!(header.plain <= chunk::MAX_CHUNK_BYTES && header.stored <= header.plain);
    if let Some(plain) = header.unpack(data.to_vec()) {
        assert_eq!(chunk_id(&plain), header.id);
    }
}
