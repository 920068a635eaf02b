//! `image-test [BOARD]`: the image does its work, in QEMU, from the boot loader on, over a power cut.
//!
//! A new card boots and makes its organisation; a badge is held to the reader; the power is cut; the card boots again, and
//! the event is in the ledger. Not a part of `test`: kernel and programs alone would take half of its time.

use crate::{
    image::{self, Image},
    packages, qemu,
    shell::{Done, command, output, say},
};
use std::{
    fs,
    net::TcpListener,
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
    qemu::new_card(&image, &card)?;
    let number = badge()?;
    let mut first = Machine::on(&image, &card, &folder.join("test-serial-1.log"))?;
    first.until("the doorbot to run", "/api/status", "\"running\"")?;
    first.tap(&number)?;
    first.until("the event of the badge", "/api/log", "\"allowed\"")?;
    first.cut()?;
    let mut second = Machine::on(&image, &card, &folder.join("test-serial-2.log"))?;
    second.until("the event after the power cut", "/api/log", "\"allowed\"")?;
    second.until("the doorbot to run again", "/api/status", "\"running\"")?;
    second.cut()?;
    fs::remove_file(card)?;
    say("image: booted, a badge was held, the power was cut, and the event is in the ledger");
    Ok(())
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
    port: u16,
    serial: PathBuf,
    on: Instant,
}

impl Machine {
    fn on(image: &Image, card: &Path, serial: &Path) -> Done<Self> {
        // Free now; QEMU takes it a moment later.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let qemu = qemu::unattended(image, card, port, &serial.to_owned())?.spawn()?;
        Ok(Self { qemu, port, serial: serial.to_owned(), on: Instant::now() })
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
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

    /// Asks until the answer holds this text; says how long it took from power-on.
    fn until(&mut self, what: &str, path: &str, text: &str) -> Done {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let mut curl = command("curl");
            let answer = curl.args(["-s", "-m", "10", &self.url(path)]).output()?;
            if String::from_utf8_lossy(&answer.stdout).contains(text) {
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
