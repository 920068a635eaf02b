//! What a machine shows.

use super::{Machine, Output, session::Power};
use crate::signal::Signal;
use dapp::kit::time::Ticks;

impl Machine {
    pub(super) fn show(&mut self, now: Ticks, out: &mut Vec<Output>) {
        let signal = self.wanted_signal(now);
        if signal != self.signal.0 {
            self.signal = (signal, now);
        }
        if !self.connected {
            return;
        }
        let levels = signal.levels(now.since(self.signal.1), self.document.times.blink_ms);
        let [red, green, buzzer] = levels.changes(self.shown);
        out.extend(red.map(Output::Red));
        out.extend(green.map(Output::Green));
        out.extend(buzzer.map(Output::Buzzer));
        self.shown = Some(levels);
    }

    fn wanted_signal(&self, now: Ticks) -> Signal {
        if let Some(answer) = self.answer {
            return answer.signal;
        }
        let Some(session) = &self.session else {
            return match (self.unasked || self.are_mains_gone(), self.closed().is_some() || self.due) {
                (true, _) => Signal::Halted,
                (false, true) => Signal::Locked,
                (false, false) => Signal::Ready,
            };
        };
        match &session.power {
            Power::Off { halt: Some(_), .. } => Signal::Halted,
            Power::Off { .. } | Power::Checking { .. } => Signal::Waiting,
            Power::On if session.must_be_homed() => Signal::Waiting,
            Power::On if session.warns(now, &self.document.times) => Signal::Warning,
            Power::On => Signal::Enabled,
        }
    }
}
