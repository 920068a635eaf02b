//! The lockout's program.

use lockout::{judge::judge, shop::Shop};
use std::process::ExitCode;

fn main() -> ExitCode {
    dapp::kit::start(Shop::default(), judge)
}
