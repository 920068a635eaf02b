//! What the layer repeats by hand: versions, the oldest compiler, crates that are built, fragments of the boards' kernels.

use super::{read, texts};
use crate::{
    image::board,
    shell::{Done, root},
};
use imager::options;
use serde::Deserialize;
use std::fs;

const FRAGMENTS: &str = "BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES=";
const SCRIPT_ARGS: &str = "BR2_ROOTFS_POST_SCRIPT_ARGS=";

/// Whatever is not so.
pub fn wrong() -> Done<Vec<String>> {
    let workspace = Workspace::read()?;
    let mut wrong = versions(&workspace)?;
    for (name, text) in texts()? {
        wrong.extend(packages(&workspace, &name, &text));
        if name.starts_with("configs/") {
            wrong.extend(fragments(&name, &text)?);
        }
    }
    Ok(wrong)
}

/// What Cargo.toml says of all crates.
struct Workspace {
    version: String,
    rust: String,
    crates: Vec<String>,
}

impl Workspace {
    fn read() -> Done<Self> {
        #[derive(Deserialize)]
        struct Lock {
            package: Vec<Name>,
        }
        #[derive(Deserialize)]
        struct Name {
            name: String,
            source: Option<String>,
        }
        let manifest: toml::Table = toml::from_str(&fs::read_to_string(root().join("Cargo.toml"))?)?;
        let package = &manifest["workspace"]["package"];
        let value = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let lock: Lock = toml::from_str(&fs::read_to_string(root().join("Cargo.lock"))?)?;
        let ours = lock.package.into_iter().filter(|each| each.source.is_none());
        Ok(Self {
            version: value("version"),
            rust: value("rust-version"),
            crates: ours.map(|each| each.name).collect(),
        })
    }
}

/// Recipes of our programs are of our version, and ask for the compiler that Cargo.toml asks for.
fn versions(workspace: &Workspace) -> Done<Vec<String>> {
    let mut wrong = Vec::new();
    for (name, _) in texts()? {
        let ours = name.starts_with("recipes-ledger/") || name.contains("/ledger-init_");
        if let Some((_, version)) = name.trim_end_matches(".bb").split_once('_')
            && name.ends_with(".bb")
            && ours
            && version != workspace.version
        {
            wrong.push(format!("{name} is not of version {}", workspace.version));
        }
    }
    let line = format!("LEDGER_RUST = \"{}\"", workspace.rust);
    if !read("recipes-ledger/ledger/ledger-common.inc")?.lines().any(|each| each == line) {
        wrong.push(format!("ledger-common.inc does not say {line}"));
    }
    Ok(wrong)
}

/// Crates that are built are there.
fn packages(workspace: &Workspace, name: &str, text: &str) -> Vec<String> {
    let named = text.split("--package ").skip(1).filter_map(|rest| rest.split([' ', '"', '\n']).next());
    let unknown = named.filter(|each| !workspace.crates.iter().any(|ours| ours == each));
    unknown.map(|each| format!("{name} builds {each}, which is no crate of ours")).collect()
}

/// A defconfig's kernel is made of the fragments that the board's kernel is made of.
fn fragments(name: &str, text: &str) -> Done<Vec<String>> {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.map(|line| line.trim_matches('"').to_owned()).ok_or(format!("{name} has no {key}"))
    };
    let args = value(SCRIPT_ARGS)?;
    let board = board::load(args.split(' ').next().unwrap_or_default())?;
    let mut wanted = Vec::new();
    for file in options::fragments(&board.boards, board.arch)? {
        let path = file.strip_prefix(root())?.display().to_string();
        wanted.push(format!("$(BR2_EXTERNAL_LEDGER_PATH)/../{path}"));
    }
    let wanted = wanted.join(" ");
    if value(FRAGMENTS)? == wanted {
        return Ok(Vec::new());
    }
    Ok(vec![format!("{name}: {FRAGMENTS} is not \"{wanted}\"")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defconfig_with_another_kernel_is_found() {
        let text = read("configs/ledger_beaglebone_defconfig").unwrap();
        assert_eq!(fragments("x", &text).unwrap(), Vec::<String>::new());
        let other = text.replace("/../board/qemu-arm/", "/../board/qemu-aarch64/");
        assert_eq!(fragments("x", &other).unwrap().len(), 1);
    }

    #[test]
    fn a_crate_that_is_not_ours_is_found() {
        let workspace = Workspace::read().unwrap();
        assert_eq!(packages(&workspace, "x", "A = --package agent --package agnet\n").len(), 1);
    }
}
