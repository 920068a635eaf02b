//! The program `ledgerctl`. All of it is in the library, so that tests can hold its parts.

fn main() -> std::process::ExitCode {
    cli::run()
}
