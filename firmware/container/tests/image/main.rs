//! Images from end to end: layouts into image tars, image tars into root folders, honest and hostile.
//! Needs root, to give files to other users.

#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod oci;
mod source;
mod unpack;
