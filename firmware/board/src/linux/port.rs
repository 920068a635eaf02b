//! The port between the board's logic and the kernel's GPIO lines: as little as the logic needs.
//!
//! The real side is [`super::gpio`], the obedient fake is `super::fake`. Levels are logical here: whoever requests a
//! line says whether it is active-low, and the other side turns it round. Everything may fail at any time with
//! an `io::Error`; a chip that was unplugged fails with `ENODEV`.

use crate::spec::Bias;
use std::{io, os::fd::BorrowedFd};

/// A GPIO chip as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// Its name, such as `gpiochip0`.
    pub name: String,
    /// What its driver calls it, such as `pinctrl-bcm2711`.
    pub label: String,
    /// Its lines in order of their numbers.
    pub lines: Vec<ChipLine>,
}

/// A line as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChipLine {
    /// Its name in the device tree; may be empty.
    pub name: String,
    /// Who has it, if anybody has.
    pub used_by: Option<String>,
}

/// A line, found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The chip's name.
    pub chip: String,
    /// The line's number on it.
    pub offset: u32,
}

/// How an input is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputWish {
    /// Whether low is on.
    pub active_low: bool,
    /// What the line is drawn to.
    pub bias: Bias,
    /// How long a level must hold before the kernel tells of it; 0: the kernel tells of every edge.
    pub debounce_ms: u64,
    /// Whether going on is all that is of interest; otherwise both ways.
    pub only_on: bool,
}

/// A change of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Its level since.
    pub on: bool,
    /// When, in nanoseconds of the monotonic clock.
    pub at_ns: u64,
}

/// The machine's lines.
pub trait Gpio: Send + Sync {
    /// All chips.
    fn chips(&self) -> io::Result<Vec<Chip>>;

    /// Requests an output that is at `on` from its first moment.
    fn output(&self, place: &Place, active_low: bool, on: bool) -> io::Result<Box<dyn OutputLine>>;

    /// Requests an input.
    fn input(&self, place: &Place, wish: InputWish) -> io::Result<Box<dyn InputLine>>;
}

/// A requested output. It is released when dropped.
pub trait OutputLine: Send {
    /// Sets its level.
    fn set(&self, on: bool) -> io::Result<()>;
}

/// A requested input. It is released when dropped.
pub trait InputLine: Send {
    /// Becomes readable when [`next`](Self::next) has something to say, be it an error.
    fn fd(&self) -> BorrowedFd<'_>;

    /// Its level now.
    fn level(&self) -> io::Result<bool>;

    /// The next edge that is waiting, if one is.
    fn next(&self) -> io::Result<Option<Edge>>;
}
