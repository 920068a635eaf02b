//! Debouncing: a contact that chatters becomes one edge.
//!
//! Pure: levels come in with the time at which they were seen, edges come out with the time at which the level
//! began. A level counts once it has held for `settle_ms`. Time may stand still or jump back (a wall clock does);
//! then the waiting level waits anew, and no edge is lost or invented.

use model::Millis;

/// Turns bouncing levels into edges.
#[derive(Debug, Clone)]
pub struct Debounce {
    settle_ms: u64,
    level: bool,
    waiting: Option<Millis>,
}

impl Debounce {
    /// A line that rests at `level`; a new level must hold for `settle_ms` to count. 0 lets everything through.
    pub fn new(level: bool, settle_ms: u64) -> Self {
        Self { settle_ms, level, waiting: None }
    }

    /// The settled level.
    pub fn level(&self) -> bool {
        self.level
    }

    /// When [`tick`](Self::tick) should be called, if no other level comes before.
    pub fn deadline(&self) -> Option<Millis> {
        self.waiting.map(|since| since.plus(self.settle_ms))
    }

    /// The line was seen at `level`. Returns the edge that time has settled before, if any, and the moment
    /// at which its level began.
    pub fn see(&mut self, level: bool, at: Millis) -> Option<(bool, Millis)> {
        let settled = self.tick(at);
        match (level == self.level, self.waiting) {
            (true, _) => self.waiting = None,
            (false, None) => self.waiting = Some(at),
            (false, Some(_)) => {}
        }
        if self.settle_ms == 0 { settled.or_else(|| self.tick(at)) } else { settled }
    }

    /// Time has come to `at` with no other level seen.
    pub fn tick(&mut self, at: Millis) -> Option<(bool, Millis)> {
        let since = self.waiting?;
        if at < since {
            self.waiting = Some(at);
            return None;
        }
        if at.since(since) < self.settle_ms {
            return None;
        }
        self.level = !self.level;
        self.waiting = None;
        Some((self.level, since))
    }
}
