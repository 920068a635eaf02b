//! The machine's watchdog, `/dev/watchdog0`.
//!
//! Any byte that is written feeds it; the letter `V` just before closing puts it to sleep (magic close), and closing
//! without it does not. Opening wakes it. How long it waits is read from sysfs, not set: setting it is an ioctl,
//! which is unsafe code, and the kernel command line or the device tree say it as well (`timeout-sec`,
//! `softdog.soft_margin`, `omap_wdt.timer_margin`).

use crate::{Watchdog, WatchdogError};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// Where the kernel says what its watchdogs are like (`CONFIG_WATCHDOG_SYSFS`).
const SYSFS: &str = "/sys/class/watchdog";
const FOOD: &[u8] = b".";
const MAGIC_CLOSE: &[u8] = b"V";

/// A watchdog of the kernel. Dropped without [`Watchdog::disarm`], it bites.
#[derive(Debug)]
pub struct LinuxWatchdog {
    device: PathBuf,
    awake: Option<File>,
    patience: Duration,
}

impl LinuxWatchdog {
    /// Wakes the watchdog of that device, such as `/dev/watchdog0`. From now on it wants to be fed.
    pub fn open(device: &Path) -> Result<Self, WatchdogError> {
        Self::open_with(device, Path::new(SYSFS))
    }

    fn open_with(device: &Path, sysfs: &Path) -> Result<Self, WatchdogError> {
        // What it waits is asked first: one that cannot be fed in time must not be woken.
        let patience = patience(device, sysfs).map_err(failed("learn the patience of"))?;
        let awake = Some(wake(device)?);
        Ok(Self { device: device.into(), awake, patience })
    }

    fn write(&mut self, bytes: &[u8], doing: &'static str) -> Result<(), WatchdogError> {
        let mut file = match self.awake.take() {
            Some(file) => file,
            None => wake(&self.device)?,
        };
        let done = file.write_all(bytes).map_err(failed(doing));
        self.awake = Some(file);
        done
    }
}

impl Watchdog for LinuxWatchdog {
    fn patience(&self) -> Duration {
        self.patience
    }

    fn feed(&mut self, _elapsed: Duration) -> Result<(), WatchdogError> {
        self.write(FOOD, "feed")
    }

    fn disarm(&mut self) -> Result<(), WatchdogError> {
        if self.awake.is_none() {
            return Ok(());
        }
        self.write(MAGIC_CLOSE, "put to sleep")?;
        self.awake = None;
        Ok(())
    }
}

fn wake(device: &Path) -> Result<File, WatchdogError> {
    OpenOptions::new().write(true).open(device).map_err(failed("open"))
}

/// `/dev/watchdog` is the first one.
fn patience(device: &Path, sysfs: &Path) -> io::Result<Duration> {
    let name = device.file_name().unwrap_or_default();
    let name = if name == "watchdog" { "watchdog0".as_ref() } else { name };
    let text = std::fs::read_to_string(sysfs.join(name).join("timeout"))?;
    let seconds =
        text.trim().parse::<u32>().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(Duration::from_secs(seconds.into()))
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> WatchdogError {
    move |source| WatchdogError::Device { doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device that remembers what it was fed, and the kernel's word on it.
    fn kennel(timeout: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("watchdog0");
        std::fs::write(&device, "").unwrap();
        std::fs::create_dir_all(folder.path().join("sys/watchdog0")).unwrap();
        std::fs::write(folder.path().join("sys/watchdog0/timeout"), timeout).unwrap();
        (folder, device)
    }

    fn open(folder: &tempfile::TempDir, device: &Path) -> Result<LinuxWatchdog, WatchdogError> {
        LinuxWatchdog::open_with(device, &folder.path().join("sys"))
    }

    #[test]
    fn it_is_fed_and_put_to_sleep_by_the_magic_letter() {
        let (folder, device) = kennel("15\n");
        let mut dog = open(&folder, &device).unwrap();
        assert_eq!(dog.patience(), Duration::from_secs(15));
        dog.feed(Duration::ZERO).unwrap();
        dog.feed(Duration::ZERO).unwrap();
        assert_eq!(std::fs::read(&device).unwrap(), b"..");
        dog.disarm().unwrap();
        dog.disarm().unwrap();
        assert_eq!(std::fs::read(&device).unwrap(), b"..V");
    }

    #[test]
    fn one_that_is_dropped_stays_awake() {
        let (folder, device) = kennel("15");
        drop(open(&folder, &device).unwrap());
        assert_eq!(std::fs::read(&device).unwrap(), b"");
    }

    #[test]
    fn one_whose_patience_is_not_known_is_not_woken() {
        let (folder, device) = kennel("soon");
        let error = open(&folder, &device).unwrap_err().to_string();
        assert_eq!(error, "could not learn the patience of the watchdog");
        assert!(open(&folder, Path::new("/dev/watchdog77")).is_err());
    }

    #[test]
    fn the_device_without_a_number_is_the_first() {
        let (folder, _) = kennel("60");
        let found = patience(Path::new("/dev/watchdog"), &folder.path().join("sys")).unwrap();
        assert_eq!(found, Duration::from_secs(60));
    }
}
