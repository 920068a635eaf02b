//! The keys of a device as they stand in the file, before they are checked against each other.

use super::{
    Bias, ContactSpec, Digits, Line, OutputSpec, Pn532Bus, Problem, ReaderSpec, SerialFormat, Source, remote,
};
use model::Width;
use serde::{Deserialize, de::DeserializeOwned};
use toml::Table;

/// The longest time that a contact may take to settle: beyond it a door would open unseen.
const DEBOUNCE_MS_MAX: u64 = 5_000;
/// The longest path, line or chip name.
const TEXT_BYTES_MAX: usize = 255;

pub(super) type Wrong = (&'static str, Problem);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReader {
    widths: Option<Vec<u8>>,
    format: Option<Format>,
    port: Option<String>,
    baud: Option<u32>,
    device: Option<String>,
    data0: Option<RawLine>,
    data1: Option<RawLine>,
    spi: Option<String>,
    i2c: Option<String>,
    reset: Option<RawLine>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Format {
    Rdm6300,
    Rdm6300Plain,
    Gwiot7941e,
    WedgeDecimal,
    WedgeHex,
    Wiegand,
    Mfrc522,
    Pn532,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    line: Option<String>,
    chip: Option<String>,
    offset: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOutput {
    line: Option<String>,
    chip: Option<String>,
    offset: Option<u32>,
    active_low: Option<bool>,
    safe: Option<OnOff>,
    mqtt: Option<remote::Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawContact {
    line: Option<String>,
    chip: Option<String>,
    offset: Option<u32>,
    #[serde(default)]
    active_low: bool,
    #[serde(default)]
    debounce_ms: u64,
    #[serde(default)]
    bias: Bias,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum OnOff {
    On,
    Off,
}

pub(super) fn output(keys: Table, safe_if_unsaid: Option<bool>) -> Result<OutputSpec, Wrong> {
    let raw: RawOutput = shape(keys)?;
    let safe = raw.safe.map(|safe| safe == OnOff::On).or(safe_if_unsaid);
    let safe = safe.ok_or(("safe", Problem::Missing("say which level harms nobody: \"on\" or \"off\"")))?;
    let line = RawLine { line: raw.line, chip: raw.chip, offset: raw.offset }.check("line")?;
    let mqtt = raw.mqtt.map(remote::Raw::check).transpose()?;
    for (key, there) in [("line", line.is_some()), ("active_low", raw.active_low.is_some())] {
        if there && mqtt.is_some() {
            return Err((key, Problem::Misplaced("a relay behind mqtt")));
        }
    }
    Ok(OutputSpec { line, mqtt, active_low: raw.active_low.unwrap_or(false), safe })
}

pub(super) fn contact(keys: Table) -> Result<ContactSpec, Wrong> {
    let raw: RawContact = shape(keys)?;
    if raw.debounce_ms > DEBOUNCE_MS_MAX {
        let problem = Problem::Range { got: raw.debounce_ms.to_string(), want: "0 to 5000" };
        return Err(("debounce_ms", problem));
    }
    let line = RawLine { line: raw.line, chip: raw.chip, offset: raw.offset }.check("line")?;
    Ok(ContactSpec { line, active_low: raw.active_low, debounce_ms: raw.debounce_ms, bias: raw.bias })
}

pub(super) fn reader(keys: Table) -> Result<ReaderSpec, Wrong> {
    let mut raw: RawReader = shape(keys)?;
    let widths = widths(raw.widths.take(), raw.reads_uids())?;
    let source = match raw.format {
        None => Source::Simulated,
        Some(Format::Rdm6300) => raw.serial(SerialFormat::Rdm6300)?,
        Some(Format::Rdm6300Plain) => raw.serial(SerialFormat::Rdm6300Plain)?,
        Some(Format::Gwiot7941e) => raw.serial(SerialFormat::Gwiot7941e)?,
        Some(Format::WedgeDecimal) => raw.keyboard(Digits::Decimal)?,
        Some(Format::WedgeHex) => raw.keyboard(Digits::Hex)?,
        Some(Format::Wiegand) => raw.wiegand()?,
        Some(Format::Mfrc522) => raw.mfrc522()?,
        Some(Format::Pn532) => raw.pn532()?,
    };
    raw.nothing_left()?;
    Ok(ReaderSpec { widths, source })
}

impl RawReader {
    /// Whether its cards' numbers are UIDs, which no older list holds in a shorter form.
    fn reads_uids(&self) -> bool {
        matches!(self.format, Some(Format::Mfrc522 | Format::Pn532))
    }

    fn serial(&mut self, format: SerialFormat) -> Result<Source, Wrong> {
        let port = self.port.take().ok_or(("port", Problem::Missing("such as \"/dev/serial0\"")))?;
        Ok(Source::Serial { port: text("port", port)?, baud: self.baud(9_600)?, format })
    }

    fn baud(&mut self, usual: u32) -> Result<u32, Wrong> {
        let baud = self.baud.take().unwrap_or(usual);
        if !(300..=4_000_000).contains(&baud) {
            return Err(("baud", Problem::Range { got: baud.to_string(), want: "300 to 4000000" }));
        }
        Ok(baud)
    }

    fn mfrc522(&mut self) -> Result<Source, Wrong> {
        let spi = self.spi.take().ok_or(("spi", Problem::Missing("such as \"/dev/spidev0.0\"")))?;
        Ok(Source::Mfrc522 { spi: text("spi", spi)?, reset: self.reset()? })
    }

    fn pn532(&mut self) -> Result<Source, Wrong> {
        let bus = match (self.i2c.take(), self.port.take()) {
            (Some(bus), None) => Pn532Bus::I2c { bus: text("i2c", bus)? },
            (None, Some(port)) => Pn532Bus::Serial { port: text("port", port)?, baud: self.baud(115_200)? },
            _ => return Err(("i2c", Problem::Missing("give either i2c = \"/dev/i2c-1\" or port"))),
        };
        Ok(Source::Pn532 { bus, reset: self.reset()? })
    }

    fn reset(&mut self) -> Result<Option<Line>, Wrong> {
        Ok(self.reset.take().map(|line| line.check("reset")).transpose()?.flatten())
    }

    fn keyboard(&mut self, digits: Digits) -> Result<Source, Wrong> {
        let example = "the path of the input device, such as \"/dev/input/by-id/...-event-kbd\"";
        let device = self.device.take().ok_or(("device", Problem::Missing(example)))?;
        Ok(Source::Keyboard { device: text("device", device)?, digits })
    }

    fn wiegand(&mut self) -> Result<Source, Wrong> {
        let take = |key, raw: Option<RawLine>| {
            let missing = || (key, Problem::Missing("a line, such as { line = \"GPIO23\" }"));
            raw.ok_or_else(missing)?.check(key)?.ok_or_else(missing)
        };
        let (data0, data1) = (take("data0", self.data0.take())?, take("data1", self.data1.take())?);
        if data0 == data1 {
            let problem = Problem::LineTwice { line: data0.to_string(), other: "data0".to_string() };
            return Err(("data1", problem));
        }
        Ok(Source::Wiegand { data0, data1 })
    }

    /// What the format did not take has no place there.
    fn nothing_left(&self) -> Result<(), Wrong> {
        let left = [
            ("port", self.port.is_some()),
            ("baud", self.baud.is_some()),
            ("device", self.device.is_some()),
            ("data0", self.data0.is_some()),
            ("data1", self.data1.is_some()),
            ("spi", self.spi.is_some()),
            ("i2c", self.i2c.is_some()),
            ("reset", self.reset.is_some()),
        ];
        match left.iter().find(|(_, there)| *there) {
            Some((key, _)) if self.format.is_none() => {
                Err((key, Problem::Misplaced("a reader without a format")))
            }
            Some((key, _)) => Err((key, Problem::Misplaced("a reader of this format"))),
            None => Ok(()),
        }
    }
}

impl RawLine {
    fn check(self, key: &'static str) -> Result<Option<Line>, Wrong> {
        match (self.line, self.chip, self.offset) {
            (None, None, None) => Ok(None),
            (Some(name), None, None) => Ok(Some(Line::Named(text(key, name)?))),
            (None, Some(chip), Some(offset)) => Ok(Some(Line::At { chip: text("chip", chip)?, offset })),
            _ => Err((key, Problem::Line)),
        }
    }
}

fn widths(bits: Option<Vec<u8>>, uids: bool) -> Result<Vec<Width>, Wrong> {
    let mut widths = Vec::new();
    let usual = if uids { vec![64] } else { vec![32, 24] };
    for bits in bits.unwrap_or(usual) {
        let width = match bits {
            24 => Width::Bits24,
            32 => Width::Bits32,
            64 => Width::Full,
            _ => {
                return Err((
                    "widths",
                    Problem::Range { got: bits.to_string(), want: "24, 32 or 64 (all bits)" },
                ));
            }
        };
        if !widths.contains(&width) {
            widths.push(width);
        }
    }
    if widths.is_empty() {
        return Err(("widths", Problem::Missing("at least one of 24, 32 and 64 (all bits)")));
    }
    Ok(widths)
}

pub(super) fn text(key: &'static str, text: String) -> Result<String, Wrong> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || text.contains('\0') {
        let problem = Problem::Range {
            got: format!("{:?}", text.chars().take(40).collect::<String>()),
            want: "1 to 255 bytes",
        };
        return Err((key, problem));
    }
    Ok(text)
}

fn shape<T: DeserializeOwned>(keys: Table) -> Result<T, Wrong> {
    keys.try_into().map_err(|error| ("", Problem::Shape(error)))
}
