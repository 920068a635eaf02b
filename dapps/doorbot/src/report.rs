//! Events as the log keeps them. The kinds and fields are described in docs/formats/doorbot.md.

use crate::{
    access::{Decision, Outcome},
    door::{Alarm, Event},
};
use dapp::kit::{LogEvent, short};
use model::Name;
use serde_json::json;

/// A door's event.
pub fn event(door: &Name, resource: &Name, event: &Event) -> LogEvent {
    match event {
        Event::Access(decision) => access(door, resource, decision),
        Event::Exit => LogEvent::new("exit", json!({"door": door})),
        Event::Opened => LogEvent::new("door-open", json!({"door": door})),
        Event::Closed => LogEvent::new("door-closed", json!({"door": door})),
        Event::Alarm { what, cleared } => {
            let what = match what {
                Alarm::Held => "held",
                Alarm::Forced => "forced",
            };
            LogEvent::new("alarm", json!({"door": door, "what": what, "cleared": cleared}))
        }
    }
}

/// The program runs.
pub fn started(doors: &[&Name], people: usize) -> LogEvent {
    LogEvent::new("started", json!({"version": env!("CARGO_PKG_VERSION"), "doors": doors, "people": people}))
}

fn access(door: &Name, resource: &Name, decision: &Decision) -> LogEvent {
    let mut event = LogEvent::new(
        "access",
        json!({
            "result": decision.outcome, "reason": short(&decision.reason), "door": door, "resource": resource,
        }),
    )
    .with_people(&decision.people);
    if !decision.warning.is_empty() {
        event = event.with("warning", short(&decision.warning));
    }
    match (decision.outcome, &decision.badge) {
        (Outcome::Unknown, Some(badge)) => event.with("badge", badge.as_str()),
        _ => event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn told(decision: &Decision) -> Value {
        let (door, resource) = ("front".parse().unwrap(), "frontdoor".parse().unwrap());
        let event = event(&door, &resource, &Event::Access(decision.clone()));
        assert_eq!(event.kind, "access");
        event.data.into()
    }

    #[test]
    fn an_access_names_the_person_and_a_stranger_is_found_again_by_the_badge() {
        let mut decision = Decision::of_nobody(Outcome::Allowed, "Welcome.");
        decision.people = vec!["alice".parse().unwrap()];
        decision.badge = Some("aa".into());
        let alice = json!({"result": "allowed", "reason": "Welcome.", "door": "front", "resource": "frontdoor", "person": "alice"});
        assert_eq!(told(&decision), alice, "a known person's badge is not told");
        decision.outcome = Outcome::Unknown;
        decision.people.clear();
        assert_eq!(told(&decision)["badge"], "aa");
    }

    #[test]
    fn both_holders_of_one_badge_are_named() {
        let mut decision = Decision::of_nobody(Outcome::Denied, "x");
        decision.people = vec!["alice".parse().unwrap(), "bob".parse().unwrap()];
        assert_eq!(told(&decision)["people"], json!(["alice", "bob"]));
        assert_eq!(told(&decision).get("person"), None);
    }

    #[test]
    fn every_kind_of_event_is_a_name() {
        for kind in ["access", "exit", "door-open", "door-closed", "alarm", "started", "fault"] {
            assert!(kind.parse::<Name>().is_ok(), "{kind}");
        }
    }

    #[test]
    fn a_lockout_of_a_megabyte_still_fits_an_event() {
        let decision = Decision::of_nobody(Outcome::Denied, "é".repeat(1 << 20));
        assert!(told(&decision).to_string().len() < 2048);
    }
}
