//! The doorbot's program: one thread, the agent's socket, and an end on SIGTERM.

use dapp::client::Client;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

fn main() -> ExitCode {
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
