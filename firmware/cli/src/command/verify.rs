//! `verify`: every block, signature and rule, from genesis to the newest block.

use crate::{
    context::Context,
    error::{Hint, Result, refused},
    link, output,
    progress::Progress,
    view::View,
};
use clap::{Args, ValueEnum};
use model::Name;
use serde_json::json;

/// Check every block, signature and rule from genesis to the newest block
///
/// Nothing is trusted that is stored: each object is hashed, each signature checked against the keys that were
/// valid then, each change against the policy that held, each merge made again, each log compared with what it was.
#[derive(Debug, Args)]
pub struct Verify {
    /// Where to begin; genesis is the only place that needs no trust
    #[arg(long, value_enum, default_value = "genesis")]
    from: From,
    /// The branch whose blocks are checked [default: the one that this box follows]
    #[arg(long, value_name = "BRANCH", conflicts_with = "replay")]
    branch: Option<Name>,
    /// Make this one merge of main again instead, and ask its judges again
    #[arg(long, value_name = "HEIGHT")]
    replay: Option<u64>,
}

/// Where to begin
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum From {
    /// The first block of the organisation
    Genesis,
}

impl Verify {
    pub(super) fn run(&self, context: &Context) -> Result {
        if let Some(height) = self.replay {
            return replay(context, height);
        }
        let From::Genesis = self.from;
        let view = match &self.branch {
            Some(branch) => View::of(context, branch)?,
            None => View::open(context)?,
        };
        let mut progress = Progress::of_things("blocks", context.out.json);
        let report = ledger::verify(view.objects(), view.head(), &mut |done| progress.at(done)).hint(
            || format!("the ledger in {} does not hold", context.home.join("ledger.git").display()),
            "keep this copy for inquiry; bring in a good one with git from another box, and verify that",
        )?;
        drop(progress);
        let blocks = output::count(usize::try_from(report.blocks)?, "block", "blocks");
        let events = output::count(usize::try_from(report.events)?, "event", "events");
        let said = format!(
            "good: {blocks} and {events}, from genesis to height {}\nchecked: every object's hash, every signature, \
             the policy at each block, every merge made again, every log unbroken\n",
            report.height
        );
        let value =
            json!({"good": true, "head": view.head(), "blocks": report.blocks, "events": report.events});
        context.out.show(&said, &value)
    }
}

fn replay(context: &Context, height: u64) -> Result {
    let found = link::replay(context, height)?;
    if let Some(fault) = &found.fault {
        return Err(refused(
            format!("height {height}, block {}: {fault}", found.block.short()),
            "replay it on another box: if that says the same, the merge should not be in the ledger",
        ));
    }
    let heads = output::count(found.heads, "head", "heads");
    let mut said = format!("good: height {height}, block {}: {heads} merged again", found.block.short());
    if found.left_out > 0 {
        said.push_str(&format!(", {} left out", found.left_out));
    }
    said.push('\n');
    for line in &found.verdicts {
        said.push_str(&format!("{} passes: {}\n", line.dapp, line.verdict));
    }
    context.out.show(&said, &serde_json::to_value(&found)?)
}
