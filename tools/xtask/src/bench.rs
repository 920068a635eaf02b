//! The figures of docs/BENCHMARKS.md. Each bench prints its own beside its peer's, in one run.

use crate::{
    build, packages, pair,
    shell::{Done, run, say},
    sid,
};

/// A bench: its name, its package, cargo's name of it, and what it wants built or fetched first.
const BENCHES: &[(&str, &str, &str, Need)] = &[
    ("events", "store", "events", Need::Nothing),
    ("chunks", "store", "chunks", Need::Desync),
    ("update-size", "chunk", "update_size", Need::Images),
    ("update-install", "update", "install", Need::Images),
    ("containers", "container", "start", Need::Nothing),
    ("verify", "ledger", "verify", Need::Nothing),
    ("sync", "sync", "cold_sync", Need::Nothing),
    ("net", "net", "loopback", Need::Nothing),
    ("door", "cli", "door", Need::Programs),
    ("cold", "cli", "cold", Need::Programs),
    ("agree", "cli", "agree", Need::Programs),
    ("heal", "cli", "heal", Need::Programs),
];

/// What a bench needs besides itself.
enum Need {
    Nothing,
    /// The peer that Debian's stable suite does not carry.
    Desync,
    /// Two root file systems, and that peer.
    Images,
    /// The agent, the command line and the dapps, as they are shipped.
    Programs,
}

/// `bench [NAME [-- what the bench takes]]`.
pub fn run_chore(args: &[String]) -> Done {
    let only = args.first().map(String::as_str);
    let rest: Vec<_> = args.iter().skip(1).filter(|arg| *arg != "--").collect();
    let chosen: Vec<_> = BENCHES.iter().filter(|(name, ..)| only.is_none_or(|only| only == *name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = BENCHES.iter().map(|(name, ..)| *name).collect();
        return Err(format!("no such bench; there are: {}", names.join(", ")).into());
    }
    packages::for_benches()?;
    for (name, package, bench, need) in chosen {
        say(&format!("\n== {name}"));
        let mut cargo = build::cargo_here()?;
        match need {
            Need::Nothing => &mut cargo,
            Need::Desync => cargo.env("DESYNC", sid::program("desync")?),
            Need::Images => {
                let (old, new) = pair::images()?;
                cargo.env("OLD_IMAGE", old).env("NEW_IMAGE", new).env("DESYNC", sid::program("desync")?)
            }
            Need::Programs => cargo.env("LEDGER_DAPPS", build::all(true)?.dapps),
        };
        run(cargo.args(["bench", "--quiet", "-p", package, "--bench", bench, "--"]).args(&rest))?;
    }
    Ok(())
}
