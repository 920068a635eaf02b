//! Watching a running container: its output, its end, and the reasons to end it.
//!
//! One `poll` over five descriptors and the next point in time that matters. A stop is SIGTERM to the
//! container's first process and SIGKILL when its time is over; the deadline is SIGKILL at once. When the first
//! process ends, the kernel kills the rest of its PID namespace.

use crate::{
    Ended, Exit, Output, Spec, Stream,
    output::{Lines, Rate},
};
use nix::sys::{
    signal::{SigSet, Signal as NixSignal},
    signalfd::{SfdFlags, SignalFd},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::AsFd,
    io::Errno,
    process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, waitpid},
};
use std::{
    io::{self, PipeReader, Read},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

/// How long the pipes of a dead container are emptied, should somebody else hold their other end.
const DRAIN: Duration = Duration::from_secs(1);

/// Blocks the signals that ask to stop, so that they can be polled for. Must come before the container is
/// made; `program.rs` unblocks them for the program.
pub fn block_signals() -> nix::Result<SignalFd> {
    let asks = [NixSignal::SIGTERM, NixSignal::SIGINT, NixSignal::SIGHUP];
    let set: SigSet = asks.into_iter().collect();
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// A container being watched.
pub struct Watch<'a> {
    pid: Pid,
    pidfd: OwnedFd,
    signals: &'a SignalFd,
    pipes: [Pipe; 2],
    rate: Rate,
    stop_timeout: Duration,
    deadline: Option<Instant>,
    kill_at: Option<Instant>,
    ended: Ended,
}

struct Pipe {
    reader: Option<PipeReader>,
    lines: Lines,
}

/// What a look at the descriptors showed.
struct Seen {
    gone: bool,
    asked: bool,
    readable: [bool; 2],
}

impl<'a> Watch<'a> {
    /// Begins to watch; the deadline counts from here.
    pub fn new(
        spec: &Spec,
        pid: i32,
        signals: &'a SignalFd,
        out: PipeReader,
        err: PipeReader,
    ) -> io::Result<Self> {
        let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::NotFound)?;
        let now = Instant::now();
        let pipe = |reader, stream| Pipe { reader: Some(reader), lines: Lines::new(stream) };
        Ok(Self {
            pid,
            pidfd: pidfd_open(pid, PidfdFlags::empty())?,
            signals,
            pipes: [pipe(out, Stream::Stdout), pipe(err, Stream::Stderr)],
            rate: Rate::new(now),
            stop_timeout: Duration::from_millis(spec.stop_timeout_ms),
            deadline: spec.deadline_ms.and_then(|ms| now.checked_add(Duration::from_millis(ms))),
            kill_at: None,
            ended: Ended::Itself,
        })
    }

    /// Passes lines on until the container is gone, and tells how it ended.
    pub fn until_gone(&mut self, line: &mut dyn FnMut(Output)) -> io::Result<Exit> {
        loop {
            let seen = self.look(self.next_moment())?;
            self.pump(seen.readable, line)?;
            if seen.gone {
                break;
            }
            self.enforce(seen.asked, Instant::now())?;
        }
        let exit = self.reap()?;
        self.drain(line)?;
        Ok(exit)
    }

    fn next_moment(&self) -> Option<Instant> {
        let times = [self.kill_at, self.deadline, self.rate.rests_until(), self.rate.reports_at()];
        times.into_iter().flatten().min()
    }

    fn look(&self, until: Option<Instant>) -> io::Result<Seen> {
        let stdin = io::stdin();
        let readable = PollFlags::IN;
        // The lifeline: POLLHUP needs no asking for. A plain file never hangs up, so an order can be tried
        // by hand from one.
        let mut fds = vec![
            PollFd::new(&self.pidfd, readable),
            PollFd::new(
                &self.signals,
                if self.ended == Ended::Itself { readable } else { PollFlags::empty() },
            ),
        ];
        if self.ended == Ended::Itself {
            fds.push(PollFd::new(&stdin, PollFlags::empty()));
        }
        let lifeline = fds.len() - 1;
        let reads = if self.rate.rests_until().is_some() {
            [None, None]
        } else {
            self.pipes.each_ref().map(Pipe::fd)
        };
        let places = reads.map(|reader| {
            reader.map(|reader| {
                fds.push(PollFd::from_borrowed_fd(reader, readable));
                fds.len() - 1
            })
        });
        wait(&mut fds, until)?;
        let ready = |n: usize| !fds[n].revents().is_empty();
        Ok(Seen {
            gone: ready(0),
            asked: self.ended == Ended::Itself && (ready(1) || ready(lifeline)),
            readable: places.map(|place| place.is_some_and(ready)),
        })
    }

    fn enforce(&mut self, asked: bool, now: Instant) -> io::Result<()> {
        if self.deadline.is_some_and(|at| at <= now) {
            self.deadline = None;
            self.ended = Ended::Deadline;
            return self.signal(Signal::KILL);
        }
        if asked {
            self.ended = Ended::Stopped;
            self.kill_at = now.checked_add(self.stop_timeout);
            self.signal(Signal::TERM)?;
        }
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill_at = None;
            self.signal(Signal::KILL)?;
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn reap(&self) -> io::Result<Exit> {
        let status = waitpid(Some(self.pid), WaitOptions::empty())?;
        let (_, status) = status.ok_or(io::ErrorKind::NotFound)?;
        let (code, signal) = (status.exit_status(), status.terminating_signal());
        Ok(Exit { code, signal, oom_killed: false, ended: self.ended })
    }

    fn pump(&mut self, readable: [bool; 2], line: &mut dyn FnMut(Output)) -> io::Result<()> {
        self.rate.tick(Instant::now()).map(&mut *line);
        for (pipe, _) in self.pipes.iter_mut().zip(readable).filter(|(_, readable)| *readable) {
            pipe.pump(&mut self.rate, line)?;
        }
        Ok(())
    }

    /// Reads what a dead container left in its pipes.
    fn drain(&mut self, line: &mut dyn FnMut(Output)) -> io::Result<()> {
        let until = Instant::now() + DRAIN;
        for pipe in &mut self.pipes {
            while let Some(reader) = &pipe.reader {
                let mut fds = [PollFd::new(reader, PollFlags::IN)];
                wait(&mut fds, Some(until))?;
                if fds[0].revents().is_empty() {
                    break;
                }
                pipe.pump(&mut self.rate, line)?;
            }
            pipe.lines.rest().filter(|_| self.rate.admit()).map(&mut *line);
        }
        self.rate.rest().map(line);
        Ok(())
    }
}

impl Pipe {
    fn fd(&self) -> Option<rustix::fd::BorrowedFd<'_>> {
        self.reader.as_ref().map(AsFd::as_fd)
    }

    /// Reads once, which does not block after poll said so; forgets the pipe at its end.
    fn pump(&mut self, rate: &mut Rate, line: &mut dyn FnMut(Output)) -> io::Result<()> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let mut buffer = [0; 16 * 1024];
        match reader.read(&mut buffer) {
            Ok(0) => self.reader = None,
            Ok(count) => {
                rate.read(count);
                self.lines.take(&buffer[..count], |output| {
                    if rate.admit() {
                        line(output);
                    }
                });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn wait(fds: &mut [PollFd<'_>], until: Option<Instant>) -> io::Result<()> {
    let timeout = until.map(|at| at.saturating_duration_since(Instant::now()));
    let timeout = timeout.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
    match poll(fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
