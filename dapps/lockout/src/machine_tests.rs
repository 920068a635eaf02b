//! The machine's rules as a table: what happens, in words, and what comes of it.

use super::*;
use crate::access::{Granted, Outcome};

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
/// The same without a button: whoever closes the loop, or holds the badge up again, arms.
const NO_START: &str =
    r#", "devices": {"machine": "machine", "reader": "r", "sense": "sense", "estop": "estop"}"#;
const BUDDY: &str = r#", "buddy": {"level_min": 1}"#;
const INSPECTED: &str = r#", "inspection": {"level_min": 1}"#;
/// Homed within 30 seconds; Sue, a supervisor, may say that it is.
const HOMED: &str = r#", "homing": {"within_ms": 30000}, "devices": {"machine": "machine", "reader": "r",
    "sense": "sense", "estop": "estop", "homed": "homed", "start": "start"}"#;
/// Tom, a trainer, may say that it was maintained.
const HOURLY: &str = r#", "maintenance": {"hours": 1, "level_min": 1}"#;
const HOURLY_BY_NOBODY: &str = r#", "maintenance": {"hours": 1, "level_min": 9}"#;

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

/// What the row is about, what the document has besides, what happens, and what comes of it.
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str, &str)] = &[
    ("badge and button arm it, the badge ends it", "",
        "ann start 5000 ann", "allowed ann-began on allowed off ended-badge"),
    ("a stranger gets nothing", "",
        "zoe start", "unknown"),
    ("the button alone arms nothing", "",
        "start 5000", ""),
    ("without the button it is not armed", "",
        "ann 20000", "allowed ann-began ended-not-started"),
    ("the badge again gives it up", "",
        "ann 500 ann", "allowed ann-began allowed ended-badge"),
    // The timers.
    ("standing still ends it", "",
        "ann start 61499 1", "allowed ann-began on off ended-timeout"),
    ("a supervisor has longer", "",
        "sue start 121499 1", "allowed sue-began on off ended-timeout"),
    ("running keeps it", "",
        "ann start 2000 sense+ 90000", "allowed ann-began on"),
    ("its rest begins when it stops", "",
        "ann start 2000 sense+ 90000 sense- 59999 1", "allowed ann-began on off ended-timeout"),
    ("the button says that somebody is there", "",
        "ann start 55000 start 59999 1", "allowed ann-began on off ended-timeout"),
    ("so does the badge during the warning", "",
        "ann start 55000 ann 59999 1", "allowed ann-began on allowed off ended-timeout"),
    ("a long session says so every ten minutes", "",
        "ann start 2000 sense+ 1300000", "allowed ann-began on goes-on goes-on"),
    // Never cut while it runs.
    ("the badge waits for it", "",
        "ann start 2000 sense+ 9000 ann 5000 sense- 1000", "allowed ann-began on allowed off ended-badge"),
    ("a short pause is no rest", "",
        "ann start 2000 sense+ 9000 ann sense- 900 sense+ 5000", "allowed ann-began on allowed"),
    ("a supervisor waits for it, too", "",
        "ann start 2000 sense+ sue 9000 sense- 1000", "allowed ann-began on allowed off ended-forced"),
    ("a supervisor ends what rests at once", "",
        "ann start 2000 sue", "allowed ann-began on allowed off ended-forced"),
    ("another user is told who has it", "",
        "ann start 2000 bob", "allowed ann-began on denied"),
    ("a main switch that seems off waits for it", "",
        "ann start 2000 sense+ power-lost+ 9000 sense- 1000", "allowed ann-began on off power-lost"),
    // The loop, the interlocks, the main switch.
    ("no arming with the loop open", "",
        "estop+ ann start 500 estop- 500 start", "allowed ann-began on"),
    ("no arming with an interlock open", "",
        "interlock+ ann start 20000", "allowed ann-began ended-not-started"),
    ("no arming without its own current", "",
        "power-lost+ ann start 20000", "allowed ann-began ended-not-started"),
    ("an emergency stop cuts at once, and start arms again", "",
        "ann start 2000 sense+ 100 estop+ sense- 900 estop- 900 start 2000",
        "allowed ann-began on off estop estop-over on"),
    ("an emergency stop that stays ends it", "",
        "ann start 2000 estop+ 19999 1", "allowed ann-began on off estop ended-estop"),
    ("a closed loop alone does not arm again", "",
        "ann start 2000 estop+ 500 estop- 9000", "allowed ann-began on off estop"),
    ("an interlock cuts at once", "",
        "ann start 2000 sense+ 100 interlock+ 20000",
        "allowed ann-began on off interlock unasked ended-interlock"),
    ("without a button the closed loop arms", NO_START,
        "estop+ ann 500 estop-", "allowed ann-began on"),
    ("without a button the badge arms again", NO_START,
        "ann 2000 estop+ 500 ann 200 estop- 500 ann",
        "allowed ann-began on off estop denied allowed estop-over on"),
    // The check, and what runs by itself.
    ("a machine that starts by itself is cut", "",
        "ann start 1000 sense+", "allowed ann-began on off started-itself ended-started-itself"),
    ("after the check it may run", "",
        "ann start 1500 sense+ 9000", "allowed ann-began on"),
    ("a machine that runs is not armed", "",
        "sense+ ann start sense- 100 start", "allowed ann-began on"),
    ("running on after the end is no fault", "",
        "ann start 2000 estop+ sense+ 9999 sense- 9000", "allowed ann-began on off estop"),
    ("running without current is one", "",
        "10000 sense+ 10 ann 1000 sense-", "unasked denied unasked-over"),
    // Lockout, supervisor, inspection, issues.
    ("a lock keeps users out and lets supervisors in", "",
        "lock ann 200 sue start", "locked denied allowed sue-despite-lock on"),
    ("a lock waits for the end", "",
        "ann start 2000 lock 30000 ann 200 bob",
        "allowed ann-began on pending allowed off ended-badge locked denied"),
    ("a lock does not wait for what has no current", "",
        "ann lock", "allowed ann-began locked ended-lockout"),
    ("a lock that waits ends what is halted", "",
        "ann start 2000 lock estop+ 200", "allowed ann-began on pending off estop ended-lockout locked"),
    ("after a supervisor it is locked again", "",
        "lock sue start 2000 sue 200 ann 200 unlock ann",
        "locked allowed sue-despite-lock on allowed off ended-badge denied unlocked allowed ann-began"),
    ("each use is inspected before the next", INSPECTED,
        "ann start 2000 ann 200 bob 200 tom 200 bob",
        "allowed ann-began on allowed off ended-badge due denied allowed inspected allowed bob-began"),
    ("what had no current needs no inspection", INSPECTED,
        "ann 200 ann", "allowed ann-began allowed ended-badge"),
    ("the button for issues names who uses it, once a minute", "",
        "ann start 2000 issue 500 issue 60000 issue",
        "allowed ann-began on issue-by-ann off ended-timeout issue-by-ann"),
    ("nobody is named long after", "",
        "ann 200 ann 60001 issue", "allowed ann-began allowed ended-badge issue"),
    // Maintenance by hours of running.
    ("hours of standing still need no maintenance", HOURLY,
        "ann start 2000 sense+ 1000 sense- 50000 start 500 ann", "allowed ann-began on allowed off ended-badge"),
    ("when it is due it waits for the end of the session, and locks", HOURLY,
        "ann start 2000 sense+ 590000 sense- 1000 sense+ 590000 sense- 1000 sense+ 590000 sense- 1000 \
         sense+ 590000 sense- 1000 sense+ 590000 sense- 1000 sense+ 590000 sense- 1000 sense+ 590000 sense- 1000 ann 200 bob",
        "allowed ann-began on goes-on goes-on goes-on goes-on goes-on goes-on allowed off ended-badge maintenance-due denied"),
    ("before that it warns", HOURLY,
        "ann start 2000 sense+ 3300000 sense- 1000 ann 200 bob start",
        "allowed ann-began on goes-on goes-on goes-on goes-on goes-on allowed off ended-badge maintenance-soon allowed bob-began on"),
    ("whoever has the level maintains with the badge, and uses with the next", HOURLY,
        "worn ann 200 tom 200 ann start",
        "maintenance-due denied allowed maintenance-done allowed ann-began on"),
    ("a supervisor without that level may use it", HOURLY_BY_NOBODY,
        "worn ann 200 sue start", "maintenance-due denied allowed sue-despite-lock on"),
    ("a reading of the ledger does not end a session", HOURLY,
        "ann start 2000 worn 1000 ann 200 ann",
        "allowed ann-began on maintenance-due allowed off ended-badge denied"),
    ("an old reading takes nothing back", HOURLY,
        "worn tom 200 worn ann", "maintenance-due allowed maintenance-done allowed ann-began"),
    // Homing.
    ("a machine that finds its home stays on", HOMED,
        "ann start 2000 sense+ 5000 homed+ sense- 40000", "allowed ann-began on homed"),
    ("one that does not loses its current", HOMED,
        "ann start 31499 1", "allowed ann-began on off ended-not-homed"),
    ("but not while it moves", HOMED,
        "ann start 2000 sense+ 40000 homed+ sense- 999 1", "allowed ann-began on off ended-not-homed"),
    ("a supervisor may say that it is homed, and ends the session with the next badge", HOMED,
        "ann start 2000 bob 200 sue 40000 sue",
        "allowed ann-began on denied allowed home-overridden allowed off ended-forced"),
    ("so may one who uses it", HOMED,
        "sue start 2000 sue 40000 sue", "allowed sue-began on allowed home-overridden allowed off ended-badge"),
    ("a contact that was on before says nothing", HOMED,
        "homed+ ann start 40000", "allowed ann-began on off ended-not-homed"),
    ("after a stop it is homed again", HOMED,
        "ann start 2000 homed+ homed- estop+ 500 estop- start 31500",
        "allowed ann-began on homed off estop estop-over on off ended-not-homed"),
    // A grant.
    ("a grant ends the session in time", "",
        "gil start 39999 1", "allowed gil-began on off ended-grant-over"),
    ("but not while the machine runs", "",
        "gil start 2000 sense+ 60000 sense- 999 1", "allowed gil-began on off ended-grant-over"),
    ("the badge during that warning says goodbye", "",
        "gil start 35000 gil", "allowed gil-began on allowed off ended-badge"),
    ("who is stopped gets no current after its end", "",
        "gil start 35000 estop+ 4000 estop- 500 500 start 20000",
        "allowed gil-began on off estop ended-grant-over"),
    // A reservation.
    ("a reservation makes others wait, and not whose it is", "",
        "reserve ann 200 tom start", "denied allowed tom-began on"),
    ("a supervisor does not wait", "",
        "reserve sue start", "allowed sue-began on"),
    ("who uses it when it begins goes on, and leaves when they like", "",
        "ann start 2000 reserve 5000 ann 200 ann", "allowed ann-began on allowed off ended-badge denied"),
    // The second person.
    ("a second person must come first", BUDDY,
        "ann start 500 tom 500 start", "allowed ann-began allowed on"),
    ("of the level", BUDDY,
        "ann bob start 20000", "allowed ann-began denied ended-not-started"),
    ("and when they go it ends", BUDDY,
        "ann tom start 2000 sense+ 500 tom 500 sense- 1000",
        "allowed ann-began allowed on allowed off ended-buddy-left"),
    // What goes wrong around it.
    ("without the agent it ends", "",
        "ann start 2000 sense+ 500 lost", "allowed ann-began on off ended-agent-lost"),
    ("a relay that does not obey ends it", "",
        "ann start relay-fails", "allowed ann-began on off ended-relay"),
    ("the end of the program ends it", "",
        "ann start 2000 stop", "allowed ann-began on off ended-stopped"),
];

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
