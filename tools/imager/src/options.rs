//! Options of a kernel: which fragments a board's kernel is made of, and whether each of their lines has stuck.
//!
//! Boards of one architecture share a kernel, so that the one that the tests boot is the one on a wall. An option that another one
//! forbids vanishes without a word from Kconfig and would be missed on the box. The same holds for busybox and U-Boot.

use crate::{arch::Arch, board::Board, shell::Done};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The fragments of an architecture's kernel: of all boards, of those with a radio, each board's own.
pub fn fragments(boards: &Path, arch: Arch) -> Done<Vec<PathBuf>> {
    let all = Board::names(boards)?.iter().map(|name| Board::load(boards, name)).collect::<Done<Vec<_>>>()?;
    let of_arch: Vec<&Board> = all.iter().filter(|board| board.arch == arch).collect();
    let mut files = vec![boards.join("common/kernel.fragment")];
    if of_arch.iter().any(|board| board.wireless) {
        files.push(boards.join("common/wireless.fragment"));
    }
    files.extend(of_arch.iter().map(|board| board.path("kernel.fragment")));
    Ok(files)
}

/// All fragments in one text.
pub fn text(files: &[PathBuf]) -> Done<String> {
    let read =
        |path: &PathBuf| fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()).into());
    files.iter().map(read).collect()
}

/// Fails, with their names, if lines of the fragments are not in the configuration.
pub fn check(fragments: &str, config: &str) -> Done {
    let lost = lost(fragments, config);
    if lost.is_empty() {
        return Ok(());
    }
    Err(format!("these lines of the fragments did not stick:\n  {}", lost.join("\n  ")).into())
}

/// The lines of the fragment that the configuration does not have.
fn lost<'a>(fragment: &'a str, config: &str) -> Vec<&'a str> {
    let has = |line: &str| config.lines().any(|each| each == line);
    let set = |name: &str| config.lines().any(|each| each.starts_with(&format!("{name}=")));
    let lost = |line: &&str| match line.strip_suffix(" is not set").and_then(|line| line.strip_prefix("# ")) {
        Some(name) => set(name),
        None => line.starts_with("CONFIG_") && !has(line),
    };
    fragment.lines().filter(lost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_of_an_architecture_share_a_kernel() {
        let boards = crate::checkout().join("board");
        let of = |arch| text(&fragments(&boards, arch).unwrap()).unwrap();
        let (wide, narrow) = (of(Arch::Arm64), of(Arch::Armhf));
        assert!(wide.contains("CONFIG_GPIO_SIM=y") && wide.contains("CONFIG_ARCH_BCM2835=y"));
        assert!(narrow.contains("CONFIG_GPIO_SIM=y") && narrow.contains("CONFIG_SOC_AM33XX=y"));
        assert!(!narrow.contains("CONFIG_ARCH_BCM2835=y"));
    }

    #[test]
    fn a_line_that_did_not_stick_is_found() {
        let config = "CONFIG_A=y\nCONFIG_B=\"x\"\n# CONFIG_C is not set\nCONFIG_D=m\n";
        let good = "# About A.\nCONFIG_A=y\nCONFIG_B=\"x\"\n\n# CONFIG_C is not set\n# CONFIG_E is not set\n";
        assert_eq!(lost(good, config), Vec::<&str>::new());
        assert_eq!(lost("CONFIG_C=y\nCONFIG_E=y\n", config), ["CONFIG_C=y", "CONFIG_E=y"]);
        assert_eq!(lost("CONFIG_D=y\n", config), ["CONFIG_D=y"], "a module is no built-in");
        assert_eq!(lost("# CONFIG_A is not set\n", config), ["# CONFIG_A is not set"]);
    }
}
