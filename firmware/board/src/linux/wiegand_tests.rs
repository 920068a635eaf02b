//! Pulses on two lines: whatever the order in which they are heard, their stamps decide.

use super::*;
use crate::linux::fake::{FakeGpio, place};
use crate::{BadReading, linux::wake::Stop};
use model::CardNumber;
use rustix::io::Errno;
use std::{sync::mpsc, thread};

/// The example of a 7941D's data sheet: 3D 12 D6 in 26 bits.
const BITS: &str = "00011110100010010110101101";
const CARD: Reading = Reading::Card(CardNumber::new(0x3D_12D6));
const SOON: Duration = Duration::from_secs(20);

fn places() -> [Place; 2] {
    [place("gpiochip0", 5), place("gpiochip0", 6)]
}

/// A pulse of 50 us.
fn pulse(gpio: &FakeGpio, bit: bool, at_ns: u64) {
    let line = &places()[usize::from(bit)];
    gpio.drive(line, false, at_ns);
    gpio.drive(line, true, at_ns + 50_000);
}

fn bits(text: &str) -> Vec<(u64, bool)> {
    let begin = crate::linux::time::monotonic_ns();
    (0..).zip(text.bytes()).map(|(n, bit)| (begin + n * 2_000_000, bit == b'1')).collect()
}

struct Bench {
    gpio: FakeGpio,
    readings: mpsc::Receiver<Reading>,
    stop: Stop,
    thread: thread::JoinHandle<io::Result<()>>,
}

fn bench() -> Bench {
    let gpio = FakeGpio::new();
    places().iter().for_each(|place| gpio.drive(place, true, 0));
    let mut reader = WiegandReader::open(Arc::new(gpio.clone()), places()).unwrap();
    let (stop, (hear, readings)) = (Stop::new().unwrap(), mpsc::channel());
    let end = stop.clone();
    let attend = move || reader.attend(&end, &mut |reading, _| hear.send(reading).unwrap());
    Bench { gpio, readings, stop, thread: thread::spawn(attend) }
}

impl Bench {
    fn end(self) -> io::Result<()> {
        self.stop.stop();
        self.thread.join().unwrap()
    }
}

#[test]
fn a_recorded_number_is_read_whatever_line_is_heard_first() {
    let bench = bench();
    // All zeros are heard before the first one is.
    let (ones, zeros): (Vec<_>, Vec<_>) = bits(BITS).into_iter().partition(|(_, bit)| *bit);
    zeros.into_iter().chain(ones).for_each(|(at_ns, bit)| pulse(&bench.gpio, bit, at_ns));
    assert_eq!(bench.readings.recv_timeout(SOON).unwrap(), CARD);
    bench.end().unwrap();
}

#[test]
fn two_cards_that_were_heard_late_are_two() {
    let bench = bench();
    for delay in [0, 1_000_000_000] {
        bits(BITS).into_iter().for_each(|(at_ns, bit)| pulse(&bench.gpio, bit, at_ns + delay));
    }
    assert_eq!([(); 2].map(|()| bench.readings.recv_timeout(SOON).unwrap()), [CARD, CARD]);
    bench.end().unwrap();
}

#[test]
fn noise_without_an_end_is_one_complaint() {
    let bench = bench();
    bits(&"10".repeat(1_000)).into_iter().for_each(|(at_ns, bit)| pulse(&bench.gpio, bit, at_ns));
    assert_eq!(bench.readings.recv_timeout(SOON).unwrap(), Reading::Bad(BadReading::TooLong));
    assert!(bench.readings.recv_timeout(Duration::from_millis(150)).is_err());
    bench.end().unwrap();
}

#[test]
fn lines_that_vanish_end_the_reading() {
    let bench = bench();
    bench.gpio.unplug("gpiochip0");
    let error = bench.thread.join().unwrap().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(Errno::NODEV.raw_os_error()));
}
