//! The kernel's GPIO lines by the character device, version 2, through gpiocdev.
//!
//! Nothing is decided here. Every request carries our name, so that `gpioinfo` shows who has the line.

use super::port::{Chip, ChipLine, Edge, Gpio, InputLine, InputWish, OutputLine, Place};
use crate::spec::Bias;
use gpiocdev::{
    Request, chip,
    line::{self, EdgeDetection, EdgeKind, Value},
    request::Builder,
};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    time::Duration,
};

/// What the kernel shows as the user of our lines.
const CONSUMER: &str = "ledgerd";
/// How many edges may wait: a Wiegand number has 34 bits, and the box may be busy for a moment.
const EDGES_MAX: u32 = 256;

/// The lines of this machine.
pub struct Cdev;

struct Line(Request);

impl Gpio for Cdev {
    fn chips(&self) -> io::Result<Vec<Chip>> {
        chip::chips().map_err(io_error)?.iter().map(|path| read_chip(path).map_err(io_error)).collect()
    }

    fn output(&self, place: &Place, active_low: bool, on: bool) -> io::Result<Box<dyn OutputLine>> {
        let mut builder = request(place, active_low);
        let requested = builder.as_output(value(on)).request().map_err(io_error)?;
        Ok(Box::new(Line(requested)))
    }

    fn input(&self, place: &Place, wish: InputWish) -> io::Result<Box<dyn InputLine>> {
        let mut builder = request(place, wish.active_low);
        let edges = if wish.only_on { EdgeDetection::RisingEdge } else { EdgeDetection::BothEdges };
        builder.as_input().with_edge_detection(edges).with_kernel_event_buffer_size(EDGES_MAX);
        if let Some(bias) = bias(wish.bias) {
            builder.with_bias(bias);
        }
        if wish.debounce_ms > 0 {
            builder.with_debounce_period(Duration::from_millis(wish.debounce_ms));
        }
        Ok(Box::new(Line(builder.request().map_err(io_error)?)))
    }
}

impl OutputLine for Line {
    fn set(&self, on: bool) -> io::Result<()> {
        self.0.set_lone_value(value(on)).map_err(io_error)
    }
}

impl InputLine for Line {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn level(&self) -> io::Result<bool> {
        Ok(self.0.lone_value().map_err(io_error)? == Value::Active)
    }

    fn next(&self) -> io::Result<Option<Edge>> {
        if !self.0.has_edge_event().map_err(io_error)? {
            return Ok(None);
        }
        let event = self.0.read_edge_event().map_err(io_error)?;
        Ok(Some(Edge { on: event.kind == EdgeKind::Rising, at_ns: event.timestamp_ns }))
    }
}

fn read_chip(path: &Path) -> gpiocdev::Result<Chip> {
    let chip = chip::Chip::from_path(path)?;
    let info = chip.info()?;
    let lines = chip.line_info_iter()?.map(|line| line.map(chip_line)).collect::<Result<_, _>>()?;
    Ok(Chip { name: info.name, label: info.label, lines })
}

fn chip_line(info: line::Info) -> ChipLine {
    let consumer = if info.consumer.is_empty() { "the kernel".to_string() } else { info.consumer };
    ChipLine { name: info.name, used_by: info.used.then_some(consumer) }
}

fn request(place: &Place, active_low: bool) -> Builder {
    let mut builder = Request::builder();
    let path = PathBuf::from("/dev").join(&place.chip);
    builder.on_chip(path).with_consumer(CONSUMER).with_line(place.offset);
    if active_low {
        builder.as_active_low();
    }
    builder
}

fn value(on: bool) -> Value {
    if on { Value::Active } else { Value::Inactive }
}

fn bias(bias: Bias) -> Option<line::Bias> {
    match bias {
        Bias::AsIs => None,
        Bias::Disabled => Some(line::Bias::Disabled),
        Bias::PullUp => Some(line::Bias::PullUp),
        Bias::PullDown => Some(line::Bias::PullDown),
    }
}

/// The kernel's own error number where there is one: what is done next depends on it.
fn io_error(error: gpiocdev::Error) -> io::Error {
    let number = match &error {
        gpiocdev::Error::Os(number) | gpiocdev::Error::Uapi(_, gpiocdev_uapi::Error::Os(number)) => number.0,
        _ => return io::Error::other(error),
    };
    io::Error::from_raw_os_error(number)
}
