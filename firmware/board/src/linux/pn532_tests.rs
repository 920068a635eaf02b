//! A PN532 at the other end of a wire: its recorded answers, its silence, and its chip on an I2C bus.

use super::*;
use crate::linux::minder::{Attended, mind};
use crate::linux::test_pty::Port;
use crate::linux::time::Pace;
use crate::reader::{BadReading, Reading, pn532::ACK};
use embedded_hal::i2c::{ErrorType, Operation, SevenBitAddress};
use model::CardNumber;
use std::{
    fs::File,
    io::{Read, Write},
    sync::{Arc, mpsc},
    thread,
};

const SOON: Duration = Duration::from_secs(20);
const PACE: Pace = Pace {
    first: Duration::from_millis(5),
    most: Duration::from_millis(40),
    steady: Duration::from_secs(30),
};
const CARD: Reading = Reading::Card(CardNumber::new(0xDEAD_BEEF));

/// What a chip answers to each command, byte for byte.
const SAM: &[u8] = &[0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD5, 0x15, 0x16, 0x00];
const FIRMWARE: &[u8] = &[0x00, 0x00, 0xFF, 0x06, 0xFA, 0xD5, 0x03, 0x32, 0x01, 0x06, 0x07, 0xE8, 0x00];
const RETRIES: &[u8] = &[0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD5, 0x33, 0xF8, 0x00];
const NOBODY: &[u8] = &[0x00, 0x00, 0xFF, 0x03, 0xFD, 0xD5, 0x4B, 0x00, 0xE0, 0x00];
const SOMEBODY: &[u8] = &[
    0x00, 0x00, 0xFF, 0x0C, 0xF4, 0xD5, 0x4B, 0x01, 0x01, 0x00, 0x04, 0x08, 0x04, 0xDE, 0xAD, 0xBE, 0xEF,
    0x96, 0x00,
];

/// The answer to a command's frame. Somebody is there every other ten times.
fn answer(frame: &[u8], asked: &mut u32) -> Option<&'static [u8]> {
    match *frame.get(6)? {
        0x14 => Some(SAM),
        0x02 => Some(FIRMWARE),
        0x32 => Some(RETRIES),
        0x4A => {
            *asked += 1;
            Some(if ((*asked - 1) / 10).is_multiple_of(2) { SOMEBODY } else { NOBODY })
        }
        _ => None,
    }
}

/// A chip at the other end of a serial port, until the port is unplugged. It wants to be woken.
fn chip(mut wire: File) {
    let (mut asked, mut awake, mut buffer) = (0, false, [0; 256]);
    while let Ok(len) = wire.read(&mut buffer) {
        let bytes = &buffer[..len];
        awake |= bytes.starts_with(&[0x55, 0x55]);
        let Some(at) = bytes.windows(3).position(|three| three == [0, 0, 0xFF]).filter(|_| awake) else {
            continue;
        };
        if let Some(answer) = answer(&bytes[at..], &mut asked) {
            // The answer comes in pieces, as on a line.
            wire.write_all(&ACK).unwrap();
            let (begin, end) = answer.split_at(4);
            wire.write_all(begin).unwrap();
            thread::sleep(Duration::from_millis(2));
            wire.write_all(end).unwrap();
        }
    }
}

fn reader(port: &Port) -> Pn532Reader {
    let port = port.path().to_str().unwrap().to_string();
    let reset = Reset::new(Arc::new(crate::linux::fake::FakeGpio::new()), None);
    Pn532Reader { bus: Pn532Bus::Serial { port, baud: 115_200 }, reset }
}

#[test]
fn a_card_by_a_serial_line_is_read_once_a_visit() {
    let mut port = Port::new();
    let wire = port.wire().try_clone().unwrap();
    thread::spawn(move || chip(wire));
    let (stop, (hear, readings), mut reader) = (Stop::new().unwrap(), mpsc::channel(), reader(&port));
    let end = stop.clone();
    let attend = thread::spawn(move || reader.attend(&end, &mut |reading, _| hear.send(reading).unwrap()));
    let begin = Instant::now();
    assert_eq!([(); 2].map(|()| readings.recv_timeout(SOON).unwrap()), [CARD, CARD]);
    assert!(begin.elapsed() > Duration::from_millis(1_500), "it has left for a second in between");
    stop.stop();
    attend.join().unwrap().unwrap();
}

#[test]
fn a_chip_that_is_silent_is_not_there() {
    let port = Port::new();
    let (stop, (hear, readings), mut reader) = (Stop::new().unwrap(), mpsc::channel(), reader(&port));
    let end = stop.clone();
    let name = "reader".parse().unwrap();
    let minder = thread::spawn(move || {
        mind(&name, &mut reader, &Attended::default(), &end, PACE, &mut |reading, _| {
            hear.send(reading).unwrap()
        });
    });
    assert_eq!(readings.recv_timeout(SOON).unwrap(), Reading::Bad(BadReading::Unplugged));
    stop.stop();
    minder.join().unwrap();
}

/// A chip on an I2C bus: each block begins with whether there is something to read.
struct Bus {
    waiting: Vec<Vec<u8>>,
    asked: u32,
    sleepy: bool,
}

#[derive(Debug)]
struct Nack;

impl embedded_hal::i2c::Error for Nack {
    fn kind(&self) -> embedded_hal::i2c::ErrorKind {
        embedded_hal::i2c::ErrorKind::Other
    }
}

impl ErrorType for Bus {
    type Error = Nack;
}

impl I2c<SevenBitAddress> for Bus {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), Nack> {
        assert_eq!(address, 0x24);
        for operation in operations {
            match operation {
                Operation::Write(bytes) => {
                    let answer = answer(bytes, &mut self.asked).ok_or(Nack)?;
                    self.waiting = vec![answer.to_vec(), ACK.to_vec()];
                }
                Operation::Read(block) => {
                    block.fill(0);
                    self.sleepy = !self.sleepy;
                    if let Some(frame) = self.waiting.pop_if(|_| !self.sleepy) {
                        block[0] = I2C_READY;
                        block[1..=frame.len()].copy_from_slice(&frame);
                    }
                }
            }
        }
        Ok(())
    }
}

#[test]
fn a_card_by_i2c_is_read() {
    let (stop, mut heard) = (Stop::new().unwrap(), Vec::new());
    let mut link = I2cLink { i2c: Bus { waiting: Vec::new(), asked: 0, sleepy: false } };
    let end = stop.clone();
    let mut hear = |reading, _| {
        heard.push(reading);
        end.stop();
    };
    // Whether it ends with a question that was cut short is all the same.
    let _ended = watch(&mut link, &stop, &mut hear);
    assert_eq!(heard, [CARD]);
}
