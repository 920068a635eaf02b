//! A PN532 by I2C or by a serial port, with the frames of [`crate::reader::pn532`].
//!
//! It is asked again and again who is there. It acknowledges each command and then answers; whatever it does not do in
//! time means that it is not there, once it was asked twice.

use super::minder::{Hardware, Hear};
use super::reset::Reset;
use super::serial::{open_port, read};
use super::time::now;
use super::wake::{Stop, Woken};
use crate::{
    reader::{
        Presence,
        pn532::{Command, Frame, Frames, WAKE_UP, target},
    },
    spec::Pn532Bus,
};
use embedded_hal::i2c::I2c;
use linux_embedded_hal::I2cdev;
use rustix::io::Errno;
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(100);
/// How long it may take to answer: twice looking for a card is some 20 ms.
const PATIENCE: Duration = Duration::from_millis(400);
/// How often an I2C chip is asked whether it has something to say.
const I2C_EVERY: Duration = Duration::from_millis(5);
/// Its address, which cannot be changed.
const I2C_ADDRESS: u8 = 0x24;
/// Before each block that is read by I2C: whether there is something.
const I2C_READY: u8 = 0x01;
/// What is read by I2C at once: the longest answer to what we ask, UID of ten bytes and ATS, has less.
const I2C_BLOCK: usize = 1 + 64;

/// The reader.
pub struct Pn532Reader {
    /// How it is reached.
    pub bus: Pn532Bus,
    /// Its reset pin.
    pub reset: Reset,
}

impl Hardware for Pn532Reader {
    fn attend(&mut self, stop: &Stop, hear: Hear<'_>) -> io::Result<()> {
        let _awake = self.reset.begin()?;
        match &self.bus {
            Pn532Bus::I2c { bus } => {
                let i2c = I2cdev::new(bus).map_err(io::Error::from)?;
                watch(&mut I2cLink { i2c }, stop, hear)
            }
            Pn532Bus::Serial { port, baud } => {
                watch(&mut SerialLink { port: open_port(port, *baud)?, stop: stop.clone() }, stop, hear)
            }
        }
    }
}

/// A way to the chip.
trait Link {
    /// Makes it listen.
    fn wake(&mut self) -> io::Result<()>;

    /// Sends bytes.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Receives some bytes; none if nothing came for so long.
    fn receive(&mut self, at_most: Duration) -> io::Result<Vec<u8>>;
}

/// Asks the chip who is there, until the board is closed.
fn watch(link: &mut dyn Link, stop: &Stop, hear: Hear<'_>) -> io::Result<()> {
    link.wake()?;
    for command in [Command::SamConfiguration, Command::GetFirmwareVersion, Command::RetryTwice] {
        ask(link, stop, command)?;
    }
    let mut presence = Presence::default();
    while !stop.sleep(EVERY) {
        let data = ask(link, stop, Command::InListPassiveTarget)?;
        // An answer that ends too early: nobody, this time.
        let uid = target(&data).unwrap_or_default();
        if let Some(reading) = presence.see(uid) {
            hear(reading, now());
        }
    }
    Ok(())
}

/// The answer to a command, which is repeated once.
fn ask(link: &mut dyn Link, stop: &Stop, command: Command) -> io::Result<Vec<u8>> {
    match ask_once(link, stop, command) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => ask_once(link, stop, command),
        answer => answer,
    }
}

fn ask_once(link: &mut dyn Link, stop: &Stop, command: Command) -> io::Result<Vec<u8>> {
    link.send(&command.frame())?;
    let (until, mut frames) = (Instant::now() + PATIENCE, Frames::default());
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || stop.is_stopped() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        for byte in link.receive(left)? {
            match frames.push(byte) {
                Some(Frame::Answer { code, data }) if code == command.code() + 1 => return Ok(data),
                Some(Frame::SyntaxError) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "not a PN532"));
                }
                // Its acknowledgement, or the answer to what was asked before.
                _ => {}
            }
        }
    }
}

struct SerialLink {
    port: OwnedFd,
    stop: Stop,
}

impl Link for SerialLink {
    fn wake(&mut self) -> io::Result<()> {
        self.send(&WAKE_UP)
    }

    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.port, bytes) {
                Ok(len) => bytes = &bytes[len..],
                Err(Errno::INTR) => {}
                // Its buffer holds kilobytes: if our few bytes do not fit, nothing goes out at all.
                Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn receive(&mut self, at_most: Duration) -> io::Result<Vec<u8>> {
        let mut buffer = [0; 128];
        match self.stop.wait(&[self.port.as_fd()], Some(at_most))? {
            Woken::Ready => Ok(read(&self.port, &mut buffer)?.to_vec()),
            Woken::TimedOut | Woken::Stopped => Ok(Vec::new()),
        }
    }
}

struct I2cLink<I> {
    i2c: I,
}

impl<I: I2c> Link for I2cLink<I> {
    /// By I2C the address wakes it; the first call may go unheard.
    fn wake(&mut self) -> io::Result<()> {
        let _heard = self.i2c.write(I2C_ADDRESS, &[0]);
        std::thread::sleep(I2C_EVERY);
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.i2c.write(I2C_ADDRESS, bytes).map_err(i2c_error)
    }

    fn receive(&mut self, at_most: Duration) -> io::Result<Vec<u8>> {
        let until = Instant::now() + at_most;
        while Instant::now() < until {
            let mut block = [0; I2C_BLOCK];
            self.i2c.read(I2C_ADDRESS, &mut block).map_err(i2c_error)?;
            if block[0] == I2C_READY {
                return Ok(block[1..].to_vec());
            }
            std::thread::sleep(I2C_EVERY);
        }
        Ok(Vec::new())
    }
}

fn i2c_error<E: std::fmt::Debug>(error: E) -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, format!("I2C: {error:?}"))
}

#[cfg(test)]
#[path = "pn532_tests.rs"]
mod tests;
