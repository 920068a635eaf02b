//! For tests: runs a walkthrough's page, command by command, and compares what is printed with what it says.
//!
//! A fenced block marked `console` holds commands after `$ ` (lines after `> ` go on with it) and the output that is
//! expected, stdout and stderr as they come. `[..]` stands for anything within a line, a line `...` for any lines. A
//! command must succeed, unless its output ends with a line `[exit N]`.
//!
//! A page of several boxes begins with a fenced block marked `network` that names them. `front$ ` runs a command on that box,
//! `all$ ` on each. Another such block changes the network: `front | back shop` is a cut between the two sides. A line `front off`
//! in a block marked `power` cuts a box's power, `front on` gives it back.
//!
//! What a box is, is the [`Place`]'s: a network namespace, a machine of QEMU's.

mod page;
mod shell;

pub use page::{Part, Step, parse};
pub use shell::Shell;

/// The prompt that means each box.
const ALL: &str = "all";

/// Where a page's commands are run.
pub trait Place {
    /// The boxes, each with its shell, in the page's order; a page without a network has one without a name.
    fn shells(&mut self) -> &mut [(String, Shell)];

    /// From now on each group keeps to itself.
    fn connect(&mut self, groups: &[Vec<String>]) -> Result<(), String>;

    /// Cuts a box's power, or gives it back.
    fn power(&mut self, name: &str, on: bool) -> Result<(), String>;
}

/// Does what the page says. An error begins with the line.
pub fn walk(parts: impl IntoIterator<Item = Part>, place: &mut impl Place) -> Result<(), String> {
    parts.into_iter().try_for_each(|part| match part {
        Part::Step(step) => run(place.shells(), &step),
        Part::Network(groups) => place.connect(&groups),
        Part::Power { line, name, on } => place.power(&name, on).map_err(|error| format!("{line}: {error}")),
    })
}

fn run(shells: &mut [(String, Shell)], step: &Step) -> Result<(), String> {
    let mut met = false;
    for (name, shell) in shells {
        if *name == step.on || step.on == ALL {
            met = true;
            run_on(name, shell, step)?;
        }
    }
    if met { Ok(()) } else { Err(format!("{}: there is no box {:?}", step.line, step.on)) }
}

fn run_on(name: &str, shell: &mut Shell, step: &Step) -> Result<(), String> {
    let (output, status) = shell.run(&step.command).map_err(|e| format!("{}: {name}{e}", step.line))?;
    if page::matches(&step.expected, &output) && status == step.status {
        return Ok(());
    }
    Err(format!(
        "{}: {name}$ {}\n--- expected, exit {}\n{}\n--- got, exit {status}\n{}",
        step.line,
        step.command,
        step.status,
        step.expected.join("\n"),
        output.join("\n")
    ))
}
