//! Every torn write of every change: the old state stands, or the new one, and the box starts.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod common;

use common::{Fault, Memory, every_next, every_state};
use slots::{
    Autoboot, BootState, GrubEnv, GrubVars, Pair, Partitions, SaveError, Slot, Slots, UBoot, autoboot_text,
    chosen, fresh_copies,
};

/// Small copies, so that every byte of every change can be tried.
const SMALL: usize = 64;

/// An environment in memory, and its two places to be harmed.
fn uboot(copies: [Vec<u8>; 2], size: usize) -> (UBoot<Memory>, [Memory; 2]) {
    let places = copies.map(Memory::new);
    (UBoot::new(places.clone(), size), places)
}

/// The copies of a state, saved so often that each of the four flags has its turn.
fn copies_of(slots: &Slots, saves: usize, size: usize) -> [Vec<u8>; 2] {
    let (mut state, places) = uboot(fresh_copies(slots, size).unwrap(), size);
    for _ in 0..saves {
        state.save(slots).unwrap();
    }
    places.map(|place| place.bytes())
}

/// Cuts the saving of `new` over `copies` in this way, and looks what is left.
fn cut(copies: &[Vec<u8>; 2], new: &Slots, size: usize, fault: Fault) -> Slots {
    let (mut state, places) = uboot(copies.clone(), size);
    let target = Pair::parse(&copies[0], &copies[1]).unwrap().current.other();
    let at = usize::from(target == slots::Copy::Second);
    places[at].fault(fault);
    // The power goes for all of the card at once.
    places[1 - at].fault(Fault::Refuses);
    assert!(state.save(new).is_err());
    let after = places.map(|place| place.bytes());
    let (mut state, _) = uboot(after, size);
    let left = state.load().expect("one copy is always whole");
    state.save(new).expect("what was torn is written over");
    assert_eq!(state.load().unwrap(), *new);
    left
}

#[test]
fn a_change_that_is_cut_at_any_byte_is_the_old_state_or_the_new() {
    for old in every_state() {
        for (saves, new) in every_next(&old).iter().enumerate() {
            let copies = copies_of(&old, saves, SMALL);
            for at in 0..=SMALL {
                let left = cut(&copies, new, SMALL, Fault::CutAfter(at));
                assert!(left == old || left == *new, "{old:?} to {new:?} at {at}: {left:?}");
            }
        }
    }
}

#[test]
fn a_change_of_which_any_sectors_are_written_is_the_old_state_or_the_new() {
    for old in every_state() {
        for (saves, new) in every_next(&old).iter().enumerate() {
            let copies = copies_of(&old, saves, SMALL);
            for mask in 0..1 << 6 {
                let left = cut(&copies, new, SMALL, Fault::Sectors { bytes: SMALL.div_ceil(6), mask });
                assert!(left == old || left == *new, "{old:?} to {new:?} sectors {mask:b}: {left:?}");
            }
        }
    }
}

#[test]
fn a_copy_of_the_real_size_is_cut_at_any_byte() {
    const SIZE: usize = UBoot::<Memory>::SIZE;
    let old = Slots::fresh(Slot::A);
    let mut new = old;
    new.boot();
    let copies = copies_of(&old, 2, SIZE);
    for at in 0..=SIZE {
        let left = cut(&copies, &new, SIZE, Fault::CutAfter(at));
        assert!(left == old || left == new, "at {at}: {left:?}");
    }
}

#[test]
fn a_copy_that_cannot_be_written_any_more_does_not_stop_the_count() {
    for fault in [Fault::Refuses, Fault::Lies, Fault::Dead] {
        for worn in 0..2 {
            let (mut state, places) = uboot(copies_of(&Slots::fresh(Slot::A), 1, SMALL), SMALL);
            places[worn].fault(fault);
            let mut slots = state.load().unwrap();
            for _ in 0..9 {
                slots.boot();
                state.save(&slots).unwrap();
                assert_eq!(state.load().unwrap(), slots, "{fault:?} of copy {worn}");
            }
        }
    }
}

#[test]
fn a_card_that_takes_nothing_is_an_error_and_keeps_the_state() {
    let (mut state, places) = uboot(copies_of(&Slots::fresh(Slot::A), 1, SMALL), SMALL);
    places.iter().for_each(|place| place.fault(Fault::Lies));
    assert!(matches!(state.save(&Slots::unknown()), Err(SaveError::ReadBack)));
    assert_eq!(state.load().unwrap(), Slots::fresh(Slot::A));
}

#[test]
fn two_copies_that_are_lost_are_begun_anew() {
    let (mut state, _) = uboot([vec![0xff; SMALL], vec![0; SMALL]], SMALL);
    assert!(state.load().is_err());
    state.save(&Slots::fresh(Slot::B)).unwrap();
    assert_eq!(state.load().unwrap(), Slots::fresh(Slot::B));
}

/// The slots that the firmware boots from a file, without and with the flag.
fn firmware(bytes: &[u8]) -> [Slot; 2] {
    [false, true].map(|tryboot| match chosen(bytes, tryboot) {
        Some(2) => Slot::A,
        Some(3) => Slot::B,
        other => panic!("the firmware would boot partition {other:?}"),
    })
}

#[test]
fn the_pi_boots_what_may_boot_from_an_autoboot_txt_torn_at_any_byte() {
    let partitions = Partitions::new(2, 3).unwrap();
    for old in every_state() {
        let before = autoboot_text(&old, partitions);
        for new in every_next(&old) {
            let after = autoboot_text(&new, partitions);
            // A cut between two bytes that do not change is the cut before them.
            for at in (1..=before.len()).filter(|at| before[at - 1] != after[at - 1]) {
                let place = Memory::new(before.clone());
                place.fault(Fault::CutAfter(at));
                assert!(Autoboot::new(place.clone(), partitions).save(&new).is_err());
                for slot in firmware(&place.bytes()) {
                    assert!(old.order().has(slot) || new.order().has(slot), "{old:?} to {new:?} at {at}");
                }
            }
        }
    }
}

#[test]
fn every_state_reads_back_from_autoboot_txt_and_from_grubenv() {
    let partitions = Partitions::new(2, 3).unwrap();
    for slots in every_state() {
        let mut autoboot = Autoboot::new(Memory::new(vec![0; 512]), partitions);
        autoboot.save(&slots).unwrap();
        assert_eq!(autoboot.load().unwrap(), slots);
        let mut grubenv = GrubEnv::new(Memory::new(vec![0; 1024]));
        grubenv.save(&slots).unwrap();
        assert_eq!(grubenv.load().unwrap(), slots);
    }
}

#[test]
fn grubenv_and_autoboot_txt_change_in_their_first_sector_alone() {
    let place = Memory::new(vec![0; 1024]);
    let mut grubenv = GrubEnv::new(place.clone());
    grubenv.save(&Slots::unknown()).unwrap();
    for old in every_state() {
        grubenv.save(&old).unwrap();
        let before = place.bytes();
        for new in every_next(&old) {
            let mut after = GrubVars::parse(&before).unwrap();
            after.set_slots(&new).unwrap();
            assert_eq!(after.to_bytes().unwrap()[512..], before[512..]);
        }
    }
    assert_eq!(autoboot_text(&Slots::unknown(), Partitions::new(2, 3).unwrap()).len(), 512);
}

#[test]
fn other_variables_of_the_environment_stay() {
    let (mut state, _) = uboot(fresh_copies(&Slots::fresh(Slot::A), 128).unwrap(), 128);
    let mut env = state.pair().unwrap().unwrap().env;
    env.set("BOOT_NOTE", "height=7").unwrap();
    let (mut noted, _) = uboot([env.to_bytes(1, 128).unwrap(), vec![0; 128]], 128);
    noted.save(&Slots::unknown()).unwrap();
    assert_eq!(noted.pair().unwrap().unwrap().env.get("BOOT_NOTE"), Some("height=7"));
    state.save(&Slots::unknown()).unwrap();
    assert_eq!(state.pair().unwrap().unwrap().env.get("BOOT_NOTE"), None);
}
