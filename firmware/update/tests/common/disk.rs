//! A card whose power can be cut at any write and any sync.
//!
//! What was written is seen at once and is there after a cut only if it was synced; of what was not, [`Tear`] says which pieces are there, and in
//! which order they came.

use slots::{Place, PlaceError, Slot, Slots, UBoot};
use std::{cell::RefCell, collections::BTreeMap, ops::Range, rc::Rc};

/// Where bytes lie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Area {
    /// A part in a slot.
    Part(Slot, usize),
    /// A place of the record.
    Record(usize),
    /// A copy of the boot state.
    State(usize),
}

/// What a cut leaves of what was not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tear {
    /// Nothing.
    Nothing,
    /// All of it.
    Everything,
    /// Every other write, the first among them.
    Even,
    /// Every other write, not the first.
    Odd,
    /// Of each write its first half.
    Heads,
    /// Of each write its second half.
    Tails,
    /// The last writes alone, the later ones first.
    Backwards,
    /// Random pieces of each.
    Random(u64),
}

pub const TEARS: [Tear; 8] = [
    Tear::Nothing,
    Tear::Everything,
    Tear::Even,
    Tear::Odd,
    Tear::Heads,
    Tear::Tails,
    Tear::Backwards,
    Tear::Random(7),
];

/// The power is off.
#[derive(Debug)]
pub struct Off;

#[derive(Clone, Debug, Default)]
pub struct Disk {
    durable: BTreeMap<Area, Vec<u8>>,
    pending: Vec<(Area, usize, Vec<u8>)>,
    pub operations: usize,
    pub cut: Option<(usize, Tear)>,
    pub off: bool,
}

impl Disk {
    pub fn put(&mut self, area: Area, bytes: Vec<u8>) {
        self.durable.insert(area, bytes);
    }

    /// What is there after a cut.
    pub fn durable(&self, area: Area) -> &[u8] {
        self.durable.get(&area).map_or(&[], Vec::as_slice)
    }

    /// What is seen now.
    pub fn seen(&self, area: Area) -> Vec<u8> {
        let mut bytes = self.durable(area).to_vec();
        for (_, offset, piece) in self.pending.iter().filter(|(of, ..)| *of == area) {
            lay(&mut bytes, *offset, piece);
        }
        bytes
    }

    pub fn write(&mut self, area: Area, offset: usize, bytes: &[u8]) -> Result<(), Off> {
        if self.off {
            return Err(Off);
        }
        self.pending.push((area, offset, bytes.to_vec()));
        self.count()
    }

    pub fn sync(&mut self, area: Area) -> Result<(), Off> {
        self.count()?;
        for (of, offset, piece) in std::mem::take(&mut self.pending) {
            if of == area {
                lay(self.durable.entry(area).or_default(), offset, &piece);
            } else {
                self.pending.push((of, offset, piece));
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Off> {
        if self.off {
            return Err(Off);
        }
        let now = self.operations;
        self.operations += 1;
        match self.cut {
            Some((at, tear)) if at == now => {
                self.power_off(tear);
                Err(Off)
            }
            _ => Ok(()),
        }
    }

    pub fn power_off(&mut self, tear: Tear) {
        self.off = true;
        let mut pending: Vec<_> = std::mem::take(&mut self.pending).into_iter().enumerate().collect();
        if tear == Tear::Backwards {
            pending.reverse();
        }
        let count = pending.len();
        for (at, (area, offset, bytes)) in pending {
            let kept = kept(tear, at, count, bytes.len());
            let durable = self.durable.entry(area).or_default();
            for range in kept {
                lay(durable, offset + range.start, &bytes[range]);
            }
        }
    }
}

/// The pieces of a write that a cut leaves.
fn kept(tear: Tear, at: usize, count: usize, length: usize) -> Vec<Range<usize>> {
    let half = length / 2;
    let (is_even, is_late) = (at.is_multiple_of(2), at * 2 >= count);
    let only = |range: Range<usize>| std::iter::once(range).collect();
    match tear {
        Tear::Everything => only(0..length),
        Tear::Even if is_even => only(0..length),
        Tear::Odd if !is_even => only(0..length),
        Tear::Backwards if is_late => only(0..length),
        Tear::Nothing | Tear::Even | Tear::Odd | Tear::Backwards => vec![],
        Tear::Heads => only(0..half),
        Tear::Tails => only(half..length),
        Tear::Random(seed) => {
            let sixth = length.div_ceil(6).max(1);
            let bits = seed.wrapping_add(at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let piece = |n: usize| (n * sixth).min(length)..((n + 1) * sixth).min(length);
            (0..6).filter(|n| bits >> n & 1 == 1).map(piece).collect()
        }
    }
}

fn lay(bytes: &mut Vec<u8>, offset: usize, piece: &[u8]) {
    let end = offset + piece.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(piece);
}

pub type Shared = Rc<RefCell<Disk>>;

/// A copy of the boot state on the card.
#[derive(Clone)]
pub struct StatePlace(pub Shared, pub usize);

impl StatePlace {
    fn error(doing: &'static str) -> PlaceError {
        PlaceError { doing, place: "the card".to_owned(), source: "the power went".into() }
    }
}

impl Place for StatePlace {
    fn read(&self, into: &mut [u8]) -> Result<(), PlaceError> {
        let disk = self.0.borrow();
        if disk.off {
            return Err(Self::error("read"));
        }
        into.copy_from_slice(&disk.seen(Area::State(self.1))[..into.len()]);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PlaceError> {
        let (mut disk, area) = (self.0.borrow_mut(), Area::State(self.1));
        let done = disk.write(area, 0, bytes).and_then(|()| disk.sync(area));
        done.map_err(|Off| Self::error("write"))
    }
}

pub const STATE_BYTES: usize = 256;

pub fn boot_state(disk: &Shared) -> UBoot<StatePlace> {
    UBoot::new([StatePlace(disk.clone(), 0), StatePlace(disk.clone(), 1)], STATE_BYTES)
}

/// The boot state that a cut would leave now.
pub fn durable_state(disk: &Disk) -> Slots {
    let copies = [0, 1].map(|at| disk.durable(Area::State(at)).to_vec());
    let mut apart = Disk::default();
    for (at, copy) in copies.into_iter().enumerate() {
        apart.put(Area::State(at), copy);
    }
    slots::BootState::load(&boot_state(&Rc::new(RefCell::new(apart)))).expect("one copy is always whole")
}
