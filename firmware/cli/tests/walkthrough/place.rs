//! Where a walkthrough's commands are run: a bash, or one for each of the boxes that the page's network names.
//!
//! A box is a network namespace on a switch of its own, with the loopback and the ports of a machine, and a folder. The boxes
//! of a page share one thing, the folder STICK: what people carry from one to another.

use super::build::Built;
use netns::Lan;
use std::{path::Path, process::Command, time::Duration};
use walk::{Place, Shell};

const PATIENCE: Duration = Duration::from_secs(120);

/// Shells on this machine.
pub struct Here {
    shells: Vec<(String, Shell)>,
    /// Is gone after the shells, for they are in it.
    lan: Option<Lan>,
}

impl Here {
    /// A bash in a folder, for a page without a network.
    pub fn alone(folder: &Path, built: &Built) -> Self {
        Self { shells: vec![(String::new(), bash(folder, built, folder))], lan: None }
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
            let shell = lan.within(i, || bash(&home, built, &stick)).unwrap();
            ((*name).clone(), shell)
        };
        let shells = names.iter().enumerate().map(start).collect();
        let mut place = Self { shells, lan: Some(lan) };
        place.connect(groups).expect("because the boxes are these");
        place
    }
}

impl Place for Here {
    fn shells(&mut self) -> &mut [(String, Shell)] {
        &mut self.shells
    }

    fn connect(&mut self, groups: &[Vec<String>]) -> Result<(), String> {
        let lan = self.lan.as_ref().ok_or("the network comes before the first command")?;
        let number = |name: &String| {
            let found = self.shells.iter().position(|(box_, _)| box_ == name);
            found.ok_or_else(|| format!("there is no box {name}"))
        };
        let numbers = |group: &Vec<String>| group.iter().map(number).collect::<Result<Vec<_>, _>>();
        let groups: Vec<Vec<usize>> = groups.iter().map(numbers).collect::<Result<_, _>>()?;
        lan.split(&groups.iter().map(Vec::as_slice).collect::<Vec<_>>()).map_err(|e| e.to_string())
    }

    fn power(&mut self, name: &str, _on: bool) -> Result<(), String> {
        Err(format!("{name} is no machine whose power can be cut"))
    }
}

impl Drop for Here {
    /// All boxes are stopped at once: each may take some seconds.
    fn drop(&mut self) {
        std::thread::scope(|scope| {
            for (_, shell) in self.shells.drain(..) {
                scope.spawn(move || drop(shell));
            }
        });
    }
}

/// A bash in a folder, with the built programs first and the folder STICK.
fn bash(folder: &Path, built: &Built, stick: &Path) -> Shell {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc"]).current_dir(folder);
    bash.env("PATH", format!("{}:{path}", built.programs.display())).env("LEDGER_DAPPS", &built.dapps);
    bash.env("STICK", stick);
    bash.env("HOME", folder).env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env_remove("LEDGER_HOME");
    bash.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_PAGER", "cat");
    Shell::start(bash, PATIENCE).expect("bash starts")
}
