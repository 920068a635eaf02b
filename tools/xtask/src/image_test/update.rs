//! An update through the ledger: docs/walkthroughs/update.md, with machines of QEMU's as its boxes.
//!
//! A laptop and two boxes at one switch that leads nowhere. The page's commands are the laptop's; its `power` blocks switch the boxes on and
//! off. A box that is switched on for the first time is given a card with the settings that the laptop has in `NAME.toml`.

use super::{
    machine::{Bench, Machine},
    update_cuts,
};
use crate::{
    build,
    image::Image,
    qemu::{self, Outlet},
    shell::{self, Done, say},
};
use netns::Lan;
use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use walk::{Part, Place, Shell};

/// No step of the page takes longer than a box that starts three times on a busy machine.
const PATIENCE: Duration = Duration::from_secs(1800);
/// The box at the switch that is this machine.
const LAPTOP: usize = 0;
/// What moves all that comes after it to other places: as a real update does, and so the whole slot is written.
const SHIFT: &str = "0";
const SHIFT_BYTES: usize = 1 << 20;
/// A strike where there is no chip: a release that cannot open a door.
const STRIKE: (&str, &str) = (
    "[devices.strike]\nkind = \"relay\"\nchip = \"ledger-sim\"",
    "[devices.strike]\nkind = \"relay\"\nchip = \"nowhere\"",
);

/// The whole page; or the page until it first cuts a box's power, and then as many cuts of the last box, as `update_cuts` has them.
pub fn run(image: &Image, folder: &Path, cuts: usize, seed: u64) -> Done {
    say("image-test: docs/walkthroughs/update.md");
    let page = fs::read_to_string(shell::root().join("docs/walkthroughs/update.md"))?;
    let mut parts = walk::parse(&page)?.into_iter();
    let Some(Part::Network(groups)) = parts.next() else {
        return Err("update.md does not begin with its boxes".into());
    };
    let names: Vec<String> = groups.into_iter().flatten().collect();
    let mut space = Space::new(image, folder, &names)?;
    let is_cut = |part: &Part| matches!(part, Part::Power { on: false, .. });
    let parts = parts.take_while(|part| cuts == 0 || !is_cut(part));
    walk::walk(parts, &mut space).map_err(|error| format!("docs/walkthroughs/update.md:{error}"))?;
    if cuts > 0 { update_cuts::run(&mut space, cuts, seed) } else { Ok(()) }
}

/// A laptop and boxes at a switch.
pub struct Space<'a> {
    image: &'a Image,
    folder: PathBuf,
    names: Vec<String>,
    machines: Vec<Option<Machine>>,
    shells: [(String, Shell); 1],
    /// Is gone after all that is in it.
    lan: Lan,
}

impl<'a> Space<'a> {
    fn new(image: &'a Image, folder: &Path, names: &[String]) -> Done<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let releases = releases(image, &folder.join("releases"))?;
        let lan = Lan::new(names.len())?;
        (LAPTOP + 1..names.len()).try_for_each(|i| lan.hand_over(i))?;
        let home = folder.join(&names[LAPTOP]);
        fs::create_dir_all(&home)?;
        let bash = Shell::start(bash(&lan, &home, &releases)?, PATIENCE)?;
        let machines = names.iter().map(|_| None).collect();
        let shells = [(names[LAPTOP].clone(), bash)];
        Ok(Self { image, folder: folder.to_owned(), names: names.to_vec(), machines, shells, lan })
    }

    /// A box's place at the switch.
    pub fn number(&self, name: &str) -> Result<usize, String> {
        let found = self.names.iter().position(|known| known == name);
        found.ok_or_else(|| format!("there is no box {name}"))
    }

    /// The last box's name.
    pub fn last(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// A box's card.
    pub fn card(&self, name: &str) -> PathBuf {
        self.folder.join(name).join("card.img")
    }

    /// A command on the laptop.
    pub fn laptop(&mut self, command: &str) -> Done<String> {
        let (said, status) = self.shells[0].1.run(command)?;
        let said = said.join("\n");
        if status == 0 { Ok(said) } else { Err(format!("laptop$ {command}\n{said}").into()) }
    }

    /// Switches a box on, all writes to its card written down as well if they are wanted.
    pub fn switch_on(&self, number: usize, writes: Option<&Path>) -> Done<Machine> {
        let name = &self.names[number];
        let (place, card) = (self.folder.join(name), self.card(name));
        fs::create_dir_all(&place)?;
        if !card.exists() {
            let settings = self.folder.join(&self.names[LAPTOP]).join(format!("{name}.toml"));
            let address = format!("address = \"{}/24\"\n", self.lan.address(number));
            qemu::new_card(self.image, &card, &(fs::read_to_string(settings)? + &address))?;
        }
        let outlet = Some(outlet(&self.lan, number));
        Machine::with(&Bench { image: self.image, folder: place, outlet }, &card, writes, name)
    }
}

/// A box's place at the switch.
fn outlet(lan: &Lan, number: usize) -> Outlet {
    let address: Ipv4Addr = lan.address(number);
    Outlet { namespace: lan.namespace(number), from: lan.namespace(LAPTOP), address }
}

/// The laptop's: with our programs, and RELEASES naming the folder of bundles.
fn bash(lan: &Lan, home: &Path, releases: &Path) -> Done<Command> {
    let programs = build::programs(false)?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut bash = lan.command(LAPTOP, "bash");
    bash.args(["--noprofile", "--norc"]).current_dir(home);
    bash.env("PATH", format!("{}:{path}", programs.display())).env("RELEASES", releases);
    bash.env("HOME", home).env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env_remove("LEDGER_HOME");
    Ok(bash)
}

/// Three releases of the image: as it was built, with another content throughout, and one that cannot open its door.
fn releases(image: &Image, folder: &Path) -> Done<PathBuf> {
    fs::create_dir_all(folder.join("1.0.0"))?;
    fs::copy(image.bundle()?, folder.join("1.0.0/update.tar"))?;
    image.changed_bundle(&folder.join("1.1.0"), |tree| shifted(tree, 1))?;
    image.changed_bundle(&folder.join("1.2.0"), |tree| {
        shifted(tree, 2)?;
        let file = tree.join("usr/share/ledger/board").join(&image.board.name).join("board.toml");
        let pins = fs::read_to_string(&file)?;
        if !pins.contains(STRIKE.0) {
            return Err(format!("{} has no such strike", file.display()).into());
        }
        Ok(fs::write(file, pins.replace(STRIKE.0, STRIKE.1))?)
    })?;
    Ok(folder.to_owned())
}

/// Bytes that nothing compresses, before all else.
fn shifted(tree: &Path, seed: u64) -> Done {
    let mut random = super::random::Random(seed);
    let bytes: Vec<u8> = (0..SHIFT_BYTES).map(|_| random.below(256).to_le_bytes()[0]).collect();
    Ok(fs::write(tree.join(SHIFT), bytes)?)
}

impl Place for Space<'_> {
    fn shells(&mut self) -> &mut [(String, Shell)] {
        &mut self.shells
    }

    fn connect(&mut self, groups: &[Vec<String>]) -> Result<(), String> {
        let numbers =
            |group: &Vec<String>| group.iter().map(|name| self.number(name)).collect::<Result<Vec<_>, _>>();
        let groups: Vec<Vec<usize>> = groups.iter().map(numbers).collect::<Result<_, _>>()?;
        self.lan.split(&groups.iter().map(Vec::as_slice).collect::<Vec<_>>()).map_err(|e| e.to_string())
    }

    fn power(&mut self, name: &str, on: bool) -> Result<(), String> {
        let number = self.number(name)?;
        say(&format!("  {name} {}", if on { "on" } else { "off" }));
        if !on {
            let machine = self.machines[number].take().ok_or_else(|| format!("{name} is not on"))?;
            return machine.cut().map_err(|error| error.to_string());
        }
        let machine = self.switch_on(number, None).map_err(|error| error.to_string())?;
        self.machines[number] = Some(machine);
        Ok(())
    }
}
