//! Writing against cards that obey, fail, or lie.

use super::{
    super::source::tests::{image, whole},
    *,
};

const CARD: usize = 32 << 20;

/// A card in memory, with what a former life left on it.
struct Fake {
    bytes: Vec<u8>,
    /// It fails from this write on.
    breaks_at: usize,
    /// It is really so small: what is written behind comes round to its beginning, as counterfeit cards do.
    real_bytes: usize,
    writes: usize,
}

impl Fake {
    fn used() -> Self {
        Self { bytes: vec![0xee; CARD], breaks_at: usize::MAX, real_bytes: CARD, writes: 0 }
    }

    fn place(&mut self, at: u64, length: u64) -> io::Result<&mut [u8]> {
        let at = at as usize % self.real_bytes;
        Ok(&mut self.bytes[at..at + length as usize])
    }

    fn count(&mut self) -> io::Result<()> {
        self.writes += 1;
        if self.writes > self.breaks_at { Err(io::Error::other("unplugged")) } else { Ok(()) }
    }
}

impl Card for Fake {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.count()?;
        self.place(at, bytes.len() as u64)?.copy_from_slice(bytes);
        Ok(())
    }

    fn zero(&mut self, at: u64, bytes: u64) -> io::Result<()> {
        self.count()?;
        self.place(at, bytes)?.fill(0);
        Ok(())
    }

    fn read(&mut self, at: u64, into: &mut [u8]) -> io::Result<()> {
        into.copy_from_slice(self.place(at, into.len() as u64)?);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    source: Source,
    stop: AtomicBool,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::open(&image(folder.path())).unwrap();
        Self { _folder: folder, source, stop: AtomicBool::new(false) }
    }

    fn flash(&self, card: &mut Fake, told: &mut dyn FnMut(Step, u64)) -> Result<(), WriteError> {
        let mut job = Job { source: &self.source, card_bytes: CARD as u64, stop: &self.stop, told };
        job.write(card)?;
        job.compare(card)
    }
}

#[test]
fn a_used_card_has_the_image_and_nothing_of_before_in_its_holes_and_at_its_end() {
    let (bench, mut card) = (Bench::new(), Fake::used());
    bench.flash(&mut card, &mut |_, _| ()).unwrap();
    let image = whole(&bench.source);
    assert!(card.bytes[..image.len()] == image);
    let end = CARD - END as usize;
    assert!(card.bytes[end..].iter().all(|byte| *byte == 0), "an old table's copy is gone");
    assert!(card.bytes[image.len()..end].iter().all(|byte| *byte == 0xee), "the rest is not worth the time");
}

#[test]
fn a_card_as_large_as_the_image_is_all_image() {
    let bench = Bench::new();
    let mut card = Fake { bytes: vec![0xee; 24 << 20], ..Fake::used() };
    let mut job =
        Job { source: &bench.source, card_bytes: 24 << 20, stop: &bench.stop, told: &mut |_, _| () };
    job.write(&mut card).unwrap();
    job.compare(&mut card).unwrap();
    assert!(card.bytes == whole(&bench.source));
}

#[test]
fn a_card_that_is_taken_out_at_any_moment_has_no_partition_table() {
    let bench = Bench::new();
    let mut good = Fake::used();
    bench.flash(&mut good, &mut |_, _| ()).unwrap();
    for breaks_at in 0..good.writes {
        let mut card = Fake { breaks_at, ..Fake::used() };
        let error = bench.flash(&mut card, &mut |_, _| ()).unwrap_err();
        assert!(error.to_string().contains("not usable"), "{error}");
        assert!(&card.bytes[512..520] != b"EFI PART", "after {breaks_at} writes");
    }
}

#[test]
fn a_card_that_is_smaller_than_it_says_is_found_out() {
    let bench = Bench::new();
    let mut card = Fake { real_bytes: 8 << 20, ..Fake::used() };
    assert!(matches!(bench.flash(&mut card, &mut |_, _| ()), Err(WriteError::Differs { .. })));
}

#[test]
fn one_wrong_bit_is_found_with_its_place() {
    let (bench, mut card) = (Bench::new(), Fake::used());
    bench.flash(&mut card, &mut |_, _| ()).unwrap();
    card.bytes[13_000_000] ^= 4;
    let mut job =
        Job { source: &bench.source, card_bytes: CARD as u64, stop: &bench.stop, told: &mut |_, _| () };
    let error = job.compare(&mut card).unwrap_err();
    assert!(error.to_string().contains("at 12 MB"), "{error}");
    card.bytes[13_000_000] ^= 4;
    *card.bytes.last_mut().unwrap() = 1;
    assert!(matches!(job.compare(&mut card), Err(WriteError::Differs { at }) if at == CARD as u64 - END));
}

#[test]
fn a_person_who_interrupts_is_told_that_the_card_is_not_usable() {
    let (bench, mut card) = (Bench::new(), Fake::used());
    let stop = &bench.stop;
    let error = bench.flash(&mut card, &mut |_, _| stop.store(true, Ordering::Relaxed)).unwrap_err();
    assert!(matches!(error, WriteError::Interrupted));
    assert!(&card.bytes[512..520] != b"EFI PART");
}

#[test]
fn both_steps_are_told_to_their_ends() {
    let (bench, mut card) = (Bench::new(), Fake::used());
    let (mut written, mut compared) = (0, 0);
    let mut told = |step, done| match step {
        Step::Write => written = done,
        Step::Compare => compared = done,
    };
    bench.flash(&mut card, &mut told).unwrap();
    assert_eq!((written, compared), (24 << 20, 24 << 20));
}
