//! The Raspberry Pi's autoboot.txt: which partition its firmware boots, with and without the tryboot flag.
//!
//! The firmware reads at most 512 bytes and knows `[all]`, `[none]` and `[tryboot]`. It counts nothing and writes
//! nothing: the flag of `reboot "0 tryboot"` lasts for one start, so userspace plays the boot loader, takes the
//! attempt with `Slots::boot`, saves, and then restarts with the flag. The whole state is in a comment; the lines that the
//! firmware reads follow from it, and a file whose lines say something else is a fault.
//!
//! The file is always one sector of the same length and is written over in place, so that neither the FAT nor the
//! folder changes. The partitions' numbers have one digit: a sector torn in the middle is then still a choice of two
//! slots that may boot, the old one or the new one.

use crate::{
    machine::Slots,
    place::{BootState, LoadError, Place, SaveError, write_checked},
    slot::{Left, Order, Slot, WordFault},
};

/// The length of the file: one sector, and the most that the firmware reads.
pub const AUTOBOOT_BYTES: usize = 512;

/// The slots' boot partitions: two different digits, 1 to 9.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partitions {
    numbers: [u8; 2],
}

impl Partitions {
    /// The numbers of the boot partitions of slot A and slot B.
    pub fn new(a: u8, b: u8) -> Option<Self> {
        let digits = 1..=9;
        (a != b && digits.contains(&a) && digits.contains(&b)).then_some(Self { numbers: [a, b] })
    }

    /// The slot's partition.
    pub fn of(self, slot: Slot) -> u8 {
        self.numbers[slot.index()]
    }
}

/// A file that is no boot state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AutobootFault {
    /// Not a sector.
    #[error("autoboot.txt has {0} bytes and not {AUTOBOOT_BYTES}")]
    Length(usize),
    /// Not the comment, or not as we write it.
    #[error("autoboot.txt has no line of the boot state")]
    NoState,
    /// A word of the comment.
    #[error("the boot state in autoboot.txt is wrong")]
    Word(#[from] WordFault),
    /// The firmware would do something else than the comment says.
    #[error("autoboot.txt names other partitions than its boot state")]
    Disagrees,
}

/// The slot that boots without the flag: the first good one, else the first.
fn resting(slots: &Slots) -> Slot {
    let order = slots.order();
    order.slots().find(|slot| slots.is_good(*slot)).unwrap_or(order.first())
}

/// The slot that boots with the flag: the other one, if it may boot.
fn with_flag(slots: &Slots) -> Slot {
    let resting = resting(slots);
    if slots.order().has(resting.other()) { resting.other() } else { resting }
}

/// The file of a state.
pub fn autoboot_text(slots: &Slots, partitions: Partitions) -> Vec<u8> {
    let good: String = Slot::BOTH.iter().filter(|s| slots.is_good(**s)).map(Slot::to_string).collect();
    let text = format!(
        "[all]\ntryboot_a_b=1\nboot_partition={}\n[tryboot]\nboot_partition={}\n# slots order={} left={}{} good={:-<2}\n",
        partitions.of(resting(slots)),
        partitions.of(with_flag(slots)),
        order_word(slots.order()),
        slots.left(Slot::A),
        slots.left(Slot::B),
        good,
    );
    let mut bytes = text.into_bytes();
    bytes.resize(AUTOBOOT_BYTES, b'\n');
    bytes
}

/// The state of a file.
pub fn parse_autoboot(bytes: &[u8], partitions: Partitions) -> Result<Slots, AutobootFault> {
    if bytes.len() != AUTOBOOT_BYTES {
        return Err(AutobootFault::Length(bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| AutobootFault::NoState)?;
    let slots = state_line(text)?;
    if autoboot_text(&slots, partitions) != bytes {
        return Err(AutobootFault::Disagrees);
    }
    Ok(slots)
}

fn state_line(text: &str) -> Result<Slots, AutobootFault> {
    let line = text.lines().find_map(|line| line.strip_prefix("# slots ")).ok_or(AutobootFault::NoState)?;
    let mut words = line.split(' ');
    let mut word = |name| words.next().and_then(|word| word.strip_prefix(name)).ok_or(AutobootFault::NoState);
    let (order, left, good) = (word("order=")?, word("left=")?, word("good=")?);
    let (a, b) = left.split_at_checked(1).ok_or(AutobootFault::NoState)?;
    let left: [Left; 2] = [a.parse()?, b.parse()?];
    let order = Order::EVERY.into_iter().find(|each| order_word(*each) == order);
    let order = order.ok_or(AutobootFault::NoState)?;
    Ok(Slots::from_parts(order, left, [good.contains('A'), good.contains('B')]))
}

/// Two letters always, so that no state moves the bytes behind it: an order of one names its slot twice.
fn order_word(order: Order) -> String {
    format!("{}{}", order.first(), order.second().unwrap_or(order.first()))
}

/// The partition that the firmware takes from a file, of any length and from anybody: the twin of its documentation.
/// Without a number it boots the partition that the file lies on.
pub fn chosen(bytes: &[u8], tryboot: bool) -> Option<u32> {
    let text = String::from_utf8_lossy(bytes.get(..AUTOBOOT_BYTES).unwrap_or(bytes));
    let (mut applies, mut partition) = (true, None);
    for line in text.lines().map(str::trim) {
        match line {
            "[all]" => applies = true,
            "[tryboot]" => applies = tryboot,
            _ if line.starts_with('[') => applies = false,
            _ if applies => {
                let number = line.strip_prefix("boot_partition=").and_then(|number| number.parse().ok());
                partition = number.or(partition);
            }
            _ => {}
        }
    }
    partition
}

/// The boot state in autoboot.txt.
#[derive(Debug)]
pub struct Autoboot<P> {
    place: P,
    partitions: Partitions,
}

impl<P: Place> Autoboot<P> {
    /// The file in this place, for a card with these partitions.
    pub fn new(place: P, partitions: Partitions) -> Self {
        Self { place, partitions }
    }
}

impl<P: Place> BootState for Autoboot<P> {
    fn load(&self) -> Result<Slots, LoadError> {
        let mut bytes = vec![0; AUTOBOOT_BYTES];
        self.place.read(&mut bytes)?;
        Ok(parse_autoboot(&bytes, self.partitions)?)
    }

    fn save(&mut self, slots: &Slots) -> Result<(), SaveError> {
        write_checked(&mut self.place, &autoboot_text(slots, self.partitions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions() -> Partitions {
        Partitions::new(2, 3).unwrap()
    }

    #[test]
    fn a_trial_is_the_flags_partition_and_the_good_slot_rests() {
        let mut slots = Slots::fresh(Slot::A);
        slots.commit(Slot::A);
        slots.try_next(Slot::B, Slot::A).unwrap();
        let bytes = autoboot_text(&slots, partitions());
        assert_eq!((chosen(&bytes, false), chosen(&bytes, true)), (Some(2), Some(3)));
        assert!(bytes.starts_with(
            b"[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n# slots order=BA left=33 good=A-\n\n"
        ));
        slots.commit(Slot::B);
        let bytes = autoboot_text(&slots, partitions());
        assert_eq!((chosen(&bytes, false), chosen(&bytes, true)), (Some(3), Some(2)));
    }

    #[test]
    fn lines_that_contradict_the_state_are_a_fault() {
        let text = String::from_utf8(autoboot_text(&Slots::unknown(), partitions())).unwrap();
        let forged = text.replacen("boot_partition=2", "boot_partition=9", 1);
        assert_eq!(parse_autoboot(forged.as_bytes(), partitions()), Err(AutobootFault::Disagrees));
        assert_eq!(parse_autoboot(b"", partitions()), Err(AutobootFault::Length(0)));
        assert_eq!(parse_autoboot(&[0; 512], partitions()), Err(AutobootFault::NoState));
    }

    #[test]
    fn partitions_are_two_different_digits() {
        assert_eq!(Partitions::new(2, 2), None);
        assert_eq!(Partitions::new(0, 2), None);
        assert_eq!(Partitions::new(2, 10), None);
    }
}
