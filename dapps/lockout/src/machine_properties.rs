//! What holds for every machine, whatever happens to it in whatever order.

use super::*;
use crate::access::{Granted, Outcome};
use proptest::prelude::*;

/// Something that can happen.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Happening {
    Badge(u8),
    Edge(&'static str, bool),
    Press(&'static str),
    Lock(bool),
    InspectionDue(bool),
    Ran(u64),
    Connected,
    Lost,
    RelayFailed,
    Stop,
    Tick,
}

const DEVICES: [&str; 8] =
    ["sense", "estop", "interlock", "power-lost", "start", "issue", "homed", "mains-lost"];

/// Documents that differ in what they ask for.
const DOCUMENTS: [&str; 5] = [
    "",
    r#", "buddy": {"level_min": 1}, "inspection": {}, "maintenance": {"hours": 1, "warning_hours": 0}"#,
    r#", "devices": {"machine": "m", "reader": "r", "sense": "sense", "estop": "estop"}"#,
    r#", "devices": {"machine": "m", "reader": "r"}"#,
    r#", "homing": {"within_ms": 1000}, "devices": {"machine": "m", "reader": "r", "sense": "sense",
        "estop": "estop", "homed": "homed", "mains_lost": "mains-lost"}"#,
];

/// Watches a machine from outside and knows nothing of its inside.
struct Watcher {
    machine: Machine,
    now: Ticks,
    levels: BTreeMap<Name, bool>,
    connected: bool,
    /// Until when the relay is on; as the agent would end it.
    relay: Option<Ticks>,
    session: Option<Sums>,
}

/// The session as a bystander with a stop watch reckons.
#[derive(Default)]
struct Sums {
    enabled_ms: u64,
    active_ms: u64,
}

impl Watcher {
    fn new(document: usize) -> Self {
        let times = r#""times": {"idle_ms": 900, "idle_supervisor_ms": 1200, "warning_ms": 100, "safety_ms": 150,
            "arm_ms": 1000, "settle_ms": 60, "coast_ms": 200, "denied_ms": 100, "error_ms": 100, "repeat_ms": 20}"#;
        let text = format!(r#"{{"node": "box", {times}{}}}"#, DOCUMENTS[document]);
        let now = Ticks(10_000);
        let machine = Machine::new(MachineDocument::parse(&text).unwrap(), now);
        Self { machine, now, levels: BTreeMap::new(), connected: false, relay: None, session: None }
    }

    fn is_on(&self, device: &str) -> bool {
        let fitted = self.machine.document.devices.sensed().any(|its| its.as_str() == device);
        fitted && self.levels.get(device) == Some(&true)
    }

    fn after(&mut self, ms: u64, happening: Happening) {
        self.tick_until(self.now + ms);
        match happening {
            Happening::Press(device) => {
                self.happens(Happening::Edge(device, false));
                self.happens(Happening::Edge(device, true));
            }
            happening => self.happens(happening),
        }
    }

    /// A machine that runs loses its current by an open loop, and by what ends all: by nothing else.
    fn happens(&mut self, happening: Happening) {
        let was_on = self.relay.is_some();
        let out = self.step(happening);
        self.check(&out);
        let by_itself = |output: &Output| {
            matches!(output, Output::Event(Event::Safety { what: Halt::StartedItself, .. }))
        };
        let may = match happening {
            Happening::Edge(device, on) => on && ["estop", "interlock", "mains-lost"].contains(&device),
            Happening::Lost | Happening::RelayFailed | Happening::Stop => true,
            _ => false,
        };
        let cut = was_on && self.relay.is_none() && self.is_on("sense");
        assert!(!cut || may || out.iter().any(by_itself), "{happening:?} cut a machine that runs");
    }

    fn step(&mut self, happening: Happening) -> Vec<Output> {
        match happening {
            Happening::Badge(who) => self.badge(who),
            // The agent tells of no contact while it is away.
            Happening::Edge(device, on) if self.connected => {
                let device: Name = device.parse().unwrap();
                self.levels.insert(device.clone(), on);
                self.machine.step(self.now, Input::Edge { device: &device, on })
            }
            Happening::Lock(on) => self.machine.step(self.now, Input::Lock(on.then(|| "x".to_string()))),
            Happening::InspectionDue(due) => self.machine.step(self.now, Input::InspectionDue(due)),
            Happening::Ran(ran_ms) => {
                self.machine.step(self.now, Input::Meter(Meter { ran_ms, maintained_s: 0 }))
            }
            Happening::Connected => {
                self.connected = true;
                for device in DEVICES {
                    self.levels.entry(device.parse().unwrap()).or_default();
                }
                self.machine.step(self.now, Input::Connected(&self.levels))
            }
            Happening::Lost => {
                (self.connected, self.levels) = (false, BTreeMap::new());
                self.machine.step(self.now, Input::Lost)
            }
            Happening::RelayFailed => self.machine.step(self.now, Input::RelayFailed),
            Happening::Stop => self.machine.stop(self.now, End::Stopped),
            Happening::Tick | Happening::Edge(..) | Happening::Press(_) => {
                self.machine.step(self.now, Input::Tick)
            }
        }
    }

    fn badge(&mut self, who: u8) -> Vec<Output> {
        let decision = match who {
            0..4 => Decision {
                people: vec![["ann", "bob", "tom", "sue"][usize::from(who)].parse().unwrap()],
                level: i64::from(who) - 1,
                granted: (who == 2).then(|| Granted { by: "sue".parse().unwrap(), left_ms: 700 }),
                ..Decision::of_nobody(Outcome::Allowed, "")
            },
            _ => Decision::of_nobody(Outcome::Unknown, ""),
        };
        let digests = [BadgeDigest::new([who; 32])];
        self.machine.step(self.now, Input::Badge { digests: &digests, decide: &|_| decision.clone() })
    }

    fn check(&mut self, out: &[Output]) {
        for output in out {
            match output {
                Output::On { for_ms } => self.relay = Some(self.now + *for_ms),
                Output::Off => self.relay = None,
                Output::Event(Event::Began(_)) => {
                    assert!(self.session.replace(Sums::default()).is_none(), "two sessions at once");
                }
                Output::Event(Event::Ended(ended)) => {
                    let sums = self.session.take().expect("because what ends has begun");
                    assert_eq!((ended.enabled_ms, ended.active_ms), (sums.enabled_ms, sums.active_ms));
                    assert!(ended.active_ms <= ended.enabled_ms && ended.enabled_ms <= ended.total_ms);
                }
                _ => {}
            }
        }
        self.check_relay();
    }

    /// On only within a session, with the loop and the interlocks closed, and asked for again in time.
    fn check_relay(&self) {
        let Some(until) = self.relay else { return };
        assert!(self.session.is_some(), "on without a session");
        assert!(self.connected && !self.is_on("estop") && !self.is_on("interlock"), "on with an open loop");
        assert!(!self.is_on("mains-lost"), "on without mains");
        assert!(until > self.now, "the agent has switched it off");
        assert!(self.machine.next_wake(self.now).is_some_and(|wake| wake < until), "it sleeps too long");
        assert!(self.machine.is_on());
    }

    /// Ticks as the program does.
    fn tick_until(&mut self, end: Ticks) {
        while let Some(wake) = self.machine.next_wake(self.now).filter(|wake| *wake <= end) {
            assert!(wake > self.now, "the machine wants a tick that has passed");
            self.pass(wake);
            self.happens(Happening::Tick);
        }
        self.pass(end);
    }

    fn pass(&mut self, until: Ticks) {
        let (ms, runs) = (until.since(self.now), self.is_on("sense"));
        self.now = until;
        if let (Some(sums), Some(_)) = (&mut self.session, self.relay) {
            sums.enabled_ms += ms;
            sums.active_ms += if runs { ms } else { 0 };
        }
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    let edge = (prop::sample::select(&DEVICES[..4]), any::<bool>());
    prop_oneof![
        6 => (0u8..5).prop_map(Happening::Badge),
        6 => edge.prop_map(|(device, on)| Happening::Edge(device, on)),
        6 => Just(Happening::Press("start")),
        3 => any::<bool>().prop_map(|on| Happening::Edge("sense", on)),
        2 => Just(Happening::Edge("estop", false)),
        2 => Just(Happening::Edge("interlock", false)),
        2 => Just(Happening::Edge("power-lost", false)),
        1 => Just(Happening::Press("issue")),
        1 => Just(Happening::Press("homed")),
        1 => any::<bool>().prop_map(|on| Happening::Edge("mains-lost", on)),
        1 => any::<bool>().prop_map(Happening::Lock),
        1 => any::<bool>().prop_map(Happening::InspectionDue),
        1 => (3_500_000u64..3_700_000).prop_map(Happening::Ran),
        2 => Just(Happening::Connected),
        1 => Just(Happening::Lost),
        1 => Just(Happening::RelayFailed),
        1 => Just(Happening::Stop),
        2 => Just(Happening::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_happenings_arms_a_machine_without_leave_or_cuts_one_that_runs(
        document in 0..DOCUMENTS.len(),
        run in prop::collection::vec((0u64..400, happening()), 1..80)
    ) {
        let mut watcher = Watcher::new(document);
        watcher.happens(Happening::Connected);
        for (ms, happening) in run {
            watcher.after(ms, happening);
        }
        watcher.happens(Happening::Stop);
        assert!(watcher.session.is_none() && watcher.relay.is_none(), "a session has no end");
    }
}

/// Every run of four happenings of those that matter most, after a machine was armed.
#[test]
fn no_short_run_at_all_keeps_a_machine_on_with_an_open_loop() {
    let all = [
        Happening::Badge(1),
        Happening::Badge(3),
        Happening::Press("start"),
        Happening::Edge("sense", true),
        Happening::Edge("sense", false),
        Happening::Edge("estop", true),
        Happening::Edge("estop", false),
        Happening::Lock(true),
        Happening::Lost,
        Happening::Connected,
    ];
    for run in 0..all.len().pow(4) {
        let mut watcher = Watcher::new(0);
        watcher.happens(Happening::Connected);
        watcher.happens(Happening::Badge(1));
        watcher.after(0, Happening::Press("start"));
        let mut rest = run;
        for n in 0..4 {
            watcher.after([40, 170][(run + n) % 2], all[rest % all.len()]);
            rest /= all.len();
        }
        watcher.happens(Happening::Stop);
        assert!(watcher.session.is_none() && watcher.relay.is_none());
    }
}
