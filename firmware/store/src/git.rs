//! Git objects, read through gix.
//!
//! Not a writer: packs are made by `pack`, references moved by `refs`. A [`GitObjects`] is cheap to clone and
//! may be sent to another thread; each clone finds packs that were added and forgets those that consolidation
//! took away. Readers need no lock. The user's and the system's git settings have no say here.

use crate::{
    disk::RealDisk,
    pack::{GixError, HASH},
    refs::{self, RefError},
    repository,
};
use gix::{
    objs::{Exists, Find},
    odb::store::init::Slots,
};
use ledger::{Kind, NewObjects, Object, Objects, ReadError};
use model::{BlockId, Name, ObjectId, RefName};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// How many packs one opening can come to know; gix's own limit of 32 is reached within an hour.
const SLOTS: u16 = 1024;

/// A ledger's git repository that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the git repository {}: is this the home of a ledger? (ledgerctl init makes one)", path.display())]
pub struct OpenRepositoryError {
    /// The repository.
    pub path: PathBuf,
    /// What gix says.
    pub source: Box<GixError>,
}

/// The objects and references of a ledger, to read.
#[derive(Clone)]
pub struct GitObjects {
    git: PathBuf,
    odb: gix::OdbHandle,
}

impl GitObjects {
    /// Opens the repository in the home folder `home`, to read from it; no lock is taken.
    pub fn open(home: &Path) -> Result<Self, OpenRepositoryError> {
        let git = home.join(repository::FOLDER);
        let options =
            gix::open::Options::isolated().object_store_slots(Slots::Given(SLOTS)).open_path_as_is(true);
        match options.open(&git) {
            Ok(repository) => Ok(Self { odb: repository.to_thread_local().objects.clone(), git }),
            Err(source) => Err(OpenRepositoryError { path: git, source: Box::new(source) }),
        }
    }

    /// Whether the store has an object.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.likely_contains(id) || self.fresh().exists(&to_git(id))
    }

    /// The same without a second look: "no" may be wrong.
    pub(crate) fn likely_contains(&self, id: &ObjectId) -> bool {
        self.odb.exists(&to_git(id))
    }

    /// Those of new objects that the store seems to lack. One look at the folder of packs serves all: an object that came
    /// since is named though it is there.
    pub(crate) fn likely_missing<'a>(&self, new: &'a NewObjects) -> Vec<(&'a ObjectId, &'a Object)> {
        let mut known = self.fresh();
        known.refresh_never();
        let mut looked = false;
        let mut is_missing = |id: &ObjectId| {
            if known.exists(&to_git(id)) {
                return false;
            }
            std::mem::replace(&mut looked, true) || !self.likely_contains(id)
        };
        new.iter().filter(|(id, _)| is_missing(id)).collect()
    }

    /// Has the packs looked at anew, for all clones.
    ///
    /// To be called whenever packs were added and before others are taken away, and again when they were. Where gix-odb 0.87
    /// learns of both at once, a new pack may be given the place of an old one, which is then cleared with the old
    /// one: its objects are not found until some other pack comes (`load_index.rs`, `slot_indices_to_remove`).
    pub(crate) fn look_again(&self) {
        let nothing = gix::ObjectId::null(HASH);
        let _absent = self.fresh().exists(&nothing);
    }

    /// A handle that begins with the packs as they are known now. Clones share what they learn of the packs, and each asks
    /// by an address in memory and a count whether another has learnt more (gix-odb 0.87, `state_id`). When packs came
    /// and went, a later list may lie at the address of the one that a clone knows: it then finds nothing new. So what
    /// is not found is sought again through a new one.
    pub(crate) fn fresh(&self) -> gix::OdbHandle {
        self.odb.clone()
    }

    /// The block that a reference points to, if it is there.
    pub fn head(&self, name: &RefName) -> Result<Option<BlockId>, RefError> {
        refs::read(&RealDisk, &self.git, name)
    }

    /// All references with the blocks that they point to.
    pub fn refs(&self) -> Result<BTreeMap<RefName, BlockId>, RefError> {
        refs::all(&RealDisk, &self.git)
    }

    /// The newest block of each branch.
    pub fn branches(&self) -> Result<BTreeMap<Name, BlockId>, RefError> {
        refs::branches(&RealDisk, &self.git)
    }

    /// The repository's folder, for git's own tools.
    pub fn path(&self) -> &Path {
        &self.git
    }
}

impl Objects for GitObjects {
    fn read(&self, id: &ObjectId) -> Result<Option<Object>, ReadError> {
        let mut bytes = Vec::new();
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ReadError { id: *id, source };
        let mut find = |odb: &gix::OdbHandle| {
            let found = odb.try_find(&to_git(id), &mut bytes).map_err(|error| failed(error.into()))?;
            Ok(found.map(|data| data.kind))
        };
        let found = match find(&self.odb)? {
            None => find(&self.fresh())?,
            found => found,
        };
        let Some(kind) = found else { return Ok(None) };
        let kind = match kind {
            gix::objs::Kind::Blob => Kind::Blob,
            gix::objs::Kind::Tree => Kind::Tree,
            gix::objs::Kind::Commit => Kind::Commit,
            gix::objs::Kind::Tag => return Err(failed("it is a tag, which a ledger does not have".into())),
        };
        Ok(Some(Object { kind, bytes }))
    }
}

/// Git's id of ours.
pub(crate) fn to_git(id: &ObjectId) -> gix::ObjectId {
    gix::ObjectId::from_bytes_or_panic(id.as_bytes())
}

/// Git's kind of ours.
pub(crate) fn to_git_kind(kind: Kind) -> gix::objs::Kind {
    match kind {
        Kind::Blob => gix::objs::Kind::Blob,
        Kind::Tree => gix::objs::Kind::Tree,
        Kind::Commit => gix::objs::Kind::Commit,
    }
}

/// A pack entry of an object in memory, not as a delta.
pub(crate) fn entry(
    id: gix::ObjectId,
    kind: gix::objs::Kind,
    data: &[u8],
) -> gix::error::Result<gix_pack::data::output::Entry> {
    let count = gix_pack::data::output::Count::from_data(id, None);
    let object = gix::objs::Data { kind, object_hash: HASH, data };
    gix_pack::data::output::Entry::from_data(&count, &object, gix::zlib::Compression::DEFAULT)
}
