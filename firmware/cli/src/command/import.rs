//! `import`: the lists of other systems. The reading and planning is in [`crate::import`]; this is files and words.

use crate::{
    context::Context,
    edits::Edits,
    error::{Hint, Result, refused},
    import::makeitlabs::{self, Fault, Problem, Wish},
    keyring, link, output,
    view::View,
};
use clap::{Args, Subcommand};
use model::Name;
use serde_json::json;
use std::{
    io::Read,
    path::{Path, PathBuf},
};

/// Take over the lists of other systems
#[derive(Debug, Subcommand)]
pub enum Import {
    MakeitlabsAcl(MakeitlabsAcl),
}

/// Members and badges from an access list of MakeIt Labs' authbackend
///
/// Takes v0 (CSV) and v1 (JSON). Badge numbers stay in memory: the ledger gets digests. The same list a second time changes
/// nothing; what a person has revoked or marked as lost, no list brings back.
#[derive(Debug, Args)]
pub struct MakeitlabsAcl {
    /// The list; - is stdin
    file: PathBuf,
    /// What the list is for: those who are allowed get a certificate for it
    #[arg(long, value_name = "RESOURCE")]
    resource: Name,
    /// Whoever is missing from the list loses what former lists gave
    #[arg(long)]
    replace: bool,
    /// Import the good lines although others are bad
    #[arg(long)]
    skip_bad: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    pub(super) fn run(&self, context: &Context) -> Result {
        match self {
            Self::MakeitlabsAcl(it) => it.run(context),
        }
    }
}

impl MakeitlabsAcl {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let key = keyring::badge_key(&context.home, &view)?;
        let list = makeitlabs::parse(&read(&self.file)?);
        let wish = Wish { resource: &self.resource, key: &key, replace: self.replace };
        let plan = makeitlabs::plan(&list.records, &view.documents("people")?, &wish);
        let problems: Vec<&Problem> = list.problems.iter().chain(&plan.problems).collect();
        let (notes, problems): (Vec<&Problem>, Vec<&Problem>) = problems.into_iter().partition(is_note);
        notes.iter().for_each(|note| eprintln!("note: {note}"));
        self.judge(&problems)?;
        let changed = plan.documents.len();
        let mut edits = Edits::new(&view);
        for (path, document) in plan.documents {
            edits.put_document(path, document);
        }
        if self.dry_run {
            let diff = edits.diff(context.out.style)?;
            let said =
                format!("{diff}{} of {} members may use {}\n", plan.allowed, plan.members, self.resource);
            let diff = edits.diff(output::Style::plain())?;
            let value =
                json!({"members": plan.members, "allowed": plan.allowed, "changed": changed, "diff": diff});
            return context.out.show(&said, &value);
        }
        let members = output::count(plan.members, "member", "members");
        let said = format!("{members}, {} of them may use {}", plan.allowed, self.resource);
        link::send(context, &edits, &format!("Import {members} for {}", self.resource), &said)
    }

    /// Bad lines refuse the whole list, unless it was said to leave them out; they are shown in any case.
    fn judge(&self, problems: &[&Problem]) -> Result {
        if problems.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        let counted = output::count(problems.len(), "problem", "problems");
        let what = format!("{}: {counted}\n{}", self.file.display(), lines.join("\n"));
        if self.skip_bad {
            eprintln!("left out: {what}");
            return Ok(());
        }
        Err(refused(
            what,
            "nothing was imported: put the list right, or leave these lines out with --skip-bad",
        ))
    }
}

/// What needs nobody's hand: spare badges, and what the ledger has revoked.
fn is_note(problem: &&Problem) -> bool {
    matches!(problem.fault, Fault::NoMember | Fault::Revoked { .. })
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", file.display());
    let there = "name a file that is there and can be read";
    let reader: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(file).hint(cannot, there)?),
    };
    let mut bytes = Vec::new();
    // One byte more than is taken, so that a list that is too long is seen as such.
    reader.take(makeitlabs::MAX_LIST_BYTES as u64 + 1).read_to_end(&mut bytes).hint(cannot, there)?;
    Ok(bytes)
}
