//! The card as the boot state needs it: places of a fixed size that are read and written whole.
//!
//! A place is one copy of the environment (a partition), autoboot.txt, or grubenv. Where it lies, in which file or device and
//! at which offset, is the adapter's business. A write that was cut may leave any of its sectors old, new or torn; the codecs
//! are made for that.

use crate::{
    autoboot::AutobootFault, env::EnvFault, grubenv::GrubFault, machine::Slots, pair::PairFault,
    vars::VarsFault,
};
use std::error::Error;

/// A place on the card.
pub trait Place {
    /// Fills `into` from the place's first byte on.
    fn read(&self, into: &mut [u8]) -> Result<(), PlaceError>;
    /// Writes over the place from its first byte on, in place. Durable when it returns.
    fn write(&mut self, bytes: &[u8]) -> Result<(), PlaceError>;
}

/// The card did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {place}")]
pub struct PlaceError {
    /// What we were doing, as a verb.
    pub doing: &'static str,
    /// To which place.
    pub place: String,
    /// What the system said.
    pub source: Box<dyn Error + Send + Sync>,
}

/// The boot state where a boot loader reads it.
pub trait BootState {
    /// What the boot loader will act on.
    fn load(&self) -> Result<Slots, LoadError>;
    /// Saves the state, reads it back and compares. Durable when it returns; cut short, the old state stands.
    fn save(&mut self, slots: &Slots) -> Result<(), SaveError>;
}

/// The state cannot be read. What to do then: stay on the running slot and say so.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The card.
    #[error("the boot state is out of reach")]
    Place(#[from] PlaceError),
    /// The redundant environment.
    #[error("the boot state has no whole copy")]
    Pair(#[from] PairFault),
    /// The variables in it.
    #[error("the environment holds no boot state")]
    Vars(#[from] VarsFault),
    /// autoboot.txt.
    #[error("autoboot.txt holds no boot state")]
    Autoboot(#[from] AutobootFault),
    /// grubenv.
    #[error("grubenv holds no boot state")]
    Grub(#[from] GrubFault),
}

/// The state could not be saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The card.
    #[error("the boot state is out of reach")]
    Place(#[from] PlaceError),
    /// The variables do not fit into the environment.
    #[error("the boot state cannot be written as an environment")]
    Env(#[from] EnvFault),
    /// The variables do not fit into grubenv.
    #[error("the boot state cannot be written as grubenv")]
    Grub(#[from] GrubFault),
    /// The card said that it wrote, and holds something else.
    #[error("the card does not hold what was written to it")]
    ReadBack,
}

/// Writes, reads back and compares.
pub(crate) fn write_checked(place: &mut impl Place, bytes: &[u8]) -> Result<(), SaveError> {
    place.write(bytes)?;
    let mut back = vec![0; bytes.len()];
    place.read(&mut back)?;
    if back == bytes { Ok(()) } else { Err(SaveError::ReadBack) }
}
