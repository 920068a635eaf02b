//! The two kinds of processor, and what each builder calls them.

use serde::Deserialize;

/// A kind of processor, by Debian's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// 64 bit.
    Arm64,
    /// 32 bit, with hardware floating point: ARMv7.
    Armhf,
}

impl Arch {
    /// Debian's name.
    pub fn debian(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::Armhf => "armhf",
        }
    }

    /// The kernel's name.
    pub fn kernel(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::Armhf => "arm",
        }
    }

    /// Rust's target.
    pub fn rust(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::Armhf => "armv7-unknown-linux-gnueabihf",
        }
    }

    /// What the names of the C tools begin with, and where Debian puts libraries.
    pub fn triple(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-linux-gnu",
            Self::Armhf => "arm-linux-gnueabihf",
        }
    }

    /// The C compiler.
    pub fn gcc(self) -> String {
        format!("{}-gcc", self.triple())
    }
}
