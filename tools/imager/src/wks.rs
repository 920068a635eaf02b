//! The partitions of a card in the words of wic, the tool of OpenEmbedded that lays out disks.
//!
//! The same list that genimage is told (`card::parts`): a kickstart file has one line a partition, in the order of their numbers. It is
//! kept in `meta-ledger/files/wic` and compared by `cargo xtask layer`.

use crate::{
    board::Board,
    card::{ALIGN_MIB, id, partitions, raw_name},
};

/// What wic is told of a board's card.
pub fn text(board: &Board) -> String {
    let table = if board.card.hybrid { "gpt-hybrid" } else { "gpt" };
    let mut text = format!(
        "# short-description: {}\n# Made by `cargo xtask layer --write` of board/{}/image.toml.\n",
        board.title, board.name
    );
    for raw in &board.firmware.raw {
        let (name, kib) = (raw_name(raw.kib), raw.kib);
        text += &format!(
            "part --source rawcopy --sourceparams=\"file=${{LEDGER_PARTS}}/{name}\" --offset {kib}K --no-table\n"
        );
    }
    for (at, partition) in partitions(&board.card).iter().enumerate() {
        let (name, file, mib) = (partition.name, partition.file, partition.mib);
        let kind = if name == "boot" { BASIC_DATA } else { LINUX };
        let old = if board.card.hybrid && name == "boot" { " --mbr --active" } else { "" };
        let align = ALIGN_MIB << 10;
        text += &format!(
            "part --source rawcopy --sourceparams=\"file=${{LEDGER_PARTS}}/{file}\" --part-name {name} --part-type {kind} --uuid {} --fixed-size {mib}M --align {align}{old}\n",
            id(at + 1)
        );
    }
    text + &format!("bootloader --ptable {table}\n")
}

/// Types of partitions in a GPT.
const BASIC_DATA: &str = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7";
const LINUX: &str = "0fc63daf-8483-4772-8e79-3d69d8477de4";
