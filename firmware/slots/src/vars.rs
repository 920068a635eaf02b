//! The boot state as variables of the environment, under the names that RAUC's users know.
//!
//! `BOOT_ORDER`, `BOOT_A_LEFT`, `BOOT_B_LEFT` and `BOOT_GOOD`. What is missing reads as the boot script reads it; what is there and
//! makes no sense is a fault, because the script's idea of it would be another one than ours.

use crate::{
    env::{Env, EnvFault},
    machine::Slots,
    slot::{Left, Order, Slot, WordFault},
};

const ORDER: &str = "BOOT_ORDER";
const GOOD: &str = "BOOT_GOOD";

/// A variable that is no part of a boot state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is wrong")]
pub struct VarsFault {
    /// Which variable.
    pub name: &'static str,
    /// What is wrong with it.
    pub source: WordFault,
}

fn left_name(slot: Slot) -> &'static str {
    match slot {
        Slot::A => "BOOT_A_LEFT",
        Slot::B => "BOOT_B_LEFT",
    }
}

/// The state that the variables say.
pub(crate) fn from_env(env: &Env) -> Result<Slots, VarsFault> {
    let order = word(env, ORDER)?.unwrap_or(Order::both(Slot::A));
    let mut left = [Left::ALL; 2];
    for slot in Slot::BOTH {
        left[slot.index()] = word(env, left_name(slot))?.unwrap_or(Left::ALL);
    }
    let listed = word::<Order>(env, GOOD)?;
    let good = Slot::BOTH.map(|slot| listed.is_some_and(|order| order.has(slot)));
    Ok(Slots::from_parts(order, left, good))
}

/// Sets the variables to say the state; others stay.
pub(crate) fn into_env(slots: &Slots, env: &mut Env) -> Result<(), EnvFault> {
    env.set(ORDER, &slots.order().to_string())?;
    for slot in Slot::BOTH {
        env.set(left_name(slot), &slots.left(slot).to_string())?;
    }
    let good: Vec<String> =
        Slot::BOTH.into_iter().filter(|s| slots.is_good(*s)).map(|s| s.to_string()).collect();
    env.set(GOOD, &good.join(" "))
}

fn word<T: std::str::FromStr<Err = WordFault>>(
    env: &Env,
    name: &'static str,
) -> Result<Option<T>, VarsFault> {
    let parsed = env.get(name).map(str::parse).transpose();
    parsed.map_err(|source| VarsFault { name, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_what_the_script_takes_for_it() {
        assert_eq!(from_env(&Env::default()), Ok(Slots::unknown()));
    }

    #[test]
    fn nonsense_is_a_fault_and_names_the_variable() {
        for (name, value) in [
            ("BOOT_ORDER", "A A"),
            ("BOOT_ORDER", "C"),
            ("BOOT_A_LEFT", "4"),
            ("BOOT_B_LEFT", "03"),
            ("BOOT_B_LEFT", "+3"),
            ("BOOT_B_LEFT", "-1"),
            ("BOOT_GOOD", "yes"),
        ] {
            let mut env = Env::default();
            env.set(name, value).unwrap();
            assert_eq!(from_env(&env).unwrap_err().name, name, "{value}");
        }
    }
}
