//! `image show`: all that a release says, and who has signed it.

use super::{Which, publish::delta_text};
use crate::{
    context::Context,
    error::Result,
    output,
    release::{self, Known, Standing},
    view::View,
    when,
};
use clap::Args;
use jiff::tz::TimeZone;
use serde_json::json;
use update::Release;

/// Show a release
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct Show {
    #[command(flatten)]
    which: Which,
    /// Print the very bytes that are signed, and nothing else
    #[arg(long)]
    document: bool,
}

impl Show {
    pub(super) fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let Which { image, channel, version } = &self.which;
        let known = release::find(&view, image, channel, version)?;
        if self.document {
            return context.out.text(std::str::from_utf8(&known.text)?);
        }
        let standing = Standing::of(&view, &known);
        let signed = match &standing {
            Ok(standing) => format!("{}\n{}", standing.text(), standing.warnings()),
            Err(error) => format!("{error}\n"),
        };
        let standing = standing.ok();
        let text = lines(&known, &view.zone()) + &signed;
        let value = json!({
            "release": known.release, "id": known.id(), "folder": known.folder, "size": known.release.size(),
            "approved": standing.as_ref().is_some_and(Standing::is_approved),
            "need": standing.as_ref().map(|it| it.need), "signed": standing.as_ref().map(|it| &it.signed),
            "open": standing.as_ref().map(|it| &it.open), "ignored": standing.as_ref().map(|it| &it.ignored),
        });
        context.out.show(&text, &value)
    }
}

fn lines(known: &Known, zone: &TimeZone) -> String {
    let it = &known.release;
    let mut text = format!("{} {} {}: {}\n", it.image, it.channel, it.version, it.kind);
    let mut line = |name: &str, value: String| text += &format!("  {name:<9} {value}\n");
    line("id", known.id().to_string());
    line("made", when::show(it.made, zone));
    if !it.boards.is_empty() {
        line("boards", it.boards.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    }
    if let Some(from) = &it.from {
        line("from", format!("boxes that run {from} or newer"));
    }
    if let Some(floor) = &it.floor {
        line("floor", format!("nobody goes back below {floor}"));
    }
    for part in &it.parts {
        line("part", format!("{}, {}", part.name, output::bytes(part.size)));
        for offer in it.deltas.iter().filter(|offer| offer.part == part.name) {
            line("", format!("  {}", delta_text(offer)));
        }
    }
    rollout(it, zone).into_iter().for_each(|step| line("rollout", step));
    it.notes.lines().for_each(|note| line("notes", note.to_owned()));
    text
}

fn rollout(release: &Release, zone: &TimeZone) -> Vec<String> {
    let Some(rollout) = &release.rollout else { return Vec::new() };
    let steps =
        rollout.steps.iter().map(|step| format!("{}% from {} on", step.percent, when::show(step.at, zone)));
    let hold = rollout
        .hold
        .map(|hold| format!("held once it failed on {}", output::count(hold as usize, "box", "boxes")));
    steps.chain(hold).collect()
}
