//! An MFRC522 that is none: registers and a FIFO behind an SPI bus, and a card in front of it.

use super::*;
use crate::reader::Reading;
use model::CardNumber;
use std::{collections::BTreeMap, sync::Mutex};

/// Registers (data sheet, table 20).
const COMMAND: u8 = 0x01;
const COM_IRQ: u8 = 0x04;
const DIV_IRQ: u8 = 0x05;
const ERROR: u8 = 0x06;
const FIFO_DATA: u8 = 0x09;
const FIFO_LEVEL: u8 = 0x0A;
const BIT_FRAMING: u8 = 0x0D;
const CRC_HIGH: u8 = 0x21;
const CRC_LOW: u8 = 0x22;
const VERSION: u8 = 0x37;

const CALC_CRC: u8 = 0x03;
const TRANSCEIVE: u8 = 0x0C;

/// The chip, and the UID of the card that lies on it.
#[derive(Clone, Default)]
struct Chip(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    dead: bool,
    card: Option<Vec<u8>>,
    registers: BTreeMap<u8, u8>,
    fifo: Vec<u8>,
    transfers: u32,
    calls: u32,
}

fn crc_a(bytes: &[u8]) -> [u8; 2] {
    let crc = bytes.iter().fold(0x6363u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    });
    crc.to_le_bytes()
}

impl State {
    fn read(&mut self, register: u8) -> u8 {
        match register {
            _ if self.dead => 0xFF,
            FIFO_DATA if self.fifo.is_empty() => 0,
            FIFO_DATA => self.fifo.remove(0),
            FIFO_LEVEL => u8::try_from(self.fifo.len()).unwrap(),
            VERSION => 0x92,
            _ => self.registers.get(&register).copied().unwrap_or(0),
        }
    }

    fn write(&mut self, register: u8, value: u8) {
        match register {
            FIFO_DATA => self.fifo.push(value),
            FIFO_LEVEL if value & 0x80 != 0 => self.fifo.clear(),
            COMMAND if value & 0x0F == CALC_CRC => {
                let [low, high] = crc_a(&std::mem::take(&mut self.fifo));
                self.put(CRC_LOW, low);
                self.put(CRC_HIGH, high);
                self.put(DIV_IRQ, 0x04);
            }
            COMMAND => self.put(COMMAND, value & 0x0F),
            BIT_FRAMING if value & 0x80 != 0 && self.registers.get(&COMMAND) == Some(&TRANSCEIVE) => {
                self.transceive();
            }
            COM_IRQ | DIV_IRQ => self.put(register, 0),
            _ => self.put(register, value),
        }
    }

    fn put(&mut self, register: u8, value: u8) {
        self.registers.insert(register, value);
    }

    /// Sends what is in the FIFO; the card's answer takes its place.
    fn transceive(&mut self) {
        let sent = std::mem::take(&mut self.fifo);
        self.calls += u32::from(sent == [0x52]);
        let answer = self.card.as_deref().and_then(|uid| answer(uid, &sent));
        self.put(ERROR, 0);
        // Received, or the timer ran out.
        self.put(COM_IRQ, if answer.is_some() { 0x20 } else { 0x01 });
        self.fifo = answer.unwrap_or_default();
    }
}

/// What a card of four or seven bytes answers (ISO 14443-3, 6.5).
fn answer(uid: &[u8], sent: &[u8]) -> Option<Vec<u8>> {
    let level = |n: usize| match (uid.len(), n) {
        (4, 0) => uid.to_vec(),
        (7, 0) => [&[0x88], &uid[..3]].concat(),
        (7, 1) => uid[3..].to_vec(),
        _ => Vec::new(),
    };
    let more = |n: usize| uid.len() == 7 && n == 0;
    match sent {
        [0x52 | 0x26] => Some(vec![if uid.len() == 4 { 0x04 } else { 0x44 }, 0x00]),
        [select @ (0x93 | 0x95), 0x20] => {
            let mut part = level(usize::from((select - 0x93) / 2));
            part.push(part.iter().fold(0, |bcc, byte| bcc ^ byte));
            Some(part)
        }
        [select @ (0x93 | 0x95), 0x70, ..] => {
            let sak = if more(usize::from((select - 0x93) / 2)) { 0x04 } else { 0x08 };
            Some([&[sak][..], &crc_a(&[sak])].concat())
        }
        _ => None,
    }
}

#[derive(Debug)]
struct Never;

impl embedded_hal::spi::Error for Never {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for Chip {
    type Error = Never;
}

impl SpiDevice for Chip {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Never> {
        let mut state = self.0.lock().unwrap();
        state.transfers += 1;
        let mut address = None;
        for operation in operations {
            match operation {
                Operation::Write(bytes) => {
                    bytes.iter().for_each(|byte| state.clock(&mut address, *byte, &mut 0))
                }
                Operation::Transfer(read, write) => {
                    for (n, out) in read.iter_mut().enumerate() {
                        state.clock(&mut address, write.get(n).copied().unwrap_or(0), out);
                    }
                }
                Operation::TransferInPlace(bytes) => {
                    bytes.iter_mut().for_each(|byte| state.clock(&mut address, *byte, byte));
                }
                Operation::Read(bytes) => bytes.iter_mut().for_each(|out| state.clock(&mut address, 0, out)),
                Operation::DelayNs(_) => {}
            }
        }
        Ok(())
    }
}

impl State {
    /// One byte each way: the first is an address, the next ones are of that register, or the next address.
    fn clock(&mut self, address: &mut Option<u8>, byte: u8, out: &mut u8) {
        match *address {
            None => *address = Some(byte),
            Some(reading) if reading & 0x80 != 0 => {
                *out = self.read(reading >> 1 & 0x3F);
                *address = Some(if byte & 0x80 != 0 { byte } else { reading });
            }
            Some(writing) => self.write(writing >> 1 & 0x3F, byte),
        }
    }
}

/// What is heard while `script` plays with the chip.
fn heard(chip: &Chip, script: impl FnOnce(&Chip) + Send) -> (Vec<Reading>, io::Result<()>) {
    let (stop, mut heard) = (Stop::new().unwrap(), Vec::new());
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            script(chip);
            stop.stop();
        });
        watch(chip.clone(), &stop, &mut |reading, _| heard.push(reading))
    });
    (heard, ended)
}

/// Lays a card in front of the chip, or takes it away, until it was called a few times.
fn lay(chip: &Chip, card: Option<&[u8]>) {
    let calls = {
        let mut state = chip.0.lock().unwrap();
        state.card = card.map(<[u8]>::to_vec);
        state.calls
    };
    let mut waits = (0..2_000).map(|_| std::thread::sleep(Duration::from_millis(10)));
    assert!(waits.any(|()| chip.0.lock().unwrap().calls > calls + 5), "nobody calls");
}

#[test]
fn cards_of_four_and_of_seven_bytes_are_read_once_a_visit() {
    let (readings, ended) = heard(&Chip::default(), |chip| {
        lay(chip, None);
        lay(chip, Some(&[0xDE, 0xAD, 0xBE, 0xEF]));
        lay(chip, None);
        lay(chip, Some(&[0x04, 0xA2, 0x2B, 0x1A, 0x5C, 0x34, 0x80]));
    });
    let card = |number| Reading::Card(CardNumber::new(number));
    assert_eq!(readings, [card(0xDEAD_BEEF), card(0x04_A22B_1A5C_3480)]);
    ended.unwrap();
}

#[test]
fn an_open_bus_is_no_reader() {
    let chip = Chip::default();
    chip.0.lock().unwrap().dead = true;
    let (readings, ended) = heard(&chip, |_| {});
    assert_eq!((readings, ended.unwrap_err().kind()), (vec![], io::ErrorKind::NotConnected));
}

#[test]
fn a_chip_that_is_pulled_out_ends_the_watch_at_once() {
    let chip = Chip::default();
    let (_, ended) = heard(&chip, |chip| {
        lay(chip, None);
        chip.0.lock().unwrap().dead = true;
        std::thread::sleep(Duration::from_millis(500));
    });
    assert!(ended.is_err());
    assert!(chip.0.lock().unwrap().transfers < TRANSFERS_MAX);
}
