//! The doorbot's program: one thread, the agent's socket, and an end on SIGTERM. As `doorbot judge`, its judge.

use dapp::{
    client::Client,
    judge::{INPUT_PATH, Input},
};
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("judge") => judge(),
        _ => serve(),
    }
}

/// Looks at the merge and says what it finds, as its last line.
#[allow(clippy::print_stdout, reason = "a judge's answer is what it writes")]
fn judge() -> ExitCode {
    let text = match std::fs::read_to_string(INPUT_PATH) {
        Ok(text) => text,
        Err(error) => return fail(INPUT_PATH, &error),
    };
    match Input::parse(&text) {
        Ok(input) => {
            println!("{}", doorbot::judge::judge(&input).to_line());
            ExitCode::SUCCESS
        }
        Err(error) => fail(INPUT_PATH, &error.into()),
    }
}

fn serve() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail("cannot start", &error),
    };
    runtime.block_on(async {
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => {
                doorbot::serve::serve(Client::from_env(), either(terminate, interrupt)).await;
                ExitCode::SUCCESS
            }
            (Err(error), _) | (_, Err(error)) => fail("cannot listen for signals", &error),
        }
    })
}

async fn either(mut one: Signal, mut other: Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

fn fail(what: &str, error: &std::io::Error) -> ExitCode {
    eprintln!("doorbot: {what}: {error}");
    ExitCode::FAILURE
}
