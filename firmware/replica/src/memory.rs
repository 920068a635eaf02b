//! The obedient fake of the depot: it works, in memory, and loses its power or its room when told to.
//!
//! Objects live in a [`Shelf`] that many depots of one thread may share, so that a thousand boxes hold each object
//! once; which of them a depot has is one bit each. A depot that lost its power answers nothing until
//! [`MemoryDepot::restart`]; what was durable before is there again then, and nothing else.

use crate::depot::{Depot, DepotError};
use ledger::{NewObjects, Object, Objects, ReadError};
use model::{BlockId, ObjectId, RefName};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

/// Objects that depots share. Cheap to clone.
#[derive(Debug, Default, Clone)]
pub struct Shelf(Rc<RefCell<Stock>>);

#[derive(Debug, Default)]
struct Stock {
    places: HashMap<ObjectId, usize>,
    objects: Vec<Rc<Object>>,
}

impl Shelf {
    fn put(&self, id: &ObjectId, object: &Object) -> usize {
        let mut stock = self.0.borrow_mut();
        if let Some(place) = stock.places.get(id) {
            return *place;
        }
        let place = stock.objects.len();
        stock.objects.push(Rc::new(object.clone()));
        stock.places.insert(*id, place);
        place
    }

    fn find(&self, id: &ObjectId) -> Option<(usize, Rc<Object>)> {
        let stock = self.0.borrow();
        let place = *stock.places.get(id)?;
        stock.objects.get(place).map(|object| (place, object.clone()))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.0.borrow().objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which places of the shelf a depot has: one bit each.
#[derive(Debug, Default, Clone)]
struct Places(Vec<u64>);

impl Places {
    fn has(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    fn add(&mut self, place: usize) {
        if self.0.len() <= place / 64 {
            self.0.resize(place / 64 + 1, 0);
        }
        self.0[place / 64] |= 1 << (place % 64);
    }
}

/// A depot in memory. A clone of it is what a copied SD card is.
#[derive(Debug, Default, Clone)]
pub struct MemoryDepot {
    shelf: Shelf,
    places: Places,
    refs: BTreeMap<RefName, BlockId>,
    notes: BTreeMap<String, Vec<u8>>,
    cut_in: Option<u64>,
    is_dead: Cell<bool>,
    is_full: bool,
    steps: u64,
}

impl MemoryDepot {
    /// An empty depot that keeps its objects on a shelf.
    pub fn new(shelf: Shelf) -> Self {
        Self { shelf, ..Self::default() }
    }

    /// Cuts the power before the n-th durable step from now (1 is the next); `None` takes it back. The objects of a commit are one
    /// step, each reference and each note another.
    pub fn cut_power_at(&mut self, nth: Option<u64>) {
        self.cut_in = nth;
    }

    /// Says whether the disk is full: then new objects and longer notes are refused.
    pub fn set_full(&mut self, is_full: bool) {
        self.is_full = is_full;
    }

    /// Whether the power is cut.
    pub fn is_dead(&self) -> bool {
        self.is_dead.get()
    }

    /// Gives the power back.
    pub fn restart(&mut self) {
        self.is_dead.set(false);
        self.cut_in = None;
    }

    /// How many durable steps there were.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// One durable step, or the cut before it.
    fn step(&mut self, doing: &'static str) -> Result<(), DepotError> {
        self.alive(doing)?;
        if let Some(left) = self.cut_in {
            if left <= 1 {
                self.is_dead.set(true);
                return Err(failed(doing, false, "the power was cut here"));
            }
            self.cut_in = Some(left - 1);
        }
        self.steps += 1;
        Ok(())
    }

    fn alive(&self, doing: &'static str) -> Result<(), DepotError> {
        if self.is_dead.get() { Err(failed(doing, false, "the power is cut")) } else { Ok(()) }
    }

    fn room(&self, doing: &'static str) -> Result<(), DepotError> {
        if self.is_full { Err(failed(doing, true, "the disk is full")) } else { Ok(()) }
    }

    fn has(&self, id: &ObjectId) -> bool {
        self.shelf.find(id).is_some_and(|(place, _)| self.places.has(place))
    }
}

fn failed(doing: &'static str, is_full: bool, why: &'static str) -> DepotError {
    DepotError { doing, is_full, source: why.into() }
}

impl Objects for MemoryDepot {
    fn read(&self, id: &ObjectId) -> Result<Option<Object>, ReadError> {
        if self.is_dead.get() {
            return Err(ReadError { id: *id, source: "the power is cut".into() });
        }
        let found = self.shelf.find(id).filter(|(place, _)| self.places.has(*place));
        Ok(found.map(|(_, object)| (*object).clone()))
    }
}

impl Depot for MemoryDepot {
    fn objects(&self) -> &dyn Objects {
        self
    }

    fn head(&self, name: &RefName) -> Result<Option<BlockId>, DepotError> {
        self.alive("read a reference")?;
        Ok(self.refs.get(name).copied())
    }

    fn refs(&self) -> Result<BTreeMap<RefName, BlockId>, DepotError> {
        self.alive("list the references")?;
        Ok(self.refs.clone())
    }

    fn commit(&mut self, new: &NewObjects, moves: &[(RefName, BlockId)]) -> Result<(), DepotError> {
        let missing = |(_, block): &&(RefName, BlockId)| {
            let id = (*block).into();
            new.get(&id).is_none() && !self.has(&id)
        };
        if moves.iter().any(|to| missing(&to)) {
            return Err(failed("move a reference", false, "the block it would point to is missing"));
        }
        if new.iter().any(|(id, _)| !self.has(id)) {
            self.room("store new blocks")?;
            self.step("store new blocks")?;
        }
        for (id, object) in new.iter() {
            let place = self.shelf.put(id, object);
            self.places.add(place);
        }
        for (name, block) in moves {
            self.step("move a reference")?;
            self.refs.insert(name.clone(), *block);
        }
        Ok(())
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, DepotError> {
        self.alive("read a note")?;
        Ok(self.notes.get(name).cloned())
    }

    fn keep_note(&mut self, name: &str, bytes: &[u8]) -> Result<(), DepotError> {
        if self.notes.get(name).map_or(0, Vec::len) < bytes.len() {
            self.room("keep a note")?;
        }
        self.step("keep a note")?;
        match bytes {
            [] => self.notes.remove(name),
            bytes => self.notes.insert(name.to_string(), bytes.to_vec()),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Kind;

    fn one(text: &str) -> (NewObjects, BlockId) {
        let mut new = NewObjects::default();
        let id = new.insert(Kind::Blob, text.into());
        (new, id.into())
    }

    #[test]
    fn a_cut_between_two_references_keeps_the_first() {
        let mut depot = MemoryDepot::default();
        let ((new, id), key) = (one("x"), RefName::writer("ab".repeat(16).parse().unwrap()));
        depot.cut_power_at(Some(3));
        assert!(depot.commit(&new, &[(key.clone(), id), (RefName::main(), id)]).is_err());
        assert!(depot.head(&key).is_err(), "a box without power answers nothing");
        depot.restart();
        assert_eq!(depot.refs().unwrap(), BTreeMap::from([(key, id)]));
    }

    #[test]
    fn depots_of_one_shelf_hold_an_object_once_and_see_their_own_alone() {
        let shelf = Shelf::default();
        let (mut one_box, other) = (MemoryDepot::new(shelf.clone()), MemoryDepot::new(shelf.clone()));
        let (new, id) = one("x");
        one_box.commit(&new, &[]).unwrap();
        assert!(one_box.read(&id.into()).unwrap().is_some());
        assert!(other.read(&id.into()).unwrap().is_none());
        assert_eq!(shelf.len(), 1);
    }

    #[test]
    fn a_full_disk_refuses_and_says_so() {
        let mut depot = MemoryDepot::default();
        let (new, id) = one("x");
        depot.set_full(true);
        assert!(depot.commit(&new, &[(RefName::main(), id)]).unwrap_err().is_full);
        depot.set_full(false);
        depot.commit(&new, &[(RefName::main(), id)]).unwrap();
        depot.set_full(true);
        depot.commit(&new, &[(RefName::main(), id)]).expect("because nothing new is stored");
    }
}
