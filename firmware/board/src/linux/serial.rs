//! Readers on serial ports: 8 data bits, no parity, 1 stop bit, raw, and nobody else's meanwhile.

use super::minder::{Hardware, Hear};
use super::time::now;
use super::wake::{Stop, Woken};
use crate::{reader, spec::SerialFormat};
use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    io::Errno,
    termios::{ControlModes, OptionalActions, ioctl_tiocexcl, tcgetattr, tcsetattr},
};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

/// A reader that sends frames by itself.
pub struct SerialReader {
    /// The port's path.
    pub port: String,
    /// Bits per second.
    pub baud: u32,
    /// What it sends.
    pub format: SerialFormat,
}

impl Hardware for SerialReader {
    fn attend(&mut self, stop: &Stop, hear: Hear<'_>) -> io::Result<()> {
        let port = open_port(&self.port, self.baud)?;
        let mut decoder = reader::serial(self.format);
        let mut buffer = [0; 256];
        while stop.wait(&[port.as_fd()], None)? == Woken::Ready {
            for byte in read(&port, &mut buffer)? {
                let at = now();
                if let Some(reading) = decoder.push(*byte, at) {
                    hear(reading, at);
                }
            }
        }
        Ok(())
    }
}

/// Opens a port for us alone. What it has received before is dropped: a card of an hour ago opens no door.
pub fn open_port(path: &str, baud: u32) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let port = open(path, flags, Mode::empty())?;
    // The lock keeps a second process of ours off, the ioctl everybody else but root.
    flock(&port, FlockOperation::NonBlockingLockExclusive)?;
    ioctl_tiocexcl(&port)?;
    let mut settings = tcgetattr(&port)?;
    settings.make_raw();
    let unwanted = ControlModes::PARENB | ControlModes::CSTOPB | ControlModes::CRTSCTS;
    settings.control_modes.remove(unwanted);
    settings.control_modes.insert(ControlModes::CS8 | ControlModes::CREAD | ControlModes::CLOCAL);
    settings.set_speed(baud)?;
    tcsetattr(&port, OptionalActions::Flush, &settings)?;
    Ok(port)
}

/// What the port has received; an unplugged one fails.
pub fn read<'a>(port: &OwnedFd, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    match rustix::io::read(port, &mut *buffer) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(len) => Ok(&buffer[..len]),
        Err(Errno::AGAIN | Errno::INTR) => Ok(&[]),
        Err(error) => Err(error.into()),
    }
}
