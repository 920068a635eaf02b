//! ledgerctl: the ledger at the command line.
//!
//! Commands live in [`command`], one file each: its arguments, what it does, what it prints. Below them:
//! [`view`] reads the ledger's repository, [`edits`] collects changes of documents and shows them, [`link`]
//! brings signed blocks in, through the ledgerd that runs or, where none does, by opening the home in this
//! process. Nothing here decides what is allowed: the ledger's policy does, and says why not.

mod agent_client;
mod command;
mod context;
mod edits;
mod error;
pub mod import;
mod keyring;
mod link;
mod output;
mod people;
mod progress;
mod random;
mod release;
mod usage;
mod view;
mod when;

use clap::Parser;
use std::process::ExitCode;

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == container::HELPER_ARGUMENT) {
        // Before any thread exists: the helper forks without exec. A judge is run so where no ledgerd runs.
        return container::run();
    }
    let cli = match command::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error),
    };
    let json = cli.common.json;
    match command::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error::report(&error, json),
    }
}
