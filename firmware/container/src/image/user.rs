//! Who runs an image's program: `user`, `user:group`, by number or by the names in the image's own files.

use super::{root::open_file, unpack::Unpacked};
use crate::{IDS_PER_CONTAINER, User};
use std::{io::Read, path::Path};

/// The most that is read of a user or group list.
const MAX_LIST_BYTES: u64 = 1 << 20;

/// A user that the image asks for but does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image wants to run as {0:?}, which is no number below 65536 and not in its {1}")]
pub struct UserError(String, &'static str);

impl Unpacked {
    /// The user and group that the image asks for; 0 and 0 if it asks for none.
    pub fn user(&self) -> Result<User, UserError> {
        let (user, group) = match self.config.user.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (self.config.user.as_str(), None),
        };
        if user.is_empty() {
            return Ok(User::default());
        }
        let line = lookup(&self.root, "etc/passwd", user);
        let field = |n: usize| line.as_ref().and_then(|line| id(line.split(':').nth(n)?));
        let uid = id(user).or_else(|| field(2)).ok_or_else(|| UserError(user.into(), "etc/passwd"))?;
        let gid = match group {
            None => field(3).unwrap_or(0),
            Some(group) => {
                let line = lookup(&self.root, "etc/group", group);
                let found = line.and_then(|line| id(line.split(':').nth(2)?));
                id(group).or(found).ok_or_else(|| UserError(group.into(), "etc/group"))?
            }
        };
        Ok(User { uid, gid })
    }
}

/// The line of a user or group list for a name or number.
fn lookup(root: &Path, list: &str, wanted: &str) -> Option<String> {
    let mut text = String::new();
    open_file(root, Path::new(list)).ok()?.take(MAX_LIST_BYTES).read_to_string(&mut text).ok()?;
    let is_it = |line: &&str| {
        let mut fields = line.split(':');
        fields.next() == Some(wanted) || fields.nth(1) == Some(wanted)
    };
    text.lines().find(is_it).map(str::to_owned)
}

fn id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|id| *id < IDS_PER_CONTAINER)
}
