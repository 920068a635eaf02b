//! A machine of QEMU's with the image's card in it: what can be seen and done from outside.
//!
//! Power on, wait for what the serial line or the page says, hold badges to its readers, cut the power. What it is like inside
//! is `inside`'s.

use super::monitor::{Monitor, connect};
use crate::{
    image::Image,
    qemu::{self, Cables, Net, Outlet, Ports},
    readers::Reader,
    shell::{Done, output, say},
};
use serde_json::Value;
use std::{
    fs,
    io::{self, Write},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Far more than any start takes, also on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(900);
const STEP: Duration = Duration::from_millis(50);
/// What a box says when it has its address.
const ADDRESS: &str = "ledger: eth0 has ";

/// What all machines of a test have in common.
pub struct Bench<'a> {
    /// The image.
    pub image: &'a Image,
    /// The test's own folder: cards, serial lines, sockets, key.
    pub folder: PathBuf,
    /// The place at a switch that they are plugged into one after the other; none is a network of QEMU's own.
    pub outlet: Option<Outlet>,
}

impl Bench<'_> {
    /// A file of the test.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// A reader's cable. What the machine says on it is heard and forgotten: QEMU stands still where nobody listens.
fn plug_in(socket: &Path) -> Done<UnixStream> {
    let reader = connect(socket)?;
    let mut heard = reader.try_clone()?;
    thread::spawn(move || io::copy(&mut heard, &mut io::sink()));
    Ok(reader)
}

/// A machine that runs until it is dropped.
pub struct Machine {
    qemu: Child,
    folder: PathBuf,
    readers: [UnixStream; 2],
    /// Where its network is.
    pub net: Net,
    /// What it has said on its serial line.
    pub serial: PathBuf,
    /// When it was powered on.
    pub on: Instant,
}

impl Machine {
    /// Powers on; `name` is the serial line's file.
    pub fn on(bench: &Bench<'_>, card: &Path, name: &str) -> Done<Self> {
        Self::with(bench, card, None, name)
    }

    /// The same with every write to the card written down as well.
    pub fn with(bench: &Bench<'_>, card: &Path, writes: Option<&Path>, name: &str) -> Done<Self> {
        let net = match &bench.outlet {
            Some(outlet) => Net::Switched(outlet.clone()),
            None => Net::Forwarded(free_ports()?),
        };
        let folder = bench.folder.clone();
        let serial = bench.file(&format!("{name}.log"));
        for each in [serial.clone(), Cables::monitor(&folder)].into_iter().chain(sockets(&folder)) {
            if each.exists() {
                fs::remove_file(each)?;
            }
        }
        let cables = Cables { card, writes, net: &net, serial: Some(&serial), folder: &folder };
        let mut qemu = qemu::machine(bench.image, &cables)?.stdin(Stdio::null()).spawn()?;
        let on = Instant::now();
        let [first, second] = sockets(&folder).map(|socket| plug_in(&socket));
        match (first, second) {
            (Ok(first), Ok(second)) => Ok(Self { qemu, folder, readers: [first, second], net, serial, on }),
            (Err(error), _) | (_, Err(error)) => {
                qemu.kill()?;
                qemu.wait()?;
                Err(error)
            }
        }
    }

    /// Holds a card to a serial reader.
    pub fn hold(&mut self, reader: Reader, card: u64) -> Done {
        let at = Reader::ALL.iter().position(|each| *each == reader).unwrap_or_default();
        Ok(self.readers[at].write_all(&reader.frame(card))?)
    }

    /// Its monitor. One at a time.
    pub fn monitor(&self) -> Done<Monitor> {
        Monitor::connect(&Cables::monitor(&self.folder))
    }

    /// What the page answers.
    pub fn page(&self, path: &str) -> Done<Value> {
        let url = self.net.page() + path;
        let answer = output(self.net.client("curl").args(["-s", "--fail", "-m", "10", &url]))?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// What it has said on its serial line until now.
    pub fn said(&self) -> String {
        fs::read(&self.serial)
            .map_or_else(|_| String::new(), |said| String::from_utf8_lossy(&said).into_owned())
    }

    /// Waits until the serial line has said this.
    pub fn until_said(&mut self, text: &str) -> Done<Duration> {
        self.until(&format!("{text:?} on the serial line"), |machine| machine.said().contains(text))
    }

    /// Waits until all dapps that the box has run.
    pub fn until_ready(&mut self) -> Done<Duration> {
        self.until("the dapps to run", Self::is_ready)
    }

    /// Whether all dapps run; a page that does not answer is a no. Nobody knocks before the box has an address: a network on USB
    /// does not come up in QEMU while packets wait for it.
    pub fn is_ready(&self) -> bool {
        if !self.said().contains(ADDRESS) {
            return false;
        }
        let Ok(status) = self.page("/api/status") else { return false };
        let dapps = status["dapps"].as_array().map(Vec::as_slice).unwrap_or_default();
        !dapps.is_empty() && dapps.iter().all(|dapp| dapp["state"] == "running")
    }

    /// Waits until it is so. Answers how long after power-on that was.
    pub fn until(&mut self, what: &str, seen: impl Fn(&Self) -> bool) -> Done<Duration> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if seen(self) {
                let at = self.on.elapsed();
                say(&format!("  {:6.1} s after power-on: {what}", at.as_secs_f32()));
                return Ok(at);
            }
            if let Some(status) = self.qemu.try_wait()? {
                return Err(format!("QEMU ended ({status}) before {what}: {}", self.serial.display()).into());
            }
            thread::sleep(STEP);
        }
        Err(format!("waited {PATIENCE:?} for {what}; the serial line: {}", self.serial.display()).into())
    }

    /// Cuts the power.
    pub fn cut(mut self) -> Done {
        self.qemu.kill()?;
        self.qemu.wait()?;
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself, or been cut.
        let _ended = self.qemu.kill().and_then(|()| self.qemu.wait());
    }
}

fn sockets(folder: &Path) -> [PathBuf; 2] {
    Reader::ALL.map(|reader| reader.socket(folder))
}

/// Two ports that are free now, both at once; QEMU takes them a moment later.
fn free_ports() -> Done<Ports> {
    let (page, ssh) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok(Ports { page: page.local_addr()?.port(), ssh: ssh.local_addr()?.port() })
}
