//! Which judges are in force at a block of main, and which of them a merge must ask.
//!
//! A judge decides about the documents that its manifest's `writes` names and about those below `<dapp>/`. It sees
//! these and what `reads` names. Nothing of the ledger's own (its policy, keys, nodes, branches, dapps, logs) is
//! a judge's to decide, and neither is a change that only sets `revoked` marks: a judge that is broken must not
//! keep anybody from mending it, or from revoking a lost key.

use crate::{
    diff::{Difference, diff},
    document_merge::{REVOKED, same_table},
    object::{Kind, Objects, load},
    state::{State, StateError},
};
use model::{Document, Glob, Name, ObjectId, StatePath};
use std::collections::BTreeSet;
use toml::{Table, Value};

/// Folders and files that no judge decides about.
const LEDGERS_OWN: [&str; 7] = ["org.toml", "policy.toml", "keys", "nodes", "branches", "dapps", "log"];

/// The judge of a dapp.
#[derive(Debug, Clone)]
pub(crate) struct Judge {
    pub(crate) dapp: Name,
    /// The object of `dapp.toml`.
    pub(crate) manifest: ObjectId,
    /// The object of `image.manifest`, if there is one.
    pub(crate) image: Option<ObjectId>,
    reads: Vec<Glob>,
    writes: Vec<Glob>,
}

impl Judge {
    /// The judge that a manifest names. Patterns that are none are passed over here; whoever runs the judge reads the
    /// manifest strictly, and will not.
    fn of(dapp: Name, manifest: ObjectId, image: Option<ObjectId>, document: &Document) -> Option<Self> {
        let globs = |key: &str| {
            let values = document.get(&[key]).and_then(Value::as_array).into_iter().flatten();
            values.filter_map(|value| value.as_str()?.parse().ok()).collect()
        };
        document.get(&["judge"])?;
        let (reads, writes) = (globs("reads"), globs("writes"));
        Some(Self { dapp, manifest, image, reads, writes })
    }

    /// Whether a change of this path is the judge's to decide.
    pub(crate) fn decides(&self, path: &StatePath) -> bool {
        let own = path.is_within(self.dapp.as_str()) || self.writes.iter().any(|glob| glob.matches(path));
        own && !LEDGERS_OWN.iter().any(|folder| path.as_str() == *folder || path.is_within(folder))
    }

    /// Whether the judge is shown what is at this path.
    pub(crate) fn sees(&self, path: &StatePath) -> bool {
        let named = || self.reads.iter().chain(&self.writes).any(|glob| glob.matches(path));
        !path.is_within("log") && (path.is_within(self.dapp.as_str()) || named())
    }

    /// Whether the judge is shown anything at or below this folder.
    pub(crate) fn sees_below(&self, folder: &StatePath) -> bool {
        let named = || self.reads.iter().chain(&self.writes).any(|glob| glob.reaches(folder));
        let is_log = folder.as_str() == "log" || folder.is_within("log");
        let own = folder.as_str() == self.dapp.as_str() || folder.is_within(self.dapp.as_str());
        !is_log && (own || named())
    }
}

/// The judges of a state, by name.
pub(crate) fn in_force(objects: &dyn Objects, tree: &ObjectId) -> Result<Vec<Judge>, StateError> {
    let state = State::at_tree(objects, *tree);
    let mut judges = Vec::new();
    for path in state.list("dapps")? {
        let ["dapps", name, "dapp.toml"] = path.parts().collect::<Vec<_>>()[..] else { continue };
        let (Ok(name), Some(manifest)) = (name.parse::<Name>(), state.id_of(&path)?) else { continue };
        let Some(document) = state.document(&path)? else { continue };
        let image = state.id_of(&format!("dapps/{name}/image.manifest").parse()?)?;
        judges.extend(Judge::of(name, manifest, image, &document));
    }
    judges.sort_by(|one, other| one.dapp.cmp(&other.dapp));
    Ok(judges)
}

/// The judges in force at `base` that must be asked about `merged`, by name.
pub(crate) fn required(
    objects: &dyn Objects,
    base: &ObjectId,
    merged: &ObjectId,
) -> Result<Vec<Judge>, StateError> {
    let mut changes = diff(objects, Some(base), Some(merged))?;
    changes.retain(|change| !change.path.is_within("log"));
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let judges = in_force(objects, base)?;
    asked(objects, judges, &changes)
}

/// Those of the judges that decide about one of the changes.
pub(crate) fn asked(
    objects: &dyn Objects,
    judges: Vec<Judge>,
    changes: &[Difference],
) -> Result<Vec<Judge>, StateError> {
    let (mut found, mut only_marks) = (Vec::new(), BTreeSet::new());
    for judge in judges {
        let mut decides = false;
        for change in changes.iter().filter(|change| judge.decides(&change.path)) {
            if only_marks.contains(&change.path) || only_revokes(objects, change)? {
                only_marks.insert(&change.path);
            } else {
                decides = true;
                break;
            }
        }
        if decides {
            found.push(judge);
        }
    }
    Ok(found)
}

/// Whether a change does nothing but set `revoked` marks.
fn only_revokes(objects: &dyn Objects, change: &Difference) -> Result<bool, StateError> {
    let (Some(old), Some(new), true) = (change.old, change.new, change.path.is_document()) else {
        return Ok(false);
    };
    let read = |id: &ObjectId| -> Result<Document, StateError> {
        let wrong = |source| StateError::Document { path: change.path.clone(), source };
        Document::parse(&load(objects, id, Kind::Blob)?).map_err(wrong)
    };
    let (old, new) = (read(&old)?, read(&new)?);
    Ok(same_table(old.table(), &without_new_marks(old.table(), new.table())))
}

fn without_new_marks(old: &Table, new: &Table) -> Table {
    let mut kept = Table::new();
    for (key, value) in new {
        let before = old.get(key);
        let value = match (before, value) {
            (None, _) if key == REVOKED => continue,
            (Some(Value::Table(before)), Value::Table(after)) => {
                Value::Table(without_new_marks(before, after))
            }
            _ => value.clone(),
        };
        kept.insert(key.clone(), value);
    }
    kept
}

/// The dapp whose judge a `Ledger-Left-Out` line names: `judge <dapp>: <why>`.
pub(crate) fn judge_of_reason(reason: &str) -> Option<Name> {
    reason.strip_prefix("judge ")?.split_once(": ")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> StatePath {
        text.parse().unwrap()
    }

    fn judge(text: &str) -> Option<Judge> {
        let id = ObjectId::new([1; 32]);
        Judge::of("desk".parse().unwrap(), id, None, &Document::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_judge_decides_what_it_may_write_and_what_is_its_own() {
        let judge = judge("reads = [\"rooms/*\"]\nwrites = [\"people/*\"]\n[judge]\n").unwrap();
        for at in ["people/alice.toml", "desk/a.toml", "desk/a/b.toml"] {
            assert!(judge.decides(&path(at)) && judge.sees(&path(at)), "{at}");
        }
        assert!(!judge.decides(&path("rooms/one.toml")) && judge.sees(&path("rooms/one.toml")));
        assert!(!judge.decides(&path("desks/a.toml")) && !judge.sees(&path("desks/a.toml")));
        assert!(judge.sees_below(&path("people")) && judge.sees_below(&path("desk")));
        assert!(!judge.sees_below(&path("doorbot")) && !judge.sees_below(&path("log")));
    }

    #[test]
    fn the_ledgers_own_is_no_judges_to_decide() {
        let judge = judge("writes = [\"**\"]\n[judge]\n").unwrap();
        for at in ["policy.toml", "org.toml", "keys/a.toml", "dapps/desk/dapp.toml", "log/a/b.jsonl"] {
            assert!(!judge.decides(&path(at)), "{at}");
        }
        assert!(judge.decides(&path("people/alice.toml")) && judge.sees(&path("policy.toml")));
        assert!(!judge.sees(&path("log/a/b.jsonl")) && !judge.sees_below(&path("log/a")));
    }

    #[test]
    fn a_manifest_without_a_judge_has_none_and_a_misspelt_one_still_judges() {
        assert!(judge("writes = [\"**\"]\n[serve]\n").is_none());
        let misspelt = judge("writes = [\"people/a*\", 3]\njudge = 5\n").unwrap();
        assert!(misspelt.decides(&path("desk/a.toml")) && !misspelt.decides(&path("people/a.toml")));
    }

    #[test]
    fn a_mark_that_is_set_is_no_change_to_judge_and_anything_more_is() {
        let table = |text: &str| Document::parse(text.as_bytes()).unwrap().table().clone();
        let same =
            |old: &str, new: &str| same_table(&table(old), &without_new_marks(&table(old), &table(new)));
        let old = "name = \"A\"\n[badges.x]\nlabel = \"l\"\n";
        assert!(same(old, "name = \"A\"\n[badges.x]\nlabel = \"l\"\n[badges.x.revoked]\nat = 1\n"));
        assert!(!same(old, "name = \"B\"\n[badges.x]\nlabel = \"l\"\n[badges.x.revoked]\nat = 1\n"));
        assert!(!same(old, "name = \"A\"\n[badges.y.revoked]\nat = 1\n[badges.x]\nlabel = \"l\"\n"));
        assert!(!same(old, "name = \"A\"\n"));
        let marked = "name = \"A\"\n[revoked]\nat = 1\n";
        assert!(!same(marked, "name = \"A\"\n[revoked]\nat = 2\n"));
    }

    #[test]
    fn a_reason_names_its_judge() {
        assert_eq!(judge_of_reason("judge desk: no").unwrap().as_str(), "desk");
        assert!(judge_of_reason("judge desk").is_none() && judge_of_reason("people/x: judge a: b").is_none());
    }
}
