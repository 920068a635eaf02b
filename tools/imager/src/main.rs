//! `ledger-image`: the steps from a board's folder, a kernel and a root to a card, one by one, for builders that are not ours.
//!
//! Buildroot's scripts and Yocto's recipes in `meta-ledger` call it and hold no logic. `--boards` is the folder `board` of the checkout that
//! the programs are of. The programs that it calls (mkfs.vfat, mtools, mke2fs, genimage, dtc, a C preprocessor) are found on the PATH. A
//! step that fails says why and ends with 1.

#![allow(clippy::print_stdout, reason = "a builder that asks for a text reads it here")]

use imager::{
    board::Board,
    bundle,
    card::{self, Contents},
    firmware::Source,
    options, overlay,
    recipe::Recipe,
    shell::Done,
    trees, verity, wks,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

const HELP: &str = "\
ledger-image STEP --boards FOLDER --board NAME ...

  overlay --root FOLDER          our files, the board's and its pins over a root
  programs --root FOLDER         fails if the root lacks a program that the box's scripts call
  options --config FILE --fragment FILE ...
                                 fails if lines of the fragments are not in the configuration
  fragments                      the fragments of the board's kernel, in one text
  kernel-options --config FILE   the same, with the fragments of the board's kernel
  trees --source FOLDER --compiler PROGRAM --to FOLDER
                                 the board's device trees, of the kernel's source
  parts --kernel FILE or FOLDER --root FILE [--trees FOLDER] [--firmware FOLDER] --to FOLDER
                                 all that a card consists of, and the update bundle: the root is a file system
  card --to FOLDER               those parts laid out by genimage, as card.img
  wks                            the partitions in the words of wic
";

/// What the slot's bundle is called.
const BUNDLE: &str = "update.tar";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match step(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ledger-image: {error}");
            ExitCode::FAILURE
        }
    }
}

fn step(words: &[String]) -> Done {
    let Some((step, rest)) = words.split_first() else { return Err(HELP.into()) };
    let ask = Ask::parse(rest)?;
    match step.as_str() {
        "overlay" => overlay::lay_over(&ask.board()?, ask.path("root")?),
        "programs" => programs(&ask),
        "options" => options::check(&options::text(&ask.paths("fragment"))?, &ask.text("config")?),
        "fragments" => {
            print!("{}", fragments(&ask)?);
            Ok(())
        }
        "kernel-options" => options::check(&fragments(&ask)?, &ask.text("config")?),
        "trees" => trees::build(&ask.board()?, ask.path("source")?, ask.one("compiler")?, ask.path("to")?)
            .map(|_| ()),
        "parts" => parts(&ask),
        "card" => card::genimage(&fs::canonicalize(ask.path("to")?)?),
        "wks" => {
            print!("{}", wks::text(&ask.board()?));
            Ok(())
        }
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no step {other:?}\n\n{HELP}").into()),
    }
}

fn fragments(ask: &Ask) -> Done<String> {
    let board = ask.board()?;
    options::text(&options::fragments(&board.boards, board.arch)?)
}

fn programs(ask: &Ask) -> Done {
    let lacks = Recipe::load(&ask.board()?)?.lacks(ask.path("root")?);
    if lacks.is_empty() {
        return Ok(());
    }
    Err(format!("the root lacks programs that the box's scripts call: {}", lacks.join(" ")).into())
}

fn parts(ask: &Ask) -> Done {
    let board = ask.board()?;
    let to = ask.path("to")?;
    fs::create_dir_all(to)?;
    let to = fs::canonicalize(to)?;
    let root = to.join("root.erofs");
    fs::copy(ask.path("root")?, &root).map_err(|e| format!("{}: {e}", root.display()))?;
    let verity = verity::seal(&root)?;
    let trees = match ask.path("trees") {
        Ok(folder) => trees::read(&board, folder)?,
        Err(_) if board.kernel.trees.is_empty() => Vec::new(),
        Err(error) => return Err(error),
    };
    let firmware = ask.path("firmware").map_or(Source::Nowhere, |folder| Source::Folder(folder.to_owned()));
    let kernel = ask.path("kernel")?;
    let kernel = if kernel.is_dir() { kernel.join(&board.kernel.image) } else { kernel.to_owned() };
    let contents = Contents { kernel: &kernel, trees: &trees, firmware: &firmware, verity: &verity };
    card::parts(&board, &contents, &to)?;
    bundle::write(&board, &verity, &to, &to.join(BUNDLE))
}

/// What a step is asked: words that begin with `--`, each with one value or several of the same name.
struct Ask(BTreeMap<String, Vec<String>>);

impl Ask {
    fn parse(words: &[String]) -> Done<Self> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in words.chunks(2) {
            let name = pair[0].strip_prefix("--").ok_or(format!("{:?} is not asked for", pair[0]))?;
            let value = pair.get(1).ok_or(format!("--{name} wants a value"))?;
            found.entry(name.to_owned()).or_default().push(value.clone());
        }
        Ok(Self(found))
    }

    fn one(&self, name: &str) -> Done<&str> {
        match self.0.get(name).map(Vec::as_slice) {
            Some([value]) => Ok(value),
            Some(_) => Err(format!("--{name} is there twice").into()),
            None => Err(format!("--{name} is missing").into()),
        }
    }

    fn path(&self, name: &str) -> Done<&Path> {
        Ok(Path::new(self.one(name)?))
    }

    fn paths(&self, name: &str) -> Vec<PathBuf> {
        self.0.get(name).into_iter().flatten().map(PathBuf::from).collect()
    }

    fn text(&self, name: &str) -> Done<String> {
        let path = self.path(name)?;
        Ok(fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?)
    }

    fn board(&self) -> Done<Board> {
        Board::load(self.path("boards")?, self.one("board")?)
    }
}
