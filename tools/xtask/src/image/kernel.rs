//! The kernel of an architecture: Debian's source, `tinyconfig`, and the fragments of all its boards.
//!
//! So the kernel that the tests boot in QEMU is the one on a Pi or a BeagleBone, to the byte. Kept in the cache by the hash of source, compiler and fragments. The folder it is built in is kept as well, so that
//! a changed option builds what hangs on it. A line of a fragment that did not stick is an error: an option that another
//! one forbids would else be missed on the box. Nothing of when and where it is built is in it.

use super::{board::Board, cache};
use crate::shell::{Done, command, output, run, say};
use imager::{arch::Arch, options};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread::available_parallelism,
};

/// The kernel and its configuration.
pub struct Built {
    /// The file that U-Boot loads.
    pub image: PathBuf,
}

/// The kernel of a board.
pub fn build(board: &Board) -> Done<Built> {
    let source = Source::find()?;
    let fragment = options::text(&options::fragments(&board.boards, board.arch)?)?;
    let compiler = output(command(board.arch.gcc()).arg("--version"))?;
    let arch = board.arch.kernel();
    let hash = cache::hash(&[&source.version, &compiler, arch, &board.kernel.image, &fragment]);
    let place = cache::made("kernel", &hash, |place| {
        say(&format!("The kernel of {arch} is built once: some 15 minutes of a processor."));
        let build = cache::folder("kernel-build")?.join(arch);
        configure(&source, board.arch, &build, &fragment)?;
        run(make(&source, board.arch, &build)?.arg(&board.kernel.image))?;
        let image = build.join("arch").join(arch).join("boot").join(&board.kernel.image);
        fs::copy(&image, place.join(&board.kernel.image))?;
        fs::copy(build.join(".config"), place.join("config"))?;
        Ok(())
    })?;
    Ok(Built { image: place.join(&board.kernel.image) })
}

fn configure(source: &Source, arch: Arch, build: &Path, fragment: &str) -> Done {
    fs::create_dir_all(build)?;
    run(make(source, arch, build)?.arg("tinyconfig"))?;
    let config = build.join(".config");
    let tiny = fs::read_to_string(&config)?;
    fs::write(&config, tiny + fragment)?;
    run(make(source, arch, build)?.arg("olddefconfig"))?;
    options::check(fragment, &fs::read_to_string(&config)?)
}

fn make(source: &Source, arch: Arch, build: &Path) -> Done<Command> {
    let mut make = command("make");
    make.current_dir(build).arg("-s").arg(format!("-j{}", available_parallelism()?));
    make.arg("-C").arg(&source.folder).arg(format!("O={}", build.display()));
    make.arg(format!("ARCH={}", arch.kernel())).arg(format!("CROSS_COMPILE={}-", arch.triple()));
    make.env("KBUILD_BUILD_TIMESTAMP", "1970-01-01 00:00:00 +0000").env("KBUILD_BUILD_VERSION", "1");
    make.env("KBUILD_BUILD_USER", "ledger").env("KBUILD_BUILD_HOST", "ledger");
    Ok(make)
}

/// Debian's kernel source, unpacked into the cache.
pub struct Source {
    version: String,
    /// Where it lies.
    pub folder: PathBuf,
}

impl Source {
    /// The one that the package `linux-source` brought; unpacks it if it is another than before.
    pub fn find() -> Done<Self> {
        let tar = newest(Path::new("/usr/src"))?.ok_or("no /usr/src/linux-source-*.tar.xz")?;
        let name = tar.file_name().unwrap_or_default().to_string_lossy().replace(".tar.xz", "");
        let version = output(command("dpkg-query").args(["-W", "-f", "${Version}", &name]))?;
        let folder = cache::folder("kernel-source")?.join(&version);
        if !folder.exists() {
            let fresh = folder.with_extension("new");
            if fresh.exists() {
                fs::remove_dir_all(&fresh)?;
            }
            fs::create_dir_all(&fresh)?;
            run(command("tar").args(["--strip-components=1", "-C"]).arg(&fresh).arg("-xf").arg(&tar))?;
            fs::rename(&fresh, &folder)?;
        }
        Ok(Self { version, folder })
    }
}

fn newest(folder: &Path) -> Done<Option<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("linux-source-") && name.ends_with(".tar.xz") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found.pop())
}
