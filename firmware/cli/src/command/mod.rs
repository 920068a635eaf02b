//! The command tree: one file a command.

mod badge;
mod blob;
mod board;
mod branch;
mod certificate;
mod dapp;
mod git;
mod image;
mod import;
mod init;
mod invite;
mod keys;
mod log;
mod manual;
mod nodes;
mod people;
mod policy;
mod proposals;
mod propose;
mod reason;
mod signin;
mod slots;
mod status;
mod verify;

pub use propose::in_words as conflict_in_words;

use crate::{context::Context, error::Result};
use clap::{Args, Parser, Subcommand};
use model::Name;
use std::path::PathBuf;

/// The ledger at the command line
///
/// Reads and changes the ledger of an organisation on this box. While ledgerd runs it is asked over its socket;
/// while none runs the home is opened directly. A change is signed here, with a person's key, and enters the
/// ledger if the policy allows it.
#[derive(Debug, Parser)]
#[command(name = "ledgerctl", version, propagate_version = true, after_help = AFTER)]
pub struct Cli {
    /// The options that all commands share.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "Exit status: 0 done, 1 refused or failed, 2 the command line makes no sense.\n\
    Environment: LEDGER_HOME is --home; NO_COLOR turns colours off.";

/// The options that all commands share.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of all commands")]
pub struct Common {
    /// The home directory [default: $LEDGER_HOME, else /var/lib/ledger for root, else ~/.ledger]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Print one JSON value (`log` without --blocks: one a line, an event each); errors are JSON too, on stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// Whose key signs [default: the only person's key in DIR/keys, else the founder's]
    #[arg(id = "as", long = "as", global = true, value_name = "PERSON")]
    pub person: Option<Name>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Init(init::Init),
    /// Show the box at a glance
    Status,
    Log(log::Log),
    Verify(verify::Verify),
    #[command(subcommand)]
    People(people::People),
    #[command(subcommand)]
    Badge(badge::Badge),
    #[command(subcommand)]
    Certificate(certificate::Certificate),
    #[command(subcommand)]
    Policy(policy::Policy),
    #[command(subcommand)]
    Keys(keys::Keys),
    Invite(invite::Invite),
    Join(invite::Join),
    #[command(subcommand)]
    Nodes(nodes::Nodes),
    #[command(subcommand)]
    Branch(branch::Branch),
    Propose(propose::Propose),
    Proposals(proposals::Proposals),
    #[command(subcommand)]
    Dapp(dapp::Dapp),
    #[command(subcommand)]
    Blob(blob::Blob),
    #[command(subcommand)]
    Image(image::Image),
    #[command(subcommand)]
    Board(board::Board),
    Tap(board::Tap),
    Contact(board::Contact),
    #[command(subcommand)]
    Import(import::Import),
    Signin(signin::Signin),
    #[command(subcommand)]
    Slots(slots::Slots),
    #[command(subcommand)]
    Git(git::Git),
    /// Put waiting events into a block now
    Flush,
    Completions(manual::Completions),
    Man(manual::Man),
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Result {
    let context = &Context::new(cli.common);
    match cli.command {
        Command::Init(it) => it.run(context),
        Command::Status => status::run(context),
        Command::Log(it) => it.run(context),
        Command::Verify(it) => it.run(context),
        Command::People(it) => it.run(context),
        Command::Badge(it) => it.run(context),
        Command::Certificate(it) => it.run(context),
        Command::Policy(it) => it.run(context),
        Command::Keys(it) => it.run(context),
        Command::Invite(it) => it.run(context),
        Command::Join(it) => it.run(context),
        Command::Nodes(it) => it.run(context),
        Command::Branch(it) => it.run(context),
        Command::Propose(it) => it.run(context),
        Command::Proposals(it) => it.run(context),
        Command::Dapp(it) => it.run(context),
        Command::Blob(it) => it.run(context),
        Command::Image(it) => it.run(context),
        Command::Board(it) => it.run(context),
        Command::Tap(it) => it.run(context),
        Command::Contact(it) => it.run(context),
        Command::Import(it) => it.run(context),
        Command::Signin(it) => it.run(context),
        Command::Slots(it) => it.run(context),
        Command::Git(it) => it.run(context),
        Command::Flush => status::flush(context),
        Command::Completions(it) => it.run(context),
        Command::Man(it) => it.run(context),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_argument_of_a_command_is_not_taken_for_a_shared_one() {
        let cli = Cli::parse_from(["ledgerctl", "badge", "add", "bob"]);
        assert_eq!(cli.common.person, None, "whose badge it is, is not who signs");
        let cli = Cli::parse_from(["ledgerctl", "badge", "add", "bob", "--as", "alice"]);
        assert_eq!(cli.common.person.unwrap().as_str(), "alice");
    }

    #[test]
    fn every_command_and_option_says_what_it_is() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{} of {} has no help", arg.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
