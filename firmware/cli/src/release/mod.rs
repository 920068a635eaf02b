//! Releases at the command line: what is published, how it is cut, which deltas go with it, who has signed.
//!
//! What a release says and when it counts is `update`'s; here is where its bytes come from and where they lie in the ledger.

mod bundle;
mod deltas;
mod known;
mod parts;
mod plan;
mod standing;
mod stick;

pub use bundle::open as open_bundle;
pub use deltas::{MAX_DELTA_PART_BYTES, Older, offers};
pub use known::{Known, all, find, manifest_path, of_image};
pub use parts::{Cut, Raw, cut};
pub use plan::rollout;
pub use standing::{Standing, authority, signature_path};
pub use stick::{Carried, Lies, Stick};
