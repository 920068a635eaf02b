//! PN532: the frames between us and the chip, and the few commands that are needed to see a card.
//!
//! From NXP's user manual UM0701-02, sections 6.2 and 7. A frame is `00 00 FF`, length and its complement, direction,
//! command and data, checksum, `00`; an acknowledgement is a frame of length 0. [`Frames`] takes bytes as they come,
//! by whatever bus, and finds the next frame after any rubbish. Only the short frames (255 bytes) exist here: no
//! answer that we ask for is longer.

use super::BadReading;

/// Ends the preamble.
const START: u8 = 0xFF;
/// From us to the chip, and back.
const TO_CHIP: u8 = 0xD4;
const FROM_CHIP: u8 = 0xD5;
/// In the place of the direction: the chip did not understand.
const SYNTAX_ERROR: u8 = 0x7F;
/// The longest frame's direction, command and data.
const CONTENT_LEN_MAX: usize = 255;

/// What wakes it on a serial line: it needs some bytes' time before the first frame (HSU wake-up, 7.2.11).
pub const WAKE_UP: [u8; 16] = [0x55, 0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Says that we are not interested in what it was about to answer.
pub const ACK: [u8; 6] = [0, 0, 0xFF, 0, 0xFF, 0];

/// A command that we use, with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Who are you? Answered by any PN532.
    GetFirmwareVersion,
    /// Normal mode, no secure module.
    SamConfiguration,
    /// Look for a card twice, then say that there is none.
    RetryTwice,
    /// Which card is there? One, of 106 kbit/s type A.
    InListPassiveTarget,
}

impl Command {
    /// Its code, as sent; the answer's code is one more.
    pub fn code(self) -> u8 {
        self.bytes()[0]
    }

    fn bytes(self) -> &'static [u8] {
        match self {
            Self::GetFirmwareVersion => &[0x02],
            Self::SamConfiguration => &[0x14, 0x01, 0x14, 0x01],
            Self::RetryTwice => &[0x32, 0x05, 0xFF, 0x01, 0x02],
            Self::InListPassiveTarget => &[0x4A, 0x01, 0x00],
        }
    }

    /// The frame of it.
    pub fn frame(self) -> Vec<u8> {
        frame(TO_CHIP, self.bytes())
    }
}

/// A whole frame; `content` is code and data, at most 254 bytes.
fn frame(direction: u8, content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len() + 1).unwrap_or(u8::MAX);
    let mut bytes = vec![0, 0, START, len, len.wrapping_neg(), direction];
    bytes.extend(content);
    bytes.push(sum(&bytes[5..]).wrapping_neg());
    bytes.push(0);
    bytes
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// What comes from the chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// It has understood the command and is at it.
    Ack,
    /// It wants the command again.
    Nack,
    /// It did not understand the command.
    SyntaxError,
    /// An answer: the command's code plus one, and data.
    Answer {
        /// Code.
        code: u8,
        /// Data.
        data: Vec<u8>,
    },
    /// A frame with a wrong checksum.
    Broken,
}

/// Finds frames in bytes.
#[derive(Debug, Default)]
pub struct Frames {
    place: Place,
    len: u8,
    content: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Place {
    /// Before the `00 FF` that begins a frame.
    #[default]
    Outside,
    /// Behind a `00`.
    Zero,
    /// The length is next.
    Len,
    /// The length's complement is next.
    LenSum,
    /// The content is next, then its checksum.
    Content,
}

impl Frames {
    /// Takes one byte. The postamble is left to the next frame's preamble: both are zeros.
    pub fn push(&mut self, byte: u8) -> Option<Frame> {
        let (next, frame) = match (self.place, byte) {
            (Place::Outside | Place::Zero, 0) => (Place::Zero, None),
            (Place::Zero, START) => (Place::Len, None),
            (Place::Outside | Place::Zero, _) => (Place::Outside, None),
            (Place::Len, len) => {
                self.len = len;
                (Place::LenSum, None)
            }
            (Place::LenSum, complement) => self.begin(complement),
            (Place::Content, byte) => self.fill(byte),
        };
        self.place = next;
        frame
    }

    fn begin(&mut self, complement: u8) -> (Place, Option<Frame>) {
        self.content.clear();
        match (self.len, complement) {
            (0x00, 0xFF) => (Place::Outside, Some(Frame::Ack)),
            (0xFF, 0x00) => (Place::Outside, Some(Frame::Nack)),
            (len, complement) if len != 0 && len.wrapping_add(complement) == 0 => (Place::Content, None),
            _ => (Place::Outside, Some(Frame::Broken)),
        }
    }

    fn fill(&mut self, byte: u8) -> (Place, Option<Frame>) {
        if self.content.len() < usize::from(self.len) {
            debug_assert!(self.content.len() < CONTENT_LEN_MAX);
            self.content.push(byte);
            return (Place::Content, None);
        }
        let whole = sum(&self.content).wrapping_add(byte) == 0;
        let frame = match self.content.as_slice() {
            [FROM_CHIP, code, data @ ..] if whole => Frame::Answer { code: *code, data: data.to_vec() },
            [SYNTAX_ERROR] if whole => Frame::SyntaxError,
            _ => Frame::Broken,
        };
        (Place::Outside, Some(frame))
    }
}

/// The UID in the answer to [`Command::InListPassiveTarget`]; none if nobody is there.
pub fn target(data: &[u8]) -> Result<Option<&[u8]>, BadReading> {
    match data {
        [0, ..] => Ok(None),
        // One target, its number, SENS_RES (2 bytes), SEL_RES, length of the UID, UID, and perhaps an ATS.
        [1, _, _, _, _, len, rest @ ..] => {
            rest.get(..usize::from(*len)).map(Some).ok_or(BadReading::TooShort)
        }
        _ => Err(BadReading::TooShort),
    }
}

#[cfg(test)]
#[path = "pn532_tests.rs"]
mod tests;
