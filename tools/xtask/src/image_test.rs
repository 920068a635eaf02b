//! `image-test [BOARD]`: the image does its work, in QEMU, from the boot loader on, over a power cut.
//!
//! A new card boots and makes its organisation; a badge is held to the reader; the power is cut; the card boots again, and
//! the event is in the ledger. Not a part of `test`: kernel and programs alone would take half of its time.

use crate::{
    image::{self, Image},
    packages,
    qemu::{self, Ports},
    shell::{Done, command, output, run, say},
};
use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Child,
    thread,
    time::{Duration, Instant},
};

/// Far more than any start takes, also on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(600);
const STEP: Duration = Duration::from_millis(200);
/// A card of the demo's access list.
const BADGES: &str = include_str!("../../../firmware/cli/tests/data/demo-badges.json");

/// `image-test [BOARD]`.
pub fn run_chore(args: &[String]) -> Done {
    let name = args.first().map_or("qemu-aarch64", String::as_str);
    packages::for_qemu()?;
    let image = image::build(name)?;
    let folder = image::folder(name)?;
    let card = folder.join("test-card.img");
    let key = Key::new(&folder)?;
    qemu::new_card(&image, &card, Some(&key.public()?))?;
    let number = badge()?;
    let mut first = Machine::on(&image, &card, &folder.join("test-serial-1.log"))?;
    first.until("the doorbot to run", "/api/status", "\"running\"")?;
    first.tap(&number)?;
    first.until("the event of the badge", "/api/log", "\"allowed\"")?;
    first.cut()?;
    let mut second = Machine::on(&image, &card, &folder.join("test-serial-2.log"))?;
    second.until("the event after the power cut", "/api/log", "\"allowed\"")?;
    second.until("the doorbot to run again", "/api/status", "\"running\"")?;
    second.told_the_boot_loader(&key)?;
    second.cut()?;
    a_damaged_root(&image, &card, &folder)?;
    fs::remove_file(card)?;
    say("image: booted, a badge was held, the power was cut, and the event is in the ledger");
    Ok(())
}

/// A root with a damaged block restarts the box until the attempts are used up; with the block mended, all is as before.
fn a_damaged_root(image: &Image, card: &Path, folder: &Path) -> Done {
    let file = File::options().read(true).write(true).open(card)?;
    let begin = image::card::begin(&image.board.card, "root-a");
    let mut block = [0; 4096];
    file.read_exact_at(&mut block, begin)?;
    file.write_all_at(&[0; 4096], begin)?;
    let mut damaged = Machine::on(image, card, &folder.join("test-serial-3.log"))?;
    damaged.until_said("three restarts of the damaged root", "ledger: slot A, 0 left")?;
    damaged.cut()?;
    file.write_all_at(&block, begin)?;
    let mut mended = Machine::on(image, card, &folder.join("test-serial-4.log"))?;
    mended.until("the event after the root was mended", "/api/log", "\"allowed\"")?;
    mended.cut()
}

/// An SSH key of the test's own.
struct Key(PathBuf);

impl Key {
    fn new(folder: &Path) -> Done<Self> {
        let file = folder.join("test-key");
        if !file.exists() {
            run(command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file))?;
        }
        Ok(Self(file))
    }

    fn public(&self) -> Done<String> {
        Ok(fs::read_to_string(self.0.with_extension("pub"))?)
    }
}

/// The number of a badge that the demo's door opens to.
fn badge() -> Done<String> {
    let value: serde_json::Value = serde_json::from_str(BADGES)?;
    let number = &value["badges"][0]["number"];
    Ok(number.as_str().ok_or("demo-badges.json has no badge")?.to_owned())
}

/// A machine that runs until it is dropped.
struct Machine {
    qemu: Child,
    ports: Ports,
    serial: PathBuf,
    on: Instant,
}

impl Machine {
    fn on(image: &Image, card: &Path, serial: &Path) -> Done<Self> {
        // Free now, both at once; QEMU takes them a moment later.
        let (page, ssh) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
        let ports = Ports { page: page.local_addr()?.port(), ssh: ssh.local_addr()?.port() };
        drop((page, ssh));
        let qemu = qemu::unattended(image, card, ports, serial)?.spawn()?;
        Ok(Self { qemu, ports, serial: serial.to_owned(), on: Instant::now() })
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.page)
    }

    fn tap(&self, number: &str) -> Done {
        let body = serde_json::json!({ "number": number }).to_string();
        let mut curl = command("curl");
        curl.args([
            "--fail-with-body",
            "-sS",
            "-m",
            "30",
            "-H",
            "content-type: application/json",
            "-d",
            &body,
        ]);
        output(curl.arg(self.url("/api/tap"))).map(drop)
    }

    /// Asks the page until the answer holds this text.
    fn until(&mut self, what: &str, path: &str, text: &str) -> Done {
        let url = self.url(path);
        self.wait(what, || {
            let answer = command("curl").args(["-s", "-m", "10", &url]).output();
            answer.is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).contains(text))
        })
    }

    /// Waits until the serial line has said this.
    fn until_said(&mut self, what: &str, text: &str) -> Done {
        let serial = self.serial.clone();
        self.wait(what, || fs::read(&serial).is_ok_and(|said| String::from_utf8_lossy(&said).contains(text)))
    }

    /// Waits until it is so; says how long after power-on that was.
    fn wait(&mut self, what: &str, seen: impl Fn() -> bool) -> Done {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if seen() {
                say(&format!("{what}: {:.1} s from power-on", self.on.elapsed().as_secs_f32()));
                return Ok(());
            }
            if let Some(status) = self.qemu.try_wait()? {
                return Err(format!("QEMU ended ({status}) before {what}: {}", self.serial.display()).into());
            }
            thread::sleep(STEP);
        }
        Err(format!("waited {PATIENCE:?} for {what}; the serial line: {}", self.serial.display()).into())
    }

    /// What a command says on the box, as root.
    fn ssh(&self, key: &Key, line: &str) -> Done<String> {
        let mut ssh = command("ssh");
        ssh.args(["-q", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        ssh.args(["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=60", "-i"])
            .arg(&key.0);
        output(ssh.args(["-p", &self.ports.ssh.to_string(), "root@127.0.0.1", line]))
    }

    /// The agent has run for a while, and the slot is good; the ledger has no fault.
    fn told_the_boot_loader(&self, key: &Key) -> Done {
        let begun = Instant::now();
        while !self.ssh(key, "ledgerctl slots show")?.contains("good") {
            if begun.elapsed() > PATIENCE {
                return Err("the slot was not committed".into());
            }
            thread::sleep(STEP * 10);
        }
        self.ssh(key, "ledgerctl verify && df -h /data && grep -c . /usr/share/ledger/packages")
            .map(|said| say(&said))
    }

    /// Cuts the power.
    fn cut(&mut self) -> Done {
        self.qemu.kill()?;
        self.qemu.wait()?;
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.cut();
    }
}
