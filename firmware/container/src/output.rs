//! What the program writes, as lines: bounded in length, and in how many there are a second.
//!
//! A program that writes without end must not fill the supervisor's log or its memory, nor keep the helper
//! busy. Lines beyond the rate are counted and left out; bytes beyond a higher rate are not even read until
//! the second is over, and the program waits. Pure but for the clock, which arrives as an argument.

use crate::{Output, Spec, Stream};
use std::time::{Duration, Instant};

/// Lines passed on in a second, both streams together.
const LINES_A_SECOND: u32 = 500;
/// Bytes read in a second, both streams together.
const BYTES_A_SECOND: usize = 4 << 20;
const SECOND: Duration = Duration::from_secs(1);

/// Cuts one stream into lines.
#[derive(Debug)]
pub struct Lines {
    stream: Stream,
    begun: Vec<u8>,
}

impl Lines {
    /// An empty stream.
    pub fn new(stream: Stream) -> Self {
        Self { stream, begun: Vec::new() }
    }

    /// Takes in what was read and hands on each line that it ends.
    pub fn take(&mut self, mut bytes: &[u8], mut line: impl FnMut(Output)) {
        while !bytes.is_empty() {
            let room = &bytes[..bytes.len().min(Spec::OUTPUT_LINE_BYTES - self.begun.len())];
            let end = room.iter().position(|b| *b == b'\n');
            self.begun.extend_from_slice(&room[..end.unwrap_or(room.len())]);
            bytes = &bytes[end.map_or(room.len(), |end| end + 1)..];
            if end.is_some() || self.begun.len() == Spec::OUTPUT_LINE_BYTES {
                line(self.cut());
            }
        }
    }

    /// The last line, if the stream ended without a line end.
    pub fn rest(&mut self) -> Option<Output> {
        (!self.begun.is_empty()).then(|| self.cut())
    }

    fn cut(&mut self) -> Output {
        let line = String::from_utf8_lossy(&self.begun).trim_end_matches('\r').to_owned();
        self.begun.clear();
        Output { stream: self.stream, line }
    }
}

/// How much may still pass in the running second.
#[derive(Debug)]
pub struct Rate {
    since: Instant,
    lines: u32,
    bytes: usize,
    left_out: u64,
}

impl Rate {
    /// A fresh second.
    pub fn new(now: Instant) -> Self {
        Self { since: now, lines: LINES_A_SECOND, bytes: BYTES_A_SECOND, left_out: 0 }
    }

    /// Begins the next second if this one is over. Tells then, as a line, what was left out.
    pub fn tick(&mut self, now: Instant) -> Option<Output> {
        if now.duration_since(self.since) < SECOND {
            return None;
        }
        let left_out = self.left_out;
        *self = Self::new(now);
        self.note(left_out)
    }

    /// What was left out since the last second ended.
    pub fn rest(&self) -> Option<Output> {
        self.note(self.left_out)
    }

    /// When to say what was left out, even if nothing else happens.
    pub fn reports_at(&self) -> Option<Instant> {
        (self.left_out > 0).then_some(self.since + SECOND)
    }

    /// Whether one more line may pass; counts it either way.
    pub fn admit(&mut self) -> bool {
        let pass = self.lines > 0;
        self.lines = self.lines.saturating_sub(1);
        self.left_out += u64::from(!pass);
        pass
    }

    /// Counts bytes as read.
    pub fn read(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Until when nothing more is to be read, if the second's bytes are used up.
    pub fn rests_until(&self) -> Option<Instant> {
        (self.bytes == 0).then_some(self.since + SECOND)
    }

    fn note(&self, left_out: u64) -> Option<Output> {
        let line = format!("({left_out} lines left out: more than {LINES_A_SECOND} a second)");
        (left_out > 0).then_some(Output { stream: Stream::Stderr, line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::new(Stream::Stdout);
        let mut out = Vec::new();
        for chunk in chunks {
            lines.take(chunk, |line| out.push(line.line));
        }
        out.extend(lines.rest().map(|line| line.line));
        out
    }

    #[test]
    fn lines_come_whole_however_they_were_written() {
        assert_eq!(lines(&[b"a", b"b\nc\r\n", b"\nd"]), ["ab", "c", "", "d"]);
        assert_eq!(lines(&[b"\xff\n"]), ["\u{fffd}"]);
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn an_endless_line_is_cut() {
        let long = vec![b'x'; Spec::OUTPUT_LINE_BYTES * 2 + 1];
        let sizes: Vec<usize> = lines(&[&long]).iter().map(String::len).collect();
        assert_eq!(sizes, [Spec::OUTPUT_LINE_BYTES, Spec::OUTPUT_LINE_BYTES, 1]);
    }

    #[test]
    fn what_is_left_out_is_counted_and_told_when_the_second_is_over() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        let passed = (0..LINES_A_SECOND + 7).filter(|_| rate.admit()).count();
        assert_eq!(passed, LINES_A_SECOND as usize);
        assert_eq!(rate.tick(start + SECOND / 2), None);
        let note = rate.tick(start + SECOND).unwrap().line;
        assert!(note.starts_with("(7 lines left out"), "{note}");
        assert!(rate.admit());
        assert_eq!(rate.tick(start + SECOND * 2), None);
    }

    #[test]
    fn too_many_bytes_stop_the_reading_for_the_rest_of_the_second() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        rate.read(BYTES_A_SECOND - 1);
        assert_eq!(rate.rests_until(), None);
        rate.read(5);
        assert_eq!(rate.rests_until(), Some(start + SECOND));
    }
}
