//! `board/common/root.toml`: what the root of a box is made of, and whether a root that somebody else made has all of it.
//!
//! It names Debian's packages, for `cargo xtask image`. From the same lists it follows which programs the scripts of the box may
//! call, whoever built them: the applets of busybox, and what lies in a folder for programs. Format: docs/formats/image-toml.md.

use crate::{board::Board, shell::Done};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Where programs are looked for on the box.
const FOLDERS: [&str; 4] = ["bin", "sbin", "usr/bin", "usr/sbin"];
/// Our own programs.
pub const PROGRAMS: [&str; 4] = ["ledgerd", "ledgerctl", "ledger-card", "ledger-ntp"];

/// `board/common/root.toml`, and what a part of the boards has besides.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// Empty folders.
    pub folders: Vec<PathBuf>,
    /// Names in `/bin` that are busybox.
    pub applets: Vec<String>,
    /// Debian's packages, and the files that are taken of each.
    pub packages: BTreeMap<String, Vec<String>>,
}

impl Recipe {
    /// A board's.
    pub fn load(board: &Board) -> Done<Self> {
        let mut recipe = Self::read(&board.common("root.toml"))?;
        if board.wireless {
            recipe.add(Self::read(&board.common("wireless.toml"))?);
        }
        Ok(recipe)
    }

    /// One file.
    pub fn read(path: &Path) -> Done<Self> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?)
    }

    /// Takes in another one.
    pub fn add(&mut self, more: Self) {
        self.folders.extend(more.folders);
        self.applets.extend(more.applets);
        for (package, files) in more.packages {
            self.packages.entry(package).or_default().extend(files);
        }
    }

    /// The programs that this root lacks.
    pub fn lacks(&self, root: &Path) -> Vec<String> {
        let there = |name: &str| {
            FOLDERS.iter().any(|folder| fs::symlink_metadata(root.join(folder).join(name)).is_ok())
        };
        let mut names = self.programs();
        names.retain(|name| !there(name));
        names
    }

    fn programs(&self) -> Vec<String> {
        let program = |file: &String| {
            let (folder, name) = file.rsplit_once('/')?;
            FOLDERS.contains(&folder).then(|| name.to_owned())
        };
        let mut names: Vec<String> = PROGRAMS.map(str::to_owned).to_vec();
        names.extend(self.packages.values().flatten().filter_map(program));
        names.extend(self.applets.iter().cloned());
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(name: &str) -> Recipe {
        Recipe::read(&crate::checkout().join("board/common").join(name)).unwrap()
    }

    #[test]
    fn a_board_with_a_radio_has_the_programs_for_it_besides() {
        let mut all = common("root.toml");
        assert!(!all.packages.contains_key("wpasupplicant"));
        let before = all.packages["libc6"].len();
        all.add(common("wireless.toml"));
        assert_eq!(all.packages["wpasupplicant"], ["sbin/wpa_supplicant"]);
        assert_eq!(all.packages["libc6"].len(), before + 1, "the C library's part for numbers comes besides");
    }

    #[test]
    fn a_root_that_lacks_a_program_is_found_whichever_folder_it_would_be_in() {
        let root = tempfile::tempdir().unwrap();
        let recipe = common("root.toml");
        for (at, name) in recipe.programs().iter().enumerate() {
            let folder = root.path().join(FOLDERS[at % 4]);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(name), "").unwrap();
        }
        assert_eq!(recipe.lacks(root.path()), Vec::<String>::new());
        let at = recipe.programs().iter().position(|name| name == "e2fsck").unwrap();
        fs::remove_file(root.path().join(FOLDERS[at % 4]).join("e2fsck")).unwrap();
        assert_eq!(recipe.lacks(root.path()), ["e2fsck"]);
    }
}
