//! Lines that obey: a machine's chips in memory, with edges, levels, unplugging and calls that fail.

use super::port::{Chip, ChipLine, Edge, Gpio, InputLine, InputWish, OutputLine, Place};
use rustix::io::Errno;
use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{Arc, Mutex, MutexGuard},
};

/// What was done to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Requested as an output that is physically high or low from its first moment.
    Requested(bool),
    /// Driven high or low.
    Driven(bool),
    /// Given back.
    Released,
}

/// The machine.
#[derive(Clone, Default)]
pub struct FakeGpio(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    chips: Vec<Chip>,
    unplugged: Vec<String>,
    /// Errors of the next calls, by the call's name.
    failing: VecDeque<(&'static str, Errno)>,
    deeds: Vec<(Place, Deed)>,
    /// Physical levels.
    levels: BTreeMap<Place, bool>,
    inputs: Vec<Input>,
    wishes: Vec<(Place, InputWish)>,
}

struct Input {
    place: Place,
    wish: InputWish,
    bell: UnixStream,
    waiting: Arc<Mutex<VecDeque<Edge>>>,
}

struct FakeLine {
    gpio: FakeGpio,
    place: Place,
    wish: Option<InputWish>,
    bell: UnixStream,
    waiting: Arc<Mutex<VecDeque<Edge>>>,
}

pub fn place(chip: &str, offset: u32) -> Place {
    Place { chip: chip.into(), offset }
}

impl FakeGpio {
    /// A machine with one chip of eight lines, `gpiochip0`, labelled `fake`, lines named `L0` to `L7`.
    pub fn new() -> Self {
        let gpio = Self::default();
        gpio.plug("gpiochip0", "fake", &["L0", "L1", "L2", "L3", "L4", "L5", "L6", "L7"]);
        gpio
    }

    pub fn plug(&self, name: &str, label: &str, lines: &[&str]) {
        let line = |name: &&str| ChipLine { name: (*name).into(), used_by: None };
        let chip = Chip { name: name.into(), label: label.into(), lines: lines.iter().map(line).collect() };
        let mut state = self.lock();
        state.unplugged.retain(|gone| gone != name);
        state.chips.retain(|chip| chip.name != name);
        state.chips.push(chip);
    }

    /// Every request of the chip's lines is dead from now on, and says so.
    pub fn unplug(&self, name: &str) {
        let mut state = self.lock();
        state.unplugged.push(name.into());
        for input in state.inputs.extract_if(.., |input| input.place.chip == name) {
            ring(&input.bell);
        }
    }

    /// It is there again, as it was.
    pub fn plug_again(&self, name: &str) {
        self.lock().unplugged.retain(|gone| gone != name);
    }

    pub fn occupy(&self, chip: usize, offset: usize, by: &str) {
        self.lock().chips[chip].lines[offset].used_by = Some(by.into());
    }

    /// The next call of that name fails.
    pub fn fail(&self, call: &'static str, error: Errno) {
        self.lock().failing.push_back((call, error));
    }

    pub fn deeds(&self) -> Vec<(Place, Deed)> {
        self.lock().deeds.clone()
    }

    pub fn wishes(&self) -> Vec<(Place, InputWish)> {
        self.lock().wishes.clone()
    }

    /// The physical level of a line.
    pub fn is_high(&self, place: &Place) -> bool {
        self.lock().levels.get(place).copied().unwrap_or(false)
    }

    /// Somebody outside draws a line high or low at a time of the monotonic clock.
    pub fn drive(&self, place: &Place, high: bool, at_ns: u64) {
        let mut state = self.lock();
        if state.levels.insert(place.clone(), high) == Some(high) {
            return;
        }
        for input in state.inputs.iter().filter(|input| input.place == *place) {
            let on = high != input.wish.active_low;
            if on || !input.wish.only_on {
                input.waiting.lock().unwrap().push_back(Edge { on, at_ns });
                ring(&input.bell);
            }
        }
    }

    fn call(&self, name: &'static str, place: &Place) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        if state.unplugged.contains(&place.chip) {
            return Err(Errno::NODEV.into());
        }
        match state.failing.front() {
            Some((call, error)) if *call == name => {
                let error = *error;
                state.failing.pop_front();
                Err(error.into())
            }
            _ => Ok(state),
        }
    }

    fn line(&self, place: &Place, wish: Option<InputWish>) -> (FakeLine, UnixStream) {
        let (bell, other) = UnixStream::pair().unwrap();
        bell.set_nonblocking(true).unwrap();
        other.set_nonblocking(true).unwrap();
        let waiting = Arc::default();
        (FakeLine { gpio: self.clone(), place: place.clone(), wish, bell, waiting }, other)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// A bell that has rung often enough to be heard may be full.
fn ring(mut bell: &UnixStream) {
    let _rung = bell.write(&[0]);
}

impl Gpio for FakeGpio {
    fn chips(&self) -> io::Result<Vec<Chip>> {
        let state = self.lock();
        let here = |chip: &&Chip| !state.unplugged.contains(&chip.name);
        Ok(state.chips.iter().filter(here).cloned().collect())
    }

    fn output(&self, place: &Place, active_low: bool, on: bool) -> io::Result<Box<dyn OutputLine>> {
        let high = on != active_low;
        let mut state = self.call("output", place)?;
        state.levels.insert(place.clone(), high);
        state.deeds.push((place.clone(), Deed::Requested(high)));
        drop(state);
        let wish = InputWish { active_low, bias: crate::spec::Bias::AsIs, debounce_ms: 0, only_on: false };
        Ok(Box::new(self.line(place, Some(wish)).0))
    }

    fn input(&self, place: &Place, wish: InputWish) -> io::Result<Box<dyn InputLine>> {
        let mut state = self.call("input", place)?;
        let (line, bell) = self.line(place, Some(wish));
        let waiting = line.waiting.clone();
        state.inputs.push(Input { place: place.clone(), wish, bell, waiting });
        state.wishes.push((place.clone(), wish));
        Ok(Box::new(line))
    }
}

impl OutputLine for FakeLine {
    fn set(&self, on: bool) -> io::Result<()> {
        let mut state = self.gpio.call("set", &self.place)?;
        let high = on != self.wish.is_some_and(|wish| wish.active_low);
        state.levels.insert(self.place.clone(), high);
        state.deeds.push((self.place.clone(), Deed::Driven(high)));
        Ok(())
    }
}

impl InputLine for FakeLine {
    fn fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    fn level(&self) -> io::Result<bool> {
        let state = self.gpio.call("level", &self.place)?;
        let high = state.levels.get(&self.place).copied().unwrap_or(false);
        Ok(high != self.wish.is_some_and(|wish| wish.active_low))
    }

    fn next(&self) -> io::Result<Option<Edge>> {
        drop(self.gpio.call("next", &self.place)?);
        let mut waiting = self.waiting.lock().unwrap();
        let edge = waiting.pop_front();
        if waiting.is_empty() {
            while (&self.bell).read(&mut [0; 64]).is_ok_and(|len| len > 0) {}
        }
        Ok(edge)
    }
}

impl Drop for FakeLine {
    fn drop(&mut self) {
        let mut state = self.gpio.lock();
        state.inputs.retain(|input| !Arc::ptr_eq(&input.waiting, &self.waiting));
        state.deeds.push((self.place.clone(), Deed::Released));
    }
}
