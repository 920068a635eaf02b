//! RAUC: a bundle of the same image, signed with a key of the bench, installed into a slot on a loop device.
//!
//! RAUC's work is done by its service, to which `rauc install` talks over D-Bus. Both get a bus of their own, so that nothing of the
//! machine's is touched. The whole image is in the bundle: RAUC's own way to fetch less (block hash indexes) reads from a web server
//! and came after Debian 12's version.

use super::{
    Done, Pair,
    measure::{self, Took, print, row, timed},
    slot,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>custom</type><listen>unix:path=FOLDER/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"#;
const SYSTEM: &str =
    "[system]\ncompatible=bench\nbootloader=noop\nstatusfile=FOLDER/status\nmountprefix=FOLDER/mounts\n
[keyring]\npath=FOLDER/cert.pem\n
[slot.rootfs.0]\ndevice=FOLDER/slot-a\ntype=raw\nbootname=A\n
[slot.rootfs.1]\ndevice=LOOP\ntype=raw\nbootname=B\n";
const MANIFEST: &str =
    "[update]\ncompatible=bench\nversion=2\n\n[bundle]\nformat=plain\n\n[image.rootfs]\nfilename=root.img\n";
/// How long bus and service may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes the bundle, and installs it.
pub fn compare(pair: &Pair) -> Done {
    let folder = pair.folder.join("rauc");
    fs::create_dir_all(folder.join("bundle"))?;
    fs::create_dir(folder.join("mounts"))?;
    bundle(pair, &folder)?;
    let target = folder.join("slot-b");
    slot::make(&target, &pair.new)?;
    fs::write(folder.join("slot-a"), "")?;
    let device = Loop::of(&target)?;
    write(&folder, "system.conf", &SYSTEM.replace("LOOP", &device.0))?;
    install(&folder)?;
    drop(device);
    slot::same(&target, &pair.new)
}

fn bundle(pair: &Pair, folder: &Path) -> Done {
    let at = |name: &str| folder.join(name);
    fs::hard_link(&pair.new, at("bundle/root.img"))
        .or_else(|_| fs::copy(&pair.new, at("bundle/root.img")).map(drop))?;
    fs::write(at("bundle/manifest.raucm"), MANIFEST)?;
    let mut key = Command::new("openssl");
    key.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "30",
        "-subj",
        "/CN=bench",
        "-keyout",
    ]);
    good(key.arg(at("key.pem")).arg("-out").arg(at("cert.pem")).stderr(Stdio::null()))?;
    let mut make = Command::new("rauc");
    make.arg("--cert").arg(at("cert.pem")).arg("--key").arg(at("key.pem")).arg("bundle");
    row("rauc bundle, the whole image", make.args([at("bundle"), at("bundle.raucb")]))?;
    println!("    the bundle: {} bytes", fs::metadata(at("bundle.raucb"))?.len());
    Ok(())
}

/// The time is that of `rauc install`, the processor's and the memory those of both.
fn install(folder: &Path) -> Done {
    let (bus, service) = (folder.join("bus"), folder.join("service.time"));
    write(folder, "bus.conf", BUS)?;
    let mut config = std::ffi::OsString::from("--config-file=");
    config.push(folder.join("bus.conf"));
    let _bus = Ended(Command::new("dbus-daemon").arg(config).arg("--nofork").stderr(Stdio::null()).spawn()?);
    until(|| bus.exists(), "the bus")?;
    let address = format!("unix:path={}", bus.display());
    let mut serve = Command::new("rauc");
    serve.arg("--conf").arg(folder.join("system.conf")).args(["--override-boot-slot=A", "service"]);
    serve.env("DBUS_SYSTEM_BUS_ADDRESS", &address);
    let mut served = timed(&serve, &service).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let status = || Command::new("rauc").arg("status").env("DBUS_SYSTEM_BUS_ADDRESS", &address).output();
    until(|| status().is_ok_and(|said| said.status.success()), "rauc's service")?;
    let mut install = Command::new("rauc");
    install.arg("install").arg(folder.join("bundle.raucb")).env("DBUS_SYSTEM_BUS_ADDRESS", &address);
    let file = folder.join("install.time");
    good(timed(&install, &file).stdout(Stdio::null()))?;
    // GNU time is its parent, and writes its figures when it has ended.
    good(Command::new("pkill").args(["-TERM", "-P", &served.id().to_string()]))?;
    served.wait()?;
    let (asked, did) = (measure::took(&file)?, measure::took(&service)?);
    let both =
        Took { seconds: asked.seconds, busy: asked.busy + did.busy, peak_mib: asked.peak_mib + did.peak_mib };
    print("rauc install, the whole image into a loop device", &both);
    Ok(())
}

fn write(folder: &Path, name: &str, text: &str) -> Done {
    Ok(fs::write(folder.join(name), text.replace("FOLDER", &folder.display().to_string()))?)
}

fn until(there: impl Fn() -> bool, what: &str) -> Done {
    let begun = Instant::now();
    while !there() {
        if begun.elapsed() > PATIENCE {
            return Err(format!("{what} does not come").into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn good(command: &mut Command) -> Done {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}

/// A loop device, which goes when this does.
struct Loop(String);

impl Loop {
    fn of(file: &PathBuf) -> Done<Self> {
        let said = Command::new("losetup").args(["--find", "--show"]).arg(file).output()?;
        if !said.status.success() {
            return Err("there is no loop device for rauc's slot (losetup wants root)".into());
        }
        Ok(Self(String::from_utf8(said.stdout)?.trim().to_owned()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // A device that stays behind is seen by the next one who looks; nothing else can be done here.
        drop(Command::new("losetup").args(["--detach", &self.0]).status());
    }
}

/// A process that ends when this does.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
