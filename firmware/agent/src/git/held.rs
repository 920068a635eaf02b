//! Packs that somebody may be fetching, kept open.
//!
//! A clone asks for the list of packs and then for each; meanwhile a consolidation may merge them into one and remove
//! the old ones. So whoever asks for the list has every pack of it opened: a file that is open can be read after it is
//! removed. It is closed a while after it was last asked for, and there are only so many, so a removed pack takes up
//! room for a while and no longer.

use super::wanted::{PackFile, PackName};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a pack is kept open after it was last asked for.
pub const HELD_FOR: Duration = Duration::from_secs(10 * 60);
/// How many packs are kept open at most: two files each.
const HELD_MAX: usize = 48;

/// The packs of a repository, as those who clone see them.
pub struct Held {
    folder: PathBuf,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    packs: BTreeMap<PackName, Pack>,
    swept: bool,
}

struct Pack {
    pack: Arc<File>,
    index: Arc<File>,
    until: Duration,
}

/// Whether packs have to be looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Call [`Held::sweep`] again later.
    Again,
    /// Nothing is open.
    Done,
}

impl Held {
    /// The packs in a folder; none is open.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, book: Mutex::default() }
    }

    /// The packs that are there now, each open from here on.
    pub fn list(&self, now: Duration) -> io::Result<Vec<PackName>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let pack = name.to_str().and_then(|name| name.strip_suffix(".pack")).and_then(PackName::parse);
            if let Some(pack) = pack
                && self.hold(pack, now)?
            {
                names.push(pack);
            }
        }
        names.sort();
        Ok(names)
    }

    /// A pack or its index, also one that was removed meanwhile; none if it never was.
    pub fn open(&self, file: PackFile, now: Duration) -> io::Result<Option<Arc<File>>> {
        if !self.hold(file.pack, now)? {
            return Ok(None);
        }
        let book = self.book();
        Ok(book.packs.get(&file.pack).map(|held| if file.index { &held.index } else { &held.pack }.clone()))
    }

    /// Whether somebody has to begin to [`Held::sweep`]; it is said once.
    pub fn wants_sweep(&self) -> bool {
        let mut book = self.book();
        !book.packs.is_empty() && !std::mem::replace(&mut book.swept, true)
    }

    /// Closes what nobody has asked for.
    pub fn sweep(&self, now: Duration) -> Sweep {
        let mut book = self.book();
        book.packs.retain(|_, pack| now < pack.until);
        book.swept = !book.packs.is_empty();
        if book.swept { Sweep::Again } else { Sweep::Done }
    }

    /// Keeps a pack open for a while (again). Whether there is such a pack.
    fn hold(&self, name: PackName, now: Duration) -> io::Result<bool> {
        let (mut book, until) = (self.book(), now + HELD_FOR);
        if let Some(held) = book.packs.get_mut(&name) {
            held.until = until;
            return Ok(true);
        }
        let opened = |extension| open(self.folder.join(format!("{name}.{extension}")));
        let (Some(pack), Some(index)) = (opened("pack")?, opened("idx")?) else { return Ok(false) };
        book.packs.insert(name, Pack { pack, index, until });
        if book.packs.len() > HELD_MAX
            && let Some(oldest) = book.packs.iter().min_by_key(|(_, pack)| pack.until).map(|(name, _)| *name)
        {
            book.packs.remove(&oldest);
        }
        Ok(true)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: PathBuf) -> io::Result<Option<Arc<File>>> {
    match File::open(path) {
        Ok(file) => Ok(Some(Arc::new(file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Read, path::Path};

    const NOW: Duration = Duration::from_secs(1000);

    fn name(n: usize) -> PackName {
        PackName::parse(&format!("pack-{n:064x}")).unwrap()
    }

    fn put(folder: &Path, n: usize) {
        for extension in ["pack", "idx"] {
            fs::write(folder.join(format!("{}.{extension}", name(n))), format!("{extension} {n}")).unwrap();
        }
    }

    fn text(held: &Held, n: usize, now: Duration) -> Option<String> {
        let file = held.open(PackFile { pack: name(n), index: true }, now).unwrap()?;
        let mut text = String::new();
        file.as_ref().read_to_string(&mut text).unwrap();
        Some(text)
    }

    #[test]
    fn a_listed_pack_can_be_fetched_after_it_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), 1);
        fs::write(folder.path().join(format!("{}.pack", name(2))), "without an index").unwrap();
        let held = Held::new(folder.path().into());
        assert_eq!(held.list(NOW).unwrap(), [name(1)]);
        fs::remove_file(folder.path().join(format!("{}.pack", name(1)))).unwrap();
        fs::remove_file(folder.path().join(format!("{}.idx", name(1)))).unwrap();
        put(folder.path(), 3);
        assert_eq!(held.list(NOW).unwrap(), [name(3)]);
        assert_eq!(text(&held, 1, NOW).unwrap(), "idx 1");
        assert_eq!(text(&held, 2, NOW), None);
    }

    #[test]
    fn what_nobody_asks_for_is_closed_after_a_while() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), 1);
        let held = Held::new(folder.path().into());
        assert!(!held.wants_sweep());
        held.list(NOW).unwrap();
        assert!(held.wants_sweep() && !held.wants_sweep());
        fs::remove_file(folder.path().join(format!("{}.pack", name(1)))).unwrap();
        assert_eq!(held.sweep(NOW + HELD_FOR / 2), Sweep::Again);
        assert!(text(&held, 1, NOW + HELD_FOR / 2).is_some());
        assert_eq!(held.sweep(NOW + HELD_FOR), Sweep::Again, "it was asked for in between");
        assert_eq!(held.sweep(NOW + HELD_FOR * 2), Sweep::Done);
        assert_eq!(text(&held, 1, NOW + HELD_FOR * 2), None);
    }

    #[test]
    fn only_so_many_are_open_and_the_one_unused_longest_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let held = Held::new(folder.path().into());
        for n in 0..HELD_MAX + 5 {
            put(folder.path(), n);
            held.list(NOW + Duration::from_secs(n as u64)).unwrap();
            fs::remove_file(folder.path().join(format!("{}.pack", name(n)))).unwrap();
        }
        assert_eq!(held.book().packs.len(), HELD_MAX);
        assert_eq!(text(&held, 0, NOW), None);
        assert!(text(&held, HELD_MAX + 4, NOW).is_some());
    }
}
