//! Where a walkthrough's commands are run: a bash, or one for each of the boxes that the page's network names.
//!
//! A box is a network namespace on a switch of its own, with the loopback and the ports of a machine, and a folder. The boxes
//! of a page share one thing, the folder STICK: what people carry from one to another. A prompt `all$ ` is each of the boxes in
//! their order.

use super::{
    build::Built,
    page::{self, Step},
    shell::Shell,
};
use netns::Lan;
use std::path::Path;

/// The prompt that means each box.
const ALL: &str = "all";

/// Where commands are run.
pub struct Place {
    shells: Vec<(String, Shell)>,
    /// Is gone after the shells, for they are in it.
    lan: Option<Lan>,
}

impl Place {
    /// A bash in a folder, for a page without a network.
    pub fn alone(folder: &Path, built: &Built) -> Self {
        Self { shells: vec![(String::new(), Shell::start(folder, built, folder))], lan: None }
    }

    /// The boxes of a network, as it is at first.
    pub fn boxes(folder: &Path, built: &Built, groups: &[Vec<String>]) -> Self {
        let names: Vec<&String> = groups.iter().flatten().collect();
        let lan = Lan::new(names.len()).expect("network namespaces can be made: root, and iproute2");
        let stick = folder.join("stick");
        std::fs::create_dir(&stick).unwrap();
        let start = |(i, name): (usize, &&String)| {
            let home = folder.join(name.as_str());
            std::fs::create_dir(&home).unwrap();
            let shell = lan.within(i, || Shell::start(&home, built, &stick)).unwrap();
            ((*name).clone(), shell)
        };
        let shells = names.iter().enumerate().map(start).collect();
        let place = Self { shells, lan: Some(lan) };
        place.connect(groups).expect("because the boxes are these");
        place
    }

    /// Connects the boxes so from now on.
    pub fn connect(&self, groups: &[Vec<String>]) -> Result<(), String> {
        let lan = self.lan.as_ref().ok_or("the network comes before the first command")?;
        let number = |name: &String| {
            let found = self.shells.iter().position(|(box_, _)| box_ == name);
            found.ok_or_else(|| format!("there is no box {name}"))
        };
        let numbers = |group: &Vec<String>| group.iter().map(number).collect::<Result<Vec<_>, _>>();
        let groups: Vec<Vec<usize>> = groups.iter().map(numbers).collect::<Result<_, _>>()?;
        lan.split(&groups.iter().map(Vec::as_slice).collect::<Vec<_>>()).map_err(|e| e.to_string())
    }

    /// Does what a step says; an error tells what came instead of what was expected.
    pub fn run(&mut self, step: &Step) -> Result<(), String> {
        let mut met = false;
        for (name, shell) in &mut self.shells {
            if *name == step.on || step.on == ALL {
                met = true;
                run(name, shell, step)?;
            }
        }
        if met { Ok(()) } else { Err(format!("{}: there is no box {:?}", step.line, step.on)) }
    }
}

impl Drop for Place {
    /// All boxes are stopped at once: each may take some seconds.
    fn drop(&mut self) {
        std::thread::scope(|scope| {
            for (_, shell) in self.shells.drain(..) {
                scope.spawn(move || drop(shell));
            }
        });
    }
}

fn run(name: &str, shell: &mut Shell, step: &Step) -> Result<(), String> {
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
