//! `verify`: every block, signature and rule, from genesis to the newest block.

use crate::{
    context::Context,
    error::{Hint, Result},
    output,
    progress::Progress,
    view::View,
};
use clap::{Args, ValueEnum};
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
}

/// Where to begin
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum From {
    /// The first block of the organisation
    Genesis,
}

impl Verify {
    pub(super) fn run(&self, context: &Context) -> Result {
        let From::Genesis = self.from;
        let view = View::open(context)?;
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
