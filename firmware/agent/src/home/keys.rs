//! The keys of a home: the node's, people's, and those that are to take their place (`rotation.rs`).

use super::{Home, HomeError, NODE_KEY, at, replace_secret, write_secret};
use model::{Name, SigningKey};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The file with the node's key before, under which other boxes know it until they have heard of the new one.
const NET_KEY: &str = "secrets/net-key";

impl Home {
    /// The node's own key.
    pub fn node_key(&self) -> Result<SigningKey, HomeError> {
        self.read_key(NODE_KEY)
    }

    /// A person's key, if this box has it.
    pub fn person_key(&self, person: &Name) -> Result<SigningKey, HomeError> {
        self.read_key(person.as_str())
    }

    /// The key by which other boxes know this one: the node's own, or the one before it while some have not heard.
    pub fn net_key(&self) -> Result<SigningKey, HomeError> {
        let path = self.folder.join(NET_KEY);
        if path.exists() { read_key(&path) } else { self.node_key() }
    }

    /// Keeps the key by which others know this box, unless an older one is kept still.
    pub(crate) fn keep_net_key(&self, key: &SigningKey) -> Result<(), HomeError> {
        let path = self.folder.join(NET_KEY);
        if path.exists() { Ok(()) } else { replace_secret(&path, &openssh(&path, key)?) }
    }

    /// Everybody has heard of the node's newest key: from the next start on they know the box by that.
    pub(crate) fn forget_net_key(&self) -> Result<(), HomeError> {
        remove(&self.folder.join(NET_KEY))
    }

    /// The key that is to take the place of another one, if one waits.
    pub(crate) fn next_key(&self, name: &str) -> Result<Option<SigningKey>, HomeError> {
        let path = self.next_key_file(name);
        if path.exists() { read_key(&path).map(Some) } else { Ok(None) }
    }

    /// Keeps it.
    pub(crate) fn keep_next_key(&self, name: &str, key: &SigningKey) -> Result<(), HomeError> {
        let path = self.next_key_file(name);
        replace_secret(&path, &openssh(&path, key)?)
    }

    /// Puts it in place.
    pub(crate) fn put_next_key(&self, name: &str) -> Result<(), HomeError> {
        let (path, next) = (self.folder.join("keys").join(name), self.next_key_file(name));
        let key = read_key(&next)?;
        replace_secret(&path, &openssh(&path, &key)?)?;
        remove(&next)
    }

    fn next_key_file(&self, name: &str) -> PathBuf {
        self.folder.join("secrets").join(format!("next-{name}"))
    }

    /// Refuses the one name that no person can have: the key of such a person would lie where the node's does.
    pub fn check_person_name(person: &Name) -> Result<(), HomeError> {
        if person.as_str() == NODE_KEY { Err(HomeError::PersonName) } else { Ok(()) }
    }

    /// Keeps a person's key.
    pub fn keep_person_key(&self, person: &Name, key: &SigningKey) -> Result<(), HomeError> {
        Self::check_person_name(person)?;
        let path = self.folder.join("keys").join(person.as_str());
        write_secret(&path, &openssh(&path, key)?)
    }

    fn read_key(&self, name: &str) -> Result<SigningKey, HomeError> {
        read_key(&self.folder.join("keys").join(name))
    }
}

pub(super) fn openssh(path: &Path, key: &SigningKey) -> Result<String, HomeError> {
    let text = key.to_openssh().map_err(|source| HomeError::Key { path: path.into(), source })?;
    Ok(text.to_string())
}

fn remove(path: &Path) -> Result<(), HomeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at("remove", path)(error)),
        _ => Ok(()),
    }
}

pub(super) fn read_key(path: &Path) -> Result<SigningKey, HomeError> {
    let text = fs::read_to_string(path).map_err(at("read", path))?;
    SigningKey::from_openssh(&text).map_err(|source| HomeError::Key { path: path.into(), source })
}
