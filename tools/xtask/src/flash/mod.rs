//! `flash BOARD DEVICE`: an image onto a card, with the settings of one box.
//!
//! A disk is taken only if nothing of this machine uses it ([`refuse`]) and the kernel gives it to us alone; a person sees
//! what is on it and types its name. Then it is written, read back and compared. Only the part that touches the disk is
//! root's: the image is built before, as whoever we are.

mod ask;
mod device;
mod gpt;
mod in_use;
#[cfg(test)]
mod loop_tests;
mod progress;
mod refuse;
mod show;
mod source;
mod sys;
mod write;

use self::{
    ask::Ask,
    device::Device,
    progress::Progress,
    refuse::refuse,
    show::Look,
    source::{Put, Source},
    sys::{Disk, Sys},
    write::Job,
};
use crate::{
    image::{self, board},
    packages,
    root::{as_root, is_root},
    settings::Settings,
    shell::{Done, have, say},
};
use std::{
    fs,
    io::BufRead,
    os::unix::{
        fs::{FileTypeExt, MetadataExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

/// The name that settings have on the card.
const SETTINGS: &str = "settings.toml";
const SIGNALS: [i32; 3] =
    [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP];

/// `flash BOARD [DEVICE] [--settings FILE] [--image FILE] [--yes]`.
pub fn run_chore(args: &[String]) -> Done {
    let ask = Ask::parse(args)?;
    let board = board::load(&ask.board)?;
    packages::for_flash()?;
    let Some(device) = &ask.device else {
        say(&cards(&Sys::machine())?);
        return Ok(());
    };
    // What a person mistyped is said now, not after a quarter of an hour of building.
    let settings = ask.settings.as_deref().map(Settings::load).transpose()?;
    let disk = whole_disk(&Sys::machine(), device)?;
    refuse(&Sys::machine(), &disk, &in_use::all()?, 0)?;
    let image = match &ask.image {
        Some(image) => image.clone(),
        None => image::build(&ask.board)?.card,
    };
    if !is_root() {
        return again_as_root(&ask, &image);
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in SIGNALS {
        signal_hook::flag::register(signal, stop.clone())?;
    }
    let mut source = Source::open(&image)?;
    put(&mut source, settings.as_ref())?;
    let agree = |disk: &Disk| if ask.yes { Ok(()) } else { agree(disk, &mut std::io::stdin().lock()) };
    let seen = flash(device, &source, &stop, &agree)?;
    say(&next(&board.title, settings.as_ref(), seen));
    Ok(())
}

/// The same once more, as root, in our place: interrupts then reach the one that writes.
fn again_as_root(ask: &Ask, image: &Path) -> Done {
    if !have("sudo") {
        return Err("only root may write to a disk, and there is no sudo here: run this as root".into());
    }
    say("Only root may write to a disk: sudo may ask for your password.");
    let error = as_root(std::env::current_exe()?).args(ask.words(image)).exec();
    Err(format!("cannot start sudo: {error}").into())
}

fn put(source: &mut Source, settings: Option<&Settings>) -> Done {
    let Some(settings) = settings else { return Ok(()) };
    let import = settings.import()?;
    let mut files = vec![Put { name: SETTINGS, bytes: &settings.bytes }];
    files.extend(import.as_ref().map(|(name, bytes)| Put { name, bytes }));
    source.put(&files)
}

/// Writes and compares. Answers whether this machine sees the new partitions.
fn flash(path: &Path, source: &Source, stop: &AtomicBool, agree: &dyn Fn(&Disk) -> Done) -> Done<bool> {
    let sys = Sys::machine();
    let disk = whole_disk(&sys, path)?;
    refuse(&sys, &disk, &in_use::all()?, source.bytes())?;
    // From here on nobody else can mount it, and it is the disk that the person is shown.
    let mut device = Device::open(&device_path(&disk.name))?;
    say(&show::warning(&disk, &Look::at(&disk)));
    agree(&disk)?;
    let mut progress = Progress::new(source.total())?;
    let told = &mut |step, done| progress.told(step, done);
    let mut job = Job { source, card_bytes: disk.bytes, stop, told };
    let done = job.write(&mut device).and_then(|()| job.compare(&mut device));
    progress.end();
    done.map_err(with_cause)?;
    drop(device);
    Ok(device::read_partitions_again(&device_path(&disk.name)))
}

/// The error and what the kernel said.
fn with_cause(error: write::WriteError) -> String {
    let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(" ({cause})"));
    format!("{error}{cause}")
}

fn device_path(disk: &str) -> PathBuf {
    Path::new("/dev").join(disk)
}

/// The disk that a path names.
fn whole_disk(sys: &Sys, path: &Path) -> Done<Disk> {
    let shown = path.display();
    let others = || cards(sys).unwrap_or_default();
    let meta = fs::metadata(path).map_err(|e| format!("{shown}: {e}\n\n{}", others()))?;
    if !meta.file_type().is_block_device() {
        return Err(format!("{shown} is no disk, but a file or folder\n\n{}", others()).into());
    }
    let number = (rustix::fs::major(meta.rdev()), rustix::fs::minor(meta.rdev()));
    match sys.device(number) {
        Some(sys::Device::Whole(disk)) => Ok(disk),
        Some(sys::Device::PartOf(disk)) => {
            Err(format!("{shown} is a part of a disk; a card is written whole: /dev/{disk}").into())
        }
        None => Err(format!("{shown} is no disk that the kernel knows").into()),
    }
}

/// The disks that could be the card.
fn cards(sys: &Sys) -> Done<String> {
    let uses = in_use::all()?;
    let free = |disk: &Disk| !disk.name.starts_with("loop") && refuse(sys, disk, &uses, 1).is_ok();
    let lines: Vec<String> =
        sys.disks().iter().filter(|disk| free(disk)).map(|disk| show::line(disk, &Look::at(disk))).collect();
    if lines.is_empty() {
        return Ok("No card is plugged in that is not in use. If your desktop has opened it, unmount it there, and try again."
            .into());
    }
    Ok(format!(
        "These disks are plugged in and not in use. Take the card out and look again to see which one it is:\n\n  {}\n",
        lines.join("\n  ")
    ))
}

/// The person types the name of what will be written over.
fn agree(disk: &Disk, input: &mut dyn BufRead) -> Done {
    say(&format!("Type {} and Enter to write over it. Anything else leaves it as it is:", disk.name));
    let mut typed = String::new();
    input.read_line(&mut typed)?;
    if typed.trim() == disk.name { Ok(()) } else { Err("nothing was written".into()) }
}

/// What to do with the card.
fn next(board: &str, settings: Option<&Settings>, seen: bool) -> String {
    let again = if seen { "" } else { " (take it out and put it in again to see its partitions here)" };
    let value = |key: &str| settings.and_then(|settings| settings.values.get(key)).map(String::as_str);
    let name = value("name").unwrap_or("front-door");
    let way = value("wifi_ssid").map_or_else(
        || "its network cable".into(),
        |ssid| format!("nothing for the network: it joins {ssid}"),
    );
    let page = match settings {
        Some(_) => format!("  3. Half a minute later its page is at http://{name}:8080, or at the address that your router shows for {name}.\n"),
        None => "  3. Without settings it waits: put a settings.toml onto the partition LEDGER of this card, with any computer.\n".into(),
    };
    format!(
        "\nThe card is ready{again}.\n\n  1. Take it out (eject it first if your desktop has opened it) and put it into the box: {board}.\n  \
         2. Plug in {way}; then its power.\n{page}\n  What each line of the settings does: docs/formats/settings.md\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{sys::tests::Machine, *};

    #[test]
    fn only_the_devices_own_name_is_a_yes() {
        let machine = Machine::new();
        machine.add("sdb", (8, 16), 100);
        let disk = machine.sys().disk("sdb").unwrap();
        assert!(agree(&disk, &mut &b"sdb\n"[..]).is_ok());
        for other in ["y\n", "yes\n", "sda\n", "", "/dev/sdb1\n"] {
            assert!(agree(&disk, &mut other.as_bytes()).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_file_and_what_is_not_there_are_no_disks() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = whole_disk(&Sys::machine(), file.path()).unwrap_err().to_string();
        assert!(error.contains("is no disk"), "{error}");
        assert!(whole_disk(&Sys::machine(), Path::new("/dev/no-such-disk")).is_err());
    }

    #[test]
    fn a_person_hears_what_comes_next() {
        let text = next("a Raspberry Pi", None, true);
        assert!(text.contains("network cable") && text.contains("Without settings"), "{text}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        fs::write(&file, "name = \"lab\"\nwifi_ssid = \"Space\"").unwrap();
        let text = next("a Raspberry Pi", Some(&Settings::load(&file).unwrap()), false);
        for wanted in ["joins Space", "http://lab:8080", "put it in again"] {
            assert!(text.contains(wanted), "{text}");
        }
    }
}
