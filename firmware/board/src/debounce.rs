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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Edge = (bool, Millis);

    /// Looks at the line every millisecond: first whether what it saw has settled, then at what is there.
    fn twin(samples: &[(bool, u64)], settle_ms: u64, until: u64) -> Vec<Edge> {
        let (mut level, mut since, mut edges) = (false, None, Vec::new());
        for now in 0..=until {
            let seen = samples.iter().rfind(|(_, at)| *at <= now).is_some_and(|(level, _)| *level);
            let first = since.unwrap_or(now);
            let changed = seen != level && settle_ms == 0;
            if changed || since.is_some() && now - first >= settle_ms {
                (level, since) = (!level, None);
                edges.push((level, Millis(first)));
            }
            since = if seen == level { None } else { since.or(Some(now)) };
        }
        edges
    }

    fn run(samples: &[(bool, u64)], settle_ms: u64, until: u64, punctual: bool) -> Vec<Edge> {
        let (mut line, mut edges) = (Debounce::new(false, settle_ms), Vec::new());
        for (level, at) in samples {
            if let Some(deadline) = line.deadline().filter(|deadline| punctual && deadline.0 < *at) {
                edges.extend(line.tick(deadline));
            }
            edges.extend(line.see(*level, Millis(*at)));
        }
        edges.extend(line.tick(Millis(until)));
        edges
    }

    #[test]
    fn a_door_that_rattles_opens_once_and_when_it_began_to_stay_open() {
        let samples = [(true, 10), (false, 12), (true, 15), (false, 16), (true, 20)];
        assert_eq!(run(&samples, 50, 200, true), [(true, Millis(20))]);
    }

    #[test]
    fn a_clock_that_jumps_back_delays_an_edge_and_loses_none() {
        let mut line = Debounce::new(false, 50);
        assert_eq!(line.see(true, Millis(1_000_000)), None);
        assert_eq!(line.tick(Millis(10)), None);
        assert_eq!(line.deadline(), Some(Millis(60)));
        assert_eq!(line.tick(Millis(60)), Some((true, Millis(10))));
        assert!(line.level());
    }

    #[test]
    fn no_settling_time_lets_every_edge_through() {
        let samples = [(true, 1), (false, 1), (true, 1), (true, 2)];
        let edges = [(true, Millis(1)), (false, Millis(1)), (true, Millis(1))];
        assert_eq!(run(&samples, 0, 9, true), edges);
    }

    proptest! {
        #[test]
        fn it_sees_what_a_look_every_millisecond_sees(
            gaps in prop::collection::vec((any::<bool>(), 1u64..40), 0..60),
            settle_ms in 0u64..50,
            punctual: bool,
        ) {
            let mut at = 0;
            let mut stamp = |(level, gap): (bool, u64)| { at += gap; (level, at) };
            let samples: Vec<_> = gaps.into_iter().map(&mut stamp).collect();
            let until = at + settle_ms;
            prop_assert_eq!(run(&samples, settle_ms, until, punctual), twin(&samples, settle_ms, until));
        }
    }
}
