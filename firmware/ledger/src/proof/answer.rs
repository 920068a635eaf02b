//! What a judge says, and what is made of a judge that does not.
//!
//! The answer is the last line that the judge writes: `{"verdict":"pass"}` or
//! `{"verdict":"fail","reasons":["..."]}`. Reasons are for people: whatever they hold, they are made to fit on one line
//! before they are compared, kept or shown. A judge that gives no such answer is broken, and the kind of
//! break is told apart, for its author must mend it.

use crate::trailer_values::as_reason;
use serde::Deserialize;
use std::fmt;

/// The longest answer, in bytes.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024;

/// The most reasons of an answer.
pub const MAX_REASONS: usize = 16;

/// What came of asking a judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The merge keeps the dapp's rules.
    Pass,
    /// It breaks them: why, one line each, at least one.
    Fail(Vec<String>),
    /// There is no answer.
    Broken(Broken),
}

/// How a judge failed to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Its deadline was over.
    #[error("it did not answer within its time")]
    TimedOut,
    /// A signal ended it.
    #[error("it crashed")]
    Killed,
    /// The kernel ended it at its memory limit.
    #[error("it used more memory than its manifest allows")]
    Memory,
    /// It ended with something else than 0.
    #[error("it ended with code {0}")]
    Exit(i32),
    /// Its last line is no answer.
    #[error("the last line that it wrote is no answer")]
    NotAnAnswer,
    /// It wrote too much.
    #[error("it wrote more than an answer may be long")]
    TooLong,
    /// Asked twice, it said two things.
    #[error("asked twice, it gave two answers")]
    Differs,
    /// Its image is not in the ledger, not on this box, or none.
    #[error("its image cannot be had")]
    NoImage,
    /// Its `dapp.toml` cannot be read.
    #[error("its dapp.toml cannot be used")]
    NoManifest,
    /// What it would have to read is too much.
    #[error("what it would read is more than a judge is given")]
    InputTooLong,
    /// The box could not run it, through no fault of the judge.
    #[error("this box could not run it")]
    NotRun,
}

/// A line that is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Over the limit.
    #[error("an answer of {bytes} bytes: at most {MAX_ANSWER_BYTES} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not an object.
    #[error("the answer is no JSON object")]
    NotAnObject,
    /// Not JSON, or of another shape.
    #[error("the answer is neither {{\"verdict\":\"pass\"}} nor {{\"verdict\":\"fail\",\"reasons\":[...]}}")]
    Shape(#[source] serde_json::Error),
    /// Fails without a reason or with too many, or passes with one.
    #[error("an answer that fails has 1 to {MAX_REASONS} reasons, one that passes has none")]
    Reasons,
}

/// The line, as JSON has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    verdict: Word,
    reasons: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Pass,
    Fail,
}

impl Outcome {
    /// Reads a judge's answer.
    pub fn parse(line: &[u8]) -> Result<Self, AnswerError> {
        if line.len() > MAX_ANSWER_BYTES {
            return Err(AnswerError::TooLong { bytes: line.len() });
        }
        // A list of the values would be read as an object, too.
        if !line.trim_ascii_start().starts_with(b"{") {
            return Err(AnswerError::NotAnObject);
        }
        match serde_json::from_slice(line).map_err(AnswerError::Shape)? {
            Answer { verdict: Word::Pass, reasons: None } => Ok(Self::Pass),
            Answer { verdict: Word::Fail, reasons: Some(reasons) }
                if (1..=MAX_REASONS).contains(&reasons.len()) =>
            {
                Ok(Self::Fail(reasons.iter().map(|reason| as_reason(reason)).collect()))
            }
            _ => Err(AnswerError::Reasons),
        }
    }

    /// Whether the judge is content.
    pub const fn is_pass(&self) -> bool {
        matches!(self, Self::Pass)
    }

    /// The outcome as text of one spelling. Reasons are lines, so none can look like two.
    pub(crate) fn canonical(&self) -> String {
        match self {
            Self::Pass => "pass\n".into(),
            Self::Fail(reasons) => reasons.iter().map(|reason| format!("fail {reason}\n")).collect(),
            Self::Broken(broken) => format!("broken {broken}\n"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("passes"),
            Self::Fail(reasons) => f.write_str(&reasons.join("; ")),
            Self::Broken(broken) => broken.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_in_its_two_shapes() {
        assert_eq!(Outcome::parse(b"{\"verdict\":\"pass\"}").unwrap(), Outcome::Pass);
        let fail = Outcome::parse(br#" {"reasons":["a\nb"],"verdict":"fail"}"#).unwrap();
        assert_eq!(fail, Outcome::Fail(vec!["a b".into()]));
    }

    #[test]
    fn everything_else_is_no_answer() {
        for line in [
            "",
            "pass",
            "true",
            "{}",
            r#"{"verdict":"maybe"}"#,
            r#"{"verdict":"Pass"}"#,
            r#"{"verdict":"pass","note":"x"}"#,
            r#"{"verdict":"pass","reasons":["x"]}"#,
            r#"["pass",null]"#,
            r#"{"verdict":"pass"} {"verdict":"pass"}"#,
            r#"{"verdict":"pass","verdict":"fail"}"#,
            r#"{"verdict":"fail"}"#,
            r#"{"verdict":"fail","reasons":[]}"#,
            r#"{"verdict":"fail","reasons":"no"}"#,
            r#"["pass"]"#,
        ] {
            assert!(Outcome::parse(line.as_bytes()).is_err(), "{line} was taken");
        }
        let many = format!(r#"{{"verdict":"fail","reasons":[{}"x"]}}"#, r#""x","#.repeat(MAX_REASONS));
        assert!(matches!(Outcome::parse(many.as_bytes()), Err(AnswerError::Reasons)));
        let long = format!(r#"{{"verdict":"fail","reasons":["{}"]}}"#, "x".repeat(MAX_ANSWER_BYTES));
        assert!(matches!(Outcome::parse(long.as_bytes()), Err(AnswerError::TooLong { .. })));
    }
}
