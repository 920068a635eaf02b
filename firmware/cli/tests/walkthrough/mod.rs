//! The parts of the walkthrough runner.

pub mod build;
pub mod place;
