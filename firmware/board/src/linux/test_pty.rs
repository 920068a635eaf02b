//! A serial port whose other end a test holds: a pty pair. Pulling the plug is closing the other end.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::{fs::File, io::Write, os::unix::fs::symlink, path::PathBuf};

/// A port at a path of its own, as `/dev/serial0` is a link to whatever is there.
pub struct Port {
    folder: tempfile::TempDir,
    wire: Option<File>,
}

impl Port {
    pub fn new() -> Self {
        let mut port = Self { folder: tempfile::tempdir().unwrap(), wire: None };
        port.plug();
        port
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("serial")
    }

    /// The other end.
    pub fn wire(&mut self) -> &mut File {
        self.wire.as_mut().unwrap()
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.wire().write_all(bytes).unwrap();
    }

    pub fn unplug(&mut self) {
        std::fs::remove_file(self.path()).unwrap();
        self.wire = None;
    }

    pub fn plug(&mut self) {
        let wire = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&wire).unwrap();
        unlockpt(&wire).unwrap();
        let name = ptsname(&wire, Vec::new()).unwrap();
        symlink(name.to_str().unwrap(), self.path()).unwrap();
        self.wire = Some(File::from(wire));
    }
}
