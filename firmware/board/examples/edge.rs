//! `edge BUTTON RELAY COUNT`: how long the box takes from an edge on one line of a gpio-sim chip to an edge on another.
//!
//! Run on the box itself (`cargo xtask image-test --measure` does): it moves the button's line in sysfs and looks at the
//! relay's as often as it can, by the kernel's monotonic clock. The button is low while it is pressed.

#![allow(clippy::print_stdout, reason = "its figures are for a person")]

use std::{
    error::Error,
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(10);
/// Between two presses: the button's release is heard, and the door is at rest.
const REST: Duration = Duration::from_millis(300);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [button, relay, count] = args.as_slice() else { return Err("usage: edge BUTTON RELAY COUNT".into()) };
    let chip = chip()?;
    let pull = chip.join(format!("sim_gpio{button}/pull"));
    let relay = File::open(chip.join(format!("sim_gpio{relay}/value")))?;
    let mut times = Vec::new();
    for _ in 0..count.parse::<usize>()? {
        let begun = Instant::now();
        fs::write(&pull, "pull-down")?;
        times.push(until(&relay, true, begun)?);
        fs::write(&pull, "pull-up")?;
        until(&relay, false, Instant::now())?;
        thread::sleep(REST);
    }
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    println!("{} edges: p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms", times.len(), at(50), at(99), at(100));
    Ok(())
}

/// The folder of the chip's lines.
fn chip() -> Result<PathBuf, Box<dyn Error>> {
    below(&below(Path::new("/sys/devices/platform"), "gpio-sim.")?, "gpiochip")
}

fn below(folder: &Path, begin: &str) -> Result<PathBuf, Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begin)) {
            return Ok(path);
        }
    }
    Err(format!("{} has no {begin}*", folder.display()).into())
}

fn until(line: &File, high: bool, begun: Instant) -> Result<Duration, Box<dyn Error>> {
    let mut level = [0];
    loop {
        line.read_exact_at(&mut level, 0)?;
        if (level[0] == b'1') == high {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > PATIENCE {
            return Err("the relay does not move".into());
        }
    }
}
