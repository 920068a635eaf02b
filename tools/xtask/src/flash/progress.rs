//! How far it is, on one line that is written over; without a terminal, a line for each step when it is done.

use super::write::Step;
use crate::shell::{Done, say};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

const LINE: &str = "{msg:9} [{bar:30}] {percent:>3} %  {decimal_bytes} of {decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left";

/// The line.
pub struct Progress {
    bar: ProgressBar,
    step: Option<Step>,
}

impl Progress {
    /// For so many bytes in each step.
    pub fn new(total: u64) -> Done<Self> {
        let bar =
            ProgressBar::new(total).with_style(ProgressStyle::with_template(LINE)?.progress_chars("## "));
        Ok(Self { bar, step: None })
    }

    /// So many bytes of a step are done.
    pub fn told(&mut self, step: Step, done: u64) {
        if self.step != Some(step) {
            self.step = Some(step);
            self.bar.reset();
            self.bar.set_message(verb(step));
        }
        self.bar.set_position(done);
        if Some(done) == self.bar.length() {
            let line = finished(step, done, self.bar.elapsed());
            if self.bar.is_hidden() { say(&line) } else { self.bar.println(line) }
        }
    }

    /// Leaves the terminal as it was.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn verb(step: Step) -> &'static str {
    match step {
        Step::Write => "Writing",
        Step::Compare => "Checking",
    }
}

fn finished(step: Step, bytes: u64, time: Duration) -> String {
    let what = match step {
        Step::Write => "Written",
        Step::Compare => "Read back and compared, every byte",
    };
    let speed = bytes as f64 / 1e6 / time.as_secs_f64().max(0.001);
    format!("{what}: {} MB in {:.0} s, {speed:.0} MB/s", bytes.div_ceil(1_000_000), time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_ends_with_a_line_of_plain_words() {
        let line = finished(Step::Write, 377_487_360, Duration::from_secs(20));
        assert_eq!(line, "Written: 378 MB in 20 s, 19 MB/s");
        assert!(finished(Step::Compare, 1, Duration::ZERO).starts_with("Read back and compared"));
    }

    #[test]
    fn the_line_can_be_drawn() {
        let mut progress = Progress::new(100).unwrap();
        progress.told(Step::Write, 50);
        progress.told(Step::Write, 100);
        progress.told(Step::Compare, 100);
        progress.end();
    }
}
