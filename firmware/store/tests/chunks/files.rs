//! Whole files, on a real folder and on one that fails.

use std::{
    io::{self, Read},
    sync::Arc,
};

use chunk::{Cutter, Manifest};
use store::{
    chunks::{Chunks, GetFileError, PutError, PutFileError},
    crash::Fault,
    disk::RealDisk,
};

use super::{Dice, Home};

fn cutter() -> Cutter {
    "fastcdc:1024:4096:16384".parse().unwrap()
}

fn file(seed: u64, length: usize) -> Vec<u8> {
    let mut dice = Dice(seed);
    (0..length).map(|at| if at / 5000 % 2 == 0 { dice.below(256) as u8 } else { b'x' }).collect()
}

fn put(chunks: &Chunks, bytes: &[u8]) -> Manifest {
    chunks.put_file(bytes, cutter(), &mut |_| ()).unwrap()
}

fn get(chunks: &Chunks, manifest: &Manifest) -> Result<Vec<u8>, GetFileError> {
    let mut bytes = Vec::new();
    chunks.get_file(manifest, &mut bytes, &mut |_| ()).map(|()| bytes)
}

#[test]
fn files_of_all_sizes_go_there_and_back_through_a_real_folder() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("chunks");
    let chunks = Chunks::open(&at, Arc::new(RealDisk)).unwrap();
    let files: Vec<Vec<u8>> = [0, 1, 1023, 1024, 50_000, 700_000].map(|length| file(7, length)).into();
    let manifests: Vec<Manifest> = files.iter().map(|file| put(&chunks, file)).collect();
    drop(chunks);
    let chunks = Chunks::open(&at, Arc::new(RealDisk)).unwrap();
    for (file, manifest) in files.iter().zip(&manifests) {
        assert_eq!(manifest.size, file.len() as u64);
        assert!(get(&chunks, manifest).unwrap() == *file, "{} bytes differ", file.len());
        assert_eq!(Manifest::parse(manifest.to_text().as_bytes()).unwrap(), *manifest);
    }
}

#[test]
fn the_manifest_does_not_depend_on_which_worker_was_faster() {
    let bytes = file(1, 400_000);
    let manifests: Vec<Manifest> = (0..5).map(|_| put(&Home::new().open(), &bytes)).collect();
    assert!(manifests.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_changed_file_costs_its_changed_chunks_only() {
    let home = Home::new();
    let chunks = home.open();
    let mut bytes = file(2, 400_000);
    put(&chunks, &bytes);
    let before = chunks.usage().chunks;
    bytes[200_000] ^= 1;
    put(&chunks, &bytes);
    assert!(chunks.usage().chunks <= before + 3);
}

#[test]
fn progress_grows_up_to_the_size() {
    let home = Home::new();
    let chunks = home.open();
    let bytes = file(3, 100_000);
    let (mut putting, mut getting, mut verifying) = (vec![0], vec![0], vec![0]);
    let manifest = chunks.put_file(&*bytes, cutter(), &mut |done| putting.push(done)).unwrap();
    chunks.get_file(&manifest, io::sink(), &mut |done| getting.push(done)).unwrap();
    chunks.verify(&mut |done| verifying.push(done)).unwrap();
    assert!(putting.is_sorted() && getting.is_sorted() && verifying.is_sorted());
    assert_eq!((putting.last(), getting.last()), (Some(&100_000), Some(&100_000)));
    assert_eq!(verifying.last(), Some(&chunks.usage().bytes));
}

#[test]
fn a_missing_chunk_and_a_wrong_manifest_are_told_apart() {
    let home = Home::new();
    let chunks = home.open();
    let manifest = put(&chunks, &file(4, 50_000));
    let mut wrong = manifest.clone();
    wrong.hash[0] ^= 1;
    assert!(matches!(get(&chunks, &wrong), Err(GetFileError::Whole)));
    let mut wrong = manifest.clone();
    wrong.chunks[2].1 += 1;
    assert!(matches!(get(&chunks, &wrong), Err(GetFileError::Length { .. })));
    let empty = Home::new();
    assert!(matches!(get(&empty.open(), &manifest), Err(GetFileError::Get { number: 1, .. })));
}

#[test]
fn a_file_that_cannot_be_read_to_its_end_is_not_taken_for_a_shorter_one() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the stick was pulled"))
        }
    }
    let bytes = file(5, 100_000);
    let result = Home::new().open().put_file(bytes.as_slice().chain(Failing), cutter(), &mut |_| ());
    assert!(matches!(result, Err(PutFileError::Read(_))));
}

#[test]
fn a_disk_that_fills_up_stops_all_workers_with_its_own_error() {
    for call in 1..60 {
        let home = Home::new();
        let Ok(chunks) = home.try_open(&home.faulty(Fault::Full, call)) else { continue };
        let error = chunks.put_file(&*file(6, 300_000), cutter(), &mut |_| ()).unwrap_err();
        assert!(matches!(error, PutFileError::Put(PutError::Disk(disk)) if disk.is_full()));
    }
}
