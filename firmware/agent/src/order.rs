//! From an entry point of a manifest and its unpacked image to an order for the container: what every program of a
//! dapp has, whether it serves or judges. What it sees of the box besides is added by who orders.

use container::{
    Spec,
    image::{Unpacked, UserError},
};
use dapp::manifest::Entry;
use model::Name;

/// An image that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The image names a user that it does not have.
    #[error(transparent)]
    User(#[from] UserError),
    /// Neither the manifest nor the image names a program.
    #[error("neither dapp.toml nor the image names a program to run")]
    NoProgram,
}

/// The program with its surroundings and the entry's limits.
pub fn order(name: Name, entry: &Entry, unpacked: Unpacked, uid_base: u32) -> Result<Spec, OrderError> {
    let user = unpacked.user()?;
    let args = if entry.args.is_empty() { unpacked.config.args } else { entry.args.clone() };
    if args.is_empty() {
        return Err(OrderError::NoProgram);
    }
    let mut spec = Spec::new(name, unpacked.root, uid_base, args);
    spec.env = unpacked.config.env;
    spec.cwd = unpacked.config.cwd;
    spec.user = user;
    spec.limits.memory_mib = u32::try_from(entry.memory_mib).ok();
    spec.limits.pids = u32::try_from(entry.pids).ok();
    spec.limits.cpu_percent = u32::try_from(entry.cpu_percent).ok();
    Ok(spec)
}
