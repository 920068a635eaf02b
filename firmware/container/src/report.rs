//! What the helper tells its supervisor: one JSON object a line, on its standard output.
//!
//! `{"started":PID}` once, then any number of `{"output":..}`, then `{"exited":..}`.
//! `{"failed":"why"}` instead of `started` when the container could not be made, and in place of `exited`
//! when the helper itself came to grief. A helper that ends without a last word was killed.

use serde::{Deserialize, Serialize};

/// One line of the helper's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The program runs; its process id as the host counts.
    Started(i32),
    /// The program wrote a line.
    Output(Output),
    /// The program is gone, and everything that it had started.
    Exited(Exit),
    /// The container could not be made or watched; in words for people.
    Failed(String),
}

/// A line that the program in the container wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Where it was written.
    pub stream: Stream,
    /// The line without its end, made valid UTF-8, at most [`crate::Spec::OUTPUT_LINE_BYTES`] long.
    pub line: String,
}

/// Standard output or standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// File descriptor 1.
    Stdout,
    /// File descriptor 2.
    Stderr,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit code, if the program ended by itself or by handling a signal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<i32>,
    /// The signal that killed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<i32>,
    /// The kernel killed something in the container because its memory limit was reached.
    pub oom_killed: bool,
    /// Who wanted it to end.
    pub ended: Ended,
}

/// Who wanted the container to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Nobody: it returned or crashed.
    Itself,
    /// The supervisor asked, or is gone.
    Stopped,
    /// `deadline_ms` was over.
    Deadline,
}

impl Exit {
    /// Whether the program returned 0.
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_one_line_of_json_each() {
        let said = |report| serde_json::to_string(&report).unwrap();
        assert_eq!(said(Report::Started(7)), r#"{"started":7}"#);
        let exit = Exit { code: None, signal: Some(9), oom_killed: true, ended: Ended::Itself };
        assert_eq!(
            said(Report::Exited(exit)),
            r#"{"exited":{"signal":9,"oom_killed":true,"ended":"itself"}}"#
        );
        let line = Output { stream: Stream::Stderr, line: "a\nb".into() };
        assert_eq!(said(Report::Output(line)), r#"{"output":{"stream":"stderr","line":"a\nb"}}"#);
    }
}
