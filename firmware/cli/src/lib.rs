//! ledgerctl: the ledger at the command line.
//!
//! Commands live in [`command`], one file each: its arguments, what it does, what it prints. Below them:
//! [`view`] reads the ledger's repository, [`edits`] collects changes of documents and shows them, [`link`]
//! brings signed blocks in, through the ledgerd that runs or, where none does, by opening the home in this
//! process. Nothing here decides what is allowed: the ledger's policy does, and says why not.

pub mod agent_client;
pub mod command;
pub mod context;
pub mod edits;
pub mod error;
pub mod import;
pub mod keyring;
pub mod link;
pub mod output;
pub mod people;
pub mod progress;
pub mod view;
pub mod when;

use clap::Parser;
use std::process::ExitCode;

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = command::Cli::parse();
    let json = cli.common.json;
    match command::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error::report(&error, json),
    }
}
