//! Places for the tests: one in memory whose power can be cut at any byte or sector, one in a real file.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]
#![allow(missing_docs, reason = "for the tests beside it")]
#![allow(dead_code, reason = "each test program uses a part of it")]

use slots::{Left, Order, Place, PlaceError, Slot, Slots};
use std::{
    cell::RefCell,
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    rc::Rc,
};

/// What the next write does.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fault {
    /// It writes all.
    None,
    /// The power goes after so many bytes.
    CutAfter(usize),
    /// The power goes; of the sectors of so many bytes just those of the mask were written.
    Sectors { bytes: usize, mask: u32 },
    /// An error, and nothing is written. So it stays.
    Refuses,
    /// No error, and nothing is written. So it stays.
    Lies,
    /// Nothing can be read and nothing written. So it stays.
    Dead,
}

/// A place in memory that outlives whoever writes to it.
#[derive(Clone, Debug)]
pub struct Memory(Rc<RefCell<(Vec<u8>, Fault)>>);

impl Memory {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Rc::new(RefCell::new((bytes, Fault::None))))
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.borrow().0.clone()
    }

    pub fn put(&self, bytes: &[u8]) {
        self.0.borrow_mut().0 = bytes.to_vec();
    }

    pub fn fault(&self, fault: Fault) {
        self.0.borrow_mut().1 = fault;
    }
}

fn no_power(doing: &'static str) -> PlaceError {
    PlaceError { doing, place: "memory".to_owned(), source: "the power went".into() }
}

impl Place for Memory {
    fn read(&self, into: &mut [u8]) -> Result<(), PlaceError> {
        let (bytes, fault) = &*self.0.borrow();
        if *fault == Fault::Dead || bytes.len() < into.len() {
            return Err(no_power("read"));
        }
        into.copy_from_slice(&bytes[..into.len()]);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PlaceError> {
        let (held, fault) = &mut *self.0.borrow_mut();
        match *fault {
            Fault::None => held[..bytes.len()].copy_from_slice(bytes),
            Fault::Lies => {}
            Fault::Refuses | Fault::Dead => return Err(no_power("write")),
            Fault::CutAfter(cut) => {
                held[..cut].copy_from_slice(&bytes[..cut]);
                *fault = Fault::Dead;
                return Err(no_power("write"));
            }
            Fault::Sectors { bytes: size, mask } => {
                for (at, (old, new)) in held.chunks_mut(size).zip(bytes.chunks(size)).enumerate() {
                    if mask & (1 << at) != 0 {
                        old.copy_from_slice(new);
                    }
                }
                *fault = Fault::Dead;
                return Err(no_power("write"));
            }
        }
        Ok(())
    }
}

/// A place in a file, at an offset.
#[derive(Clone, Debug)]
pub struct InFile {
    pub path: PathBuf,
    pub offset: u64,
}

impl InFile {
    pub fn new(path: &Path, offset: u64) -> Self {
        Self { path: path.to_owned(), offset }
    }

    fn error(&self, doing: &'static str, source: std::io::Error) -> PlaceError {
        PlaceError { doing, place: self.path.display().to_string(), source: source.into() }
    }
}

impl Place for InFile {
    fn read(&self, into: &mut [u8]) -> Result<(), PlaceError> {
        let read = File::open(&self.path).and_then(|file| file.read_exact_at(into, self.offset));
        read.map_err(|source| self.error("read", source))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PlaceError> {
        let write = || {
            let file = File::options().write(true).open(&self.path)?;
            file.write_all_at(bytes, self.offset)?;
            file.sync_data()
        };
        write().map_err(|source| self.error("write", source))
    }
}

/// Every state that there is.
pub fn every_state() -> Vec<Slots> {
    let mut states = Vec::new();
    for order in Order::EVERY {
        for bits in 0..64_u8 {
            let left = [bits & 3, bits >> 2 & 3].map(|count| Left::new(count).unwrap());
            states.push(Slots::from_parts(order, left, [bits & 16 != 0, bits & 32 != 0]));
        }
    }
    states.sort();
    states.dedup();
    states
}

/// Every other state that one verb, or a start, makes of this one.
pub fn every_next(slots: &Slots) -> Vec<Slots> {
    let mut next = vec![];
    let mut booted = *slots;
    booted.boot();
    next.push(booted);
    for slot in Slot::BOTH {
        let verbs: [&dyn Fn(&mut Slots) -> bool; 5] = [
            &|s| s.write(slot.other(), slot).is_ok(),
            &|s| s.try_next(slot.other(), slot).is_ok(),
            &|s| s.fail(slot).is_ok(),
            &|s| s.roll_back(slot).is_ok(),
            &|s| {
                s.commit(slot);
                true
            },
        ];
        for verb in verbs {
            let mut after = *slots;
            if verb(&mut after) {
                next.push(after);
            }
        }
    }
    next.retain(|after| after != slots);
    next.sort();
    next.dedup();
    next
}
