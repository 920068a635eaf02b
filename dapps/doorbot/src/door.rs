//! The machine of one door. Pure: inputs and ticks in, switching and events out.
//!
//! The strike is on only after an allowed badge or the exit button, and never longer than its time. It runs on
//! ticks, so a clock that jumps cannot hold a door open. A badge that is held to the reader while the door
//! shows the answer to another is not read; every badge that is read gives one event, no more. Until the door
//! is told that the agent is there ([`Input::Connected`]) it switches nothing.

use crate::{
    access::{Decision, Outcome},
    door_document::Times,
    signal::Signal,
};
use dapp::kit::{lamps::Levels, time::Ticks};
use model::BadgeDigest;
use std::fmt;

/// Bad readings are said in an event at most this often, in milliseconds.
const COMPLAINT_MS: u64 = 60_000;

/// What happens to a door.
pub enum Input<'a> {
    /// A badge was held to the reader; `decide` is asked only if it is read.
    Badge {
        /// Every digest under which it may be known, the widest number first.
        digests: &'a [BadgeDigest],
        /// Decides.
        decide: &'a dyn Fn(&[BadgeDigest]) -> Decision,
    },
    /// The reader read something that is no badge.
    BadReading(&'a str),
    /// The exit button.
    Exit(bool),
    /// The contact: on while the door stands open.
    Contact(bool),
    /// Time has passed.
    Tick,
    /// The door's document has other times.
    Times(Times),
    /// The agent is there; the contact and the button as they are.
    Connected {
        /// Whether the door stands open; none without a contact.
        open: Option<bool>,
        /// Whether the exit button is pressed; none without one.
        exit: Option<bool>,
    },
    /// The agent is gone; it, or what ended it, has made the outputs safe.
    Lost,
    /// The strike did not switch.
    StrikeFailed,
}

/// What a door wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// The strike on, for so long at most.
    Strike {
        /// In milliseconds.
        for_ms: u64,
    },
    /// The strike off.
    Release,
    /// The red lamp.
    Red(bool),
    /// The green lamp.
    Green(bool),
    /// The buzzer.
    Buzzer(bool),
    /// Something to keep in the log.
    Event(Event),
}

/// What a door has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A badge was read.
    Access(Decision),
    /// The exit button opened.
    Exit,
    /// The door was opened.
    Opened,
    /// The door was closed.
    Closed,
    /// An alarm began or ended.
    Alarm {
        /// Which.
        what: Alarm,
        /// Whether it ended.
        cleared: bool,
    },
}

/// The alarms of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// It stands open for too long.
    Held,
    /// It was opened without a badge and without the button.
    Forced,
}

/// What the door does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Ready,
    /// The strike is on.
    Latched {
        since: Ticks,
        until: Ticks,
    },
    /// An answer is shown; badges are not read meanwhile, unless `reads`.
    Answer {
        signal: Signal,
        reads: bool,
        since: Ticks,
        until: Ticks,
    },
}

/// One door.
#[derive(Debug)]
pub struct Door {
    times: Times,
    phase: Phase,
    connected: bool,
    /// When the strike fell.
    released: Option<Ticks>,
    /// When a bad reading was last said in an event.
    complained: Option<Ticks>,
    /// The badge that was read last, and when.
    last_badge: Option<(Vec<BadgeDigest>, Ticks)>,
    open: Option<bool>,
    /// Since when the door stands open, or was passed by somebody who may.
    open_since: Option<Ticks>,
    exit: Option<bool>,
    held: Option<Ticks>,
    forced: Option<Ticks>,
    /// What the lamps show; none if we do not know.
    shown: Option<Levels>,
}

impl Door {
    /// A door of which nothing is known yet.
    pub fn new(times: Times) -> Self {
        Self {
            times,
            phase: Phase::Ready,
            connected: false,
            released: None,
            complained: None,
            last_badge: None,
            open: None,
            open_since: None,
            exit: None,
            held: None,
            forced: None,
            shown: None,
        }
    }

    /// Takes what happened at `now`, and gives what is to be done, in this order.
    pub fn step(&mut self, now: Ticks, input: Input<'_>) -> Vec<Output> {
        let mut out = Vec::new();
        self.pass_time(now, &mut out);
        match input {
            Input::Badge { digests, decide } => self.badge(now, digests, decide, &mut out),
            Input::BadReading(reason) => self.bad_reading(now, reason, &mut out),
            Input::Exit(pressed) => self.exit(now, pressed, &mut out),
            Input::Contact(open) => self.contact(now, open, &mut out),
            Input::Tick => {}
            Input::Times(times) => self.times = times,
            Input::Connected { open, exit } => self.connect(now, open, exit, &mut out),
            Input::Lost => self.lose(&mut out),
            Input::StrikeFailed => {
                out.push(Output::Release);
                self.answer(now, Signal::Error, self.times.error_ms);
            }
        }
        self.pass_time(now, &mut out);
        self.show(now, &mut out);
        out
    }

    /// Everything off: the program ends, or the door is no longer ours.
    pub fn stop(&mut self) -> Vec<Output> {
        *self = Self::new(self.times);
        vec![Output::Release, Output::Red(false), Output::Green(false), Output::Buzzer(false)]
    }

    /// When the door wants its next tick, if nothing happens before.
    pub fn next_wake(&self, now: Ticks) -> Option<Ticks> {
        let phase = match self.phase {
            Phase::Ready => None,
            Phase::Latched { until, .. } | Phase::Answer { until, .. } => Some(until),
        };
        let (signal, since) = self.signal();
        let blink = signal.next_change_ms(now.since(since), self.times.blink_ms).map(|ms| now + ms);
        let blink = blink.filter(|_| self.connected);
        [phase, self.held_deadline(), blink].into_iter().flatten().min()
    }

    /// Whether the strike is on.
    pub fn is_latched(&self) -> bool {
        matches!(self.phase, Phase::Latched { .. })
    }

    fn pass_time(&mut self, now: Ticks, out: &mut Vec<Output>) {
        match self.phase {
            Phase::Latched { until, .. } if until <= now => {
                self.phase = Phase::Ready;
                self.released = Some(now);
                out.push(Output::Release);
            }
            Phase::Answer { until, .. } if until <= now => self.phase = Phase::Ready,
            _ => {}
        }
        if self.held_deadline().is_some_and(|deadline| deadline <= now) {
            self.held = Some(now);
            out.push(Output::Event(Event::Alarm { what: Alarm::Held, cleared: false }));
        }
    }

    fn held_deadline(&self) -> Option<Ticks> {
        let waits = self.held.is_none() && self.times.held_ms > 0;
        self.open_since.filter(|_| waits).map(|since| since + self.times.held_ms)
    }

    fn badge(
        &mut self,
        now: Ticks,
        digests: &[BadgeDigest],
        decide: &dyn Fn(&[BadgeDigest]) -> Decision,
        out: &mut Vec<Output>,
    ) {
        if !self.reads() || self.is_repeat(now, digests) {
            return;
        }
        self.last_badge = Some((digests.to_vec(), now));
        let decision = decide(digests);
        match decision.outcome {
            Outcome::Allowed => self.latch(now, self.times.latch_ms, out),
            Outcome::Denied => self.answer(now, Signal::Denied, self.times.denied_ms),
            Outcome::Unknown => self.answer(now, Signal::Unknown, self.times.denied_ms),
            Outcome::Error => self.answer(now, Signal::Error, self.times.error_ms),
        }
        out.push(Output::Event(Event::Access(decision)));
    }

    fn is_repeat(&self, now: Ticks, digests: &[BadgeDigest]) -> bool {
        let last = self.last_badge.as_ref();
        last.is_some_and(|(badge, at)| badge == digests && now.since(*at) < self.times.repeat_ms)
    }

    fn reads(&self) -> bool {
        matches!(self.phase, Phase::Ready | Phase::Answer { reads: true, .. })
    }

    /// Somebody may hold the badge there once more at once, so the door goes on reading. A wire that picks up
    /// noise all day must neither block the door nor fill the log.
    fn bad_reading(&mut self, now: Ticks, reason: &str, out: &mut Vec<Output>) {
        if self.phase != Phase::Ready {
            return;
        }
        let until = now + self.times.error_ms;
        self.phase = Phase::Answer { signal: Signal::Error, reads: true, since: now, until };
        if self.complained.is_some_and(|at| now.since(at) < COMPLAINT_MS) {
            return;
        }
        self.complained = Some(now);
        let reason = format!("The badge was not read well ({reason}). Hold it to the reader again.");
        out.push(Output::Event(Event::Access(Decision::of_nobody(Outcome::Error, reason))));
    }

    /// The way out is never refused: it opens in every phase.
    fn exit(&mut self, now: Ticks, pressed: bool, out: &mut Vec<Output>) {
        let was = self.exit.replace(pressed);
        if pressed && was == Some(false) {
            self.latch(now, self.times.exit_ms, out);
            out.push(Output::Event(Event::Exit));
        }
    }

    fn contact(&mut self, now: Ticks, open: bool, out: &mut Vec<Output>) {
        let was = self.open.replace(open);
        match (was, open) {
            (Some(true), false) => {
                out.push(Output::Event(Event::Closed));
                self.clear_alarms(out);
                self.open_since = None;
            }
            (Some(false), true) => {
                self.open_since = Some(now);
                out.push(Output::Event(Event::Opened));
                if !self.may_be_opened(now) {
                    self.forced = Some(now);
                    out.push(Output::Event(Event::Alarm { what: Alarm::Forced, cleared: false }));
                }
            }
            // How it came to stand open was not seen: no force, but it shall not stand open for ever.
            (None, true) => self.open_since = Some(now),
            _ => {}
        }
    }

    fn may_be_opened(&self, now: Ticks) -> bool {
        let late = self.released.is_some_and(|at| now.since(at) <= self.times.late_ms);
        self.is_latched() || late
    }

    fn clear_alarms(&mut self, out: &mut Vec<Output>) {
        for (what, on) in [(Alarm::Held, self.held.take()), (Alarm::Forced, self.forced.take())] {
            if on.is_some() {
                out.push(Output::Event(Event::Alarm { what, cleared: true }));
            }
        }
    }

    fn connect(&mut self, now: Ticks, open: Option<bool>, exit: Option<bool>, out: &mut Vec<Output>) {
        self.connected = true;
        self.shown = None;
        if !self.is_latched() {
            out.push(Output::Release);
        }
        if let (None, Some(open)) = (self.open, open) {
            self.contact(now, open, out);
        }
        self.exit = self.exit.or(exit);
    }

    fn lose(&mut self, out: &mut Vec<Output>) {
        let (last_badge, complained) = (self.last_badge.take(), self.complained);
        *self = Self { last_badge, complained, ..Self::new(self.times) };
        out.push(Output::Release);
    }

    /// The strike on. While it is on already it stays on for the longer time.
    fn latch(&mut self, now: Ticks, for_ms: u64, out: &mut Vec<Output>) {
        let until = match self.phase {
            Phase::Latched { until, .. } => until.max(now + for_ms),
            _ => now + for_ms,
        };
        self.phase = Phase::Latched { since: now, until };
        self.open_since = self.open_since.map(|_| now);
        out.push(Output::Strike { for_ms: until.since(now) });
    }

    fn answer(&mut self, now: Ticks, signal: Signal, for_ms: u64) {
        self.phase = Phase::Answer { signal, reads: false, since: now, until: now + for_ms };
    }

    /// What is to be shown, and since when.
    fn signal(&self) -> (Signal, Ticks) {
        match (self.phase, self.forced.or(self.held)) {
            (Phase::Latched { since, .. }, _) => (Signal::Allowed, since),
            (Phase::Answer { signal, since, .. }, _) => (signal, since),
            (Phase::Ready, Some(since)) => (Signal::Alarm, since),
            (Phase::Ready, None) => (Signal::Ready, Ticks(0)),
        }
    }

    fn show(&mut self, now: Ticks, out: &mut Vec<Output>) {
        if !self.connected {
            return;
        }
        let (signal, since) = self.signal();
        let levels = signal.levels(now.since(since), self.times.blink_ms);
        let [red, green, buzzer] = levels.changes(self.shown);
        out.extend(red.map(Output::Red));
        out.extend(green.map(Output::Green));
        out.extend(buzzer.map(Output::Buzzer));
        self.shown = Some(levels);
    }
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Badge { digests, .. } => write!(f, "Badge({digests:?})"),
            Self::BadReading(reason) => write!(f, "BadReading({reason:?})"),
            Self::Exit(pressed) => write!(f, "Exit({pressed})"),
            Self::Contact(open) => write!(f, "Contact({open})"),
            Self::Tick => f.write_str("Tick"),
            Self::Times(_) => f.write_str("Times"),
            Self::Connected { open, exit } => write!(f, "Connected({open:?}, {exit:?})"),
            Self::Lost => f.write_str("Lost"),
            Self::StrikeFailed => f.write_str("StrikeFailed"),
        }
    }
}

#[cfg(test)]
#[path = "door_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "door_properties.rs"]
mod properties;
