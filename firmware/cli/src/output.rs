//! What a command prints: aligned text for people, one JSON value for programs.
//!
//! A command hands over both forms at once, so none can forget `--json`. Colours are for terminals only and
//! `NO_COLOR` turns them off. A closed pipe (`ledgerctl log | head`) ends the program quietly.

use crate::error::Result;
use serde_json::Value;
use std::io::{ErrorKind, IsTerminal, Write};

/// Whether colours may be used.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// No colours.
    pub const fn plain() -> Self {
        Self { colour: false }
    }

    /// As stdout can show them.
    pub fn of_stdout() -> Self {
        Self { colour: std::io::stdout().is_terminal() && wanted() }
    }

    /// As stderr can show them.
    pub fn of_stderr() -> Self {
        Self { colour: std::io::stderr().is_terminal() && wanted() }
    }

    /// Red: refused, denied, broken.
    pub fn red(self, text: &str) -> String {
        self.paint("31;1", text)
    }

    /// Green: allowed, good.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Yellow: look here.
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Cyan: advice.
    pub fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    /// Faint: headings, what matters less.
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

fn wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Where a command's answer goes.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// One JSON value instead of text.
    pub json: bool,
    /// Colours of the text.
    pub style: Style,
}

impl Output {
    /// To stdout.
    pub fn new(json: bool) -> Self {
        Self { json, style: if json { Style::plain() } else { Style::of_stdout() } }
    }

    /// Prints the text, or the value.
    pub fn show(&self, text: &str, value: &Value) -> Result {
        if self.json { self.line(&value.to_string()) } else { self.text(text) }
    }

    /// Prints rows under headings, or the value.
    pub fn table(&self, table: &Table, value: &Value) -> Result {
        if self.json { self.line(&value.to_string()) } else { self.text(&table.to_text(self.style)) }
    }

    /// Prints one line.
    pub fn line(&self, line: &str) -> Result {
        self.text(&format!("{line}\n"))
    }

    /// Prints text as it stands.
    pub fn text(&self, text: &str) -> Result {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
            done => Ok(done?),
        }
    }
}

/// Rows of cells under headings, aligned to the left.
#[derive(Debug, Default)]
pub struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
    empty: String,
}

impl Table {
    /// A table with these headings; `empty` is what is said when there are no rows.
    pub fn new(headings: &[&str], empty: &str) -> Self {
        let headings = headings.iter().map(|text| (*text).to_string()).collect();
        Self { headings, rows: Vec::new(), empty: empty.to_string() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The text, each line ended.
    pub fn to_text(&self, style: Style) -> String {
        if self.rows.is_empty() {
            return format!("{}\n", self.empty);
        }
        let widths = self.widths();
        let heading = line(&self.headings, &widths);
        let mut text = format!("{}\n", style.faint(&heading));
        for row in &self.rows {
            text += &line(row, &widths);
            text.push('\n');
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.headings.len()];
        for row in std::iter::once(&self.headings).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    padded.join("  ").trim_end().to_string()
}

/// A number of bytes for people, such as `20.0 MiB`.
pub fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

/// `1 person`, `2 people`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_blanks_at_their_ends() {
        let mut table = Table::new(&["NAME", "PLAN"], "nobody");
        table.row(["alice".into(), "pro".into()]);
        table.row(["é".into(), String::new()]);
        assert_eq!(table.to_text(Style::plain()), "NAME   PLAN\nalice  pro\né\n");
    }

    #[test]
    fn an_empty_table_says_so() {
        assert_eq!(Table::new(&["NAME"], "nobody yet").to_text(Style::plain()), "nobody yet\n");
    }

    #[test]
    fn sizes_read_well_at_the_edges() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1 << 20, "1.0 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
