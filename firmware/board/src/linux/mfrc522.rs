//! An MFRC522 on SPI, by the crate mfrc522 over linux-embedded-hal.
//!
//! The chip never speaks by itself: it is asked ten times a second. A bus without a chip reads all zeros or all ones,
//! which some of the crate's loops would wait on for ever; so the chip's version is read before each question, and
//! a budget of transfers ends every question.

use super::minder::{Hardware, Hear};
use super::reset::Reset;
use super::time::now;
use super::wake::Stop;
use crate::reader::Presence;
use embedded_hal::spi::{ErrorKind, ErrorType, Operation, SpiDevice};
use linux_embedded_hal::{
    SpidevDevice,
    spidev::{SpiModeFlags, SpidevOptions},
};
use mfrc522::{
    Error, Initialized, Mfrc522,
    comm::blocking::spi::{DummyDelay, SpiInterface},
};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(100);
/// How often nobody may be there until the chip is set up anew: a dip of its supply leaves it without its field.
const ALONE_MAX: u32 = 100;
/// How long a card needs in a new field (ISO 14443-3: 5 ms).
const FIELD_UP: Duration = Duration::from_millis(10);
/// Well below the chip's 10 MHz: the wires are as long as a box is wide.
const SPEED_HZ: u32 = 1_000_000;
/// VersionReg, read, as it goes over the wire (data sheet 8.1.2.3 and 9.3.4.8).
const READ_VERSION: u8 = 0x80 | 0x37 << 1;
/// How many transfers a question may take; a card with a long UID takes about 900.
const TRANSFERS_MAX: u32 = 20_000;

/// The reader.
pub struct Mfrc522Reader {
    /// The device of the bus.
    pub spi: String,
    /// Its reset pin.
    pub reset: Reset,
}

impl Hardware for Mfrc522Reader {
    fn attend(&mut self, stop: &Stop, hear: Hear<'_>) -> io::Result<()> {
        let _awake = self.reset.begin()?;
        let mut spi = SpidevDevice::open(&self.spi).map_err(|error| raw(error.inner()))?;
        let options = SpidevOptions::new()
            .max_speed_hz(SPEED_HZ)
            .mode(SpiModeFlags::SPI_MODE_0)
            .bits_per_word(8)
            .build();
        spi.0.configure(&options)?;
        watch(spi, stop, hear)
    }
}

type Chip<S> = Mfrc522<SpiInterface<Bounded<S>, DummyDelay>, Initialized>;

/// Asks the chip behind a bus who is there, until the board is closed.
fn watch<S: SpiDevice>(spi: S, stop: &Stop, hear: Hear<'_>) -> io::Result<()> {
    let left = Arc::new(AtomicU32::new(TRANSFERS_MAX));
    let mut bus = Bounded { spi, left: left.clone() };
    check_there(&mut bus)?;
    let mut chip = begin(SpiInterface::new(bus))?;
    let (mut presence, mut alone) = (Presence::default(), 0);
    while !stop.sleep(EVERY) {
        left.store(TRANSFERS_MAX, Ordering::Relaxed);
        check_version(chip.version().map_err(chip_error)?)?;
        let uid = ask(&mut chip)?;
        if let Some(reading) = presence.see(uid.as_ref().map(mfrc522::Uid::as_bytes)) {
            hear(reading, now());
        }
        alone = if uid.is_some() { 0 } else { alone + 1 };
        if alone >= ALONE_MAX {
            chip = begin(chip.release())?;
            alone = 0;
        }
    }
    Ok(())
}

/// Sets the chip up. Cards need some time in the field before they can answer.
fn begin<S: SpiDevice>(bus: SpiInterface<Bounded<S>, DummyDelay>) -> io::Result<Chip<S>> {
    let chip = Mfrc522::new(bus).init().map_err(chip_error)?;
    std::thread::sleep(FIELD_UP);
    Ok(chip)
}

/// Who is there. Cards that talk at once or leave half way are nobody this time.
fn ask<S: SpiDevice>(chip: &mut Chip<S>) -> io::Result<Option<mfrc522::Uid>> {
    match chip.wupa().and_then(|answer| chip.select(&answer)) {
        Ok(uid) => {
            // Halted it hears the next call; a card that does not is missed once.
            let _halted = chip.hlta();
            Ok(Some(uid))
        }
        Err(error @ (Error::Comm(_) | Error::Overheating)) => Err(chip_error(error)),
        Err(_) => Ok(None),
    }
}

/// Whether any chip answers: an open bus is all zeros or all ones.
fn check_there<S: SpiDevice>(bus: &mut Bounded<S>) -> io::Result<()> {
    let mut bytes = [READ_VERSION, 0];
    bus.transfer_in_place(&mut bytes).map_err(|error| io::Error::other(format!("SPI: {error:?}")))?;
    check_version(bytes[1])
}

fn check_version(version: u8) -> io::Result<()> {
    match version {
        0x00 | 0xFF => Err(io::Error::new(io::ErrorKind::NotConnected, "no MFRC522 answers on this bus")),
        _ => Ok(()),
    }
}

fn raw(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

fn chip_error<E: std::fmt::Debug>(error: Error<E>) -> io::Error {
    io::Error::other(format!("MFRC522: {error:?}"))
}

/// A bus that fails when it is used too often.
struct Bounded<S> {
    spi: S,
    left: Arc<AtomicU32>,
}

/// Why it failed.
#[derive(Debug)]
enum BusError<E> {
    Spi(E),
    NoEnd,
}

impl<E: embedded_hal::spi::Error> embedded_hal::spi::Error for BusError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Spi(error) => error.kind(),
            Self::NoEnd => ErrorKind::Other,
        }
    }
}

impl<S: SpiDevice> ErrorType for Bounded<S> {
    type Error = BusError<S::Error>;
}

impl<S: SpiDevice> SpiDevice for Bounded<S> {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Self::Error> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map_err(|_| BusError::NoEnd)?;
        self.spi.transaction(operations).map_err(BusError::Spi)
    }
}

#[cfg(test)]
#[path = "mfrc522_tests.rs"]
mod tests;
