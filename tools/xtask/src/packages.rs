//! Debian packages that a chore needs and the machine lacks.

use crate::{
    root::is_root,
    shell::{Done, command, have, run, say},
};
use std::{
    io::{BufRead, IsTerminal},
    path::Path,
};

/// A package, and how to see that it is there.
struct Package {
    name: &'static str,
    there: fn() -> bool,
}

/// What building and running needs.
const BUILD: &[Package] = &[
    Package { name: "gcc", there: || have("cc") },
    Package { name: "libc6-dev", there: || Path::new("/usr/include/stdio.h").exists() },
    Package { name: "libseccomp-dev", there: || Path::new("/usr/include/seccomp.h").exists() },
    Package { name: "pkg-config", there: || have("pkg-config") },
    Package { name: "git", there: || have("git") },
];

/// What the tests need besides: the real peers.
const TEST: &[Package] = &[
    Package { name: "openssh-client", there: || have("ssh-keygen") },
    Package { name: "iproute2", there: || have("ip") },
    Package { name: "busybox-static", there: || have("busybox") },
    Package { name: "curl", there: || have("curl") },
    Package { name: "jq", there: || have("jq") },
    Package { name: "mosquitto", there: || Path::new("/usr/sbin/mosquitto").exists() },
    Package { name: "chromium", there: || have("chromium") },
    Package { name: "chromium-driver", there: || have("chromedriver") },
    Package { name: "qemu-system-arm", there: || have("qemu-system-aarch64") },
    Package { name: "u-boot-qemu", there: || Path::new("/usr/lib/u-boot/qemu_arm64/u-boot.bin").exists() },
    Package { name: "u-boot-tools", there: || have("dumpimage") },
    Package { name: "libubootenv-tool", there: || have("fw_printenv") },
    Package { name: "grub-common", there: || have("grub-editenv") },
    Package { name: "gdisk", there: || Path::new("/usr/sbin/sgdisk").exists() },
    Package { name: "casync", there: || have("casync") },
    Package { name: "mtools", there: || have("mcopy") },
    Package { name: "dosfstools", there: || have("mkfs.vfat") },
    Package { name: "e2fsprogs", there: || have("mkfs.ext4") },
    Package { name: "cryptsetup-bin", there: || have("veritysetup") },
];

/// What building an image needs besides, of whichever board.
const IMAGE: &[Package] = &[
    Package { name: "linux-source", there: || has_file("/usr/src", "linux-source-", ".tar.xz") },
    Package { name: "make", there: || have("make") },
    Package { name: "flex", there: || have("flex") },
    Package { name: "bison", there: || have("bison") },
    Package { name: "bc", there: || have("bc") },
    Package { name: "xz-utils", there: || have("xz") },
    Package { name: "libssl-dev", there: || Path::new("/usr/include/openssl/ssl.h").exists() },
    Package { name: "erofs-utils", there: || have("mkfs.erofs") },
    Package { name: "dosfstools", there: || have("mkfs.vfat") },
    Package { name: "mtools", there: || have("mcopy") },
    Package { name: "e2fsprogs", there: || have("mke2fs") },
    Package { name: "genimage", there: || have("genimage") },
    Package { name: "gdisk", there: || Path::new("/usr/sbin/sgdisk").exists() },
    Package { name: "device-tree-compiler", there: || have("dtc") },
];

/// The C compilers of the boards.
const CROSS_64: &[Package] = &[
    Package { name: "gcc-aarch64-linux-gnu", there: || have("aarch64-linux-gnu-gcc") },
    Package {
        name: "libc6-dev-arm64-cross",
        there: || Path::new("/usr/aarch64-linux-gnu/include/stdio.h").exists(),
    },
];
const CROSS_32: &[Package] = &[
    Package { name: "patch", there: || have("patch") },
    Package { name: "lld", there: || Path::new("/usr/bin/ld.lld").exists() },
    Package { name: "gcc-arm-linux-gnueabihf", there: || have("arm-linux-gnueabihf-gcc") },
    Package {
        name: "libc6-dev-armhf-cross",
        there: || Path::new("/usr/arm-linux-gnueabihf/include/stdio.h").exists(),
    },
];

/// What playing a board needs.
const QEMU: &[Package] = &[
    Package { name: "qemu-system-arm", there: || have("qemu-system-aarch64") },
    Package { name: "u-boot-qemu", there: || Path::new("/usr/lib/u-boot/qemu_arm64/u-boot.bin").exists() },
    Package { name: "curl", there: || have("curl") },
    Package { name: "openssh-client", there: || have("ssh") },
];

/// What writing a card needs.
const FLASH: &[Package] = &[Package { name: "mtools", there: || have("mcopy") }];

/// What looking at the layer for Yocto and Buildroot needs.
const LAYER: &[Package] = &[
    Package { name: "python3-venv", there: has_venv },
    Package { name: "shellcheck", there: || have("shellcheck") },
];

/// What the benches need besides.
const BENCH: &[Package] = &[
    Package { name: "runc", there: || have("runc") },
    Package { name: "crun", there: || have("crun") },
    Package { name: "zchunk", there: || have("zck") },
    Package { name: "xdelta3", there: || have("xdelta3") },
    Package { name: "zstd", there: || have("zstd") },
    Package { name: "xz-utils", there: || have("xz") },
    Package { name: "mmdebstrap", there: || have("mmdebstrap") },
    Package { name: "time", there: || Path::new("/usr/bin/time").exists() },
    Package { name: "rauc", there: || have("rauc") },
    Package { name: "squashfs-tools", there: || have("mksquashfs") },
    Package { name: "dbus-daemon", there: || have("dbus-daemon") },
    Package { name: "openssl", there: || have("openssl") },
    Package { name: "procps", there: || have("pkill") },
    Package { name: "erofs-utils", there: || have("mkfs.erofs") },
];

/// Installs what building misses.
pub fn for_build() -> Done {
    install(&[BUILD])
}

/// Installs what the tests miss.
pub fn for_tests() -> Done {
    install(&[BUILD, TEST])
}

/// Installs what the benches miss.
pub fn for_benches() -> Done {
    install(&[BUILD, TEST, BENCH])
}

/// Installs what an image for a 64 or a 32 bit board misses.
pub fn for_image(is_64_bit: bool) -> Done {
    install(&[BUILD, IMAGE, if is_64_bit { CROSS_64 } else { CROSS_32 }])
}

/// Installs what playing a board misses.
pub fn for_qemu() -> Done {
    install(&[QEMU])
}

/// Installs what writing a card misses.
pub fn for_flash() -> Done {
    install(&[FLASH])
}

/// Installs what looking at the layer misses.
pub fn for_layer() -> Done {
    install(&[LAYER])
}

/// Whether this Python makes environments of its own: Debian keeps a part of that in a package beside it.
fn has_venv() -> bool {
    command("python3").args(["-c", "import venv, ensurepip"]).status().is_ok_and(|status| status.success())
}

/// Whether a folder has a file whose name begins and ends so.
fn has_file(folder: &str, begin: &str, end: &str) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(begin) && name.ends_with(end)
    })
}

fn install(sets: &[&[Package]]) -> Done {
    let missing: Vec<&str> =
        sets.iter().flat_map(|set| set.iter()).filter(|p| !(p.there)()).map(|p| p.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !have("apt-get") {
        return Err(
            format!("these packages are missing, and there is no apt-get: {}", missing.join(" ")).into()
        );
    }
    if !is_root() && !have("sudo") {
        let list = missing.join(" ");
        return Err(format!("as root, run: apt-get install --no-install-recommends {list}").into());
    }
    agree(&missing)?;
    run(apt().args(["update", "-qq"]))?;
    run(apt().args(["install", "-qq", "-y", "--no-install-recommends"]).args(&missing))
}

/// At a terminal nothing is installed without a yes.
fn agree(missing: &[&str]) -> Done {
    if !std::io::stdin().is_terminal() || std::env::var_os("CI").is_some() {
        return Ok(());
    }
    say(&format!("These Debian packages are missing: {}. Install them now? [Y/n] ", missing.join(" ")));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim() {
        "" | "y" | "Y" | "yes" => Ok(()),
        _ => Err("nothing was installed".into()),
    }
}

fn apt() -> std::process::Command {
    if is_root() {
        let mut apt = command("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        return apt;
    }
    let mut sudo = command("sudo");
    sudo.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    sudo
}
