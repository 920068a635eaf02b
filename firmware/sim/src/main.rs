//! `sim`: runs simulations and says what came of them; `cargo xtask sim` starts it.

#![allow(clippy::print_stdout, reason = "talking to a person at a terminal is what this program is for")]

use model::Millis;
use sim::{Plan, Report, World};
use std::process::ExitCode;

const HELP: &str = "\
sim [--nodes N] [--validators N] [--seed S] [--seeds K] [--hours H] [--until STEP] [--calm] [--trace] [--csv]

  --nodes N       boxes (7)
  --validators N  how many of them vote (up to 7)
  --seed S        the first seed (1)
  --seeds K       how many seeds, one after another (1)
  --hours H       virtual hours in which things go wrong (1)
  --until STEP    stop before this step and show where everybody stands
  --tap-s S       the mean pause between two taps at a box, in seconds (300)
  --calm          nothing goes wrong
  --trace         every step on standard error
  --csv           a line of figures for each run
";

/// What was asked for.
struct Wish {
    plan: Plan,
    seeds: u64,
    trace: bool,
    csv: bool,
}

fn main() -> ExitCode {
    let wish = match read(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(wrong) => {
            eprintln!("sim: {wrong}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    if wish.csv {
        println!(
            "nodes,validators,seed,hours,events,blocks,steps,virtual_ms,messages_per_node,bytes_per_node"
        );
    }
    for seed in wish.plan.seed..wish.plan.seed.saturating_add(wish.seeds) {
        let plan = Plan { seed, ..wish.plan.clone() };
        if let Err(failure) = run(&plan, &wish) {
            eprintln!("sim: {failure}");
            eprintln!("sim: again with --seed {} --until {} --trace", failure.seed, failure.step);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(plan: &Plan, wish: &Wish) -> Result<(), sim::Failure> {
    let mut world = World::new(plan.clone())?;
    if wish.trace {
        world.trace();
    }
    let report = world.run()?;
    if plan.until.is_some() {
        print!("{}", world.standing());
    }
    if wish.csv {
        figures(plan, &report)
    } else {
        say(plan, &report)
    }
    Ok(())
}

fn figures(plan: &Plan, report: &Report) {
    let Report { nodes, steps, ms, events, blocks, sent, .. } = report;
    let (hours, count) = (plan.lasts.0 as f64 / 3_600_000.0, *nodes as u64);
    println!(
        "{nodes},{},{},{hours},{events},{blocks},{steps},{ms},{},{}",
        plan.validators,
        plan.seed,
        sent.messages / count,
        sent.bytes / count
    );
}

fn say(plan: &Plan, report: &Report) {
    let Report { nodes, steps, ms, events, blocks, sent, digest } = report;
    println!(
        "seed {}: {nodes} boxes agree after {} s: {events} events, {blocks} final blocks, {steps} steps, {} KiB sent, digest {digest:016x}",
        plan.seed,
        ms / 1000,
        sent.bytes / 1024
    );
}

fn read(args: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut args = args.peekable();
    let (mut nodes, mut validators, mut seed, mut seeds, mut hours) = (7, None, 1, 1, 1.0);
    let (mut until, mut tap_s, mut calm, mut trace, mut csv) = (None, 300, false, false, false);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--nodes" => nodes = number(&arg, args.next())?,
            "--validators" => validators = Some(number(&arg, args.next())?),
            "--seed" => seed = number(&arg, args.next())?,
            "--seeds" => seeds = number(&arg, args.next())?,
            "--hours" => hours = number(&arg, args.next())?,
            "--until" => until = Some(number(&arg, args.next())?),
            "--tap-s" => tap_s = number(&arg, args.next())?,
            "--calm" => calm = true,
            "--trace" => trace = true,
            "--csv" => csv = true,
            other => return Err(format!("there is no option {other:?}")),
        }
    }
    let lasts = Millis((hours * 3_600_000.0) as u64);
    let mut plan = Plan::new(nodes, seed, lasts);
    plan.validators = validators.unwrap_or(plan.validators).clamp(1, nodes.max(1));
    (plan.faults, plan.until, plan.tap_every) = (!calm, until, Millis(tap_s * 1000));
    Ok(Wish { plan, seeds, trace, csv })
}

fn number<T: std::str::FromStr>(option: &str, value: Option<String>) -> Result<T, String> {
    let value = value.ok_or_else(|| format!("{option} needs a number"))?;
    value.parse().map_err(|_| format!("{option} needs a number, not {value:?}"))
}
