//! What a judge reads: the two states and what changed between them, as one JSON object in one spelling.
//!
//! Keys are sorted at every level, documents are as the local API shows them, and only what the manifest lets the judge
//! see is in there. Nothing of the box that asks: every box gives the same bytes.

use super::{Broken, JudgeTask, force::Judge};
use crate::{
    block::Block,
    diff::Difference,
    object::{Kind, Objects, load},
    state::StateError,
    tree::{Entry, Folder},
};
use model::{Document, Millis, Name, ObjectId, OrgId, StatePath};
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest input of a judge, in bytes.
pub const MAX_INPUT_BYTES: usize = 16 << 20;

/// Documents and manifests by path.
type Files = BTreeMap<String, Value>;

/// The merge that is judged, but for its tree.
#[derive(Debug, Clone)]
pub(crate) struct Occasion {
    pub(crate) org: OrgId,
    pub(crate) branch: Name,
    pub(crate) height: u64,
    pub(crate) at: Millis,
    /// The tree of the block of main before.
    pub(crate) base: ObjectId,
}

impl Occasion {
    /// A merge onto a block of main.
    pub(crate) fn of(main: &Block, at: Millis) -> Self {
        let height = main.height.unwrap_or(0).saturating_add(1);
        Self { org: main.org, branch: main.branch.clone(), height, at, base: main.tree }
    }
}

/// The task of a judge, or why there is none to give it.
pub(crate) fn task(
    objects: &dyn Objects,
    occasion: &Occasion,
    judge: &Judge,
    merged: &ObjectId,
    changes: &[Difference],
) -> Result<Result<JudgeTask, Broken>, StateError> {
    let Some(image) = judge.image else { return Ok(Err(Broken::NoImage)) };
    let mut reader = Reader { objects, judge, read: BTreeMap::new(), bytes: 0 };
    let Some(value) = reader.input(occasion, merged, changes)? else { return Ok(Err(Broken::InputTooLong)) };
    let mut input = serde_json::to_vec(&value).expect("because the value has text for keys alone");
    input.push(b'\n');
    if input.len() > MAX_INPUT_BYTES {
        return Ok(Err(Broken::InputTooLong));
    }
    Ok(Ok(JudgeTask { dapp: judge.dapp.clone(), manifest: judge.manifest, image, input }))
}

/// Reads files for a judge, each once.
struct Reader<'a> {
    objects: &'a dyn Objects,
    judge: &'a Judge,
    read: BTreeMap<ObjectId, Value>,
    bytes: usize,
}

impl Reader<'_> {
    /// `None` if it is more than a judge is given.
    fn input(
        &mut self,
        occasion: &Occasion,
        merged: &ObjectId,
        changes: &[Difference],
    ) -> Result<Option<Value>, StateError> {
        let (mut base_files, mut merged_files) = (Files::new(), Files::new());
        self.files(None, &occasion.base, &mut base_files)?;
        self.files(None, merged, &mut merged_files)?;
        let changed = self.changes(changes)?;
        let fields: [(&str, Value); 8] = [
            ("at", occasion.at.0.into()),
            ("base", base_files.into_iter().collect()),
            ("branch", occasion.branch.to_string().into()),
            ("changes", changed.into()),
            ("dapp", self.judge.dapp.to_string().into()),
            ("height", occasion.height.into()),
            ("merged", merged_files.into_iter().collect()),
            ("org", occasion.org.to_string().into()),
        ];
        let fits = self.bytes <= MAX_INPUT_BYTES;
        Ok(fits.then(|| fields.into_iter().map(|(key, value)| (key.to_string(), value)).collect()))
    }

    fn changes(&mut self, changes: &[Difference]) -> Result<Vec<Value>, StateError> {
        let mut found = Vec::new();
        for change in changes.iter().filter(|change| self.judge.sees(&change.path)) {
            let new = change.new.map(|id| self.file(&change.path, &id)).transpose()?;
            let old = change.old.map(|id| self.file(&change.path, &id)).transpose()?;
            let fields = [("new", new), ("old", old), ("path", Some(change.path.to_string().into()))];
            let fields = fields.into_iter().map(|(key, value)| (key.to_string(), value.unwrap_or_default()));
            found.push(fields.collect());
        }
        Ok(found)
    }

    fn files(
        &mut self,
        at: Option<&StatePath>,
        folder: &ObjectId,
        found: &mut Files,
    ) -> Result<(), StateError> {
        for (name, entry) in Folder::load(self.objects, folder)?.iter() {
            let path = match at {
                Some(folder) => folder.join(name.as_str())?,
                None => name.as_str().parse()?,
            };
            match entry {
                _ if self.bytes > MAX_INPUT_BYTES => return Ok(()),
                Entry::File(id) if self.judge.sees(&path) => {
                    found.insert(path.to_string(), self.file(&path, &id)?);
                }
                Entry::Folder(id) if self.judge.sees_below(&path) => self.files(Some(&path), &id, found)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// A document as JSON; a manifest as its text.
    fn file(&mut self, path: &StatePath, id: &ObjectId) -> Result<Value, StateError> {
        if let Some(value) = self.read.get(id) {
            self.bytes += value.to_string().len();
            return Ok(value.clone());
        }
        let bytes = load(self.objects, id, Kind::Blob)?;
        let value: Value = if path.is_document() {
            let document = Document::parse(&bytes);
            let document = document.map_err(|source| StateError::Document { path: path.clone(), source })?;
            document.to_json().into()
        } else {
            String::from_utf8_lossy(&bytes).into()
        };
        self.bytes += value.to_string().len();
        self.read.insert(*id, value.clone());
        Ok(value)
    }
}
