//! U-Boot's built-in environment with other values, as if U-Boot had saved it.
//!
//! The list is looked for in the program's own bytes. Nothing of ours is ever saved there.

use crate::{
    board::{Environment, Flash},
    shell::Done,
};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
};

/// The environment that a board's U-Boot finds, with some values more.
pub fn saved(uboot: &[u8], environment: &Environment, more: &BTreeMap<String, String>) -> Done<Vec<u8>> {
    let set = environment.set.iter().chain(more).map(|(name, value)| (name.clone(), value.clone()));
    Ok(changed(uboot, environment.bytes, &set.collect()).map_err(|e| format!("{}: {e}", environment.of))?)
}

/// The second flash of QEMU's machine, with the environment of the U-Boot in the first one.
pub fn flash(uboot: &Path, flash: &Flash, to: &Path) -> Done {
    let bytes = fs::read(uboot)
        .map_err(|e| e.to_string())
        .and_then(|uboot| changed(&uboot, flash.bytes, &flash.set).map_err(|e| e.to_string()));
    fs::write(to, bytes.map_err(|error| format!("{}: {error}", uboot.display()))?)?;
    Ok(File::options().write(true).open(to)?.set_len(flash.mib << 20)?)
}

/// U-Boot's built-in environment with other values, as U-Boot would have saved it: a CRC-32, and the list.
fn changed(uboot: &[u8], bytes: usize, set: &BTreeMap<String, String>) -> Done<Vec<u8>> {
    let mut variables = built_in(uboot);
    if variables.is_empty() {
        return Err("there is no environment in it that begins with bootcmd".into());
    }
    variables.extend(set.clone());
    let mut list = Vec::new();
    for (name, value) in variables.iter().filter(|(_, value)| !value.is_empty()) {
        list.extend(format!("{name}={value}\0").into_bytes());
    }
    let room = bytes.saturating_sub(4);
    if list.len() >= room {
        return Err(format!("{bytes} bytes are too few for its environment").into());
    }
    list.resize(room, 0);
    Ok([&crc32fast::hash(&list).to_le_bytes()[..], &list].concat())
}

/// The variables of a U-Boot: the list around `bootcmd`, each ended by a zero byte.
fn built_in(uboot: &[u8]) -> BTreeMap<String, String> {
    const SOUGHT: &[u8] = b"\0bootcmd=";
    let variable = |bytes: &[u8]| {
        let (name, value) = std::str::from_utf8(bytes).ok()?.split_once('=')?;
        let plain =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_#.".contains(&b));
        plain.then(|| (name.to_owned(), value.to_owned()))
    };
    let Some(at) = uboot.windows(SOUGHT.len()).position(|bytes| bytes == SOUGHT) else {
        return BTreeMap::new();
    };
    let before = uboot[..at].rsplit(|byte| *byte == 0).map_while(variable);
    let after = uboot[at + 1..].split(|byte| *byte == 0).map_while(variable);
    before.chain(after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_the_built_in_one_with_other_values() {
        let uboot =
            b"about size=3 pages\0arch=arm\0bootcmd=run a\0bootdelay=2\0preboot=usb start\0\0rest=no\0";
        let set = [("bootdelay", "-2"), ("preboot", "")];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let saved = changed(uboot, 64, &set).unwrap();
        assert_eq!(saved.len(), 64);
        assert!(saved[4..].starts_with(b"arch=arm\0bootcmd=run a\0bootdelay=-2\0\0"));
        assert_eq!(saved[..4], crc32fast::hash(&saved[4..]).to_le_bytes());
        assert!(changed(uboot, 40, &set).is_err(), "too small");
        assert!(changed(b"no list", 64, &set).is_err());
    }
}
