//! Plays the table of the machine's rules, and looks at what its words do not say: sums, lamps, noise.

#[path = "machine_table.rs"]
mod table;

use super::*;
use crate::access::{Granted, Outcome};
use table::{HOMED, TABLE};

/// A machine as the rows of the table play with it.
struct Scene {
    machine: Machine,
    now: Ticks,
    on: bool,
    /// Whether it is reserved for Tom.
    reserved: bool,
    said: Vec<String>,
}

/// The defaults, with short times that are easy to reckon with.
const PLAIN: &str = r#"{"node": "box", "times": {"idle_ms": 60000, "idle_supervisor_ms": 120000,
    "warning_ms": 10000, "arm_ms": 20000, "repeat_ms": 0, "denied_ms": 100, "error_ms": 100}"#;
impl Scene {
    fn new(more: &str) -> Self {
        let document = MachineDocument::parse(&format!("{PLAIN}{more}}}")).unwrap();
        let levels = document.devices.sensed().map(|device| (device.clone(), false)).collect();
        let now = Ticks(1_000_000);
        let mut machine = Machine::new(document, now);
        machine.step(now, Input::Connected(&levels));
        Self { machine, now, on: false, reserved: false, said: Vec::new() }
    }

    /// One word of a row: who holds a badge up, what changes, or how many milliseconds pass.
    fn play(&mut self, word: &str) {
        match word {
            "start" | "issue" => {
                self.edge(word, true);
                self.edge(word, false);
            }
            "reserve" => self.reserved = true,
            "lock" => self.step(Input::Lock(Some("broken".into()))),
            "unlock" => self.step(Input::Lock(None)),
            "worn" => self.step(Input::Meter(Meter { ran_ms: 3_600_000, maintained_s: 0 })),
            "lost" => self.step(Input::Lost),
            "relay-fails" => self.step(Input::RelayFailed),
            "stop" => {
                let out = self.machine.stop(self.now, End::Stopped);
                self.hear(out);
            }
            _ => match (word.parse(), word.strip_suffix('+'), word.strip_suffix('-')) {
                (Ok(ms), ..) => self.wait(ms),
                (_, Some(device), _) => self.edge(device, true),
                (_, _, Some(device)) => self.edge(device, false),
                _ => self.tap(word),
            },
        }
    }

    fn edge(&mut self, device: &str, on: bool) {
        self.step(Input::Edge { device: &device.parse().unwrap(), on });
    }

    /// Ann and Bob are users, Tom is a trainer, Sue a supervisor, Gil has leave for 40 seconds; nobody else is known.
    fn tap(&mut self, name: &str) {
        let level = ["ann", "bob", "tom", "sue", "gil"].iter().position(|known| *known == name);
        let decision = level.map_or(Decision::of_nobody(Outcome::Unknown, ""), |place| Decision {
            people: vec![name.parse().unwrap()],
            level: [0, 0, 1, 2, 0][place],
            reserved: (self.reserved && name != "tom").then(|| "Reserved for Tom.".to_string()),
            granted: (name == "gil").then(|| Granted { by: "sue".parse().unwrap(), left_ms: 40_000 }),
            ..Decision::of_nobody(Outcome::Allowed, "")
        });
        let digest = BadgeDigest::new([name.len() as u8 + name.as_bytes()[0]; 32]);
        self.step(Input::Badge { digests: &[digest], decide: &|_| decision.clone() });
    }

    /// Lets time pass as the program does: tick when the machine wants it.
    fn wait(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(wake) = self.machine.next_wake(self.now).filter(|wake| *wake <= end) {
            assert!(wake > self.now, "the machine wants a tick that has passed");
            self.now = wake;
            self.step(Input::Tick);
        }
        self.now = end;
        self.step(Input::Tick);
    }

    fn step(&mut self, input: Input<'_>) {
        let out = self.machine.step(self.now, input);
        self.hear(out);
    }

    /// Writes down what came out: the relay's changes and the events, not the lamps and what is only asked again.
    fn hear(&mut self, out: Vec<Output>) {
        for output in out {
            let word = match output {
                Output::On { .. } if !self.on => "on".to_string(),
                Output::Off if self.on => "off".to_string(),
                Output::Event(event) => word(&event),
                _ => continue,
            };
            self.on = if word == "on" { true } else { self.on && word != "off" };
            self.said.push(word);
        }
    }
}

fn word(event: &Event) -> String {
    match event {
        Event::Access(decision) => format!("{:?}", decision.outcome).to_lowercase(),
        Event::Began(began) if began.despite_lock => format!("{}-despite-lock", began.person),
        Event::Began(began) => format!("{}-began", began.person),
        Event::Running(_) => "goes-on".to_string(),
        Event::Ended(session) => format!("ended-{}", session.end.as_str()),
        Event::Safety { what, cleared, .. } => {
            format!("{}{}", what.as_str(), if *cleared { "-over" } else { "" })
        }
        Event::Lockout { state, .. } => state.as_str().to_string(),
        Event::Inspection { due, .. } => if *due { "due" } else { "inspected" }.to_string(),
        Event::Maintenance { need, .. } => format!("maintenance-{}", need.as_str()),
        Event::Homing { overridden, .. } => if *overridden { "home-overridden" } else { "homed" }.to_string(),
        Event::Issue { by } => by.as_ref().map_or("issue".to_string(), |by| format!("issue-by-{by}")),
    }
}

#[test]
fn every_row_of_the_table_comes_out_as_it_says() {
    let mut wrong = Vec::new();
    for (about, more, happens, wanted) in TABLE {
        let mut scene = Scene::new(more);
        happens.split(' ').for_each(|word| scene.play(word));
        let said = scene.said.join(" ");
        if said != *wanted {
            wrong.push(format!("{about}: {happens}\n  wanted {wanted}\n  got    {said}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn running_for_too_long_ends_it_when_it_stands_still() {
    let document = PLAIN.replace("\"arm_ms\"", "\"busy_ms\": 30000, \"arm_ms\"");
    let mut scene = Scene::new("");
    scene.machine.document = MachineDocument::parse(&format!("{document}}}")).unwrap();
    for word in ["ann", "start", "2000", "sense+", "90000"] {
        scene.play(word);
    }
    assert_eq!(scene.machine.signal.0, Signal::Warning);
    assert!(scene.machine.is_on(), "cut while it runs");
    ["sense-", "1000"].iter().for_each(|word| scene.play(word));
    assert_eq!(scene.said.last().unwrap(), "ended-busy-timeout");
}

#[test]
fn the_seconds_are_those_with_current_and_those_of_running() {
    let mut scene = Scene::new("");
    for word in
        ["ann", "3000", "start", "2000", "sense+", "5000", "sense-", "4000", "sense+", "1000", "estop+"]
    {
        scene.play(word);
    }
    ["9000", "estop-", "500", "start", "1700"].iter().for_each(|word| scene.play(word));
    let ended = scene.machine.stop(scene.now, End::Stopped).into_iter().find_map(|output| match output {
        Output::Event(Event::Ended(session)) => Some(session),
        _ => None,
    });
    let session = ended.unwrap();
    assert_eq!((session.enabled_ms, session.active_ms, session.runs), (12_000, 6_000, 2));
    assert_eq!(session.total_ms, 26_200);
}

#[test]
fn what_is_shown_follows_the_session() {
    let mut scene = Scene::new("");
    for (word, signal) in [
        ("zoe", Signal::Unknown),
        ("100", Signal::Ready),
        ("ann", Signal::Waiting),
        ("start", Signal::Waiting),
        ("1500", Signal::Enabled),
        ("bob", Signal::Denied),
        ("100", Signal::Enabled),
        ("49900", Signal::Warning),
        ("start", Signal::Enabled),
        ("estop+", Signal::Halted),
        ("20000", Signal::Ready),
        ("lock", Signal::Locked),
    ] {
        scene.play(word);
        assert_eq!(scene.machine.signal.0, signal, "after {word}");
    }
}

#[test]
fn a_machine_that_is_not_homed_looks_as_if_something_were_missing() {
    let mut scene = Scene::new(HOMED);
    for (word, signal) in [
        ("ann", Signal::Waiting),
        ("start", Signal::Waiting),
        ("2000", Signal::Waiting),
        ("homed+", Signal::Enabled),
    ] {
        scene.play(word);
        assert_eq!(scene.machine.signal.0, signal, "after {word}");
    }
}

#[test]
fn noise_on_the_readers_wire_neither_blocks_the_machine_nor_fills_the_log() {
    let mut scene = Scene::new("");
    for _ in 0..100 {
        scene.step(Input::BadReading("noise"));
        scene.wait(500);
    }
    assert_eq!(scene.said, ["error"], "fifty seconds of noise");
    scene.step(Input::BadReading("noise"));
    scene.tap("ann");
    assert_eq!(scene.said.last().unwrap(), "ann-began");
}

#[test]
fn a_contact_that_nobody_knows_counts_as_the_worse() {
    for unknown in ["estop", "interlock", "power-lost", "sense"] {
        let mut scene = Scene::new("");
        scene.step(Input::Lost);
        let devices = scene.machine.document.devices.clone();
        let known = devices.sensed().filter(|device| device.as_str() != unknown);
        let levels = known.map(|device| (device.clone(), false)).collect();
        scene.step(Input::Connected(&levels));
        ["ann", "start", "500"].iter().for_each(|word| scene.play(word));
        assert!(!scene.machine.is_on(), "armed without knowing {unknown}");
        scene.edge(unknown, false);
        scene.play("start");
        assert!(scene.machine.is_on(), "{unknown}");
    }
}

#[test]
fn the_relay_is_asked_for_again_long_before_the_agent_would_let_it_fall() {
    let mut scene = Scene::new("");
    ["ann", "start", "2000", "sense+"].iter().for_each(|word| scene.play(word));
    let mut until = scene.now + LEASE_MS;
    for _ in 0..2_000 {
        scene.now = scene.now + 500;
        let out = scene.machine.step(scene.now, Input::Tick);
        assert!(scene.now < until, "the agent has switched it off");
        if out.contains(&Output::On { for_ms: LEASE_MS }) {
            until = scene.now + LEASE_MS;
        }
    }
}
