//! The simulated board: obeys, remembers, and can be told to fail.
//!
//! It has the devices of its description and no hardware. Whoever holds it may hold a badge to a reader, open a
//! door or press a button ([`SimBoard::inject`]), see every change of a level with its time
//! ([`SimBoard::trace`]), and have it refuse at the n-th call ([`SimBoard::fail`]).

use crate::{Board, BoardError, BoardSpec, Clock, Device, Input, InputKind, Kind, Sink, SpecError};
use model::{Millis, Name};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many changes the trace keeps; a demonstration may run for weeks.
const TRACE_LEN_MAX: usize = 10_000;

/// A change of a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelChange {
    /// The device.
    pub device: Name,
    /// Its new level.
    pub on: bool,
    /// When it changed.
    pub at: Millis,
}

/// When the board is to fail. Calls of `set`, `make_safe` and `get` count, from 1, from when this was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Failure {
    /// Never.
    #[default]
    Never,
    /// At this call alone.
    At(u64),
    /// At this call and from then on.
    From(u64),
}

/// What the simulated hardware says when it was told to fail.
#[derive(Debug, thiserror::Error)]
#[error("the simulated board was told to fail at this call")]
struct ToldToFail;

/// Is told of every change of a level.
type Watcher = Box<dyn Fn(&LevelChange) + Send + Sync>;

/// A board without hardware.
pub struct SimBoard {
    devices: Vec<Device>,
    clock: Arc<dyn Clock>,
    sink: Sink,
    state: Mutex<State>,
    watchers: Mutex<Vec<Arc<Watcher>>>,
}

#[derive(Default)]
struct State {
    levels: BTreeMap<Name, bool>,
    trace: VecDeque<LevelChange>,
    failure: Failure,
    calls: u64,
}

impl SimBoard {
    /// A board of that description, with every output at its safe level and every contact off.
    pub fn new(spec: BoardSpec, clock: Arc<dyn Clock>, sink: Sink) -> Self {
        let mut levels = BTreeMap::new();
        for device in &spec.devices {
            if device.kind() != Kind::Reader {
                levels.insert(device.name.clone(), device.output().is_some_and(|output| output.safe));
            }
        }
        let state = Mutex::new(State { levels, ..State::default() });
        Self { devices: spec.devices, clock, sink, state, watchers: Mutex::default() }
    }

    /// The built-in board `sim`, for tests.
    pub fn door(clock: Arc<dyn Clock>, sink: Sink) -> Result<Self, SpecError> {
        Ok(Self::new(crate::builtin("sim")?, clock, sink))
    }

    /// Something happens at the board: a badge, a bad reading, an edge. A contact that is put to the level that
    /// it has makes no edge.
    pub fn inject(&self, input: Input) -> Result<(), BoardError> {
        let device = self.device(&input.device)?;
        let kind = device.kind();
        let changed = match &input.what {
            InputKind::Badge(_) | InputKind::BadReading(_) if kind == Kind::Reader => None,
            InputKind::Edge(on) if kind.is_contact() => {
                let change = LevelChange { device: input.device.clone(), on: *on, at: input.at };
                if !self.lock().put(&change) {
                    return Ok(());
                }
                Some(change)
            }
            _ => return Err(BoardError::WrongInput { device: input.device, kind }),
        };
        if let Some(change) = changed {
            self.tell(&change);
        }
        (self.sink)(input);
        Ok(())
    }

    /// The changes of all levels, oldest first; of the last ten thousand.
    pub fn trace(&self) -> Vec<LevelChange> {
        self.lock().trace.iter().cloned().collect()
    }

    /// Calls `watcher` at every change of a level, after it.
    pub fn watch(&self, watcher: impl Fn(&LevelChange) + Send + Sync + 'static) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        watchers.push(Arc::new(Box::new(watcher)));
    }

    /// Makes calls fail from now on.
    pub fn fail(&self, failure: Failure) {
        let mut state = self.lock();
        (state.failure, state.calls) = (failure, 0);
    }

    fn change(&self, device: &Name, doing: &'static str, on: bool) -> Result<(), BoardError> {
        let change = LevelChange { device: device.clone(), on, at: self.clock.now() };
        let changed = {
            let mut state = self.lock();
            state.obey(device, doing)?;
            state.put(&change)
        };
        if changed {
            self.tell(&change);
        }
        Ok(())
    }

    fn tell(&self, change: &LevelChange) {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        watchers.iter().for_each(|watcher| watcher(change));
    }

    fn output(&self, name: &Name) -> Result<bool, BoardError> {
        let device = self.device(name)?;
        let wrong = || BoardError::NotAnOutput { device: name.clone(), kind: device.kind() };
        device.output().map(|output| output.safe).ok_or_else(wrong)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts the call and fails if it is time.
    fn obey(&mut self, device: &Name, doing: &'static str) -> Result<(), BoardError> {
        self.calls += 1;
        let fails = match self.failure {
            Failure::Never => false,
            Failure::At(n) => self.calls == n,
            Failure::From(n) => self.calls >= n,
        };
        if fails {
            return Err(BoardError::Device { device: device.clone(), doing, source: Box::new(ToldToFail) });
        }
        Ok(())
    }

    /// Puts a device to a level. Whether that was a change.
    fn put(&mut self, change: &LevelChange) -> bool {
        if self.levels.insert(change.device.clone(), change.on) == Some(change.on) {
            return false;
        }
        if self.trace.len() == TRACE_LEN_MAX {
            self.trace.pop_front();
        }
        self.trace.push_back(change.clone());
        true
    }
}

impl Board for SimBoard {
    fn devices(&self) -> &[Device] {
        &self.devices
    }

    fn set(&self, device: &Name, on: bool) -> Result<(), BoardError> {
        self.output(device)?;
        self.change(device, if on { "turn on" } else { "turn off" }, on)
    }

    fn get(&self, device: &Name) -> Result<bool, BoardError> {
        let kind = self.device(device)?.kind();
        let mut state = self.lock();
        let level = state.levels.get(device).copied();
        let level = level.ok_or_else(|| BoardError::NoLevel { device: device.clone(), kind })?;
        state.obey(device, "read")?;
        Ok(level)
    }

    fn make_safe(&self, device: &Name) -> Result<(), BoardError> {
        let safe = self.output(device)?;
        self.change(device, "make safe", safe)
    }

    fn as_sim(&self) -> Option<&SimBoard> {
        Some(self)
    }
}

impl Drop for SimBoard {
    /// The last hand off the board leaves it safe, as a real one.
    fn drop(&mut self) {
        self.fail(Failure::Never);
        self.make_all_safe();
    }
}

#[cfg(test)]
#[path = "sim_tests.rs"]
mod tests;
