//! What is said of a command line that clap does not take.
//!
//! Text is clap's own. After `--json` it is the same object that every other error is, with the code `usage`; help
//! and version are no errors and stay text.

use crate::error::{self, misused};
use clap::error::ErrorKind;
use std::{ffi::OsString, process::ExitCode};

/// Prints what is wrong with this process's command line, or the help that it asks for, and says how to exit.
pub fn report(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && wants_json(std::env::args_os()) {
        return error::report(&misused(what(error), hint(error)), true);
    }
    // A closed pipe is nobody's fault, and there is nobody to tell.
    let _printed = error.print();
    ExitCode::from(if error.use_stderr() { error::USAGE } else { 0 })
}

/// Whether `--json` is among the options. clap has given up, so its word cannot be asked.
fn wants_json(args: impl Iterator<Item = OsString>) -> bool {
    args.skip(1).take_while(|arg| arg != "--").any(|arg| arg == "--json")
}

/// The first paragraph of clap's text, on one line.
fn what(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "ledgerctl requires a subcommand".to_string();
    }
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    one_line(first.strip_prefix("error: ").unwrap_or(first))
}

/// clap's tips, and where to read on.
fn hint(error: &clap::Error) -> String {
    let text = error.to_string();
    let tips =
        text.lines().filter_map(|line| line.trim().strip_prefix("tip: ")).map(|tip| format!("{tip}; "));
    tips.chain(["--help says how it is written".to_string()]).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Cli;
    use clap::Parser;

    fn refused(args: &[&str]) -> clap::Error {
        Cli::try_parse_from([&["ledgerctl"], args].concat()).unwrap_err()
    }

    #[test]
    fn claps_paragraphs_become_a_message_and_a_hint() {
        let error = refused(&["peple", "list"]);
        assert_eq!(what(&error), "unrecognized subcommand 'peple'");
        assert!(hint(&error).starts_with("a similar subcommand exists: 'people'; "), "{}", hint(&error));
        let error = refused(&["init"]);
        assert!(what(&error).ends_with("not provided: --org <TEXT> --founder <PERSON>"), "{}", what(&error));
    }

    #[test]
    fn json_counts_where_it_is_an_option() {
        let args = |args: &[&str]| wants_json(args.iter().map(OsString::from));
        assert!(args(&["ledgerctl", "peple", "--json"]));
        assert!(!args(&["ledgerctl", "peple", "--", "--json"]));
        assert!(!args(&["--json", "peple"]), "the program's own name is none");
    }
}
