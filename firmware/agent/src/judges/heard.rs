//! What a judge writes, as far as it matters: its last line, and whether it wrote too much.

use container::{Output, Spec, Stream};
use ledger::{AnswerError, Broken, Outcome};

/// The most lines of a judge, both streams together. The helper passes on more than that in a second, so the last
/// line of a judge that keeps to it is never one that was left out.
const MAX_LINES: usize = 256;
/// How many lines of its diagnostics are logged.
const LOGGED: usize = 20;

/// What was heard so far.
#[derive(Debug, Default)]
pub struct Heard {
    lines: usize,
    last: String,
    too_long: bool,
}

impl Heard {
    /// Takes a line.
    pub fn take(&mut self, output: Output) {
        self.lines += 1;
        match output.stream {
            Stream::Stderr if self.lines <= LOGGED => tracing::info!(line = output.line, "a judge says"),
            Stream::Stderr => {}
            // The helper cut it: what follows is the rest of it.
            Stream::Stdout if output.line.len() >= Spec::OUTPUT_LINE_BYTES => self.too_long = true,
            Stream::Stdout if output.line.trim().is_empty() => {}
            Stream::Stdout => self.last = output.line,
        }
    }

    /// The answer of a judge that ended well.
    pub fn answer(&self) -> Outcome {
        if self.too_long || self.lines > MAX_LINES {
            return Outcome::Broken(Broken::TooLong);
        }
        match Outcome::parse(self.last.as_bytes()) {
            Ok(outcome) => outcome,
            Err(AnswerError::TooLong { .. }) => Outcome::Broken(Broken::TooLong),
            Err(error) => {
                let line: String = self.last.chars().take(200).collect();
                tracing::info!(line, %error, "a judge's last line is no answer");
                Outcome::Broken(Broken::NotAnAnswer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> Outcome {
        let mut heard = Heard::default();
        for line in lines {
            heard.take(Output { stream: Stream::Stdout, line: (*line).into() });
        }
        heard.answer()
    }

    #[test]
    fn the_last_line_is_the_answer() {
        assert_eq!(heard(&["looking", r#"{"verdict":"pass"}"#, ""]), Outcome::Pass);
        assert_eq!(heard(&[r#"{"verdict":"pass"}"#, "done"]), Outcome::Broken(Broken::NotAnAnswer));
        assert_eq!(heard(&[]), Outcome::Broken(Broken::NotAnAnswer));
    }

    #[test]
    fn what_is_written_to_the_error_stream_is_no_answer() {
        let mut heard = Heard::default();
        heard.take(Output { stream: Stream::Stderr, line: r#"{"verdict":"pass"}"#.into() });
        assert_eq!(heard.answer(), Outcome::Broken(Broken::NotAnAnswer));
    }

    #[test]
    fn who_writes_too_much_has_not_answered() {
        let pass = r#"{"verdict":"pass"}"#;
        let long = "x".repeat(Spec::OUTPUT_LINE_BYTES);
        assert_eq!(heard(&[&long, pass]), Outcome::Broken(Broken::TooLong));
        let mut many = vec!["x"; MAX_LINES];
        many.push(pass);
        assert_eq!(heard(&many), Outcome::Broken(Broken::TooLong));
    }
}
