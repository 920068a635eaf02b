//! A board in QEMU with Debian's U-Boot, its card, and its serial line.

use crate::{
    card::{Card, firmware},
    kernel::Arch,
};
use std::{
    io::{Read, Write},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

/// Far longer than any start takes: who waits so long waits for nothing.
const PATIENCE: Duration = Duration::from_secs(120);
const PROMPT: &str = "\n=> ";

/// A board that is powered until it is dropped.
pub struct Board {
    qemu: Child,
    serial: Receiver<Vec<u8>>,
    /// What was said and not waited for yet.
    heard: Vec<u8>,
}

impl Board {
    /// Powers a board on.
    pub fn on(arch: Arch, card: &Card) -> Self {
        Self::start(arch, &format!("file.filename={}", card.path.display()))
    }

    /// Powers a board on whose card takes no writes any more.
    pub fn on_with_a_read_only_card(arch: Arch, card: &Card) -> Self {
        Self::start(arch, &format!("file.filename={},readonly=on", card.path.display()))
    }

    /// Powers a board on whose card refuses writes to this sector.
    pub fn on_with_a_worn_sector(arch: Arch, card: &Card, sector: u64) -> Self {
        let error = format!("event=none,iotype=write,sector={sector}").replace(',', ",file.inject-error.0.");
        let image = card.path.display();
        Self::start(
            arch,
            &format!("file.driver=blkdebug,file.image.filename={image},file.inject-error.0.{error}"),
        )
    }

    fn start(arch: Arch, drive: &str) -> Self {
        let (program, cpu) = match arch {
            Arch::Arm64 => ("qemu-system-aarch64", "cortex-a53"),
            Arch::Arm => ("qemu-system-arm", "cortex-a15"),
        };
        let drive = format!("if=none,id=card,driver=raw,{drive}");
        let mut qemu = Command::new(program)
            .args(["-machine", "virt", "-cpu", cpu, "-m", "128", "-nodefaults", "-display", "none"])
            .args(["-serial", "stdio", "-device", "virtio-blk-device,drive=card", "-drive", &drive, "-bios"])
            .arg(firmware(arch))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{program} (Debian package qemu-system-arm): {e}"));
        let serial = listen(qemu.stdout.take().unwrap());
        Self { qemu, serial, heard: Vec::new() }
    }

    /// Waits until the board says one of these, and answers with all that it said up to there and which it was.
    pub fn wait_for_any(&mut self, words: &[&str]) -> (String, usize) {
        loop {
            let text = String::from_utf8_lossy(&self.heard).into_owned();
            let first =
                words.iter().enumerate().filter_map(|(at, word)| Some((text.find(word)? + word.len(), at)));
            if let Some((end, at)) = first.min() {
                self.heard = text[end..].into();
                return (text[..end].to_owned(), at);
            }
            match self.serial.recv_timeout(PATIENCE) {
                Ok(more) => self.heard.extend(more),
                Err(RecvTimeoutError::Timeout) => panic!("waited for {words:?} and heard:\n{text}"),
                Err(RecvTimeoutError::Disconnected) => panic!("QEMU ended before {words:?}:\n{text}"),
            }
        }
    }

    /// Waits until the board says this, and answers with all that it said up to there.
    pub fn wait_for(&mut self, words: &str) -> String {
        self.wait_for_any(&[words]).0
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) {
        let keyboard = self.qemu.stdin.as_mut().unwrap();
        keyboard.write_all(line.as_bytes()).unwrap();
        keyboard.write_all(b"\r").unwrap();
        keyboard.flush().unwrap();
    }

    /// Stops at U-Boot's prompt.
    pub fn prompt(&mut self) {
        self.wait_for("Hit any key to stop autoboot");
        self.say("");
        self.wait_for(PROMPT);
    }

    /// Types a command and waits for the next prompt; answers with what was said.
    pub fn command(&mut self, line: &str) -> String {
        self.say(line);
        self.wait_for(PROMPT)
    }

    /// Lets U-Boot go on to the card at once, without its seconds of waiting and without other places to boot from.
    pub fn boot_the_card(&mut self) {
        self.prompt();
        self.say("run bootcmd_virtio0");
    }

    /// Cuts the power.
    pub fn off(mut self) {
        self.cut();
    }

    fn cut(&mut self) {
        // It may have ended by itself.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// What comes over the serial line, as it comes.
fn listen(mut from: ChildStdout) -> Receiver<Vec<u8>> {
    let (tell, serial) = channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if tell.send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    serial
}

impl Drop for Board {
    fn drop(&mut self) {
        self.cut();
    }
}
