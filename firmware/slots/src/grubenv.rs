//! GRUB's environment block: 1024 bytes of `name=value` lines, filled up with `#`.
//!
//! As grub-core/lib/envblk.c has it: a signature line, then variables; a backslash takes the next byte as it is. There is one copy and
//! no checksum; what guards it is that all of ours lies in the first sector, which a card writes whole or not at all.
//! `ORDER`, `A_OK`, `A_TRY`, `B_OK`, `B_TRY` are the names of RAUC's GRUB backend; a `*_TRY` here counts attempts up to
//! three. Other variables stay.

use crate::{
    machine::Slots,
    place::{BootState, LoadError, Place, SaveError, write_checked},
    slot::{Left, MAX_LEFT, Order, Slot, WordFault},
};
use std::collections::BTreeMap;

/// The size of the block, by GRUB's definition.
pub const GRUBENV_BYTES: usize = 1024;
const SIGNATURE: &[u8] = b"# GRUB Environment Block\n";

/// Bytes that are no environment block, or variables that do not make one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrubFault {
    /// Not 1024 bytes with the signature.
    #[error("this is no GRUB environment block")]
    NotABlock,
    /// More than fits.
    #[error("the variables need {0} bytes and there are {GRUBENV_BYTES}")]
    TooLong(usize),
    /// A name that GRUB could not read back.
    #[error("{0:?} cannot be a variable")]
    NotAVariable(String),
    /// A variable of the boot state is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A variable of the boot state makes no sense.
    #[error("{name} is wrong")]
    Wrong {
        /// Which.
        name: &'static str,
        /// What is wrong with it.
        source: WordFault,
    },
}

/// The variables of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrubVars {
    vars: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl GrubVars {
    /// Reads a block.
    pub fn parse(bytes: &[u8]) -> Result<Self, GrubFault> {
        let body = bytes.strip_prefix(SIGNATURE).filter(|_| bytes.len() == GRUBENV_BYTES);
        let mut rest = body.ok_or(GrubFault::NotABlock)?;
        let mut vars = BTreeMap::new();
        while !rest.is_empty() {
            let (line, after) = take_line(rest);
            rest = after;
            let Some(equals) = line.iter().position(|byte| *byte == b'=') else { continue };
            if line[0] != b'#' && equals > 0 {
                vars.insert(line[..equals].to_vec(), unescape(&line[equals + 1..]));
            }
        }
        Ok(Self { vars })
    }

    /// The block of these variables.
    pub fn to_bytes(&self) -> Result<Vec<u8>, GrubFault> {
        let mut bytes = SIGNATURE.to_vec();
        for (name, value) in &self.vars {
            bytes.extend_from_slice(name);
            bytes.push(b'=');
            for byte in value {
                if matches!(byte, b'\\' | b'\n') {
                    bytes.push(b'\\');
                }
                bytes.push(*byte);
            }
            bytes.push(b'\n');
        }
        if bytes.len() > GRUBENV_BYTES {
            return Err(GrubFault::TooLong(bytes.len()));
        }
        bytes.resize(GRUBENV_BYTES, b'#');
        Ok(bytes)
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.vars.get(name.as_bytes()).map(Vec::as_slice)
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), GrubFault> {
        if name.is_empty() || name.starts_with('#') || name.contains(['=', '\n', '\\']) {
            return Err(GrubFault::NotAVariable(name.to_owned()));
        }
        self.vars.insert(name.as_bytes().to_vec(), value.as_bytes().to_vec());
        Ok(())
    }

    /// The boot state that they say.
    pub fn slots(&self) -> Result<Slots, GrubFault> {
        let order: Order = self.word("ORDER")?;
        let mut left = [Left::NONE; 2];
        let mut good = [false; 2];
        for slot in Slot::BOTH {
            let [ok, tried, proven] = names(slot);
            let spent: Left = self.word(tried)?;
            if self.flag(ok)? {
                left[slot.index()] = Left::new(MAX_LEFT - spent.count()).unwrap_or(Left::NONE);
            }
            good[slot.index()] = self.flag(proven)?;
        }
        Ok(Slots::from_parts(order, left, good))
    }

    /// Makes them say a boot state; others stay.
    pub fn set_slots(&mut self, slots: &Slots) -> Result<(), GrubFault> {
        self.set("ORDER", &slots.order().to_string())?;
        for slot in Slot::BOTH {
            let [ok, tried, proven] = names(slot);
            self.set(ok, if slots.order().has(slot) { "1" } else { "0" })?;
            self.set(tried, &(MAX_LEFT - slots.left(slot).count()).to_string())?;
            self.set(proven, if slots.is_good(slot) { "1" } else { "0" })?;
        }
        Ok(())
    }

    fn word<T: std::str::FromStr<Err = WordFault>>(&self, name: &'static str) -> Result<T, GrubFault> {
        let value = self.get(name).ok_or(GrubFault::Missing(name))?;
        String::from_utf8_lossy(value).parse().map_err(|source| GrubFault::Wrong { name, source })
    }

    fn flag(&self, name: &'static str) -> Result<bool, GrubFault> {
        match self.get(name).ok_or(GrubFault::Missing(name))? {
            b"1" => Ok(true),
            b"0" => Ok(false),
            other => {
                let source = WordFault(String::from_utf8_lossy(other).into_owned());
                Err(GrubFault::Wrong { name, source })
            }
        }
    }
}

/// May it boot; how often was it tried; has it proven itself.
fn names(slot: Slot) -> [&'static str; 3] {
    match slot {
        Slot::A => ["A_OK", "A_TRY", "A_GOOD"],
        Slot::B => ["B_OK", "B_TRY", "B_GOOD"],
    }
}

/// A line without its end, and what follows. A backslash before the end goes on to the next line.
fn take_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < bytes.len() && bytes[at] != b'\n' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    let end = at.min(bytes.len());
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}

fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        plain.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
    }
    plain
}

/// The boot state in grubenv.
#[derive(Debug)]
pub struct GrubEnv<P> {
    place: P,
}

impl<P: Place> GrubEnv<P> {
    /// The block in this place.
    pub fn new(place: P) -> Self {
        Self { place }
    }

    fn vars(&self) -> Result<GrubVars, LoadError> {
        let mut bytes = vec![0; GRUBENV_BYTES];
        self.place.read(&mut bytes)?;
        Ok(GrubVars::parse(&bytes)?)
    }
}

impl<P: Place> BootState for GrubEnv<P> {
    fn load(&self) -> Result<Slots, LoadError> {
        Ok(self.vars()?.slots()?)
    }

    fn save(&mut self, slots: &Slots) -> Result<(), SaveError> {
        let mut vars = match self.vars() {
            Ok(vars) => vars,
            Err(LoadError::Place(error)) => return Err(error.into()),
            // A broken block is made anew.
            Err(_) => GrubVars::default(),
        };
        vars.set_slots(slots)?;
        write_checked(&mut self.place, &vars.to_bytes()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_reads_back() {
        let mut vars = GrubVars::default();
        vars.set("saved_entry", "a\\b\nc=#").unwrap();
        vars.set_slots(&Slots::fresh(Slot::B)).unwrap();
        let bytes = vars.to_bytes().unwrap();
        assert_eq!(bytes.len(), GRUBENV_BYTES);
        assert_eq!(GrubVars::parse(&bytes).as_ref(), Ok(&vars));
        assert_eq!(vars.slots(), Ok(Slots::fresh(Slot::B)));
    }

    #[test]
    fn ours_lies_in_the_first_sector() {
        let mut vars = GrubVars::default();
        vars.set_slots(&Slots::unknown()).unwrap();
        assert!(vars.to_bytes().unwrap()[512..].iter().all(|byte| *byte == b'#'));
    }

    #[test]
    fn a_block_that_is_too_short_long_or_full_is_refused() {
        let mut vars = GrubVars::default();
        let bytes = vars.to_bytes().unwrap();
        assert_eq!(GrubVars::parse(&bytes[1..]), Err(GrubFault::NotABlock));
        assert_eq!(GrubVars::parse(&[bytes.as_slice(), b"#"].concat()), Err(GrubFault::NotABlock));
        vars.set("long", &"x".repeat(GRUBENV_BYTES)).unwrap();
        assert!(matches!(vars.to_bytes(), Err(GrubFault::TooLong(_))));
    }

    #[test]
    fn a_missing_or_foolish_variable_is_named() {
        let mut vars = GrubVars::default();
        assert_eq!(vars.slots(), Err(GrubFault::Missing("ORDER")));
        vars.set_slots(&Slots::unknown()).unwrap();
        vars.set("B_TRY", "9").unwrap();
        assert!(matches!(vars.slots(), Err(GrubFault::Wrong { name: "B_TRY", .. })));
    }
}
