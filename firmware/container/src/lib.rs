//! OCI images in, containers out: the one door between the ledger's dapps and the machine they run on.
//!
//! [`image`] turns what a builder made (an OCI image layout, as a folder or a tar, or a plain folder with a
//! static program) into one deterministic image tar that the ledger keeps as chunks, and unpacks that tar
//! into a root folder. [`Spec`] says what may run in such a root and within which limits; [`Helper`] runs
//! it, by starting the own program again as a single-threaded helper process whose whole life is
//! [`run`]. Why a process of its own: libcontainer forks without exec and allocates in the child, which
//! deadlocks when the parent has other threads (docs/decisions/0006-containers.md).
//!
//! Nothing here knows the ledger, chunks or the local API; the agent ties them together.

mod cgroup;
mod chain;
mod check;
mod helper;
pub mod image;
mod output;
mod process;
mod program;
mod report;
mod runtime;
mod seccomp;
mod spec;
mod stage;
mod watch;

pub use helper::run;
pub use process::{HELPER_ARGUMENT, Helper, StartError, Stopper};
pub use report::{Ended, Exit, Output, Report, Stream};
pub use runtime::bundle_config;
pub use spec::{Bind, DeviceNode, IDS_PER_CONTAINER, Limits, Network, Spec, SpecError, User};
