//! `image`: releases of the operating system and of other images: publishing, approving, and how the boxes are.

mod approve;
mod export;
mod import;
mod list;
mod publish;
mod show;
mod status;
mod wishes;

use crate::{context::Context, error::Result};
use clap::{Args, Subcommand};
use model::Name;
use update::Version;

/// Releases of the operating system, of dapps' images and of other disk images
#[derive(Debug, Subcommand)]
pub enum Image {
    Publish(publish::Publish),
    Approve(approve::Approve),
    List(list::List),
    Show(show::Show),
    /// Show what the boxes run, what they want, and how far they are
    Status,
    Now(status::Now),
    /// Forget what was said with `now`, and give up what is only being written
    Cancel,
    /// Go back to what the other slot has
    ///
    /// If it was good, and no floor forbids it. What runs now is not taken again by itself.
    Back,
    Follow(wishes::Follow),
    Pin(wishes::Pin),
    Export(export::Export),
    Import(import::Import),
}

/// Which release
#[derive(Debug, Args)]
pub struct Which {
    /// The image: of a system its board
    image: Name,
    /// The channel, such as stable
    channel: Name,
    /// The version, such as 1.4.0
    version: Version,
}

impl Image {
    pub(super) fn run(&self, context: &Context) -> Result {
        match self {
            Self::Publish(it) => it.run(context),
            Self::Approve(it) => it.run(context),
            Self::List(it) => it.run(context),
            Self::Show(it) => it.run(context),
            Self::Status => status::run(context),
            Self::Now(it) => it.run(context),
            Self::Cancel => status::cancel(context),
            Self::Back => status::back(context),
            Self::Follow(it) => it.run(context),
            Self::Pin(it) => it.run(context),
            Self::Export(it) => it.run(context),
            Self::Import(it) => it.run(context),
        }
    }
}
