//! Readers that type: a USB keyboard to the kernel, grabbed so that nothing else hears the numbers.
//!
//! Keys that the kernel had to drop spoil the line that they were part of: the rest of it might be somebody else's
//! number.

use super::minder::{Hardware, Hear};
use super::time::now;
use super::wake::{Stop, Woken};
use crate::{
    reader::{Reading, Wedge},
    spec::Digits,
};
use evdev::{EventType, InputEvent, KeyCode, SynchronizationCode, raw_stream};
use model::Millis;
use std::{io, os::fd::AsFd, time::SystemTime};

/// A keyboard wedge.
pub struct Keyboard {
    /// Its path, or the name that the kernel gives it.
    pub device: String,
    /// What it types.
    pub digits: Digits,
}

impl Hardware for Keyboard {
    fn attend(&mut self, stop: &Stop, hear: Hear<'_>) -> io::Result<()> {
        let mut device = find(&self.device)?;
        device.grab()?;
        let mut wedge = Wedge::new(self.digits);
        while stop.wait(&[device.as_fd()], None)? == Woken::Ready {
            for event in device.fetch_events()? {
                let at = time_of(&event);
                if let Some(reading) = take(&mut wedge, event, at) {
                    hear(reading, at);
                }
            }
        }
        Ok(())
    }
}

/// A path is opened; a name is sought among all input devices.
fn find(device: &str) -> io::Result<raw_stream::RawDevice> {
    if device.starts_with('/') {
        return raw_stream::RawDevice::open(device);
    }
    let mut named = raw_stream::enumerate().filter(|(_, found)| found.name() == Some(device));
    let found = named.next().map(|(_, found)| found);
    found.ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, format!("no input device is named {device:?}"))
    })
}

/// What an event means for the line that is being typed.
fn take(wedge: &mut Wedge, event: InputEvent, at: Millis) -> Option<Reading> {
    match event.event_type() {
        EventType::KEY => wedge.push(event.code(), event.value(), at),
        EventType::SYNCHRONIZATION if event.code() == SynchronizationCode::SYN_DROPPED.0 => {
            // No number has this key in it.
            wedge.push(KeyCode::KEY_ESC.0, 1, at)
        }
        _ => None,
    }
}

/// The kernel's own time of the event, by the wall clock.
fn time_of(event: &InputEvent) -> Millis {
    let since = event.timestamp().duration_since(SystemTime::UNIX_EPOCH).ok();
    since.and_then(|since| u64::try_from(since.as_millis()).ok()).map_or_else(now, Millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BadReading;
    use model::CardNumber;

    const ENTER: u16 = 28;

    fn key(code: u16) -> InputEvent {
        InputEvent::new(EventType::KEY.0, code, 1)
    }

    fn readings(events: &[InputEvent]) -> Vec<Reading> {
        let mut wedge = Wedge::new(Digits::Decimal);
        events.iter().filter_map(|event| take(&mut wedge, *event, Millis(0))).collect()
    }

    #[test]
    fn keys_are_a_number_whatever_else_the_kernel_says() {
        let scan_code = InputEvent::new(EventType::MISC.0, 4, 0x7001E);
        let report = InputEvent::new(EventType::SYNCHRONIZATION.0, 0, 0);
        let typed = [scan_code, key(2), report, key(11), report, key(ENTER)];
        assert_eq!(readings(&typed), [Reading::Card(CardNumber::new(10))]);
    }

    #[test]
    fn a_line_that_the_kernel_dropped_keys_of_is_no_number() {
        let dropped = InputEvent::new(EventType::SYNCHRONIZATION.0, 3, 0);
        let typed = [key(2), dropped, key(11), key(ENTER), key(3), key(ENTER)];
        let spoilt = Reading::Bad(BadReading::NotADigit);
        assert_eq!(readings(&typed), [spoilt, Reading::Card(CardNumber::new(2))]);
    }

    #[test]
    fn a_keyboard_that_is_not_there_is_not_found() {
        for device in ["/dev/input/by-id/nobody", "Nobody's Keyboard"] {
            assert_eq!(find(device).err().unwrap().kind(), io::ErrorKind::NotFound, "{device}");
        }
    }
}
