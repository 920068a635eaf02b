//! One copy of U-Boot's redundant environment: checksum, flag, variables.
//!
//! The bytes are those of `env_t` with redundancy in U-Boot's include/env_internal.h, so that `fw_printenv` reads them. The
//! checksum covers everything after the flag, the padding too. What is no variable (no `=`, not UTF-8) is passed over,
//! as U-Boot passes it over; a checksum that does not fit makes the whole copy worthless.

use std::collections::BTreeMap;

const SUM: usize = 0;
const FLAG: usize = SUM + 4;
/// Checksum and flag; the variables begin here.
pub const ENV_HEADER_BYTES: usize = FLAG + 1;

/// The variables of one copy, sorted by name as U-Boot sorts them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env {
    vars: BTreeMap<String, String>,
}

/// Bytes that are no environment, or variables that do not make one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvFault {
    /// Not even a header.
    #[error("{0} bytes are too few for an environment")]
    Short(usize),
    /// Torn, worn or never written.
    #[error("the checksum is {found:08x}, the copy says {said:08x}")]
    Checksum {
        /// What the copy says.
        said: u32,
        /// What its bytes add up to.
        found: u32,
    },
    /// More than the copy's size.
    #[error("the variables need {needed} bytes and the copy has {size}")]
    TooLong {
        /// With header and end.
        needed: usize,
        /// Of the copy.
        size: usize,
    },
    /// A name with `=` or none, or a zero byte in it or in the value.
    #[error("{0:?} cannot be a variable")]
    NotAVariable(String),
}

impl Env {
    /// Reads one copy, which is as long as `bytes`: its flag and its variables.
    pub fn parse(bytes: &[u8]) -> Result<(u8, Self), EnvFault> {
        let Some((header, data)) = bytes.split_first_chunk::<ENV_HEADER_BYTES>() else {
            return Err(EnvFault::Short(bytes.len()));
        };
        let [sum @ .., flag] = *header;
        let (said, found) = (u32::from_le_bytes(sum), crc32fast::hash(data));
        if said != found {
            return Err(EnvFault::Checksum { said, found });
        }
        let vars = data.split(|byte| *byte == 0).take_while(|var| !var.is_empty()).filter_map(variable);
        Ok((flag, Self { vars: vars.collect() }))
    }

    /// One copy of `size` bytes with this flag.
    pub fn to_bytes(&self, flag: u8, size: usize) -> Result<Vec<u8>, EnvFault> {
        let mut bytes = vec![0; ENV_HEADER_BYTES];
        for (name, value) in &self.vars {
            bytes.extend_from_slice(format!("{name}={value}\0").as_bytes());
        }
        // Two zeros end it, also when there is no variable.
        let needed = (bytes.len() + 1).max(ENV_HEADER_BYTES + 2);
        if needed > size {
            return Err(EnvFault::TooLong { needed, size });
        }
        bytes.resize(size, 0);
        let sum = crc32fast::hash(&bytes[ENV_HEADER_BYTES..]);
        bytes[SUM..FLAG].copy_from_slice(&sum.to_le_bytes());
        bytes[FLAG] = flag;
        Ok(bytes)
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str)
    }

    /// Sets a variable; an empty value takes it away, as in U-Boot.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), EnvFault> {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(EnvFault::NotAVariable(name.to_owned()));
        }
        if value.is_empty() {
            self.vars.remove(name);
        } else {
            self.vars.insert(name.to_owned(), value.to_owned());
        }
        Ok(())
    }

    /// All variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn variable(bytes: &[u8]) -> Option<(String, String)> {
    let (name, value) = std::str::from_utf8(bytes).ok()?.split_once('=')?;
    (!name.is_empty() && !value.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Env {
        let mut env = Env::default();
        env.set("BOOT_ORDER", "A B").unwrap();
        env.set("BOOT_A_LEFT", "3").unwrap();
        env
    }

    #[test]
    fn bytes_are_those_of_u_boot() {
        let bytes = example().to_bytes(1, 40).unwrap();
        assert_eq!(&bytes[4..], b"\x01BOOT_A_LEFT=3\0BOOT_ORDER=A B\0\0\0\0\0\0\0");
        assert_eq!(bytes[..4], crc32fast::hash(&bytes[5..]).to_le_bytes());
        assert_eq!(Env::parse(&bytes), Ok((1, example())));
    }

    #[test]
    fn every_flipped_bit_but_the_flags_is_noticed() {
        let whole = example().to_bytes(1, 40).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Env::parse(&bytes).is_ok(), bit / 8 == FLAG, "bit {bit}");
        }
    }

    #[test]
    fn it_fits_to_the_byte_or_is_refused() {
        let needed = ENV_HEADER_BYTES + "BOOT_A_LEFT=3.BOOT_ORDER=A B..".len();
        assert!(example().to_bytes(1, needed).is_ok());
        assert_eq!(example().to_bytes(1, needed - 1), Err(EnvFault::TooLong { needed, size: needed - 1 }));
        assert!(Env::default().to_bytes(0, 6).is_err());
        assert!(Env::default().to_bytes(0, 7).is_ok());
    }

    #[test]
    fn a_name_or_value_that_would_spell_another_variable_is_refused() {
        let mut env = Env::default();
        for (name, value) in [("", "x"), ("a=b", "x"), ("a", "x\0b=y"), ("a\0", "x")] {
            assert!(env.set(name, value).is_err(), "{name:?} {value:?}");
        }
        assert_eq!(env, Env::default());
    }

    #[test]
    fn what_is_no_variable_is_passed_over() {
        let data = b"\0\0\0\0\x07a=1\0nothing\0=2\0\xff=3\0b=4\0\0c=5\0";
        let mut bytes = data.to_vec();
        let sum = crc32fast::hash(&bytes[ENV_HEADER_BYTES..]);
        bytes[..4].copy_from_slice(&sum.to_le_bytes());
        let (flag, env) = Env::parse(&bytes).unwrap();
        assert_eq!((flag, env.iter().collect::<Vec<_>>()), (7, vec![("a", "1"), ("b", "4")]));
    }
}
