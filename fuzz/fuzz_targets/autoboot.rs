//! Any bytes as autoboot.txt: an error, or the very file that its state makes, whose choice is a slot of ours.
#![no_main]

use libfuzzer_sys::fuzz_target;
use slots::{Partitions, autoboot_text, chosen, parse_autoboot};

fuzz_target!(|bytes: &[u8]| {
    let partitions = Partitions::new(2, 3).expect("because they are two digits");
    let choices = [chosen(bytes, false), chosen(bytes, true)];
    if let Ok(slots) = parse_autoboot(bytes, partitions) {
        assert_eq!(autoboot_text(&slots, partitions), bytes);
        assert!(choices.iter().all(|choice| matches!(choice, Some(2 | 3))));
    }
});
