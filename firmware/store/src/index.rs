//! A copy of the events to search in, in SQLite.
//!
//! Derived and nothing else: it may be deleted at any time, is never synced, and [`Index::catch_up`] makes it
//! again from the blocks. After a power cut or when SQLite finds damage it is thrown away on opening. Rows are
//! found by time, dapp, kind and text; each knows its block, or that it is in none yet. Memory: one page cache of
//! [`CACHE_KIB`].

mod blocks;
mod query;

pub use query::{Query, Row};

use blocks::BlockEvents;
use ledger::Objects;
use model::{BlockId, Event, Name};
use query::{signed, unsigned};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The file's name in a home.
pub const FILE: &str = "index.sqlite";
/// The number of the tables' layout; another one is thrown away.
const LAYOUT: i64 = 1;
/// SQLite's page cache.
const CACHE_KIB: i64 = 512;
/// Changes with each start of the machine: an index that was open over a power cut is not trusted.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

const TABLES: &str = "
    CREATE TABLE open (boot TEXT NOT NULL);
    CREATE TABLE blocks (id TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE events (
        node TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, dapp TEXT NOT NULL, kind TEXT NOT NULL,
        data TEXT NOT NULL, block TEXT, PRIMARY KEY (node, seq)) WITHOUT ROWID;
    CREATE INDEX by_time ON events (at, node, seq);
    CREATE INDEX by_kind ON events (dapp, kind, at);
";

/// An index that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file cannot be removed to be made anew.
    #[error("cannot remove the old index {}", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be synced.
    #[error("cannot sync the index {}", path.display())]
    Sync {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite failed.
    #[error("the index of events failed (it may be deleted, it is made again): cannot {doing}")]
    Sqlite {
        /// What we were doing.
        doing: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// A block or one of its files cannot be read.
    #[error(transparent)]
    Block(#[from] blocks::BlockEventsError),
}

/// Names what was done when SQLite fails.
trait Doing<T> {
    fn doing(self, verb: &'static str) -> Result<T, IndexError>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, verb: &'static str) -> Result<T, IndexError> {
        self.map_err(|source| IndexError::Sqlite { doing: verb, source })
    }
}

/// An open index.
pub struct Index {
    sqlite: Connection,
}

impl Index {
    /// Opens the index of the home folder `home`; an old, damaged or doubtful one is made anew, empty.
    pub fn open(home: &Path) -> Result<Self, IndexError> {
        let path = home.join(FILE);
        let boot = fs::read_to_string(BOOT_ID).unwrap_or_default();
        if let Ok(Some(sqlite)) = open_sound(&path, &boot) {
            return Ok(Self { sqlite });
        }
        for suffix in ["", "-journal"] {
            let file = home.join(format!("{FILE}{suffix}"));
            match fs::remove_file(&file) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(IndexError::Remove { path: file, source });
                }
                _ => {}
            }
        }
        make(&path, &boot).map(|sqlite| Self { sqlite }).doing("make it")
    }

    /// Says that the index is whole, so that the next opening trusts it also after a restart of the machine. All rows
    /// are synced before that word is written: a power cut between the two makes the index anew, at worst.
    pub fn close(self) -> Result<(), IndexError> {
        if let Some(path) = self.sqlite.path().map(PathBuf::from) {
            let synced = fs::File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(|source| IndexError::Sync { path, source })?;
        }
        self.sqlite.pragma_update(None, "synchronous", "FULL").doing("close it")?;
        self.sqlite.execute("DELETE FROM open", []).doing("close it")?;
        self.sqlite.close().map_err(|(_, source)| source).doing("close it")
    }

    /// Adds events that are durable but in no block yet. Events that are there already stay as they are.
    pub fn add(&mut self, node: &Name, events: &[Event]) -> Result<(), IndexError> {
        let transaction = self.sqlite.transaction().doing("begin")?;
        insert(&transaction, node, events, None)?;
        transaction.commit().doing("add events")
    }

    /// Adds the events of all blocks that `heads` reach and the index does not have; says how many events.
    /// `progress` hears that number as it grows.
    pub fn catch_up(
        &mut self,
        objects: &dyn Objects,
        heads: &[BlockId],
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, IndexError> {
        let (mut waiting, mut added) = (heads.to_vec(), 0);
        let transaction = self.sqlite.transaction().doing("begin")?;
        while let Some(block) = waiting.pop() {
            if !note_block(&transaction, block)? {
                continue;
            }
            let BlockEvents { parents, log } = blocks::read(objects, block)?;
            if let Some((node, events)) = log {
                insert(&transaction, &node, &events, Some(block))?;
                added += events.len() as u64;
                progress(added);
            }
            waiting.extend(parents);
        }
        transaction.commit().doing("add blocks")?;
        Ok(added)
    }

    /// The events that a query asks for.
    pub fn query(&self, query: &Query) -> Result<Vec<Row>, IndexError> {
        query::run(&self.sqlite, query).doing("search")
    }

    /// How many events there are.
    pub fn len(&self) -> Result<u64, IndexError> {
        self.sqlite.query_row("SELECT count(*) FROM events", [], |row| unsigned(row, 0)).doing("count")
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> Result<bool, IndexError> {
        Ok(self.len()? == 0)
    }
}

/// The index if it has our layout, is not damaged, and no power cut came while it was open.
fn open_sound(path: &Path, boot: &str) -> rusqlite::Result<Option<Connection>> {
    if !path.exists() {
        return Ok(None);
    }
    let sqlite = Connection::open(path)?;
    settings(&sqlite)?;
    let layout: i64 = sqlite.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if layout != LAYOUT {
        return Ok(None);
    }
    let opened: Option<String> =
        sqlite.query_row("SELECT boot FROM open", [], |row| row.get(0)).optional()?;
    let check: String = sqlite.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if opened.is_some_and(|opened| opened != boot) || check != "ok" {
        return Ok(None);
    }
    sqlite.execute("DELETE FROM open", [])?;
    sqlite.execute("INSERT INTO open VALUES (?1)", [boot])?;
    Ok(Some(sqlite))
}

fn make(path: &Path, boot: &str) -> rusqlite::Result<Connection> {
    let sqlite = Connection::open(path)?;
    settings(&sqlite)?;
    sqlite.execute_batch(TABLES)?;
    sqlite.execute("INSERT INTO open VALUES (?1)", [boot])?;
    sqlite.pragma_update(None, "user_version", LAYOUT)?;
    Ok(sqlite)
}

fn settings(sqlite: &Connection) -> rusqlite::Result<()> {
    sqlite.pragma_update(None, "synchronous", "OFF")?;
    sqlite.pragma_update(None, "cache_size", -CACHE_KIB)
}

/// Notes a block; false if it was there.
fn note_block(transaction: &Transaction<'_>, block: BlockId) -> Result<bool, IndexError> {
    let mut statement =
        transaction.prepare_cached("INSERT OR IGNORE INTO blocks VALUES (?1)").doing("prepare")?;
    Ok(statement.execute([block.to_string()]).doing("note a block")? == 1)
}

fn insert(
    transaction: &Transaction<'_>,
    node: &Name,
    events: &[Event],
    block: Option<BlockId>,
) -> Result<(), IndexError> {
    let sql = "INSERT INTO events (node, seq, at, dapp, kind, data, block) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (node, seq) DO UPDATE SET at = excluded.at, dapp = excluded.dapp, kind = excluded.kind,
               data = excluded.data, block = excluded.block WHERE excluded.block IS NOT NULL";
    let mut statement = transaction.prepare_cached(sql).doing("prepare")?;
    let block = block.map(|block| block.to_string());
    for event in events {
        let data = serde_json::Value::from(event.data.clone()).to_string();
        let (seq, at) = (signed(event.seq), signed(event.at.0));
        let row = params![node.as_str(), seq, at, event.dapp.as_str(), event.kind.as_str(), data, block];
        statement.execute(row).doing("add an event")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
