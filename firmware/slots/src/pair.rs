//! Two copies of the environment: which one counts, and where the next one goes.
//!
//! Of two whole copies the one with the greater flag is newer, and 0 is newer than 255; U-Boot (env_import_redund) and
//! libubootenv (flags "incremental") decide so. The next copy goes over the older one, so that the newer stays whole
//! while it is written.
//!
//! Flags do not count up by one. The BeagleBone's U-Boot has no arithmetic in scripts, so the script and we take the next flag
//! from four cases, 1, 254, 255, 0 and again 1, each newer than the one before. The first copy has 1 and 255, the second
//! 254 and 0: then nobody ever sees 0 in the first beside 255 in the second, which some releases of U-Boot's own fw_printenv
//! take for the wrong order (tools/env/fw_env.c).

use crate::env::{Env, EnvFault};

/// One of the two copies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Copy {
    /// The first.
    First,
    /// The second.
    Second,
}

impl Copy {
    /// The one that this is not.
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self == Self::Second)
    }
}

/// Which of two whole copies is newer, by their flags.
pub fn newer(first: u8, second: u8) -> Copy {
    match (first, second) {
        (255, 0) => Copy::Second,
        (0, 255) => Copy::First,
        _ if second > first => Copy::Second,
        _ => Copy::First,
    }
}

/// The flag that a copy written to `target` needs to be newer than the current one's.
pub fn next_flag(current: u8, target: Copy) -> u8 {
    match current {
        255 => 0,
        0 => 1,
        254 => 255,
        _ if target == Copy::Second => 254,
        _ => 255,
    }
}

/// What two copies say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The copy that counts.
    pub current: Copy,
    /// Its flag.
    pub flag: u8,
    /// Its variables.
    pub env: Env,
    /// What is wrong with the other copy, if it cannot be read.
    pub other_fault: Option<EnvFault>,
}

/// Neither copy can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither copy of the environment is whole (first: {first}; second: {second})")]
pub struct PairFault {
    /// What is wrong with the first.
    pub first: EnvFault,
    /// What is wrong with the second.
    pub second: EnvFault,
}

impl Pair {
    /// Reads both copies.
    pub fn parse(first: &[u8], second: &[u8]) -> Result<Self, PairFault> {
        let (current, (flag, env), other_fault) = match (Env::parse(first), Env::parse(second)) {
            (Ok(first), Ok(second)) => match newer(first.0, second.0) {
                Copy::First => (Copy::First, first, None),
                Copy::Second => (Copy::Second, second, None),
            },
            (Ok(first), Err(fault)) => (Copy::First, first, Some(fault)),
            (Err(fault), Ok(second)) => (Copy::Second, second, Some(fault)),
            (Err(first), Err(second)) => return Err(PairFault { first, second }),
        };
        Ok(Self { current, flag, env, other_fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_flags_were_the_next_one_wins() {
        for current in 0..=255 {
            assert_eq!(newer(next_flag(current, Copy::First), current), Copy::First, "{current}");
            assert_eq!(newer(current, next_flag(current, Copy::Second)), Copy::Second, "{current}");
        }
    }

    #[test]
    fn flags_go_round_in_four_and_the_first_copy_never_has_0() {
        let (mut flag, mut copy) = (1, Copy::First);
        let mut seen = Vec::new();
        for _ in 0..8 {
            seen.push((copy, flag));
            copy = copy.other();
            flag = next_flag(flag, copy);
        }
        let round = [(Copy::First, 1), (Copy::Second, 254), (Copy::First, 255), (Copy::Second, 0)];
        assert_eq!(seen, [round, round].concat());
    }
}
