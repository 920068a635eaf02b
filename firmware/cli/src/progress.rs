//! Progress on stderr: only on a terminal, and only once a second has gone by.
//!
//! Short work stays silent, scripts and `--json` never see a bar.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

/// How long work may take before a bar appears.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar that may appear.
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    shown: bool,
}

impl Progress {
    /// Bytes of a known total.
    pub fn of_bytes(what: &'static str, total: u64, quiet: bool) -> Self {
        Self::new(what, Some(total), "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}", quiet)
    }

    /// Things whose number nobody knows before the end.
    pub fn of_things(what: &'static str, quiet: bool) -> Self {
        Self::new(what, None, "{spinner} {msg} {pos} {per_sec}", quiet)
    }

    fn new(what: &'static str, total: Option<u64>, template: &str, quiet: bool) -> Self {
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_message(what);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let never = quiet || !std::io::stderr().is_terminal();
        Self { bar, started: Instant::now(), shown: never }
    }

    /// Says that so much is done in all.
    pub fn at(&mut self, done: u64) {
        if !self.shown && self.started.elapsed() > PATIENCE {
            self.shown = true;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(done);
    }

    /// Says that so much more is done.
    pub fn add(&mut self, more: u64) {
        self.at(self.bar.position().saturating_add(more));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_counts_even_when_nobody_sees_it() {
        let mut progress = Progress::of_bytes("cutting", 10, true);
        progress.add(4);
        progress.add(3);
        assert_eq!(progress.bar.position(), 7);
        assert!(progress.bar.is_hidden());
    }
}
