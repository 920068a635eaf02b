//! One device of a board: what it is and where it hangs.

use super::{Driver, Problem, RemoteSpec};
use model::{Name, Width};
use serde::Deserialize;
use std::fmt;
use toml::Table;

/// A device of a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its logical name, such as `strike`.
    pub name: Name,
    /// What it is.
    pub part: Part,
}

/// What a device is, with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Reads cards.
    Reader(ReaderSpec),
    /// Switches a strike, a contactor, a machine.
    Relay(OutputSpec),
    /// Shows something.
    Lamp(OutputSpec),
    /// Sounds.
    Buzzer(OutputSpec),
    /// Senses: a door, a loop, a machine that draws current.
    Contact(ContactSpec),
    /// Is pressed by a person.
    Button(ContactSpec),
}

/// The kinds of devices, without what belongs to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Reads cards.
    Reader,
    /// Switches something that matters.
    Relay,
    /// Shows something.
    Lamp,
    /// Sounds.
    Buzzer,
    /// Senses.
    Contact,
    /// Is pressed by a person.
    Button,
}

/// A reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReaderSpec {
    /// How many low bits of a card's number count; a tap is looked up under each.
    pub widths: Vec<Width>,
    /// Where the cards come from.
    pub source: Source,
}

/// Where a reader's cards come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// From whoever plays with the simulated board.
    Simulated,
    /// A serial port, 8 data bits, no parity, 1 stop bit.
    Serial {
        /// Its path, such as `/dev/serial0`.
        port: String,
        /// Bits per second.
        baud: u32,
        /// What comes out of it.
        format: SerialFormat,
    },
    /// An input device that types numbers (keyboard wedge).
    Keyboard {
        /// Its path, such as `/dev/input/by-id/usb-...-event-kbd`.
        device: String,
        /// What it types.
        digits: Digits,
    },
    /// Two lines that pulse.
    Wiegand {
        /// Falls for each 0.
        data0: Line,
        /// Falls for each 1.
        data1: Line,
    },
    /// An MFRC522 on SPI.
    Mfrc522 {
        /// The device of the bus and its chip select, such as `/dev/spidev0.0`.
        spi: String,
        /// Its RST pin, if a line drives it.
        reset: Option<Line>,
    },
    /// A PN532.
    Pn532 {
        /// How it is reached.
        bus: Pn532Bus,
        /// Its RSTPDN pin, if a line drives it.
        reset: Option<Line>,
    },
}

/// How a PN532 is reached; a switch on its board chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pn532Bus {
    /// By I2C, at the only address that it has.
    I2c {
        /// The bus, such as `/dev/i2c-1`.
        bus: String,
    },
    /// By a serial port (HSU).
    Serial {
        /// Its path, such as `/dev/serial0`.
        port: String,
        /// Bits per second.
        baud: u32,
    },
}

/// What a serial reader sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SerialFormat {
    /// STX, ten hex digits, checksum of two, ETX.
    Rdm6300,
    /// The same without the checksum (Tormach's reader).
    Rdm6300Plain,
    /// Binary frames of ten bytes.
    Gwiot7941e,
}

/// How a keyboard wedge writes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// Decimal digits, or facility and number with a separator.
    Decimal,
    /// Hexadecimal digits.
    Hex,
}

/// Something that can be switched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSpec {
    /// Its line; simulated boards may have none, and remote ones have none.
    pub line: Option<Line>,
    /// The relay on the network that it is, in the line's place.
    pub mqtt: Option<RemoteSpec>,
    /// Whether the line is low when the device is on.
    pub active_low: bool,
    /// The level that harms nobody: at start, at stop, after a crash.
    pub safe: bool,
}

/// Something that is sensed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactSpec {
    /// Its line; simulated boards may have none.
    pub line: Option<Line>,
    /// Whether the line is low when the contact is on.
    pub active_low: bool,
    /// How long a level must hold to count.
    pub debounce_ms: u64,
    /// What the line is drawn to while nothing is connected.
    pub bias: Bias,
}

/// What draws an open line to a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bias {
    /// As the chip was left.
    #[default]
    AsIs,
    /// Nothing.
    Disabled,
    /// A resistor up.
    PullUp,
    /// A resistor down.
    PullDown,
}

/// A GPIO line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// By the name that the device tree gives it.
    Named(String),
    /// By its place on a chip.
    At {
        /// The chip's name or label.
        chip: String,
        /// The line's number on it.
        offset: u32,
    },
}

impl Device {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match &self.part {
            Part::Reader(_) => Kind::Reader,
            Part::Relay(_) => Kind::Relay,
            Part::Lamp(_) => Kind::Lamp,
            Part::Buzzer(_) => Kind::Buzzer,
            Part::Contact(_) => Kind::Contact,
            Part::Button(_) => Kind::Button,
        }
    }

    /// The widths at which a reader's cards are looked up; none for other devices.
    pub fn widths(&self) -> &[Width] {
        match &self.part {
            Part::Reader(reader) => &reader.widths,
            _ => &[],
        }
    }

    /// The output behind the device, if it can be set.
    pub fn output(&self) -> Option<&OutputSpec> {
        match &self.part {
            Part::Relay(output) | Part::Lamp(output) | Part::Buzzer(output) => Some(output),
            _ => None,
        }
    }

    /// The contact behind the device, if it can be sensed.
    pub fn contact(&self) -> Option<&ContactSpec> {
        match &self.part {
            Part::Contact(contact) | Part::Button(contact) => Some(contact),
            _ => None,
        }
    }

    /// The GPIO lines that it needs.
    pub fn lines(&self) -> Vec<&Line> {
        match &self.part {
            Part::Reader(reader) => reader.lines(),
            Part::Relay(output) | Part::Lamp(output) | Part::Buzzer(output) => output.line.iter().collect(),
            Part::Contact(contact) | Part::Button(contact) => contact.line.iter().collect(),
        }
    }
}

impl ReaderSpec {
    fn lines(&self) -> Vec<&Line> {
        match &self.source {
            Source::Wiegand { data0, data1 } => vec![data0, data1],
            Source::Mfrc522 { reset, .. } | Source::Pn532 { reset, .. } => reset.iter().collect(),
            Source::Simulated | Source::Serial { .. } | Source::Keyboard { .. } => Vec::new(),
        }
    }
}

impl Kind {
    /// Whether such a device can be set.
    pub fn is_output(self) -> bool {
        matches!(self, Self::Relay | Self::Lamp | Self::Buzzer)
    }

    /// Whether such a device is sensed: contact or button.
    pub fn is_contact(self) -> bool {
        matches!(self, Self::Contact | Self::Button)
    }

    /// The word for it, as in the board's file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Relay => "relay",
            Self::Lamp => "lamp",
            Self::Buzzer => "buzzer",
            Self::Contact => "contact",
            Self::Button => "button",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "{name:?}"),
            Self::At { chip, offset } => write!(f, "{offset} of {chip}"),
        }
    }
}

/// The key that is wrong (empty: the device as a whole) and what is wrong.
type Wrong = (&'static str, Problem);

/// Reads one device from its merged table.
pub(super) fn read(name: &str, mut keys: Table, driver: Driver) -> Result<Device, Wrong> {
    let name: Name = name.parse().map_err(|problem: model::NameError| ("", problem.into()))?;
    let kind = keys.remove("kind");
    let kind = kind.ok_or(("kind", Problem::Missing("reader, relay, lamp, buzzer, contact or button")))?;
    let part = match kind.as_str() {
        Some("reader") => Part::Reader(super::raw::reader(keys)?),
        Some("relay") => Part::Relay(super::raw::output(keys, None)?),
        Some("lamp") => Part::Lamp(super::raw::output(keys, Some(false))?),
        Some("buzzer") => Part::Buzzer(super::raw::output(keys, Some(false))?),
        Some("contact") => Part::Contact(super::raw::contact(keys)?),
        Some("button") => Part::Button(super::raw::contact(keys)?),
        _ => return Err(("kind", Problem::Kind(kind.to_string().chars().take(40).collect()))),
    };
    let device = Device { name, part };
    match driver {
        Driver::Linux => check_wired(&device).map(|()| device),
        Driver::Sim => Ok(device),
    }
}

/// On a real board every device hangs somewhere.
fn check_wired(device: &Device) -> Result<(), Wrong> {
    let needs = match &device.part {
        Part::Reader(ReaderSpec { source: Source::Simulated, .. }) => "format, and the port of it",
        Part::Reader(_) => return Ok(()),
        _ if device.output().is_some_and(|output| output.mqtt.is_some()) => return Ok(()),
        _ if device.lines().is_empty() => "line, or chip and offset, or mqtt",
        _ => return Ok(()),
    };
    Err(("", Problem::NotWired { kind: device.kind(), needs }))
}
