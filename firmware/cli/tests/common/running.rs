//! A ledgerd that goes with the test.

#![allow(dead_code, reason = "each test program uses its own part of this")]

#[path = "../walkthrough/build.rs"]
pub mod build;

use crate::common::TestHome;
use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

/// A ledgerd that goes with the test.
pub struct Agent(Child);

impl Agent {
    /// Starts one on a home, on the simulated board and without a page, and waits until it answers.
    pub fn start(home: &TestHome) -> Self {
        Self::start_on(home, "sim")
    }

    /// The same on another board.
    pub fn start_on(home: &TestHome, board: &str) -> Self {
        let mut command = Command::new(build::ledgerd());
        command.arg("--home").arg(home.path()).args(["--board", board, "--listen", "none"]);
        let messages = std::fs::File::create(home.folder().join("ledgerd.log")).unwrap();
        let agent = Self(command.stdin(Stdio::null()).stderr(messages).spawn().unwrap());
        for _ in 0..300 {
            if home.json(&["status"])["running"] == true {
                return agent;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!(
            "ledgerd did not come up: {}",
            std::fs::read_to_string(home.folder().join("ledgerd.log")).unwrap()
        );
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Agent {
    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(Command::new("kill").arg(self.0.id().to_string()).status());
        drop(self.0.wait());
    }
}
