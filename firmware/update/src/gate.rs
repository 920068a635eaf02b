//! The health gate: whether a release on trial does.
//!
//! Every named check must be well, all at once and for some time; if that has not happened by the limit, the trial has failed, with the
//! names of those that are not well. Whether something was there before the update (a reader, a peer) and is asked for at all is for whoever
//! names the checks. Time is that of the box since its start, for its clock may jump in the middle.

use crate::report::cut;
use std::fmt::Write;

/// Milliseconds since the box started.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Uptime(pub u64);

impl Uptime {
    /// The moment `ms` milliseconds later.
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// What a trial is held to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GateRules {
    /// The checks, by name: `agent`, `dapps`, `devices`, `ledger`.
    pub checks: Vec<String>,
    /// How long all must be well together.
    pub steady_ms: u64,
    /// By when they must have been.
    pub limit_ms: u64,
}

/// What a check says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What is wrong, if anything is.
    pub wrong: Option<String>,
}

/// How a trial stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Not decided.
    Waits,
    /// All was well for long enough.
    Passed,
    /// Time is over.
    Failed,
}

/// A trial that is being watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gate {
    rules: GateRules,
    begun: Uptime,
    well_since: Option<Uptime>,
    wrong: Vec<String>,
    log: String,
}

impl Gate {
    /// Begins to watch.
    pub fn new(rules: GateRules, now: Uptime) -> Self {
        let wrong = rules.checks.iter().map(|name| unheard(name)).collect();
        Self { rules, begun: now, well_since: None, wrong, log: String::new() }
    }

    /// Takes what all checks say now. Says whether anything is otherwise than before.
    pub fn hear(&mut self, checks: &[Check], now: Uptime) -> bool {
        let wrong: Vec<String> = self.rules.checks.iter().filter_map(|name| wrong(name, checks)).collect();
        match (wrong.is_empty(), self.well_since) {
            (false, _) => self.well_since = None,
            (true, None) => self.well_since = Some(now),
            (true, Some(_)) => {}
        }
        if wrong == self.wrong {
            return false;
        }
        self.wrong = wrong;
        let line = writeln!(self.log, "{} s: {}", (now.0 - self.begun.0.min(now.0)) / 1000, self.standing());
        line.expect("because a string takes everything");
        self.log = cut(&self.log);
        true
    }

    /// How it stands.
    pub fn verdict(&self, now: Uptime) -> Verdict {
        if self.well_since.is_some_and(|since| now >= since.plus(self.rules.steady_ms)) {
            Verdict::Passed
        } else if now >= self.begun.plus(self.rules.limit_ms) {
            Verdict::Failed
        } else {
            Verdict::Waits
        }
    }

    /// What is wrong, in one line.
    pub fn standing(&self) -> String {
        if self.wrong.is_empty() { "all is well".to_owned() } else { self.wrong.join("; ") }
    }

    /// What was seen, a line for each change.
    pub fn log(&self) -> &str {
        &self.log
    }
}

fn wrong(name: &str, checks: &[Check]) -> Option<String> {
    match checks.iter().find(|check| check.name == name) {
        None => Some(unheard(name)),
        Some(check) => check.wrong.as_ref().map(|wrong| format!("{name}: {wrong}")),
    }
}

fn unheard(name: &str) -> String {
    format!("{name}: nothing heard yet")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        let checks = ["agent", "devices"].map(str::to_owned).to_vec();
        Gate::new(GateRules { checks, steady_ms: 30_000, limit_ms: 600_000 }, Uptime(5_000))
    }

    fn checks(devices: Option<&str>) -> [Check; 2] {
        let check = |name: &str, wrong: Option<&str>| Check {
            name: name.to_owned(),
            wrong: wrong.map(str::to_owned),
        };
        [check("agent", None), check("devices", devices)]
    }

    #[test]
    fn all_must_be_well_together_for_the_whole_time() {
        let mut gate = gate();
        assert!(gate.hear(&checks(None), Uptime(10_000)));
        assert!(!gate.hear(&checks(None), Uptime(20_000)));
        assert_eq!(gate.verdict(Uptime(39_999)), Verdict::Waits);
        assert!(gate.hear(&checks(Some("no reader")), Uptime(39_999)));
        assert_eq!(gate.verdict(Uptime(40_000)), Verdict::Waits);
        gate.hear(&checks(None), Uptime(50_000));
        assert_eq!(gate.verdict(Uptime(79_999)), Verdict::Waits);
        assert_eq!(gate.verdict(Uptime(80_000)), Verdict::Passed);
        assert_eq!(gate.log(), "5 s: all is well\n34 s: devices: no reader\n45 s: all is well\n");
    }

    #[test]
    fn at_the_limit_it_has_failed_with_the_names_of_what_is_wrong() {
        let mut gate = gate();
        assert_eq!(gate.standing(), "agent: nothing heard yet; devices: nothing heard yet");
        gate.hear(&checks(Some("no reader")), Uptime(10_000));
        assert_eq!(gate.verdict(Uptime(604_999)), Verdict::Waits);
        assert_eq!(gate.verdict(Uptime(605_000)), Verdict::Failed);
        assert_eq!(gate.standing(), "devices: no reader");
    }

    #[test]
    fn a_check_that_nobody_answers_is_not_well() {
        let mut gate = gate();
        gate.hear(&checks(None)[..1], Uptime(10_000));
        assert_eq!(gate.standing(), "devices: nothing heard yet");
        assert_eq!(gate.verdict(Uptime(100_000)), Verdict::Waits);
    }
}
