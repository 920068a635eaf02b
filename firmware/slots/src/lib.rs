//! Two places for an operating system, A and B: which one boots, and what is left when it does not; pure.
//!
//! [`Slots`] is the machine: every verb that userspace has, and the boot loader's own step, `boot`. Three codecs
//! write it down where a boot loader reads it: U-Boot's redundant environment ([`UBoot`]), the Raspberry Pi's
//! autoboot.txt ([`Autoboot`]) and GRUB's environment block ([`GrubEnv`]). They reach the card through [`Place`], a
//! port; there is no file here. `board/common/boot.cmd` is the same `boot` as a script for U-Boot, and
//! [`SlotScript`] writes the other script, which lies in the slot and starts its kernel.
//!
//! The invariant: a slot that is being written cannot boot, from before its first byte until it is whole, and
//! whatever the power does, the state read back is the old one or the new one. Format: docs/formats/slots.md.

mod autoboot;
mod env;
mod grubenv;
mod machine;
mod pair;
mod place;
mod script;
mod slot;
mod uboot;
mod vars;

pub use autoboot::{
    AUTOBOOT_BYTES, Autoboot, AutobootFault, Partitions, autoboot_text, chosen, parse_autoboot,
};
pub use env::{ENV_HEADER_BYTES, Env, EnvFault};
pub use grubenv::{GRUBENV_BYTES, GrubEnv, GrubFault, GrubVars};
pub use machine::{Boot, Refusal, Slots, Standing, Status};
pub use pair::{Copy, Pair, PairFault, newer, next_flag};
pub use place::{BootState, LoadError, Place, PlaceError, SaveError};
pub use script::{DeviceTree, SCRIPT_HEADER_BYTES, SlotFile, SlotScript, script_image};
pub use slot::{Left, MAX_LEFT, Order, Slot, WordFault};
pub use uboot::{COPY_BYTES, UBoot, fresh_copies};
pub use vars::VarsFault;
