//! `qemu [BOARD]`: the image in QEMU, with the real boot loader, a card of its own, and the page forwarded.
//!
//! The card is a copy of the image with room to grow, kept between runs (`--fresh` makes a new one). A new card is given
//! settings on its first partition, as a person would: a demo organisation with a real access list, and our own SSH key.

use crate::{
    image::{self, Image, board::Qemu, card},
    packages,
    readers::Reader,
    shell::{self, Done, command, run, say},
};
use std::{
    fs::{self, File},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
};

/// The ports of this machine that lead to the page and to SSH.
const PORTS: Ports = Ports { page: 8080, ssh: 2222 };
/// As large as the smallest card that one can buy, with holes.
const CARD_BYTES: u64 = 2 << 30;
/// The demo organisation.
const DEMO: &str = "\
name = \"front-door\"
org = \"Example Makers\"
founder = \"alice\"
dapps = \"doorbot lockout\"
timezone = \"Europe/Berlin\"
import = \"acl-v1.json\"
";

/// Ports of this machine that lead to the box's.
#[derive(Clone, Copy)]
pub struct Ports {
    /// To the page.
    pub page: u16,
    /// To SSH.
    pub ssh: u16,
}

/// `qemu [BOARD] [--fresh]`.
pub fn run_chore(args: &[String]) -> Done {
    let name = args.iter().find(|arg| !arg.starts_with("--")).map_or("qemu-aarch64", String::as_str);
    packages::for_qemu()?;
    let image = image::build(name)?;
    let folder = image::folder(name)?;
    let card = folder.join("qemu-card.img");
    if args.iter().any(|arg| arg == "--fresh") || !card.exists() {
        new_card(&image, &card, &demo(own_key().as_deref()))?;
    }
    let shared = image.board.qemu.as_ref().is_some_and(|qemu| qemu.serial.is_some());
    let serial = shared.then(|| folder.join("serial.log"));
    say(&format!(
        "\n  The door's page:  http://127.0.0.1:{}  (some seconds from now)\n  \
         A badge at its reader, from another terminal:  cargo xtask badge\n  \
         A shell, if ~/.ssh/id_ed25519.pub was there when the card was made:  ssh -p {} root@127.0.0.1\n  \
         {}; start it again and all is still there.\n",
        PORTS.page,
        PORTS.ssh,
        match &serial {
            None => "Ctrl-A X cuts the power".to_owned(),
            Some(file) => format!(
                "A reader has the serial line; what is said there is in {}\n  Ctrl-C cuts the power",
                file.display()
            ),
        }
    ));
    let cables = Cables {
        card: &card,
        writes: None,
        net: &Net::Forwarded(PORTS),
        serial: serial.as_deref(),
        folder: &folder,
    };
    run(&mut machine(&image, &cables)?)
}

/// Our public key, if we have one.
fn own_key() -> Option<String> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    fs::read_to_string(home.join(".ssh/id_ed25519.pub")).ok()
}

/// The demo's settings, and somebody's public key.
pub fn demo(ssh_key: Option<&str>) -> String {
    DEMO.to_owned() + &ssh_key.map_or_else(String::new, |key| format!("ssh_key = \"{}\"\n", key.trim()))
}

/// A card for a machine: the image, larger, with settings and the demo's lists beside them.
pub fn new_card(image: &Image, card: &Path, settings: &str) -> Done {
    run(command("cp").args(["--sparse=always", "--reflink=auto"]).arg(&image.card).arg(card))?;
    File::options().write(true).open(card)?.set_len(CARD_BYTES)?;
    let data = shell::root().join("firmware/cli/tests/data");
    if let Some((name, bytes)) = image.environment()? {
        let file = card.with_extension("environment");
        fs::write(&file, bytes)?;
        card::put(card, card::FIRST_BYTES, &file, name)?;
    }
    let file = card.with_extension("settings");
    fs::write(&file, settings)?;
    for (file, name) in [
        (file, "settings.toml"),
        (data.join("acl-v1.json"), "acl-v1.json"),
        (data.join("demo-badges.json"), "demo-badges.json"),
    ] {
        card::put(card, card::FIRST_BYTES, &file, name)?;
    }
    Ok(())
}

/// Where the box's network is.
#[derive(Clone)]
pub enum Net {
    /// QEMU's own: the box is reached by ports of this machine.
    Forwarded(Ports),
    /// A switch.
    Switched(Outlet),
}

/// A place at a switch.
#[derive(Clone)]
pub struct Outlet {
    /// The network namespace that has the tap device [`netns::TAP`].
    pub namespace: String,
    /// The namespace from which the box is reached.
    pub from: String,
    /// The address that the box's settings give it.
    pub address: Ipv4Addr,
}

impl Outlet {
    /// A hardware address of its own, for QEMU gives all machines the same one.
    fn mac(&self) -> String {
        let [_, a, b, c] = self.address.octets();
        format!("52:54:00:{a:02x}:{b:02x}:{c:02x}")
    }
}

impl Net {
    /// A program that can reach the box.
    pub fn client(&self, program: &str) -> Command {
        match self {
            Self::Forwarded(_) => command(program),
            Self::Switched(outlet) => within(&outlet.from, program),
        }
    }

    /// Its page.
    pub fn page(&self) -> String {
        match self {
            Self::Forwarded(ports) => format!("http://127.0.0.1:{}", ports.page),
            Self::Switched(outlet) => format!("http://{}:8080", outlet.address),
        }
    }

    /// Host and port of its SSH.
    pub fn ssh(&self) -> (Ipv4Addr, u16) {
        match self {
            Self::Forwarded(ports) => (Ipv4Addr::LOCALHOST, ports.ssh),
            Self::Switched(outlet) => (outlet.address, 22),
        }
    }

    fn plugged(&self, machine: &mut Command, device: &[String]) {
        let (netdev, mac) = match self {
            Self::Forwarded(Ports { page, ssh }) => {
                let forward = |from, to| format!("hostfwd=tcp:127.0.0.1:{from}-:{to}");
                (format!("user,id=net,{},{}", forward(page, 8080), forward(ssh, 22)), String::new())
            }
            Self::Switched(outlet) => (
                format!("tap,id=net,ifname={},script=no,downscript=no", netns::TAP),
                format!(",mac={}", outlet.mac()),
            ),
        };
        machine.args(["-netdev", &netdev]);
        machine.args(device.iter().map(|arg| match arg.contains("netdev=net") {
            true => format!("{arg}{mac}"),
            false => arg.clone(),
        }));
    }
}

/// A program in a network namespace; its process is the program's own.
fn within(namespace: &str, program: &str) -> Command {
    let mut ip = command("ip");
    ip.args(["netns", "exec", namespace, program]);
    ip
}

/// What a machine is plugged into.
pub struct Cables<'a> {
    /// The card's file.
    pub card: &'a Path,
    /// Where every write to the card is written down as well, with every wish that it be durable.
    pub writes: Option<&'a Path>,
    /// Its network.
    pub net: &'a Net,
    /// The file of what is said on the serial line; else it is on the terminal.
    pub serial: Option<&'a Path>,
    /// Where the sockets of readers and monitor are.
    pub folder: &'a Path,
}

impl Cables<'_> {
    fn drive(&self) -> String {
        let card = self.card.display();
        let begin = "if=none,id=card,cache=writeback";
        match self.writes {
            None => format!("{begin},format=raw,file={card}"),
            Some(log) => format!(
                "{begin},driver=blklogwrites,file.driver=raw,file.file.driver=file,file.file.filename={card},\
                 log.driver=file,log.filename={},log-sector-size=512",
                log.display()
            ),
        }
    }

    /// The socket of QEMU's monitor.
    pub fn monitor(folder: &Path) -> PathBuf {
        folder.join("monitor.socket")
    }
}

/// The machine, powered on when the command is run: without a serial line yet.
pub fn machine(image: &Image, cables: &Cables<'_>) -> Done<Command> {
    let name = &image.board.name;
    let Some(qemu) = &image.board.qemu else {
        return Err(format!("QEMU plays no {name}").into());
    };
    let Qemu { program, firmware, flash, args, card: slot, net, .. } = qemu;
    let socket = |path: PathBuf| format!("path={},server=on,wait=off", path.display());
    let folder = image::folder(name)?;
    let boot = folder.join("boot.files").display().to_string();
    let mut machine = match cables.net {
        Net::Forwarded(_) => command(program),
        Net::Switched(outlet) => within(&outlet.namespace, program),
    };
    machine.args(args.iter().map(|arg| arg.replace("{boot}", &boot))).args(["-display", "none"]);
    if let Some(firmware) = firmware {
        machine.arg("-bios").arg(firmware);
    }
    if flash.is_some() {
        let file = folder.join(image::FLASH);
        machine.arg("-drive").arg(format!("if=pflash,unit=1,format=raw,readonly=on,file={}", file.display()));
    }
    machine.arg("-drive").arg(cables.drive()).args(slot);
    cables.net.plugged(&mut machine, net);
    let serial = cables.serial.map(|file| file.display().to_string());
    for reader in Reader::ALL {
        let place = socket(reader.socket(cables.folder));
        let shared = qemu.serial.as_deref() == Some(reader.name());
        let log = serial.iter().filter(|_| shared).map(|file| format!(",logfile={file}")).collect::<String>();
        machine.arg("-chardev").arg(format!("socket,id={},{place}{log}", reader.name()));
    }
    let file = serial.map_or("mon:stdio".to_owned(), |file| format!("file:{file}"));
    machine.arg("-serial").arg(qemu.serial.as_ref().map_or(file, |reader| format!("chardev:{reader}")));
    let monitor = socket(Cables::monitor(cables.folder)).replacen("path=", "unix:", 1);
    machine.arg("-qmp").arg(monitor);
    Ok(machine)
}
