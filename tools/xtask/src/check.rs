//! What must hold before a commit.

use crate::{
    arrows, build, demo, layer, packages,
    root::{self, give_back, is_root},
    shell::{Done, cache, cargo, command, run, say},
};

/// The version of cargo-deny that reads our deny.toml.
const CARGO_DENY: &str = "0.20.2";

/// Every test. With a filter, only cargo's tests whose names hold it.
pub fn test(args: &[String]) -> Done {
    root::needed()?;
    packages::for_tests()?;
    let dapps = build::dapps(false)?;
    let mut cargo = build::cargo_here()?;
    cargo.env("LEDGER_DAPPS", &dapps).args(["test", "--workspace"]);
    if !is_root() {
        // Containers, cgroups and network namespaces want root.
        cargo.args(["--config", &runner()?]);
    }
    let tested = run(cargo.arg("--").args(args));
    give_back(&build::target_dir()?)?;
    tested?;
    if args.is_empty() {
        // The programs that the tests were just run with.
        demo::check(&build::built(false, dapps)?)?;
    }
    Ok(())
}

/// Cargo's setting that runs test programs as root, who finds the compiler and our home where we do.
fn runner() -> Done<String> {
    let var = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let (home, path) = (var("HOME")?, var("PATH")?);
    Ok(format!("target.'cfg(unix)'.runner = ['sudo', '--preserve-env', 'env', 'HOME={home}', 'PATH={path}']"))
}

/// Format, clippy, arrows, the layer, licences, then every test.
pub fn check() -> Done {
    packages::for_tests()?;
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(build::cargo_here()?.args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    arrows::check()?;
    layer::check()?;
    deny()?;
    test(&[])
}

/// Licences, sources and doubles of what is linked. The advisory database is asked where it can be reached.
fn deny() -> Done {
    let tools = cache()?.join("tools");
    let program = tools.join("bin/cargo-deny");
    if !program.exists() {
        say("cargo-deny is built once, into the cache");
        run(cargo()
            .args(["install", "--quiet", "--locked", "cargo-deny", "--version", CARGO_DENY, "--root"])
            .arg(&tools))?;
    }
    run(command(program).args(["--all-features", "check", "bans", "licenses", "sources"]))
}
