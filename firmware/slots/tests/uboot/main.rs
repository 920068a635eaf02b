//! The boot script for real: Debian's U-Boot in QEMU, a card with two slots, kernels that only say their name.
//!
//! Its twin is `Slots::boot` with `UBoot::save`. From every state the script leaves the same bytes on the card, and
//! starts the same slot.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

mod board;
mod card;
#[path = "../common/mod.rs"]
mod common;
mod kernel;

use board::Board;
use card::{BOOT_CMD, Card, SIZE};
use common::{Memory, every_state};
use kernel::{Arch, words};
use slots::{BootState, Slot, Slots, UBoot, fresh_copies, script_image};

/// A good, B to be tried.
fn on_trial() -> Slots {
    let mut slots = Slots::fresh(Slot::A);
    slots.commit(Slot::A);
    slots.try_next(Slot::B, Slot::A).unwrap();
    slots
}

/// Starts the board once and waits for a kernel; answers with its slot.
fn start(board: &mut Board) -> Slot {
    board.boot_the_card();
    let (said, at) = board.wait_for_any(&Slot::BOTH.map(words).each_ref().map(String::as_str));
    assert!(said.contains("saved: yes"), "{said}");
    Slot::BOTH[at]
}

/// What the script should do with two copies: what it leaves there, and which slot it starts with how many attempts left.
fn twin(copies: &[Vec<u8>; 2]) -> ([Vec<u8>; 2], String) {
    let places = copies.clone().map(Memory::new);
    let mut state = UBoot::new(places.clone(), SIZE);
    let mut slots = state.load().unwrap_or(Slots::unknown());
    let boot = slots.boot();
    state.save(&slots).unwrap();
    let said = format!("slot {}, {} left, saved: yes", boot.slot, boot.left);
    (places.map(|place| place.bytes()), said)
}

/// Ways in which a card may hold a state: each flag of the round, foreign flags, one copy torn, the other, both.
fn ways_to_hold(slots: &Slots, older: &Slots, way: usize) -> [Vec<u8>; 2] {
    let places = fresh_copies(older, SIZE).unwrap().map(Memory::new);
    let mut state = UBoot::new(places.clone(), SIZE);
    (0..way % 4).for_each(|_| state.save(older).unwrap());
    state.save(slots).unwrap();
    let mut copies = places.map(|place| place.bytes());
    let foreign = [[254, 3], [254, 255], [7, 200], [255, 0], [0, 255], [9, 9]];
    match way % 10 {
        at @ 0..=5 if way % 20 >= 10 => {
            copies.iter_mut().zip(foreign[at]).for_each(|(copy, flag)| copy[4] = flag)
        }
        6 => copies[0][SIZE - 1] ^= 1,
        7 => copies[1][5] ^= 1,
        8 => copies.iter_mut().for_each(|copy| copy[100] ^= 1),
        _ => {}
    }
    copies
}

#[test]
fn from_every_state_the_script_does_what_its_twin_does() {
    let card = Card::new(Arch::Arm64, &Slots::unknown());
    let without_restart = BOOT_CMD.strip_suffix("sleep 1\nreset\n").expect("the script ends with a restart");
    card.put_in("boot", "twin.scr", &script_image(without_restart));
    Slot::BOTH.iter().for_each(|slot| card.put_slot(*slot, &script_image("echo STARTED ${slot}\n"), None));
    let mut board = Board::on(Arch::Arm64, &card);
    board.prompt();
    board.command("virtio scan; setenv devtype virtio; setenv devnum 0; load virtio 0:1 0x42000000 twin.scr");
    let mut older = Slots::unknown();
    for (way, slots) in every_state().iter().chain(&every_state()).enumerate() {
        let copies = ways_to_hold(slots, &older, way);
        card.put_copies(&copies);
        let said = board.command("source 0x42000000");
        let (should_hold, should_say) = twin(&copies);
        assert!(said.contains(&should_say), "{slots:?}, way {way}: not {should_say:?} but:\n{said}");
        assert!(card.copies() == should_hold, "{slots:?}, way {way}: the copies differ");
        older = *slots;
    }
}

#[test]
fn the_count_is_saved_before_the_kernel_starts_and_falls_back_after_three() {
    let card = Card::new(Arch::Arm64, &on_trial());
    let mut board = Board::on(Arch::Arm64, &card);
    let mut expected = on_trial();
    for round in 0..7 {
        let boot = expected.boot();
        assert_eq!(start(&mut board), boot.slot, "round {round}");
        // The kernel has just said its first words.
        assert_eq!(card.slots(), expected, "round {round}");
        assert_eq!(card.printenv("BOOT_B_LEFT"), expected.left(Slot::B).to_string());
        assert_eq!(card.printenv("BOOT_A_LEFT"), expected.left(Slot::A).to_string());
    }
    assert_eq!(expected.order().first(), Slot::B);
}

#[test]
fn a_slot_that_is_damaged_in_any_part_rolls_back_by_itself() {
    let card = Card::new(Arch::Arm64, &on_trial());
    let mut board = Board::on(Arch::Arm64, &card);
    let script = card::slot_script(Arch::Arm64, Slot::B);
    let mut kernel = kernel::kernel(Arch::Arm64, Slot::B);
    kernel[70] ^= 1;
    card.put_slot(Slot::B, &script, Some(&kernel));
    let refused = |board: &mut Board| {
        board.boot_the_card();
        board.wait_for("ledger: slot B did not start")
    };
    assert!(refused(&mut board).contains("!= byte at"), "the kernel's checksum");
    let mut torn = script.clone();
    *torn.last_mut().unwrap() ^= 1;
    card.put_slot(Slot::B, &torn, None);
    assert!(refused(&mut board).contains("Bad data crc"), "the script's checksum");
    card.wipe_slot(Slot::B);
    refused(&mut board);
    assert_eq!(start(&mut board), Slot::A);
    assert_eq!(card.printenv("BOOT_B_LEFT"), "0");
}

#[test]
fn a_kernel_is_told_its_slot_and_its_root() {
    let card = Card::new(Arch::Arm64, &on_trial());
    let mut board = Board::on(Arch::Arm64, &card);
    board.boot_the_card();
    let said = board.wait_for(&words(Slot::B));
    let args = said.lines().find_map(|line| line.strip_prefix("bootargs=")).unwrap();
    let (before, after) = card::ARGS.split_once("${root_uuid}").unwrap();
    let uuid = args.strip_prefix(before).unwrap().split('"').next().unwrap();
    assert_eq!(uuid.len(), 36);
    assert_eq!(args, format!("{before}{uuid}{after} ledger.slot=B ledger.left=2 ledger.saved=yes"));
}

#[test]
fn the_power_may_go_at_any_moment_of_a_start() {
    let card = Card::new(Arch::Arm64, &on_trial());
    let moments =
        ["Executing script", "virtio read", "virtio write", "saved:", "bootargs", "Starting kernel"];
    for moment in moments {
        let before = card.slots();
        let mut board = Board::on(Arch::Arm64, &card);
        board.boot_the_card();
        board.wait_for(moment);
        board.off();
        let mut counted = before;
        counted.boot();
        assert!([before, counted].contains(&card.slots()), "at {moment:?}: {:?}", card.slots());
    }
    let mut expected = card.slots();
    assert_eq!(start(&mut Board::on(Arch::Arm64, &card)), expected.boot().slot);
}

#[test]
fn a_card_that_takes_no_writes_boots_all_the_same_and_says_so() {
    let card = Card::new(Arch::Arm64, &on_trial());
    let mut board = Board::on_with_a_read_only_card(Arch::Arm64, &card);
    board.boot_the_card();
    let said = board.wait_for(&words(Slot::B));
    assert!(said.contains("ledger.saved=no"), "{said}");
    assert_eq!(card.slots(), on_trial());
}

#[test]
fn a_copy_that_cannot_be_written_any_more_does_not_stop_the_count() {
    for worn in Card::sectors() {
        let card = Card::new(Arch::Arm64, &on_trial());
        let mut board = Board::on_with_a_worn_sector(Arch::Arm64, &card, worn);
        let mut expected = on_trial();
        for _ in 0..3 {
            assert_eq!(start(&mut board), expected.boot().slot);
            assert_eq!(card.slots(), expected);
        }
    }
}

#[test]
fn the_same_script_serves_32_bits_and_u_boots_own_way_to_the_card() {
    let card = Card::new(Arch::Arm, &on_trial());
    let mut board = Board::on(Arch::Arm, &card);
    // No key is pressed: U-Boot waits, looks everywhere, and finds boot.scr.
    board.wait_for(&words(Slot::B));
    let mut expected = on_trial();
    expected.boot();
    assert_eq!(card.slots(), expected);
    for slot in [Slot::B, Slot::B, Slot::A] {
        assert_eq!(start(&mut board), slot);
    }
}
