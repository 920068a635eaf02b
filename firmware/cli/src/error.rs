//! What a command says when it fails: what, where, and what to do.
//!
//! Commands return [`anyhow::Result`]; each step adds what it was doing as context. A hint travels with the
//! error as a [`Hinted`] layer, or is found here for errors of other rooms, so that those need not know that
//! there is a command line. The chain of causes is printed once: a cause whose text the line above it already
//! holds is left out.

use crate::output::Style;
use anyhow::Error;
use model::DocumentError;
use std::{fmt, process::ExitCode};

/// The result of a command.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Refused, or failed.
pub const FAILED: u8 = 1;
/// The command line makes no sense.
pub const USAGE: u8 = 2;

const TOML: &str = "TOML is wanted, lines such as  title = \"Front door\"  and headings such as  [times]; put that line \
                    right, nothing was changed";

/// An error that knows what the person should do next.
#[derive(Debug)]
pub struct Hinted {
    what: String,
    hint: String,
    usage: bool,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Hinted {}

/// A failure with a hint.
pub fn refused(what: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::new(Hinted { what: what.into(), hint: hint.into(), usage: false })
}

/// A command line that makes no sense, with a hint.
pub fn misused(what: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::new(Hinted { what: what.into(), hint: hint.into(), usage: true })
}

/// Adds what was going on, and what to do, to an error.
pub trait Hint<T> {
    /// The error below `what`, with a hint.
    fn hint(self, what: impl FnOnce() -> String, hint: &str) -> Result<T>;
}

impl<T, E: Into<Error>> Hint<T> for std::result::Result<T, E> {
    fn hint(self, what: impl FnOnce() -> String, hint: &str) -> Result<T> {
        self.map_err(|error| with_hint(error.into(), what(), hint))
    }
}

/// An error below `what`, with a hint.
pub fn with_hint(error: Error, what: String, hint: &str) -> Error {
    error.context(Hinted { what, hint: hint.to_string(), usage: false })
}

/// The texts of an error and its causes, outermost first, each said once.
pub fn chain(error: &Error) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string().trim_end().to_string();
        if !text.is_empty() && !lines.iter().any(|line| line.contains(&text)) {
            lines.push(text);
        }
    }
    lines
}

/// What to do about an error, if anybody knows.
pub fn hint_of(error: &Error) -> Option<String> {
    if let Some(hinted) = error.downcast_ref::<Hinted>() {
        return Some(hinted.hint.clone());
    }
    error.chain().find_map(known_hint)
}

fn known_hint(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(hinted) = cause.downcast_ref::<Hinted>() {
        return Some(hinted.hint.clone());
    }
    if let Some(DocumentError::Toml(_) | DocumentError::Utf8(_)) = cause.downcast_ref() {
        return Some(TOML.to_string());
    }
    let io = cause.downcast_ref::<std::io::Error>()?;
    let hint = match io.kind() {
        std::io::ErrorKind::PermissionDenied => "run it as the user who owns the home (or with sudo)",
        std::io::ErrorKind::StorageFull => "make room on the disk; nothing that was acknowledged is lost",
        std::io::ErrorKind::ReadOnlyFilesystem => {
            "the disk is mounted read-only: check it, then mount it again"
        }
        _ => return None,
    };
    Some(hint.to_string())
}

/// Prints an error for people, or as one JSON object, to stderr, and says how to exit.
pub fn report(error: &Error, json: bool) -> ExitCode {
    let usage = error.downcast_ref::<Hinted>().is_some_and(|hinted| hinted.usage);
    let (lines, hint) = (chain(error), hint_of(error));
    if json {
        let code = if usage { "usage" } else { "refused" };
        let mut object = serde_json::json!({"code": code, "message": lines[0], "causes": lines[1..]});
        object["hint"] = hint.into();
        eprintln!("{}", serde_json::json!({ "error": object }));
    } else {
        eprint!("{}", text(&lines, hint.as_deref(), Style::of_stderr()));
    }
    ExitCode::from(if usage { USAGE } else { FAILED })
}

fn text(lines: &[String], hint: Option<&str>, style: Style) -> String {
    let mut text = String::new();
    for (n, line) in lines.iter().enumerate() {
        let label = if n == 0 { style.red("error") } else { "  because".to_string() };
        text += &format!("{label}: {line}\n");
    }
    if let Some(hint) = hint {
        text += &format!("{}: {hint}\n", style.cyan("hint"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_is_said_once_and_the_hint_last() {
        let error = refused("no such person: bob", "ledgerctl people list shows them")
            .context("no such person: bob: cannot add a badge");
        let text = text(&chain(&error), hint_of(&error).as_deref(), Style::plain());
        assert_eq!(
            text,
            "error: no such person: bob: cannot add a badge\nhint: ledgerctl people list shows them\n"
        );
    }

    #[test]
    fn causes_follow_outermost_first() {
        let io = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = Err::<(), _>(io).context("cannot read /x/org.toml").unwrap_err();
        assert_eq!(chain(&error), ["cannot read /x/org.toml", "permission denied"]);
        assert!(hint_of(&error).unwrap().contains("sudo"));
    }

    #[test]
    fn a_hint_below_context_is_still_found() {
        let error =
            Err::<(), _>(std::io::Error::other("odd")).hint(|| "cut".into(), "try again").unwrap_err();
        let error = error.context("blob put");
        assert_eq!(hint_of(&error).as_deref(), Some("try again"));
        assert_eq!(chain(&error), ["blob put", "cut", "odd"]);
    }
}
