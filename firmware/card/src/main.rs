//! `ledger-card`: what init asks of the card, before there is a ledger.
//!
//! `grow DISK` takes the whole card for the last partition and prints its number and its length in sectors. `answers SOCKET`
//! asks the agent that listens there how it is. Ends with 1 when it could not, and when the agent is not well.

#![allow(clippy::print_stdout, reason = "it talks to init's scripts")]

use card::{Disk, SECTOR_BYTES, answers, grow};
use std::{
    error::Error,
    fs::File,
    io::{self, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::Path,
    process::ExitCode,
};

const HELP: &str = "usage: ledger-card grow DISK | answers SOCKET";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["grow", disk] => grow_disk(Path::new(disk)),
        ["answers", socket] => answers(Path::new(socket)).map_err(Into::into),
        _ => Err(HELP.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ledger-card: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

fn grow_disk(path: &Path) -> Result<(), Box<dyn Error>> {
    let file = File::options().read(true).write(true).open(path);
    let mut disk = BlockDevice(file.map_err(|error| format!("cannot open {}: {error}", path.display()))?);
    let grown = grow(&mut disk)?;
    println!("{} {}", grown.number, grown.sectors);
    Ok(())
}

struct BlockDevice(File);

fn offset(sector: u64) -> u64 {
    sector * SECTOR_BYTES as u64
}

impl Disk for BlockDevice {
    fn sectors(&self) -> io::Result<u64> {
        // A block device's metadata has no length.
        Ok((&self.0).seek(SeekFrom::End(0))? / SECTOR_BYTES as u64)
    }

    fn read(&self, sector: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, offset(sector))
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset(sector))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}
