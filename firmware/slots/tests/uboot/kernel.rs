//! Kernels of a hundred bytes: they say which slot they are on the serial line and restart the board.
//!
//! In QEMU's `virt` the serial line is a PL011 at 0x0900_0000, and a restart is PSCI's SYSTEM_RESET by `hvc`. Around that is
//! just enough header that `booti` and `bootz` take it for Linux.

/// What is booted on which machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arch {
    /// `qemu-system-aarch64`, `booti`.
    Arm64,
    /// `qemu-system-arm`, `bootz`.
    Arm,
}

/// What a kernel of this slot says.
pub fn words(slot: slots::Slot) -> String {
    format!("KERNEL {slot} RAN\r\n")
}

/// The kernel of a slot.
pub fn kernel(arch: Arch, slot: slots::Slot) -> Vec<u8> {
    let code: Vec<u32> = match arch {
        Arch::Arm64 => arm64().to_vec(),
        Arch::Arm => arm().to_vec(),
    };
    let mut bytes: Vec<u8> = code.into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend_from_slice(words(slot).as_bytes());
    bytes.push(0);
    bytes
}

/// The header of Documentation/arch/arm64/booting.rst, then the code.
fn arm64() -> [u32; 26] {
    let mut words = [0; 26];
    words[0] = 0x1400_0010; // b code
    words[4] = 0x1000; // size of the image
    words[14] = 0x644d_5241; // "ARM\x64"
    let code = [
        0x1000_0141, // adr x1, words
        0xd2a1_2002, // mov x2, 0x09000000
        0x3840_1423, // 1: ldrb w3, [x1], 1
        0x3400_0063, // cbz w3, 2f
        0x3900_0043, // strb w3, [x2]
        0x17ff_fffd, // b 1b
        0x52b0_8000, // 2: mov w0, 0x84000000
        0x7280_0120, // movk w0, 9: SYSTEM_RESET
        0xd400_0002, // hvc 0
        0x1400_0000, // b .
    ];
    words[16..].copy_from_slice(&code);
    words
}

/// The zImage header, then the code.
fn arm() -> [u32; 22] {
    let mut words = [0xe320_f000; 22]; // nop
    words[0] = 0xea00_000a; // b code
    words[9] = 0x016f_2818; // the magic number of a zImage
    words[10] = 0; // its begin
    words[11] = 0x1000; // its end
    let code = [
        0xe28f_1020, // adr r1, words
        0xe3a0_2409, // mov r2, 0x09000000
        0xe4d1_3001, // 1: ldrb r3, [r1], 1
        0xe353_0000, // cmp r3, 0
        0x15c2_3000, // strbne r3, [r2]
        0x1aff_fffb, // bne 1b
        0xe300_0009, // movw r0, 9: SYSTEM_RESET
        0xe348_0400, // movt r0, 0x8400
        0xe140_0070, // hvc 0
        0xeaff_fffe, // b .
    ];
    words[12..].copy_from_slice(&code);
    words
}
