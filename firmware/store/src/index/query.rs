//! What may be asked of the index, and the rows that come back.

use model::{BlockId, Event, Millis, Name};
use rusqlite::{Connection, ToSql, types::Type};

/// What to look for; everything that is `None` matches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Events of this node.
    pub node: Option<Name>,
    /// Events of this dapp.
    pub dapp: Option<Name>,
    /// Events of this kind.
    pub kind: Option<Name>,
    /// Events with this text in their data, in any case of letters.
    pub text: Option<String>,
    /// Events of numbers above this; the oldest come first then. Use it with `node`.
    pub after: Option<u64>,
    /// At most so many; 0 means the most there may be.
    pub limit: u32,
}

/// The most rows of one answer.
pub const ROWS_MAX: u32 = 10_000;

/// An event with where it is from.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The node whose event it is.
    pub node: Name,
    /// The event.
    pub event: Event,
    /// The block that holds it; `None` while it is in the write-ahead log alone.
    pub block: Option<BlockId>,
}

/// The rows, newest first, or oldest first after a number.
pub(super) fn run(sqlite: &Connection, query: &Query) -> rusqlite::Result<Vec<Row>> {
    let text = query.text.as_ref().map(|text| format!("%{}%", escape(text)));
    let names = [("node", &query.node), ("dapp", &query.dapp), ("kind", &query.kind)];
    let named =
        names.into_iter().filter_map(|(column, name)| name.as_ref().map(|name| (column, name.as_str())));
    let mut conditions = vec!["1".to_string()];
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut condition = |sql: &str, value: Box<dyn ToSql>| {
        values.push(value);
        conditions.push(sql.replace('?', &format!("?{}", values.len())));
    };
    for (column, name) in named {
        condition(&format!("{column} = ?"), Box::new(name.to_string()));
    }
    if let Some(text) = text {
        condition("data LIKE ? ESCAPE '\\'", Box::new(text));
    }
    if let Some(after) = query.after {
        condition("seq > ?", Box::new(signed(after)));
    }
    let order = if query.after.is_some() { "node, seq" } else { "at DESC, node, seq DESC" };
    let limit = if query.limit == 0 { ROWS_MAX } else { query.limit.min(ROWS_MAX) };
    let sql = format!(
        "SELECT node, seq, at, dapp, kind, data, block FROM events WHERE {} ORDER BY {order} LIMIT {limit}",
        conditions.join(" AND ")
    );
    let mut statement = sqlite.prepare_cached(&sql)?;
    statement.query_map(rusqlite::params_from_iter(values), read)?.collect()
}

/// What LIKE would take for a pattern is taken as it is.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let data: String = row.get(5)?;
    let data = serde_json::from_str(&data).map_err(|error| wrong(5, error))?;
    let event = Event {
        seq: unsigned(row, 1)?,
        at: Millis(unsigned(row, 2)?),
        dapp: parse(row, 3)?,
        kind: parse(row, 4)?,
        data,
    };
    let block = match row.get::<_, Option<String>>(6)? {
        Some(_) => Some(parse(row, 6)?),
        None => None,
    };
    Ok(Row { node: parse(row, 0)?, event, block })
}

/// SQLite counts with a sign; nothing of ours reaches so far.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count that SQLite gives back.
pub(super) fn unsigned(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn parse<T>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.get::<_, String>(column)?.parse().map_err(|error| wrong(column, error))
}

fn wrong(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
