//! `layer [--write]`: meta-ledger says what the rest of the repository says.
//!
//! The layer holds no logic, but it repeats: crates with their checksums, partitions, licences, kernel fragments, versions. What can be
//! written from the source is written (`--write`) and compared; what cannot is looked at. Then the linters of both worlds. No build runs here:
//! docs/walkthroughs/layers.md has what was seen of the real tools.

mod facts;
mod lint;
mod made;
mod paths;
mod rules;

use crate::shell::{Done, root, say};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// `layer [--write]`.
pub fn run_chore(args: &[String]) -> Done {
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => check(),
        ["--write"] => made::write(),
        _ => Err("layer takes --write or nothing".into()),
    }
}

/// Everything, the linters last.
pub fn check() -> Done {
    agrees()?;
    lint::check()?;
    say("layer: in step with the repository, and clean");
    Ok(())
}

/// What needs no tool.
fn agrees() -> Done {
    let mut wrong = made::differences()?;
    for (name, text) in texts()? {
        wrong.extend(paths::missing(&name, &text));
        wrong.extend(rules::broken(&name, &text));
    }
    wrong.extend(facts::wrong()?);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("meta-ledger:\n  {}", wrong.join("\n  ")).into())
}

/// The layer's folder.
fn layer() -> PathBuf {
    root().join("meta-ledger")
}

/// A file of the layer.
fn read(name: &str) -> Done<String> {
    let path = layer().join(name);
    Ok(fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?)
}

/// All files of the layer, by their names there, sorted.
fn texts() -> Done<Vec<(String, String)>> {
    let mut names = Vec::new();
    below(&layer(), "", &mut names)?;
    names.sort();
    names.into_iter().map(|name| read(&name).map(|text| (name, text))).collect()
}

fn below(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Done {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            below(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_layer_says_what_the_repository_says() {
        super::agrees().unwrap();
    }
}
