//! Scripts for U-Boot: the wrapper with checksums that `source` asks for, and the one that lies in a slot.
//!
//! `script_image` is `mkimage -T script` without the date, so that the same text makes the same bytes. A slot's script loads its
//! files, compares their checksums, and starts the kernel; when anything is amiss it comes back, and boot.cmd restarts
//! the board, one attempt poorer.

use std::fmt::Write;

/// The legacy image header.
pub const SCRIPT_HEADER_BYTES: usize = 64;
const MAGIC: u32 = 0x2705_1956;
const OS_LINUX: u8 = 5;
const ARCH_ARM: u8 = 2;
const TYPE_SCRIPT: u8 = 6;
const NO_COMPRESSION: u8 = 0;

/// A script as U-Boot's `source` takes it.
pub fn script_image(text: &str) -> Vec<u8> {
    let mut data = Vec::with_capacity(text.len() + 8);
    // A list of lengths, ended by 0, with one entry.
    data.extend_from_slice(&be(text.len()));
    data.extend_from_slice(&be(0));
    data.extend_from_slice(text.as_bytes());

    let mut header = Vec::with_capacity(SCRIPT_HEADER_BYTES);
    header.extend_from_slice(&MAGIC.to_be_bytes());
    header.extend_from_slice(&[0; 4]); // the header's checksum, taken with zeros here
    header.extend_from_slice(&[0; 4]); // the date: none
    header.extend_from_slice(&be(data.len()));
    header.extend_from_slice(&[0; 8]); // load address and entry point
    header.extend_from_slice(&crc32fast::hash(&data).to_be_bytes());
    header.extend_from_slice(&[OS_LINUX, ARCH_ARM, TYPE_SCRIPT, NO_COMPRESSION]);
    header.resize(SCRIPT_HEADER_BYTES, 0); // the name: none
    let sum = crc32fast::hash(&header);
    header[4..8].copy_from_slice(&sum.to_be_bytes());
    header.extend(data);
    header
}

fn be(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("because a script is far shorter than 4 GiB").to_be_bytes()
}

/// A file of a slot's boot partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotFile {
    /// Its name there.
    pub name: String,
    /// Where it is loaded to: an address, or a variable of U-Boot as `${kernel_addr_r}`.
    pub address: String,
    /// The CRC-32 (IEEE) of its bytes.
    pub sum: u32,
}

impl SlotFile {
    /// The file with these bytes.
    pub fn new(name: &str, address: &str, bytes: &[u8]) -> Self {
        Self { name: name.to_owned(), address: address.to_owned(), sum: crc32fast::hash(bytes) }
    }
}

/// A device tree, and the boards that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceTree {
    /// What U-Boot's `${fdtfile}` says on such a board.
    pub board: String,
    /// The tree.
    pub file: SlotFile,
}

/// What `slot.scr` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotScript {
    /// What is loaded and compared, in this order.
    pub files: Vec<SlotFile>,
    /// Of these the board's own is loaded, and a board that has none here does not start. Empty: it needs none of the slot.
    pub device_trees: Vec<DeviceTree>,
    /// The kernel's command line. `${root_uuid}` is the slot's root partition; the slot's own arguments are added.
    pub args: String,
    /// The command that starts the kernel.
    pub start: String,
}

impl SlotScript {
    /// The script's text.
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# Starts the kernel of this slot; called by boot.scr, which counted the attempt.\n",
        );
        text.push_str("setenv whole yes\n");
        for file in &self.files {
            check(&mut text, file);
        }
        choose(&mut text, &self.device_trees);
        let args = self.args.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(text, "if test -n \"${{whole}}\"; then");
        let _ = writeln!(text, "    setenv bootargs \"{args} ${{slot_args}}\"");
        let _ = writeln!(text, "    {}\nfi", self.start);
        text
    }
}

/// Loads the tree of the board that this is.
fn choose(text: &mut String, trees: &[DeviceTree]) {
    if trees.is_empty() {
        return;
    }
    text.push_str("setenv tree\n");
    for DeviceTree { board, file } in trees {
        let _ = writeln!(text, "if test \"${{fdtfile}}\" = \"{board}\"; then setenv tree yes");
        check(text, file);
        text.push_str("fi\n");
    }
    text.push_str(
        "if test -z \"${tree}\"; then setenv whole; echo \"ledger: no device tree for ${fdtfile}\"; fi\n",
    );
}

/// The file's checksum at `${m}4004`, by boot.scr's `least_first`; what it should be at `${m}4008`.
fn check(text: &mut String, file: &SlotFile) {
    let SlotFile { name, address, sum } = file;
    let _ = writeln!(text, "if load ${{devtype}} ${{devnum}}:${{boot_part}} {address} {name}; then");
    let _ = writeln!(text, "    crc32 {address} ${{filesize}} ${{m}}4000; run least_first");
    for (at, byte) in ["8", "9", "a", "b"].into_iter().zip(sum.to_le_bytes()) {
        let _ = writeln!(text, "    mw.b ${{m}}400{at} {byte:02x} 1");
    }
    let _ = writeln!(text, "    cmp.b ${{m}}4004 ${{m}}4008 4 || setenv whole\nelse setenv whole; fi");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_whose_tree_is_not_in_the_slot_does_not_start() {
        let tree = |board: &str| DeviceTree {
            board: board.to_owned(),
            file: SlotFile::new(board, "${fdt_addr_r}", board.as_bytes()),
        };
        let script = |device_trees| SlotScript {
            files: vec![],
            device_trees,
            args: String::new(),
            start: "booti 0".to_owned(),
        };
        let text = script(vec![tree("black.dtb"), tree("green.dtb")]).text();
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
        assert!(at("\"${fdtfile}\" = \"green.dtb\"") < at("${fdt_addr_r} green.dtb"));
        assert!(at("if test -z \"${tree}\"; then setenv whole") < at("booti 0"));
        assert!(!script(vec![]).text().contains("tree"), "a board that needs none is not asked");
    }
}
