//! `image-test`: the image does its work, in QEMU, from the boot loader on.
//!
//! Readers, lines, a power cut (`door`, and `pi` for a Raspberry Pi); slots that go bad (`rollback`); data that goes bad (`data`); an update through the ledger
//! (`update`, asked for by that word, and `update_cuts` if `--cuts N` stands beside it); power cuts at random moments (`cuts`, asked for
//! by `--cuts N`); figures (`measure`, asked for by `--measure`). Not a part of `test`: kernel and programs alone would
//! take half of its time.

mod cache;
mod cuts;
mod data;
mod door;
mod inside;
mod log;
mod machine;
mod measure;
mod monitor;
mod pi;
mod random;
mod rollback;
mod update;
mod update_cuts;

use self::{inside::Key, machine::Bench};
use crate::{
    image, packages,
    shell::{Done, say},
};
use std::fs;

/// The board whose pins QEMU plays, and not gpio-sim.
const PI: &str = "raspberrypi";

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    board: String,
    door: bool,
    rollback: bool,
    data: bool,
    update: bool,
    cuts: Option<usize>,
    seed: u64,
    measure: bool,
    built: bool,
}

impl Wish {
    fn parse(args: &[String]) -> Done<Self> {
        let board = "qemu-aarch64".to_owned();
        let mut wish = Self {
            board,
            door: false,
            rollback: false,
            data: false,
            update: false,
            cuts: None,
            seed: 1,
            measure: false,
            built: false,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut number = || {
                let value = args.next().ok_or_else(|| format!("{arg} wants a number"))?;
                value.parse::<u64>().map_err(|_| format!("{arg} wants a number, not {value:?}"))
            };
            match arg.as_str() {
                "door" => wish.door = true,
                "rollback" => wish.rollback = true,
                "data" => wish.data = true,
                "update" => wish.update = true,
                "--cuts" => wish.cuts = Some(number()?.try_into()?),
                "--seed" => wish.seed = number()?,
                "--measure" => wish.measure = true,
                "--built" => wish.built = true,
                other if other.starts_with('-') => return Err(format!("image-test knows no {other}").into()),
                other => wish.board = other.to_owned(),
            }
        }
        if !(wish.door || wish.rollback || wish.data || wish.update || wish.measure || wish.cuts.is_some()) {
            (wish.door, wish.rollback, wish.data) = (true, true, true);
        }
        Ok(wish)
    }
}

/// `image-test [BOARD] [door] [rollback] [data] [update] [--cuts N] [--seed S] [--measure] [--built]`.
pub fn run_chore(args: &[String]) -> Done {
    let mut wish = Wish::parse(args)?;
    packages::for_qemu()?;
    let image = if wish.built { image::as_built(&wish.board)? } else { image::build(&wish.board)? };
    // Cuts take long: other parts may run beside them.
    let folder = image::folder(&wish.board)?.join(if wish.cuts.is_some() { "test-cuts" } else { "test" });
    fs::create_dir_all(&folder)?;
    let bench = Bench { image: &image, folder, outlet: None };
    let key = Key::new(&bench)?;
    if wish.door || wish.rollback || wish.data {
        let card = if wish.board == PI { pi::run(&bench, &key)? } else { door::run(&bench, &key)? };
        if wish.rollback {
            rollback::run(&bench, &key, &card)?;
        }
        if wish.data {
            data::run(&bench, &card)?;
        }
    }
    if wish.update {
        update::run(&image, &bench.file("update"), wish.cuts.take().unwrap_or_default(), wish.seed)?;
    }
    if wish.measure {
        measure::run(&bench, &key)?;
    }
    if let Some(cuts) = wish.cuts {
        cuts::run(&bench, &key, cuts, wish.seed)?;
    }
    say("image-test: all of it is as it should be");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Done<Wish> {
        Wish::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn nothing_asked_for_is_all_but_the_long_ones() {
        let wish = parse(&[]).unwrap();
        assert!(wish.door && wish.rollback && wish.data && !wish.measure);
        assert_eq!(wish.cuts, None);
        assert_eq!(wish.board, "qemu-aarch64");
    }

    #[test]
    fn parts_and_numbers_are_taken() {
        let wish = parse(&["qemu-arm", "rollback", "--cuts", "200", "--seed", "7"]).unwrap();
        assert_eq!((wish.door, wish.rollback, wish.cuts, wish.seed), (false, true, Some(200), 7));
        assert_eq!(wish.board, "qemu-arm");
        assert!(parse(&["--cuts", "many"]).unwrap_err().to_string().contains("--cuts wants a number"));
        assert!(parse(&["--cut", "3"]).is_err());
    }
}
