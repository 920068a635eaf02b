//! Images from end to end: layouts into image tars, image tars into root folders, honest and hostile.
//! Needs root, to give files to other users.

mod oci;
mod source;
mod unpack;
