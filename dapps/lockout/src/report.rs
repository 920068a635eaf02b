//! Events as the log keeps them. The kinds and fields are described in docs/formats/lockout.md.

use crate::{
    access::{Decision, Outcome},
    machine::{Ended, Event, Halt},
};
use dapp::kit::{LogEvent, short};
use model::Name;
use serde_json::json;

/// A machine's event.
pub fn event(machine: &Name, resource: &Name, event: &Event) -> LogEvent {
    match event {
        Event::Access(decision) => access(machine, resource, decision),
        Event::Began(began) => {
            let data = json!({"machine": machine, "resource": resource, "person": began.person});
            with_override(LogEvent::new("session-began", data), began.despite_lock)
        }
        Event::Running(session) => sums("session-running", machine, resource, session),
        Event::Ended(session) => {
            sums("session-ended", machine, resource, session).with("reason", session.end.as_str())
        }
        Event::Safety { what, cleared, person } => {
            let data = json!({"machine": machine, "what": what.as_str(), "cleared": cleared});
            let event = LogEvent::new("safety", data).with_people(person.as_slice());
            match what {
                Halt::Interlock(device) => event.with("device", device.as_str()),
                _ => event,
            }
        }
        Event::Lockout { state, reason } => {
            let data = json!({"machine": machine, "state": state.as_str(), "reason": short(reason)});
            LogEvent::new("lockout", data)
        }
        Event::Inspection { due, by } => {
            let state = if *due { "due" } else { "passed" };
            LogEvent::new("inspection", json!({"machine": machine, "state": state, "person": by}))
        }
        Event::Maintenance { need, meter, by } => {
            let data = json!({
                "machine": machine, "state": need.as_str(), "ran_s": meter.ran_s(), "since_s": meter.since_s(),
            });
            LogEvent::new("maintenance", data).with_people(by.as_slice())
        }
        Event::Homing { overridden, by } => {
            let state = if *overridden { "overridden" } else { "homed" };
            LogEvent::new("homing", json!({"machine": machine, "state": state, "person": by}))
        }
        Event::Issue { by } => LogEvent::new("issue", json!({"machine": machine})).with_people(by.as_slice()),
    }
}

/// The program runs.
pub fn started(machines: &[&Name], people: usize) -> LogEvent {
    let version = env!("CARGO_PKG_VERSION");
    LogEvent::new("started", json!({"version": version, "machines": machines, "people": people}))
}

fn access(machine: &Name, resource: &Name, decision: &Decision) -> LogEvent {
    let data = json!({
        "result": decision.outcome, "reason": short(&decision.reason), "machine": machine, "resource": resource,
    });
    let mut event = LogEvent::new("access", data).with_people(&decision.people);
    if let Some(granted) = &decision.granted {
        event = event.with("granted_by", granted.by.as_str());
    }
    if !decision.warning.is_empty() {
        event = event.with("warning", short(&decision.warning));
    }
    match (decision.outcome, &decision.badge) {
        (Outcome::Unknown, Some(badge)) => event.with("badge", badge.as_str()),
        _ => event,
    }
}

/// Whole seconds, cut so that active and idle make up enabled.
fn sums(kind: &'static str, machine: &Name, resource: &Name, session: &Ended) -> LogEvent {
    let (enabled, active) = (session.enabled_ms / 1000, session.active_ms / 1000);
    let data = json!({
        "machine": machine, "resource": resource, "person": session.person, "total_s": session.total_ms / 1000, "enabled_s": enabled, "active_s": active,
        "idle_s": enabled - active, "runs": session.runs,
    });
    let event = with_override(LogEvent::new(kind, data), session.despite_lock);
    let event = match session.ran_s {
        Some(ran_s) => event.with("ran_s", ran_s),
        None => event,
    };
    match &session.buddy {
        Some(buddy) => event.with("buddy", buddy.as_str()),
        None => event,
    }
}

fn with_override(event: LogEvent, despite_lock: bool) -> LogEvent {
    if despite_lock { event.with("despite_lock", true) } else { event }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::End;

    #[test]
    fn seconds_of_a_session_add_up() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let session = Ended {
            person: name("alice"),
            buddy: Some(name("bob")),
            despite_lock: true,
            end: End::Badge,
            total_ms: 9_999,
            enabled_ms: 7_999,
            active_ms: 2_001,
            runs: 1,
            ran_s: Some(7),
        };
        let event = event(&name("saw"), &name("bandsaw"), &Event::Ended(session));
        let wanted = json!({
            "machine": "saw", "resource": "bandsaw", "person": "alice", "buddy": "bob", "reason": "badge",
            "total_s": 9, "enabled_s": 7, "active_s": 2, "idle_s": 5, "runs": 1, "ran_s": 7, "despite_lock": true,
        });
        assert_eq!((event.kind, serde_json::Value::from(event.data)), ("session-ended", wanted));
    }

    #[test]
    fn every_kind_of_event_is_a_name() {
        for kind in [
            "access",
            "session-began",
            "session-running",
            "session-ended",
            "safety",
            "lockout",
            "inspection",
            "maintenance",
            "homing",
            "issue",
            "fault",
        ] {
            assert!(kind.parse::<Name>().is_ok(), "{kind}");
        }
    }
}
