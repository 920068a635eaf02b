//! Our own bytes: missing chunks as they are, the delta, and what publisher and box need for it.

use std::{collections::HashSet, env, fs, io, os::unix::fs::FileExt, path::Path, process::Command};

use chunk::{
    Manifest,
    delta::{Decoder, Delta, Source},
};

use super::{
    Done, Pair,
    make::{delta, manifest},
    process, row,
};

/// That of the chunk packs.
const LEVEL: i32 = 3;

/// Publishes and installs, each in a process of its own.
pub fn compare(pair: &Pair) -> Done {
    let again = || Ok::<_, io::Error>(Command::new(env::current_exe()?));
    process::seconds(again()?.arg("publish").args([&pair.old, &pair.new, &pair.folder]))?;
    process::seconds(again()?.arg("box").args([&pair.old, &pair.folder]))?;
    process::seconds(again()?.arg("nothing").args([&pair.new, &pair.folder]))?;
    Ok(())
}

/// The publisher: manifests, then the delta, whose frames and text are left in the folder.
pub fn publish(old: &Path, new: &Path, folder: &Path) -> Done {
    let (old, new) = (fs::read(old)?, fs::read(new)?);
    let manifests = (manifest(&old)?, manifest(&new)?);
    let (old, new) =
        (Source { bytes: &old, manifest: &manifests.0 }, Source { bytes: &new, manifest: &manifests.1 });
    let text = new.manifest.to_text();
    fs::write(folder.join("manifest"), &text)?;
    let plain = packed(&text)? + missing(old, new)?;
    row("our plain chunks, zstd -3 each, and the manifest", plain, process::own_seconds()?);
    let before = process::own_seconds()?;
    let (delta, bytes) = delta(old, new, Some(folder))?;
    let (text, delta) = (packed(&text)?, packed(&delta)?);
    row("our delta: frames, its text, the manifest", bytes + delta + text, process::own_seconds()? - before);
    println!("    frames {bytes}, the delta's text {delta}, the manifest {text}, both by zstd -{LEVEL}");
    println!("    publisher: {} MiB at its peak, both files included", process::own_peak_mib()?);
    Ok(())
}

/// The box: every segment's chunks from the old file and the frames.
pub fn install(old: &Path, folder: &Path) -> Done {
    let manifest = Manifest::parse(&fs::read(folder.join("manifest"))?)?;
    let delta = Delta::parse(&fs::read(folder.join("delta"))?)?;
    let decoder = Decoder::new(&delta, &manifest)?;
    let old = fs::File::open(old)?;
    let (mut chunks, mut bytes) = (0, 0);
    for (number, segment) in delta.segments.iter().enumerate() {
        let frame = fs::read(folder.join(segment.frame.to_string()))?;
        let made = decoder.make(number, &frame, |offset, into| old.read_exact_at(into, offset))?;
        chunks += made.chunks().count();
        bytes += made.chunks().map(|(_, _, chunk)| chunk.len()).sum::<usize>();
    }
    let (seconds, peak) = (process::own_seconds()?, process::own_peak_mib()?);
    let count = delta.segments.len();
    println!(
        "    box: {chunks} chunks of {} MiB from {count} segments, {seconds:.1} s at the processor, {peak} MiB at its peak",
        bytes >> 20
    );
    Ok(())
}

/// The whole image, for a box that has nothing: the bound that no update may exceed.
pub fn from_nothing(new: &Path, _: &Path) -> Done {
    let (bytes, none) = (fs::read(new)?, manifest(&[])?);
    let manifest = manifest(&bytes)?;
    let before = process::own_seconds()?;
    let new = Source { bytes: &bytes, manifest: &manifest };
    let (text, frames) = delta(Source { bytes: &[], manifest: &none }, new, None)?;
    let bytes = frames + packed(&text)? + packed(&manifest.to_text())?;
    row("our delta from nothing, and the manifest", bytes, process::own_seconds()? - before);
    Ok(())
}

/// The chunks that the old file lacks, each as it is kept and sent.
fn missing(old: Source<'_>, new: Source<'_>) -> Done<u64> {
    let mut known: HashSet<_> = old.manifest.chunks.iter().map(|(id, _)| *id).collect();
    let (mut start, mut sum) = (0, 0);
    for (id, length) in &new.manifest.chunks {
        let end = start + *length as usize;
        if known.insert(*id) {
            let chunk = &new.bytes[start..end];
            sum += zstd::bulk::compress(chunk, LEVEL)?.len().min(chunk.len()) as u64;
        }
        start = end;
    }
    Ok(sum)
}

fn packed(text: &str) -> Done<u64> {
    Ok(zstd::bulk::compress(text.as_bytes(), LEVEL)?.len() as u64)
}
