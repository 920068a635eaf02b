//! Waiting for a device, for a time, or for the end.
//!
//! Every thread of the board waits here, so that closing the board wakes all of them at once, whatever they
//! wait for. Nobody asks again and again.

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    io::Errno,
};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

/// The end of a board, as its threads see it.
#[derive(Debug, Clone)]
pub struct Stop(Arc<OwnedFd>);

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// A device has something to say, or was unplugged.
    Ready,
    /// The time is over.
    TimedOut,
    /// The board is closed.
    Stopped,
}

impl Stop {
    /// One that has not come.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    /// Wakes everybody who waits, now and from now on.
    pub fn stop(&self) {
        // An eventfd refuses only what would make it overflow: then it has been told before.
        let _told = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }

    /// Waits until one of the devices is readable, for at most so long; without a time, for ever.
    pub fn wait(&self, devices: &[BorrowedFd<'_>], at_most: Option<Duration>) -> io::Result<Woken> {
        let mut fds = vec![PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        fds.extend(devices.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)));
        let at_most = at_most.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        loop {
            match poll(&mut fds, at_most.as_ref()) {
                // A signal; it may make us wait longer, which nobody here minds.
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(0) => return Ok(Woken::TimedOut),
                Ok(_) if !fds[0].revents().is_empty() => return Ok(Woken::Stopped),
                Ok(_) => return Ok(Woken::Ready),
            }
        }
    }

    /// Waits for so long. Whether the board was closed meanwhile.
    pub fn sleep(&self, time: Duration) -> bool {
        !matches!(self.wait(&[], Some(time)), Ok(Woken::TimedOut))
    }

    /// Whether the board is closed.
    pub fn is_stopped(&self) -> bool {
        self.sleep(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write, os::unix::net::UnixStream};

    #[test]
    fn it_tells_a_device_a_time_and_the_end_apart() {
        let (stop, (device, mut other)) = (Stop::new().unwrap(), UnixStream::pair().unwrap());
        let moment = Some(Duration::from_millis(1));
        assert_eq!(stop.wait(&[device.as_fd()], moment).unwrap(), Woken::TimedOut);
        other.write_all(&[1]).unwrap();
        assert_eq!(stop.wait(&[device.as_fd()], None).unwrap(), Woken::Ready);
        let everywhere = stop.clone();
        stop.stop();
        stop.stop();
        assert_eq!(everywhere.wait(&[device.as_fd()], None).unwrap(), Woken::Stopped);
        assert!(everywhere.is_stopped());
    }

    #[test]
    fn a_device_that_is_unplugged_wakes_who_waits() {
        let (device, other) = UnixStream::pair().unwrap();
        drop(other);
        assert_eq!(Stop::new().unwrap().wait(&[device.as_fd()], None).unwrap(), Woken::Ready);
    }
}
