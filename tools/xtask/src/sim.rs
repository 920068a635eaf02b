//! `cargo xtask sim`: the same rooms, many boxes, one seed, virtual time.

use crate::{
    build,
    shell::{Done, run},
};

/// `sim [--nodes N] [--seed S] [--hours H] [--seeds K] ...`: what the program itself takes.
pub fn run_chore(args: &[String]) -> Done {
    run(build::cargo_here()?.args(["run", "--quiet", "--release", "-p", "sim", "--"]).args(args))
}
