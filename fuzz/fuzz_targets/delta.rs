//! A delta that parses is the one that would be written. A segment whose frame is hostile, with a name that fits it, makes
//! the chunks that the manifest names or nothing, whatever the old file is.
#![no_main]

use chunk::{
    Builder, Cutter, FileHasher, Manifest, chunk_id, cut,
    delta::{Decoder, Delta, Segment},
};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    text: &'a [u8],
    new: Vec<u8>,
    chunks: (u8, u8),
    prefix: (u16, u16),
    old: &'a [u8],
    frame: &'a [u8],
}

fuzz_target!(|input: Input| {
    if let Ok(delta) = Delta::parse(input.text) {
        assert_eq!(delta.to_text().as_bytes(), input.text);
    }
    let new = manifest(&input.new);
    let (first, count) = (usize::from(input.chunks.0), usize::from(input.chunks.1));
    let (offset, length) = (u64::from(input.prefix.0), u64::from(input.prefix.1));
    let segment = Segment {
        frame: chunk_id(input.frame),
        frame_bytes: input.frame.len() as u32,
        chunks: vec![first..first + count],
        prefix: if length == 0 { vec![] } else { vec![offset..offset + length] },
    };
    let Ok(delta) = Delta::between(&manifest(input.old), &new, vec![segment]) else { return };
    let Ok(decoder) = Decoder::new(&delta, &new) else { return };
    let made = decoder.make(0, input.frame, |offset, into| {
        let from = offset as usize;
        into.copy_from_slice(&input.old[from..from + into.len()]);
        Ok(())
    });
    for (number, id, bytes) in made.iter().flat_map(|made| made.chunks()) {
        assert_eq!((id, bytes.len()), (new.chunks[number].0, new.chunks[number].1 as usize));
        assert_eq!(chunk_id(bytes), id);
    }
});

fn manifest(bytes: &[u8]) -> Manifest {
    let cutter: Cutter = "rabin:4:64:256".parse().expect("because these sizes do");
    let (mut builder, mut whole) = (Builder::new(cutter), FileHasher::new());
    whole.update(bytes);
    for range in cut(cutter, bytes) {
        builder.push(chunk_id(&bytes[range.clone()]), range.len() as u32).expect("because the cutter made it");
    }
    builder.finish(whole.finish())
}
