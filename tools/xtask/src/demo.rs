//! The first thing that a visitor runs: an organisation, a real access list, a door, and a page to badge in at.
//!
//! The demo's home is kept between runs; `--fresh` begins from nothing. `--check` does what a visitor would
//! (see `visit`) and ends; the tests run it so.

use crate::{
    build::{self, Built},
    packages,
    root::{self, as_root, as_root_and_back, give_back, is_root},
    shell::{self, Done, run, say},
    visit,
};
use std::{
    path::{Path, PathBuf},
    process::{Child, Command},
};

/// Where the page is.
const LISTEN: &str = "127.0.0.1:8080";

/// `demo [--fresh] [--check]`.
pub fn run_chore(args: &[String]) -> Done {
    if let Some(odd) = args.iter().find(|arg| !["--fresh", "--check"].contains(&arg.as_str())) {
        return Err(format!("demo knows --fresh and --check, not {odd:?}").into());
    }
    root::needed()?;
    let checks = args.iter().any(|arg| arg == "--check");
    if checks {
        packages::for_tests()?
    } else {
        packages::for_build()?
    }
    say("Building (the first time takes some minutes) ...");
    let built = build::all(false)?;
    if checks {
        return check(&built);
    }
    let home = build::target_dir()?.join("demo");
    if args.iter().any(|arg| arg == "--fresh") {
        clear(&home)?;
    }
    furnish(&built, &home)?;
    invite(&built, &home);
    let agent = as_root_and_back(&home, &built.ledgerd)?;
    let status = ledgerd(agent, &home, LISTEN).status()?;
    if status.success() { Ok(()) } else { Err(format!("ledgerd ended with {status}").into()) }
}

/// The demo as a test: in a folder of its own, on a port of its own, badge in and look.
pub fn check(built: &Built) -> Done {
    let home = build::target_dir()?.join("demo-check");
    clear(&home)?;
    furnish(built, &home)?;
    let listen = free_address()?;
    let mut agent = ledgerd(as_root(&built.ledgerd), &home, &listen).spawn()?;
    let seen = visit::all(built, &home, &listen);
    let stopped = stop(&mut agent);
    let verified = run(ledgerctl(built, &home).arg("verify"));
    give_back(&home)?;
    seen.and(stopped).and(verified)?;
    say(
        "demo: a badge was held to the reader, the relay moved, the event is in the ledger; a box was let in",
    );
    Ok(())
}

/// Makes the organisation, once: each step is left out when it has been done.
fn furnish(built: &Built, home: &Path) -> Done {
    let furnished = furnished(home);
    if furnished.exists() {
        return Ok(());
    }
    // What an earlier run began and did not end.
    clear(home)?;
    let data = shell::root().join("firmware/cli/tests/data");
    let ctl = || ledgerctl(built, home);
    run(ctl().args(["init", "--org", "Example Makers", "--founder", "alice", "--node", "front-door"]))?;
    run(ctl()
        .args(["import", "makeitlabs-acl"])
        .arg(data.join("acl-v1.json"))
        .args(["--resource", "frontdoor"]))?;
    run(ctl().args(["dapp", "publish"]).arg(built.dapps.join("doorbot")))?;
    run(as_root("cp").arg(data.join("demo-badges.json")).arg(home.join("demo-badges.json")))?;
    Ok(std::fs::write(furnished, "")?)
}

/// The mark that a home is complete. It lies beside the home, into which only root can look.
fn furnished(home: &Path) -> PathBuf {
    home.with_extension("furnished")
}

/// Removes a home.
pub fn clear(home: &Path) -> Done {
    let furnished = furnished(home);
    if furnished.exists() {
        std::fs::remove_file(furnished)?;
    }
    run(as_root("rm").arg("-rf").arg(home))
}

fn invite(built: &Built, home: &Path) {
    let sudo = if is_root() { "" } else { "sudo " };
    say(&format!(
        "\n  The door is at  http://{LISTEN}  : hold a badge to the reader there.\n\n  \
         In another terminal:\n    {sudo}{0} --home {1} status\n    {sudo}{0} --home {1} log --follow\n    \
         {sudo}git -C {1}/ledger.git log\n\n  Ctrl-C ends it; run it again and it is all still there.\n",
        built.ledgerctl.display(),
        home.display()
    ));
}

/// `ledgerctl` on a home, as root.
pub fn ledgerctl(built: &Built, home: &Path) -> Command {
    let mut ctl = as_root(&built.ledgerctl);
    ctl.arg("--home").arg(home);
    ctl
}

fn ledgerd(mut agent: Command, home: &Path, listen: &str) -> Command {
    agent.arg("--home").arg(home).args(["--board", "sim", "--listen", listen, "--block-interval", "30s"]);
    agent
}

/// Ends the agent that we started.
fn stop(agent: &mut Child) -> Done {
    let status = root::end(agent)?;
    if status.success() { Ok(()) } else { Err(format!("ledgerd did not end well: {status}").into()) }
}

fn free_address() -> Done<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
