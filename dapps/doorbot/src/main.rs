//! The doorbot's program.

use doorbot::{house::House, judge::judge};
use std::process::ExitCode;

fn main() -> ExitCode {
    dapp::kit::start(House::default(), judge)
}
