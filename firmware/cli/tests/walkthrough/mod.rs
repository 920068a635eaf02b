//! The parts of the walkthrough runner.

pub mod build;
pub mod page;
pub mod place;
pub mod shell;
