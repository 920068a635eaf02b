//! The home directory: where everything of one box lives, and who may look at it.
//!
//! ```text
//! DIR/ledger.git  DIR/chunks/  DIR/wal/  DIR/index.sqlite      the store's
//! DIR/keys/<name>          private keys, OpenSSH, 0600         DIR/secrets/badge.key   0600
//! DIR/secrets/next-NAME, net-key                               keys that are replaced (`rotation.rs`), 0600
//! DIR/node.toml            name, organisation, branch, network DIR/notes/              what is in no block, the store's
//! DIR/update/              the record of updates, what a person asked for
//! DIR/lock                 held by the one who writes          DIR/ledgerd.lock        held by the one ledgerd
//! DIR/run/admin.sock       DIR/run/dapps/<name>/{api,serve}.sock
//! DIR/cache/images/        unpacked images; may be deleted at any time
//! ```
//!
//! Folders are 0700, secrets 0600, whatever the umask. A home is opened as often as one likes and written by
//! whoever has its store open: ledgerd while it runs, ledgerctl when it does not.

mod error;
mod keys;

pub use error::HomeError;

use crate::peers::NetSettings;
use keys::{openssh, read_key};
use ledger::MAIN;
use model::{BadgeKey, Name, OrgId, SigningKey};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The name of the file with the node's own key.
pub(crate) const NODE_KEY: &str = "node";
/// The folder of what is kept of updates.
pub(crate) const UPDATES: &str = "update";
/// The file with the key under which badges are hashed.
const BADGE_KEY: &str = "secrets/badge.key";

/// An opened home.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
    identity: Identity,
}

/// `node.toml`: who this box is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    name: Name,
    org: OrgId,
    #[serde(default = "main_branch", skip_serializing_if = "is_main")]
    branch: Name,
    #[serde(default, skip_serializing_if = "is_usual")]
    net: NetSettings,
}

pub(crate) fn main_branch() -> Name {
    MAIN.parse().expect("because \"main\" is a name")
}

fn is_main(branch: &Name) -> bool {
    branch.as_str() == MAIN
}

fn is_usual(settings: &NetSettings) -> bool {
    *settings == NetSettings::default()
}

impl Home {
    /// Opens a home that is there.
    pub fn open(folder: &Path) -> Result<Self, HomeError> {
        let path = folder.join("node.toml");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(HomeError::Missing { folder: folder.into() });
            }
            text => text.map_err(at("read", &path))?,
        };
        let identity = toml::from_str(&text).map_err(|source| HomeError::Identity { path, source })?;
        let folder = fs::canonicalize(folder).map_err(at("open", folder))?;
        Ok(Self { folder, identity })
    }

    /// Makes the folders and the secrets of a new home. `node.toml` comes last, by [`Home::finish`]: a home
    /// whose making was cut short holds no ledger and can be removed.
    pub(crate) fn prepare(
        folder: &Path,
        keys: &[(&str, &SigningKey)],
        badge_key: &BadgeKey,
    ) -> Result<(), HomeError> {
        if folder.join("node.toml").exists() {
            return Err(HomeError::Exists { folder: folder.into() });
        }
        if folder.join(BADGE_KEY).exists() {
            return Err(HomeError::Unfinished { folder: folder.into() });
        }
        make_folders(folder)?;
        for (name, key) in keys {
            let path = folder.join("keys").join(name);
            write_secret(&path, &openssh(&path, key)?)?;
        }
        write_secret(&folder.join(BADGE_KEY), &badge_key.to_hex())
    }

    /// Makes the folders of a box that asks to join, and its key; a key that an earlier try made is taken again.
    pub(crate) fn prepare_to_join(folder: &Path, new: &SigningKey) -> Result<SigningKey, HomeError> {
        if folder.join("node.toml").exists() {
            return Err(HomeError::Exists { folder: folder.into() });
        }
        make_folders(folder)?;
        let path = folder.join("keys").join(NODE_KEY);
        if path.exists() {
            return read_key(&path);
        }
        write_secret(&path, &openssh(&path, new)?)?;
        Ok(new.clone())
    }

    /// Says who the box is that has joined: from here on it is a home.
    pub(crate) fn finish_join(
        folder: &Path,
        name: Name,
        org: OrgId,
        branch: Name,
        badge_key: &BadgeKey,
    ) -> Result<Self, HomeError> {
        replace_secret(&folder.join(BADGE_KEY), &badge_key.to_hex())?;
        Self::finish(folder, name, org, branch)
    }

    /// Says who the box is: from here on it is a home.
    pub(crate) fn finish(folder: &Path, name: Name, org: OrgId, branch: Name) -> Result<Self, HomeError> {
        let text = toml::to_string(&Identity { name, org, branch, net: NetSettings::default() })
            .map_err(HomeError::WriteIdentity)?;
        replace_secret(&folder.join("node.toml"), &text)?;
        Self::open(folder)
    }

    /// Makes the folders of the running box, which may have been deleted.
    pub fn make_run_folders(&self) -> Result<(), HomeError> {
        ["run", "run/dapps", "cache", "cache/images"]
            .iter()
            .try_for_each(|part| private_folder(&self.folder.join(part)))
    }

    /// The home itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// This box's name.
    pub fn node(&self) -> &Name {
        &self.identity.name
    }

    /// The organisation that the box belongs to.
    pub fn org(&self) -> OrgId {
        self.identity.org
    }

    /// The branch that the box follows.
    pub fn branch(&self) -> &Name {
        &self.identity.branch
    }

    /// Writes down that the box follows a branch from its next start on; what people wrote into node.toml stays.
    pub fn follow(&self, branch: &Name) -> Result<(), HomeError> {
        let path = self.folder.join("node.toml");
        let text = fs::read_to_string(&path).map_err(at("read", &path))?;
        replace_secret(&path, &with_branch(&text, branch))
    }

    /// How the box meets others.
    pub fn net_settings(&self) -> &NetSettings {
        &self.identity.net
    }

    /// The git repository.
    pub fn ledger_folder(&self) -> PathBuf {
        self.folder.join("ledger.git")
    }

    /// The packs of chunks.
    pub fn chunks_folder(&self) -> PathBuf {
        self.folder.join("chunks")
    }

    /// The socket of the admin API.
    pub fn admin_socket(&self) -> PathBuf {
        self.folder.join("run/admin.sock")
    }

    /// The folder that a dapp sees as `/run/ledger`.
    pub fn dapp_folder(&self, dapp: &Name) -> PathBuf {
        self.folder.join("run/dapps").join(dapp.as_str())
    }

    /// Unpacked images.
    pub fn images_folder(&self) -> PathBuf {
        self.folder.join("cache/images")
    }

    /// Unpacked images of judges.
    pub fn judge_images_folder(&self) -> PathBuf {
        self.folder.join("cache/judges")
    }

    /// Where judges are run.
    pub fn judge_folder(&self) -> PathBuf {
        self.folder.join("run/judge")
    }

    /// What is kept of updates beside the ledger.
    pub fn updates_folder(&self) -> PathBuf {
        self.folder.join(UPDATES)
    }

    /// Sample badges of a demo, if there are any.
    pub fn demo_badges(&self) -> PathBuf {
        self.folder.join("demo-badges.json")
    }

    /// The key under which badges are hashed.
    pub fn badge_key(&self) -> Result<BadgeKey, HomeError> {
        let path = self.folder.join(BADGE_KEY);
        let text = fs::read_to_string(&path).map_err(at("read", &path))?;
        text.parse().map_err(|source| HomeError::BadgeKey { path, source })
    }

    /// The badge key, if it is the one whose fingerprint `org.toml` has. An `org.toml` without one is content.
    pub fn badge_key_of(&self, fingerprint: &str) -> Result<BadgeKey, HomeError> {
        let key = self.badge_key()?;
        let found = key.fingerprint();
        if fingerprint.is_empty() || fingerprint == found.to_string() {
            return Ok(key);
        }
        let path = self.folder.join(BADGE_KEY);
        Err(HomeError::OtherBadgeKey { path, found, wanted: fingerprint.to_string() })
    }

    /// A secret file of the home that is not a key; an error also if there is none.
    pub(crate) fn read_secret(&self, file: &str) -> Result<String, HomeError> {
        let path = self.folder.join(file);
        fs::read_to_string(&path).map_err(at("read", &path))
    }

    /// Keeps a secret file in the place of an older one.
    pub(crate) fn keep_secret(&self, file: &str, text: &str) -> Result<(), HomeError> {
        replace_secret(&self.folder.join(file), text)
    }
}

/// The text of node.toml with another branch, which stands among the keys before the first table.
fn with_branch(text: &str, branch: &Name) -> String {
    let is_branch = |line: &str| line.split('=').next().is_some_and(|key| key.trim() == "branch");
    let lines: Vec<&str> = text.lines().collect();
    let tables = lines.iter().position(|line| line.trim_start().starts_with('[')).unwrap_or(lines.len());
    let (keys, tables) = lines.split_at(tables);
    let mut text: String =
        keys.iter().filter(|line| !is_branch(line)).map(|line| format!("{line}\n")).collect();
    if branch.as_str() != MAIN {
        let end = text.trim_end().len();
        text.insert_str(end, &format!("\nbranch = \"{branch}\""));
    }
    text.extend(tables.iter().map(|line| format!("{line}\n")));
    text
}

/// Makes every folder of a home.
fn make_folders(folder: &Path) -> Result<(), HomeError> {
    ["", "keys", "secrets", "run", "run/dapps", "cache", "cache/images", "wal", "chunks"]
        .iter()
        .try_for_each(|part| private_folder(&folder.join(part)))
}

fn private_folder(path: &Path) -> Result<(), HomeError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at("make the folder", path))?;
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(path, private).map_err(at("make private", path))
}

/// Writes a file that nobody else may read, durably; one that is there is not replaced.
fn write_secret(path: &Path, text: &str) -> Result<(), HomeError> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(at("make", path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(at("write", path))
}

/// Writes a file that nobody else may read in the place of an older one, in one step and durably.
fn replace_secret(path: &Path, text: &str) -> Result<(), HomeError> {
    let beside = path.with_added_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at("remove", &beside)(error)),
        _ => write_secret(&beside, text)?,
    }
    fs::rename(&beside, path).map_err(at("put in place", path))?;
    let folder = path.parent().expect("because every file of a home lies in a folder");
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at("sync", folder))
}

fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    let path = path.to_path_buf();
    move |source| HomeError::File { doing, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn home(folder: &Path) -> Home {
        let key = SigningKey::from_seed(&[1; 32]);
        Home::prepare(folder, &[("node", &key), ("alice", &key)], &BadgeKey::new([2; 32])).unwrap();
        let main = "main".parse().unwrap();
        Home::finish(folder, "front-door".parse().unwrap(), OrgId::new([3; 32]), main).unwrap()
    }

    #[test]
    fn the_branch_changes_and_what_people_wrote_stays() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(&folder.path().join("box"));
        let path = home.folder().join("node.toml");
        let written = fs::read_to_string(&path).unwrap() + "# ours\n\n[net]\nport = 9 # nine\n";
        fs::write(&path, &written).unwrap();
        for branch in ["rescue", "lab", "main"] {
            home.follow(&branch.parse().unwrap()).unwrap();
            let again = Home::open(home.folder()).unwrap();
            assert_eq!((again.branch().as_str(), again.net_settings().port), (branch, 9));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), written);
    }

    #[test]
    fn secrets_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(&folder.path().join("box"));
        let mode = |path: &str| fs::metadata(home.folder().join(path)).unwrap().permissions().mode() & 0o777;
        for part in ["", "keys", "secrets", "run", "run/dapps"] {
            assert_eq!(mode(part), 0o700, "{part}");
        }
        for file in ["keys/node", "keys/alice", "secrets/badge.key", "node.toml"] {
            assert_eq!(mode(file), 0o600, "{file}");
        }
    }

    #[test]
    fn what_was_kept_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        assert_eq!(home.node_key().unwrap().public(), SigningKey::from_seed(&[1; 32]).public());
        assert_eq!(home.badge_key().unwrap(), BadgeKey::new([2; 32]));
        assert_eq!(home.node().as_str(), "front-door");
    }

    #[test]
    fn a_home_that_was_begun_and_not_finished_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let prepare = || Home::prepare(folder.path(), &[], &BadgeKey::new([2; 32]));
        prepare().unwrap();
        assert!(matches!(Home::open(folder.path()), Err(HomeError::Missing { .. })));
        assert!(matches!(prepare(), Err(HomeError::Unfinished { .. })));
    }

    #[test]
    fn a_home_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Home::open(folder.path()), Err(HomeError::Missing { .. })));
        home(folder.path());
        let again = Home::prepare(folder.path(), &[], &BadgeKey::new([2; 32]));
        assert!(matches!(again, Err(HomeError::Exists { .. })));
    }
}
