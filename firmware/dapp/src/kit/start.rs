//! The `main` of a dapp: one thread, the agent's socket, and an end on SIGTERM; or, as `<dapp> judge`, its judge.

use super::{news::Program, serve};
use crate::{
    client::Client,
    judge::{Answer, INPUT_PATH, Input},
};
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves `program`, or judges if that is what the command line asks for.
pub fn start<P: Program>(program: P, judge: fn(&Input<'_>) -> Answer) -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        Some("judge") => say_verdict(judge),
        _ => serve_until_told(program),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((what, error)) => {
            eprintln!("{}: {what}: {error}", P::NAME);
            ExitCode::FAILURE
        }
    }
}

type Failed = (&'static str, std::io::Error);

/// Looks at the merge and says what it finds, as its last line.
#[allow(clippy::print_stdout, reason = "a judge's answer is what it writes")]
fn say_verdict(judge: fn(&Input<'_>) -> Answer) -> Result<(), Failed> {
    let failed = |error| (INPUT_PATH, error);
    let text = std::fs::read_to_string(INPUT_PATH).map_err(failed)?;
    let input = Input::parse(&text).map_err(|error| failed(error.into()))?;
    println!("{}", judge(&input).to_line());
    Ok(())
}

fn serve_until_told<P: Program>(program: P) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| ("cannot start", error))?.block_on(async {
        let hear = |kind| signal(kind).map_err(|error| ("cannot listen for signals", error));
        let (terminate, interrupt) = (hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?);
        serve(Client::from_env(), program, either(terminate, interrupt)).await;
        Ok(())
    })
}

async fn either(mut one: Signal, mut other: Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
