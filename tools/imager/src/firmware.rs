//! What a board needs before its boot script: the files of the first partition, and those that lie before it.
//!
//! `image.toml` names each file and where Debian's packages have it. Whoever builds boot loaders and firmware from source puts them
//! into one folder, by the names that they have on the card.

use crate::{board::Board, environment::saved, shell::Done, trees::Tree};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Where boot loaders and firmware come from.
pub enum Source {
    /// The board needs none.
    Nowhere,
    /// Debian's packages, unpacked here.
    Packages(PathBuf),
    /// A folder in which they lie by their names on the card.
    Folder(PathBuf),
}

impl Source {
    /// A file: its name on the card, and its path in Debian's packages.
    pub fn file(&self, name: &str, path: &str) -> Done<Vec<u8>> {
        let file = match self {
            Self::Nowhere => return Err(format!("{name} is needed, and no firmware was given").into()),
            Self::Packages(root) => root.join(path),
            Self::Folder(folder) => folder.join(name),
        };
        Ok(fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?)
    }

    /// A file that lies before the partitions: it has the name that its package gives it.
    pub fn raw(&self, path: &str) -> Done<Vec<u8>> {
        self.file(path.rsplit('/').next().unwrap_or(path), path)
    }
}

/// The files of the first partition, but for the boot script, by name.
pub fn boot_files(board: &Board, source: &Source, trees: &[Tree]) -> Done<Vec<(String, Vec<u8>)>> {
    let firmware = &board.firmware;
    let mut files = own(&board.path("boot"))?;
    for (name, from) in &firmware.boot {
        files.insert(name.clone(), source.file(name, from)?);
    }
    if firmware.trees {
        files.extend(trees.iter().map(|tree| (tree.name.clone(), tree.bytes.clone())));
    }
    if let Some(environment) = &firmware.environment {
        let uboot = files.get(&environment.of).ok_or(format!("there is no boot file {}", environment.of))?;
        files.insert(environment.file.clone(), saved(uboot, environment, &BTreeMap::new())?);
    }
    Ok(files.into_iter().collect())
}

/// The board's own files.
fn own(folder: &Path) -> Done<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    if folder.exists() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            files.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_path_in_debian_and_by_its_name_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("usr/lib")).unwrap();
        fs::write(folder.path().join("usr/lib/MLO"), "debian").unwrap();
        fs::write(folder.path().join("MLO"), "built").unwrap();
        let [debian, built] = [Source::Packages, Source::Folder].map(|kind| kind(folder.path().to_owned()));
        assert_eq!(debian.raw("usr/lib/MLO").unwrap(), b"debian");
        assert_eq!(built.raw("usr/lib/MLO").unwrap(), b"built");
        let error = Source::Nowhere.raw("usr/lib/MLO").unwrap_err().to_string();
        assert!(error.contains("MLO"), "{error}");
    }
}
