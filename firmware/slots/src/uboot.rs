//! The boot state in U-Boot's redundant environment, over two places on the card.
//!
//! A save goes over the older copy and leaves the newer alone. Only where a copy cannot be written any more (a worn card)
//! does it go over the one that counts: a state that never changes again would try a bad slot for ever.

use crate::{
    env::{Env, EnvFault},
    machine::Slots,
    pair::{Copy, Pair, PairFault, next_flag},
    place::{BootState, LoadError, Place, PlaceError, SaveError, write_checked},
    vars,
};

/// What `board/common/boot.cmd` reads of each copy.
pub const COPY_BYTES: usize = 0x2000;

/// Two copies of the same size, each in its own place.
#[derive(Debug)]
pub struct UBoot<P> {
    places: [P; 2],
    size: usize,
}

impl<P: Place> UBoot<P> {
    /// [`COPY_BYTES`].
    pub const SIZE: usize = COPY_BYTES;

    /// The environment in these two places, each copy of `size` bytes.
    pub fn new(places: [P; 2], size: usize) -> Self {
        Self { places, size }
    }

    /// Both copies as they lie there. A place that cannot be read counts as a copy that is not whole; if neither can,
    /// that is the error.
    pub fn pair(&self) -> Result<Result<Pair, PairFault>, PlaceError> {
        match (self.read(Copy::First), self.read(Copy::Second)) {
            (Err(error), Err(_)) => Err(error),
            (first, second) => Ok(Pair::parse(&first.unwrap_or_default(), &second.unwrap_or_default())),
        }
    }

    fn read(&self, copy: Copy) -> Result<Vec<u8>, PlaceError> {
        let mut bytes = vec![0; self.size];
        self.places[copy.index()].read(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&mut self, copy: Copy, flag: u8, env: &Env) -> Result<(), SaveError> {
        let bytes = env.to_bytes(flag, self.size)?;
        write_checked(&mut self.places[copy.index()], &bytes)
    }
}

impl<P: Place> BootState for UBoot<P> {
    fn load(&self) -> Result<Slots, LoadError> {
        Ok(vars::from_env(&self.pair()??.env)?)
    }

    fn save(&mut self, slots: &Slots) -> Result<(), SaveError> {
        let (current, flag, mut env) = match self.pair()? {
            Ok(pair) => (pair.current, pair.flag, pair.env),
            // Nothing is whole: the first copy is begun anew.
            Err(_) => (Copy::Second, 0, Env::default()),
        };
        vars::into_env(slots, &mut env)?;
        let target = current.other();
        match self.write(target, next_flag(flag, target), &env) {
            Err(SaveError::Env(fault)) => Err(fault.into()),
            Err(_) => self.write(current, flag, &env),
            Ok(()) => Ok(()),
        }
    }
}

/// Both copies of a new card: the first holds the state, the second is older and says the same.
pub fn fresh_copies(slots: &Slots, size: usize) -> Result<[Vec<u8>; 2], EnvFault> {
    let mut env = Env::default();
    vars::into_env(slots, &mut env)?;
    Ok([env.to_bytes(1, size)?, env.to_bytes(0, size)?])
}
