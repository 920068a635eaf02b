//! Any bytes as the answer to a request for blocks or chunks: refused, or within its limits. Bytes by chance have no right
//! checksum, so any body is also put under one; and objects that are written come back, and no others.
#![no_main]

use chunk::chunk_id;
use ledger::{Kind, Object};
use libfuzzer_sys::{arbitrary, fuzz_target};
use model::{ChunkId, OrgId};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use sync::{ChunkSource, PackError, PackReader, PackWriter, Response, cost, read_chunks, unpack, write_chunks};

const LIMIT: u64 = 1 << 20;

#[derive(arbitrary::Arbitrary, Debug)]
struct Input<'a> {
    answer: &'a [u8],
    count: u8,
    body: &'a [u8],
    objects: Vec<(u8, &'a [u8])>,
    chunks: Vec<&'a [u8]>,
    budget: u32,
}

struct Source(HashMap<ChunkId, Vec<u8>>);

impl ChunkSource for Source {
    fn get(&self, id: &ChunkId) -> Option<Vec<u8>> {
        self.0.get(id).cloned()
    }
}

fuzz_target!(|input: Input| {
    if let Ok(response) = Response::parse(input.answer) {
        assert_eq!(response.to_bytes(), input.answer);
    }
    check(input.answer);
    let body = [&b"PACK\0\0\0\x02\0\0\0"[..], &[input.count], input.body].concat();
    check(&[&body[..], &Sha256::digest(&body)].concat());
    written(&input.objects);
    chunks(&input);
});

/// What is read stays within the limit.
fn check(pack: &[u8]) {
    if let Ok(objects) = read(pack) {
        assert!(objects.iter().map(|object| cost(object.bytes.len())).sum::<u64>() <= LIMIT);
    }
    let org = OrgId::new([7; 32]);
    if let Ok(blocks) = unpack(pack, LIMIT, org, &|_| true) {
        assert!(blocks.iter().all(|arrival| arrival.block.org == org));
    }
}

fn read(pack: &[u8]) -> Result<Vec<Object>, PackError> {
    let mut reader = PackReader::open(pack, LIMIT)?;
    let mut objects = Vec::new();
    while let Some(object) = reader.next_object()? {
        objects.push(object);
    }
    Ok(objects)
}

fn written(list: &[(u8, &[u8])]) {
    let kind = |n: u8| [Kind::Blob, Kind::Tree, Kind::Commit][usize::from(n) % 3];
    let objects: Vec<Object> =
        list.iter().map(|(n, bytes)| Object { kind: kind(*n), bytes: bytes.to_vec() }).collect();
    let mut writer = PackWriter::new();
    objects.iter().for_each(|object| writer.add(object));
    let whole: u64 = objects.iter().map(|object| cost(object.bytes.len())).sum();
    let pack = writer.finish();
    assert!(pack.len() as u64 <= whole + 64);
    if whole <= LIMIT {
        assert_eq!(read(&pack), Ok(objects));
    }
}

fn chunks(input: &Input) {
    let source: HashMap<_, _> = input.chunks.iter().map(|plain| (chunk_id(plain), plain.to_vec())).collect();
    let source = Source(source);
    let ids: Vec<ChunkId> = source.0.keys().copied().take(256).collect();
    let budget = input.budget % (1 << 20);
    let frames = write_chunks(&source, &ids, budget, budget);
    let chunks = read_chunks(&frames, &ids, budget).expect("because it was written");
    assert!(chunks.absent.is_empty());
    assert!(chunks.here.iter().all(|chunk| source.0[&chunk.id] == chunk.bytes));
    if let Ok(chunks) = read_chunks(input.answer, &ids, budget) {
        assert!(chunks.here.iter().all(|chunk| chunk_id(&chunk.bytes) == chunk.id));
    }
}
