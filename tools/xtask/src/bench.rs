//! The figures of docs/BENCHMARKS.md. Each bench prints its own beside its peer's, in one run.

use crate::{
    build, packages,
    shell::{Done, run, say},
    sid,
};

/// A bench: its name, its package and cargo's name of it.
const BENCHES: &[(&str, &str, &str)] = &[
    ("events", "store", "events"),
    ("chunks", "store", "chunks"),
    ("containers", "container", "start"),
    ("verify", "ledger", "verify"),
    ("door", "cli", "door"),
];

/// `bench [NAME]`.
pub fn run_chore(args: &[String]) -> Done {
    packages::for_benches()?;
    let only = args.first().map(String::as_str);
    let chosen: Vec<_> = BENCHES.iter().filter(|(name, ..)| only.is_none_or(|only| only == *name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = BENCHES.iter().map(|(name, ..)| *name).collect();
        return Err(format!("no such bench; there are: {}", names.join(", ")).into());
    }
    let built = build::all(true)?;
    let desync = sid::program("desync")?;
    for (name, package, bench) in chosen {
        say(&format!("\n== {name}"));
        let mut cargo = build::cargo_here()?;
        cargo.env("LEDGER_DAPPS", &built.dapps).env("DESYNC", &desync);
        run(cargo.args(["bench", "--quiet", "-p", package, "--bench", bench]))?;
    }
    Ok(())
}
