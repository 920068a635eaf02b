//! `completions` and `man`: made from the command tree, so they cannot lag behind it.

use super::Cli;
use crate::{context::Context, error::Result, output};
use anyhow::Context as _;
use clap::{Args, CommandFactory};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Print the completions for a shell
///
/// For bash: `ledgerctl completions bash > /etc/bash_completion.d/ledgerctl`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(&self, context: &Context) -> Result {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "ledgerctl", &mut script);
        let script = String::from_utf8_lossy(&script);
        context.out.show(&script, &json!({"shell": self.shell.to_string(), "script": script}))
    }
}

/// Write the manual pages into a folder
///
/// One page for ledgerctl and one for each command, such as ledgerctl-badge-add.1. `man -l FILE` shows one.
#[derive(Debug, Args)]
pub struct Man {
    /// The folder; it is made if it is not there
    dir: PathBuf,
}

impl Man {
    pub(super) fn run(&self, context: &Context) -> Result {
        std::fs::create_dir_all(&self.dir)
            .with_context(|| format!("cannot make the folder {}", self.dir.display()))?;
        let mut root = Cli::command().disable_help_subcommand(true);
        root.build();
        let mut names = Vec::new();
        write_pages(&root, "ledgerctl", &self.dir, &mut names)?;
        let said = format!("{} in {}\n", output::count(names.len(), "page", "pages"), self.dir.display());
        context.out.show(&said, &json!({"dir": self.dir, "pages": names}))
    }
}

fn write_pages(command: &clap::Command, name: &str, dir: &Path, names: &mut Vec<String>) -> Result {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone().display_name(name)).title(name).render(&mut page)?;
    let file = format!("{name}.1");
    let path = dir.join(&file);
    std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    names.push(file);
    for below in command.get_subcommands() {
        write_pages(below, &format!("{name}-{}", below.get_name()), dir, names)?;
    }
    Ok(())
}
