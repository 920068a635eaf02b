//! The helper process as a program of its own: for the tests and the bench, and to try an order by hand
//! (`container-helper container-run < order.json`). The box has no such file: there `ledgerd` is its own helper.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(container::HELPER_ARGUMENT) {
        return container::run();
    }
    eprintln!("usage: container-helper {} < order.json", container::HELPER_ARGUMENT);
    ExitCode::FAILURE
}
