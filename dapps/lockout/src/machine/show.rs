//! What a machine shows.

use super::{Machine, Output, session::Power};
use crate::signal::{Levels, Signal};
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
        let differs =
            |level: fn(&Levels) -> bool| self.shown.is_none_or(|shown| level(&shown) != level(&levels));
        out.extend(differs(|l| l.red).then_some(Output::Red(levels.red)));
        out.extend(differs(|l| l.green).then_some(Output::Green(levels.green)));
        out.extend(differs(|l| l.buzzer).then_some(Output::Buzzer(levels.buzzer)));
        self.shown = Some(levels);
    }

    fn wanted_signal(&self, now: Ticks) -> Signal {
        if let Some(answer) = self.answer {
            return answer.signal;
        }
        let Some(session) = &self.session else {
            return match (self.unasked, self.lock.is_some() || self.due) {
                (true, _) => Signal::Halted,
                (false, true) => Signal::Locked,
                (false, false) => Signal::Ready,
            };
        };
        match &session.power {
            Power::Off { halt: Some(_), .. } => Signal::Halted,
            Power::Off { .. } | Power::Checking { .. } => Signal::Waiting,
            Power::On if session.warns(now, &self.document.times) => Signal::Warning,
            Power::On => Signal::Enabled,
        }
    }
}
