//! `cargo xtask sim`: the same rooms, many boxes, one seed, virtual time; and the figure of how it grows.

use crate::{
    build,
    plot::{Panel, draw},
    shell::{Done, output, root, run, say},
};
use std::{fs, path::PathBuf, process::Command};

/// Boxes in the runs that show growth with boxes.
const BOXES: &[u64] = &[7, 10, 20, 40, 100, 200, 400, 1000];
/// An event in so many seconds there, wherever.
const PAUSE_S: u64 = 12;
/// Seconds between two events of a box in the runs of seven boxes that show growth with events.
const TAPS_S: &[u64] = &[60, 20, 6, 2, 1];
/// Two virtual minutes.
const HOURS: &str = "0.0334";
const HEADER: &str =
    "grows,nodes,validators,seed,hours,events,blocks,steps,virtual_ms,messages_per_node,bytes_per_node\n";

/// `sim [--nodes N] [--seed S] [--hours H] [--seeds K] ...`: what the program itself takes. `sim --growth` runs what the
/// figure of docs/SIMULATION.md shows, `sim --plot` draws it anew.
pub fn run_chore(args: &[String]) -> Done {
    match args {
        [only] if only == "--growth" => growth(),
        [only] if only == "--plot" => plot(),
        args => run(sim()?.args(args)),
    }
}

fn sim() -> Done<Command> {
    let mut cargo = build::cargo_here()?;
    cargo.args(["run", "--quiet", "--release", "-p", "sim", "--"]);
    Ok(cargo)
}

fn figures() -> PathBuf {
    root().join("docs/simulation.csv")
}

fn growth() -> Done {
    let boxes = BOXES.iter().map(|boxes| ("boxes", *boxes, boxes * PAUSE_S));
    let events = TAPS_S.iter().map(|tap_s| ("events", BOXES[0], *tap_s));
    let mut text = HEADER.to_string();
    for (grows, nodes, tap_s) in boxes.chain(events) {
        let (nodes, tap_s) = (nodes.to_string(), tap_s.to_string());
        let mut sim = sim()?;
        sim.args(["--calm", "--csv", "--hours", HOURS, "--nodes", &nodes, "--tap-s", &tap_s]);
        let said = output(&mut sim)?;
        let line = said.lines().last().ok_or("the simulation says nothing")?;
        say(line);
        text += &format!("{grows},{line}\n");
    }
    fs::write(figures(), text)?;
    plot()
}

fn plot() -> Done {
    let text = fs::read_to_string(figures())?;
    let panel = |grows: &str, by: &str, axis: &str, what: &str, a: Option<&str>| {
        let points = points(&text, grows, by, &format!("{what}_per_node"), a)?;
        let title = format!("{what} that a box sends{}", a.map_or("", |_| " for a final block"));
        Ok::<_, String>(Panel { title, axis: axis.into(), points })
    };
    let (boxes, events) = ("boxes, 7 of them vote", "events in two minutes, 7 boxes that all vote");
    let panels = [
        panel("boxes", "nodes", boxes, "bytes", Some("blocks"))?,
        panel("events", "events", events, "bytes", None)?,
        panel("boxes", "nodes", boxes, "messages", Some("blocks"))?,
        panel("events", "events", events, "messages", None)?,
    ];
    let picture = figures().with_extension("svg");
    fs::write(&picture, draw(&panels))?;
    say(&format!("drawn: {}", picture.display()));
    Ok(())
}

/// Two columns of the runs that show one kind of growth; the second for each of a third, if one is named.
fn points(text: &str, grows: &str, x: &str, y: &str, a: Option<&str>) -> Result<Vec<(f64, f64)>, String> {
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().ok_or("the figures are empty")?;
    let number = |line: &[&str], name: &str| {
        let column = header.iter().position(|column| *column == name).ok_or(format!("no column {name}"))?;
        let cell = line.get(column).ok_or("a line of the figures is short")?;
        cell.parse::<f64>().map_err(|error| format!("{cell}: {error}"))
    };
    let lines = lines.filter(|line| line.first() == Some(&grows));
    let point = |line: Vec<&str>| {
        let each = a.map_or(Ok(1.0), |a| number(&line, a))?;
        Ok((number(&line, x)?, number(&line, y)? / each))
    };
    lines.map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_and_runs_by_what_grows() {
        let text = "grows,nodes,bytes,blocks\nboxes,7,100,2\nevents,7,300,1\nboxes,10,200,5\n";
        let points = |y, each| points(text, "boxes", "nodes", y, each);
        assert_eq!(points("bytes", None).unwrap(), [(7.0, 100.0), (10.0, 200.0)]);
        assert_eq!(points("bytes", Some("blocks")).unwrap(), [(7.0, 50.0), (10.0, 40.0)]);
        assert!(points("messages", None).is_err());
        assert!(super::points("grows,nodes,bytes\nboxes,7\n", "boxes", "nodes", "bytes", None).is_err());
    }
}
