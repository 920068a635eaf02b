//! `propose`: change any document of the ledger, by file, by key, or away; or bring a whole branch to another.

use super::branch::find;
use crate::{
    context::Context,
    edits::Edits,
    error::{Hint, Result, misused},
    link,
    view::View,
};
use anyhow::Context as _;
use clap::Args;
use ledger::{Choice, Choices, Conflict};
use model::{BlockId, Name, StatePath};
use serde_json::json;
use std::path::Path;
use toml::Value;

/// Change documents of the ledger, or join a branch into another
///
/// `ledgerctl propose doorbot/doors/front.toml=front.toml` puts a file in place;
/// `ledgerctl propose --set people/alice.toml:plan=pro` changes one key of a document. All that one command names becomes one
/// block: it goes in as a whole or not at all. `ledgerctl propose lab --into main` brings all of the branch lab to main.
#[derive(Debug, Args)]
pub struct Propose {
    /// A file and where it goes; FILE alone goes to its own path, as in a clone of the ledger. With --into: the branch
    #[arg(value_name = "PATH=FILE|FILE|BRANCH")]
    files: Vec<String>,
    /// Join the named branch into this one
    #[arg(long, value_name = "BRANCH", conflicts_with_all = ["set", "unset", "delete"])]
    into: Option<Name>,
    /// Of a file that both branches changed, take ours (of --into) or theirs; may be repeated
    #[arg(long, num_args = 2, value_names = ["ours|theirs", "PATH"], requires = "into")]
    take: Vec<String>,
    /// Set a key: VALUE is TOML (4000, true, ["a"]), anything else is text
    #[arg(long, value_name = "PATH:KEY=VALUE")]
    set: Vec<String>,
    /// Take a key away
    #[arg(long, value_name = "PATH:KEY")]
    unset: Vec<String>,
    /// Take a file away
    #[arg(long, value_name = "PATH")]
    delete: Vec<StatePath>,
    /// What it is for; it becomes the block's first line
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Propose {
    pub(super) fn run(&self, context: &Context) -> Result {
        if let Some(into) = &self.into {
            return self.join(context, into);
        }
        if self.files.is_empty() && self.set.is_empty() && self.unset.is_empty() && self.delete.is_empty() {
            return Err(misused("nothing is proposed", "name a file, or use --set, --unset or --delete"));
        }
        let view = View::open(context)?;
        let mut edits = Edits::new(&view);
        self.collect(&mut edits)?;
        if self.dry_run {
            return show(context, &edits);
        }
        let message = self.message.clone().map_or_else(|| usual_message(&edits), Ok)?;
        link::send(context, &edits, &message, "")
    }

    fn join(&self, context: &Context, into: &Name) -> Result {
        let [branch] = self.files.as_slice() else {
            return Err(misused("which branch?", "write ledgerctl propose BRANCH --into BRANCH"));
        };
        let view = View::of(context, into)?;
        let source = find(view.objects(), branch)?;
        let choices = self.take.chunks(2).map(choice).collect::<Result<Choices>>()?;
        let message = self.message.clone().unwrap_or_else(|| format!("Join {branch} into {into}"));
        if self.dry_run {
            return would_join(context, &view, (branch, source), &choices);
        }
        link::join(context, &view, (branch, source), &choices, &message)
    }

    fn collect(&self, edits: &mut Edits<'_>) -> Result {
        for file in &self.files {
            let (path, file) = file.split_once('=').unwrap_or((file.trim_start_matches("./"), file));
            let bytes = read_file(Path::new(file))?;
            let path = path.parse().hint(
                || format!("{path:?} cannot be a path of the ledger"),
                "say where the file goes: ledgerctl propose doorbot/doors/front.toml=FILE",
            )?;
            edits.put_file(path, bytes).with_context(|| format!("{file} cannot be proposed"))?;
        }
        for text in &self.set {
            set(edits, text)?;
        }
        for text in &self.unset {
            let (path, keys) = split_key(text)?;
            let (last, above) = keys.split_last().unwrap_or((&"", &[]));
            edits.table(&path, above)?.remove(*last);
        }
        self.delete.iter().try_for_each(|path| edits.delete(path.clone()))
    }
}

/// `ours PATH` or `theirs PATH`.
fn choice(words: &[String]) -> Result<(StatePath, Choice)> {
    let example = "write --take ours PATH or --take theirs PATH";
    let [side, path] = words else { return Err(misused("a choice has two words", example)) };
    let choice = match side.as_str() {
        "ours" => Choice::Ours,
        "theirs" => Choice::Theirs,
        other => return Err(misused(format!("{other:?} is neither ours nor theirs"), example)),
    };
    Ok((path.parse().hint(|| format!("{path:?} cannot be a path of the ledger"), example)?, choice))
}

/// What a join would have to choose between that nobody chose yet.
fn would_join(context: &Context, view: &View, source: (&str, BlockId), choices: &Choices) -> Result {
    let mut open = ledger::conflicts(view.objects(), view.head(), source.1)?;
    open.retain(|conflict| !choices.contains_key(&conflict.path));
    let into = view.branch();
    let lines: String =
        open.iter().map(|conflict| format!("{}\n", in_words(conflict, into, source.0))).collect();
    let said =
        if open.is_empty() { format!("{} joins {into} without a conflict\n", source.0) } else { lines };
    let value = |conflict: &Conflict| json!({"path": conflict.path, "keys": conflict.keys, "ours": conflict.ours, "theirs": conflict.theirs});
    let conflicts: Vec<_> = open.iter().map(value).collect();
    context.out.show(&said, &json!({ "into": into, "joins": source.1, "conflicts": conflicts }))
}

/// A conflict with both values.
pub fn in_words(conflict: &Conflict, into: &Name, branch: &str) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".into());
    let (ours, theirs) = (value(&conflict.ours), value(&conflict.theirs));
    let keys = if conflict.keys.is_empty() { String::new() } else { format!(" {}", conflict.keys.join(".")) };
    format!("{}{keys}: {into} has {ours}, {branch} has {theirs}", conflict.path)
}

/// A file of this machine, whole; documents and manifests are small.
pub(super) fn read_file(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file)
        .hint(|| format!("cannot read {}", file.display()), "name a file that is there and can be read")
}

fn set(edits: &mut Edits<'_>, text: &str) -> Result {
    let example = "write PATH:KEY=VALUE, such as people/alice.toml:plan=pro";
    let (place, value) =
        text.split_once('=').ok_or_else(|| misused(format!("{text:?} has no '='"), example))?;
    let (path, keys) = split_key(place)?;
    let (last, above) = keys.split_last().unwrap_or((&"", &[]));
    edits.table(&path, above)?.insert((*last).to_string(), value_of(value));
    Ok(())
}

fn split_key(text: &str) -> Result<(StatePath, Vec<&str>)> {
    let example = "write PATH:KEY, such as people/alice.toml:plan";
    let (path, key) = text.split_once(':').ok_or_else(|| misused(format!("{text:?} has no ':'"), example))?;
    let keys: Vec<&str> = key.split('.').collect();
    if keys.iter().any(|key| key.is_empty()) {
        return Err(misused(format!("{key:?} is not a key"), example));
    }
    Ok((path.parse()?, keys))
}

/// TOML if it reads as a value, text otherwise.
fn value_of(text: &str) -> Value {
    let document: Option<toml::Table> = format!("value = {text}").parse().ok();
    let alone = document.filter(|table| table.len() == 1);
    alone.and_then(|mut table| table.remove("value")).unwrap_or_else(|| text.into())
}

fn usual_message(edits: &Edits<'_>) -> Result<String> {
    let changes = edits.changes()?;
    Ok(match changes.as_slice() {
        [] => "Change nothing".to_string(),
        [one] if one.content.is_none() => format!("Remove {}", one.path),
        [one] => format!("Change {}", one.path),
        [one, rest @ ..] => format!("Change {} and {} more", one.path, rest.len()),
    })
}

fn show(context: &Context, edits: &Edits<'_>) -> Result {
    let paths: Vec<String> = edits.changes()?.iter().map(|change| change.path.to_string()).collect();
    let diff = edits.diff(context.out.style)?;
    let said = if diff.is_empty() { "nothing would change\n".to_string() } else { diff };
    context.out.show(&said, &json!({"paths": paths, "diff": edits.diff(crate::output::Style::plain())?}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_toml_where_they_read_as_toml_and_text_elsewhere() {
        assert_eq!(value_of("4000"), Value::Integer(4000));
        assert_eq!(value_of("true"), Value::Boolean(true));
        assert_eq!(value_of("[\"a\"]"), Value::Array(vec!["a".into()]));
        assert_eq!(value_of("pro"), Value::String("pro".into()));
        assert_eq!(value_of("1\nother = 2"), Value::String("1\nother = 2".into()), "no second key slips in");
    }

    #[test]
    fn a_place_without_path_or_key_is_refused() {
        for bad in ["plan", "people/a.toml:", "people/a.toml:x..y", "../x:y"] {
            assert!(split_key(bad).is_err(), "{bad:?} was taken");
        }
    }
}
