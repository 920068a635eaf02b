//! What a change of documents must keep, whoever makes it.
//!
//! These rules are built in and stand above the policy: what kinds of file there are, that documents are canonical
//! TOML, that a `revoked` mark stays, that a key's document tells the truth and is never removed, that a node's key
//! is its own, and that nobody locks the organisation out of its own policy.

pub use crate::rule_error::RuleError;
use crate::{
    clone::CLONES,
    diff::Difference,
    document_merge::{REVOKED, same},
    keys::{BranchDocument, KeyDocument, NodeDocument, OrgDocument},
    object::{Kind, Objects, load},
    policy::{POLICY_PATH, Policy},
    state::{State, StateError, fixed},
    trailers::PROTOCOL,
};
use model::{Document, DocumentError, Millis, Name, ObjectId, StatePath};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Checks all changed documents of a block; `tree` is the state after it, `at` the block's time.
pub(crate) fn check_contents(
    objects: &dyn Objects,
    tree: &ObjectId,
    changes: &[Difference],
    at: Millis,
    branch: &Name,
) -> Result<(), RuleError> {
    for change in changes {
        Contents { objects, state: State::at_tree(objects, *tree), change, at }.check()?;
    }
    check_lockout(objects, tree, changes, branch)
}

/// Checks that somebody can still change the policy, and somebody add to the branch.
pub(crate) fn check_lockout(
    objects: &dyn Objects,
    tree: &ObjectId,
    changes: &[Difference],
    branch: &Name,
) -> Result<(), RuleError> {
    let decides = |path: &StatePath| {
        path.as_str() == POLICY_PATH || path.is_within("keys") || path.is_within("branches")
    };
    if !changes.iter().any(|change| decides(&change.path)) {
        return Ok(());
    }
    let state = State::at_tree(objects, *tree);
    let (policy, keys) = (state.policy()?, state.keys()?);
    let active = || keys.iter().filter(|key| key.revoked.is_none());
    let owners = policy.writers_of(&fixed(POLICY_PATH));
    if !active().any(|key| key.owner.person().is_some_and(|person| owners.contains(person))) {
        return Err(RuleError::NoOwner);
    }
    let validators = state.branch(branch)?.unwrap_or_default().validators;
    let counts = |key: &KeyDocument| validators.get(&key.public.id()).is_some_and(|weight| *weight > 0);
    if active().any(counts) { Ok(()) } else { Err(RuleError::NoValidator { branch: branch.clone() }) }
}

/// One changed file.
struct Contents<'a> {
    objects: &'a dyn Objects,
    state: State<'a>,
    change: &'a Difference,
    at: Millis,
}

impl Contents<'_> {
    fn check(&self) -> Result<(), RuleError> {
        let path = self.change.path.clone();
        if path.is_within("log") {
            return Err(RuleError::Log { path });
        }
        if !path.is_document() {
            return self.check_manifest();
        }
        let old = self.document(self.change.old)?.map(|(document, _)| document).unwrap_or_default();
        let Some((new, bytes)) = self.document(self.change.new)? else {
            return self.check_removal(&old);
        };
        let canonical = new.to_canonical().map_err(|source| self.document_error(source))?;
        if canonical.as_bytes() != bytes {
            return Err(RuleError::NotCanonical { path });
        }
        if new.table().values().any(mark_in_array) {
            return Err(RuleError::MarkInArray { path });
        }
        self.check_marks(&old, &new)?;
        self.check_own(&old, &new)
    }

    fn document(&self, id: Option<ObjectId>) -> Result<Option<(Document, Vec<u8>)>, RuleError> {
        let Some(id) = id else { return Ok(None) };
        let bytes = load(self.objects, &id, Kind::Blob).map_err(StateError::from)?;
        let document = Document::parse(&bytes).map_err(|source| self.document_error(source))?;
        Ok(Some((document, bytes)))
    }

    fn document_error(&self, source: DocumentError) -> RuleError {
        RuleError::Document { path: self.change.path.clone(), source }
    }

    fn check_manifest(&self) -> Result<(), RuleError> {
        let path = self.change.path.clone();
        if !path.as_str().ends_with(".manifest") {
            return Err(RuleError::FileKind { path });
        }
        let Some(id) = self.change.new else { return Ok(()) };
        let bytes = load(self.objects, &id, Kind::Blob).map_err(StateError::from)?;
        chunk::Manifest::parse(&bytes).map(drop).map_err(|source| RuleError::Manifest { path, source })
    }

    fn check_removal(&self, old: &Document) -> Result<(), RuleError> {
        let path = self.change.path.clone();
        let stays = ["org.toml", POLICY_PATH].contains(&path.as_str());
        if stays || path.is_within("keys") || path.is_within("branches") {
            return Err(RuleError::Removed { path });
        }
        self.check_marks(old, &Document::default())
    }

    fn check_marks(&self, old: &Document, new: &Document) -> Result<(), RuleError> {
        match lost_mark(old.table(), Some(new.table())) {
            Some(keys) => Err(RuleError::Unrevoked { path: self.change.path.clone(), keys }),
            None => Ok(()),
        }
    }

    /// The documents that are the ledger's own.
    fn check_own(&self, old: &Document, new: &Document) -> Result<(), RuleError> {
        let parts: Vec<&str> = self.change.path.parts().collect();
        match parts.as_slice() {
            ["org.toml"] => self.check_org(new),
            [POLICY_PATH] => Ok(Policy::from_document(new).map(drop)?),
            ["keys", rest @ ..] => self.check_key(rest, old, new),
            ["nodes", rest @ ..] => self.check_node(rest, new),
            ["branches", rest @ ..] => {
                self.one_part(rest, "<branch>.toml")?;
                self.value::<BranchDocument>(new).map(drop)
            }
            _ => Ok(()),
        }
    }

    fn check_org(&self, new: &Document) -> Result<(), RuleError> {
        let org: OrgDocument = self.value(new)?;
        if org.protocol == PROTOCOL {
            Ok(())
        } else {
            Err(RuleError::Protocol { path: self.change.path.clone(), found: org.protocol })
        }
    }

    fn check_key(&self, rest: &[&str], old: &Document, new: &Document) -> Result<(), RuleError> {
        let path = self.change.path.clone();
        let stem = self.one_part(rest, "<key id>.toml")?;
        let key: KeyDocument = self.value(new)?;
        let found = key.public.id();
        if found.to_string() != stem {
            return Err(RuleError::KeyId { path, found });
        }
        self.check_replaced(&key)?;
        if self.change.old.is_none() {
            let late = key.added.seconds() > self.at.seconds();
            return if late { Err(RuleError::KeyAdded { path }) } else { Ok(()) };
        }
        let before: KeyDocument = self.value(old)?;
        if before.owner != key.owner {
            return Err(RuleError::KeyOwner { path, owner: before.owner });
        }
        if before.replaces != key.replaces || before.replaced.is_some() && before.replaced != key.replaced {
            return Err(RuleError::KeyReplaced { path });
        }
        if before.added == key.added { Ok(()) } else { Err(RuleError::KeyAdded { path }) }
    }

    /// A key takes the place of another of its owner.
    fn check_replaced(&self, key: &KeyDocument) -> Result<(), RuleError> {
        let Some(before) = key.replaces else { return Ok(()) };
        let before = self.state.key_as_written(&before)?;
        let same = before.is_some_and(|before| before.owner == key.owner);
        if same { Ok(()) } else { Err(RuleError::KeyReplaced { path: self.change.path.clone() }) }
    }

    fn check_node(&self, rest: &[&str], new: &Document) -> Result<(), RuleError> {
        let path = self.change.path.clone();
        let stem = self.one_part(rest, "<node>.toml")?;
        if stem.starts_with(CLONES) {
            return Err(RuleError::Place { path, wanted: "<node>.toml, not beginning with 0." });
        }
        let node: NodeDocument = self.value(new)?;
        let key = self.state.key(&node.key)?;
        let own = key.is_some_and(|key| key.owner.node().is_some_and(|name| name.as_str() == stem));
        if own { Ok(()) } else { Err(RuleError::NodeKey { path, key: node.key }) }
    }

    /// The file's name without `.toml`, if the file lies directly in its folder.
    fn one_part<'p>(&self, rest: &[&'p str], wanted: &'static str) -> Result<&'p str, RuleError> {
        match rest {
            [file] => Ok(file.strip_suffix(".toml").unwrap_or(file)),
            _ => Err(RuleError::Place { path: self.change.path.clone(), wanted }),
        }
    }

    fn value<T: DeserializeOwned>(&self, document: &Document) -> Result<T, RuleError> {
        document.to_value().map_err(|source| self.document_error(source))
    }
}

/// The keys to the first mark of `old` that `new` has not, or has otherwise.
fn lost_mark(old: &Table, new: Option<&Table>) -> Option<Vec<String>> {
    first_mark(old, new, &|old, new| same(Some(old), new))
}

/// The keys to the first mark of `of` for which `within` has none.
pub(crate) fn absent_mark(of: &Table, within: Option<&Table>) -> Option<Vec<String>> {
    first_mark(of, within, &|_, there| there.is_some())
}

/// The keys to the first mark of `old` with which `new` does not agree.
fn first_mark(
    old: &Table,
    new: Option<&Table>,
    agrees: &dyn Fn(&Value, Option<&Value>) -> bool,
) -> Option<Vec<String>> {
    for (key, value) in old {
        let after = new.and_then(|table| table.get(key));
        let lost = match value {
            _ if key == REVOKED => (!agrees(value, after)).then(Vec::new),
            Value::Table(inner) => first_mark(inner, after.and_then(Value::as_table), agrees),
            _ => None,
        };
        if let Some(mut keys) = lost {
            keys.insert(0, key.clone());
            return Some(keys);
        }
    }
    None
}

/// Whether `new` has a mark that `old` has not.
pub(crate) fn adds_mark(old: &Table, new: &Table) -> bool {
    lost_mark(new, Some(old)).is_some()
}

fn mark_in_array(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(any_mark),
        Value::Table(table) => table.values().any(mark_in_array),
        _ => false,
    }
}

fn any_mark(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(any_mark),
        Value::Table(table) => table.contains_key(REVOKED) || table.values().any(any_mark),
        _ => false,
    }
}
