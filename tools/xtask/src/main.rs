//! `cargo xtask`: every chore of the project, for a newcomer, for CI and for us.
//!
//! It installs what it misses from Debian's packages (as root or by sudo, asking first at a terminal), and
//! calls cargo. It holds no logic of the product. A chore that fails says which command failed and ends with 1.

#![allow(clippy::print_stdout, reason = "talking to a person at a terminal is what this program is for")]

mod arrows;
mod bench;
mod browser;
mod build;
mod check;
mod debian;
mod demo;
mod flash;
mod fuzz;
mod image;
mod image_test;
mod layer;
mod packages;
mod pair;
mod plot;
mod qemu;
mod readers;
mod root;
mod settings;
mod shell;
mod sid;
mod sim;
mod visit;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask CHORE

  demo [--fresh] [--check]  build, make an organisation, import a list, start ledgerd and leave you at a page
                            (--fresh: from nothing again; --check: hold a badge, look, and stop)
  build                     ledgerd, ledgerctl and the dapps, small and fast, ready to use and to publish
  test [FILTER]             every test: units, properties, crash disks, containers, walkthroughs, the demo
  check                     what must hold before a commit: format, clippy, licences, arrows, then `test`
  arrows                    which room may use which
  image BOARD [--kernel]    the card of a board as a file: kernel, programs, root, partitions (--kernel: that alone)
  flash BOARD [DEVICE] [--settings FILE] [--image FILE] [--yes]
                            the image onto a card, with the settings of a box (without DEVICE: which cards are there)
  qemu [BOARD] [--fresh]    the image in QEMU, its page at http://127.0.0.1:8080 (--fresh: with a new card)
  badge [NUMBER] [BOARD]    holds a badge to the front door of the box that `qemu` runs
  image-test [BOARD] [door] [rollback] [data] [--cuts N] [--seed S] [--measure] [--built]
                            the image at work in QEMU: readers, lines, power cuts, damage, falling back
                            (--cuts: N power cuts at random moments; --measure: how long and how large;
                            --built: the image as it was last built)
  layer [--write]           meta-ledger against the rest of the repository, and its linters (--write: what follows from it)
  fuzz [TARGET] [--seconds N]   each fuzz target for N seconds (60)
  bench [NAME [-- ...]]     the figures of docs/BENCHMARKS.md, each beside its peer
  sim [--nodes N] [--seed S] [--hours H] [--seeds K] [--until STEP] [--trace] [--csv] [--calm]
                            many boxes in one process, in virtual time, with all that can go wrong (7, 1, 1, 1)
  sim --growth | --plot     the runs and the picture of docs/SIMULATION.md; or the picture alone
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let chore = args.first().map(String::as_str).unwrap_or("help");
    let rest = args.get(1..).unwrap_or_default();
    let done = match chore {
        "demo" => demo::run_chore(rest),
        "build" => build::release(),
        "test" => check::test(rest),
        "check" => check::check(),
        "arrows" => arrows::check(),
        "image" => image::run_chore(rest),
        "qemu" => qemu::run_chore(rest),
        "badge" => readers::run_chore(rest),
        "flash" => flash::run_chore(rest),
        "image-test" => image_test::run_chore(rest),
        "layer" => layer::run_chore(rest),
        "fuzz" => fuzz::run(rest),
        "bench" => bench::run_chore(rest),
        "sim" => sim::run_chore(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no chore {other:?}\n\n{HELP}").into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {chore}: {error}");
            ExitCode::FAILURE
        }
    }
}
