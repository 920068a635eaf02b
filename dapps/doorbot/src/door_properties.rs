//! What holds for every door, whatever happens to it in whatever order: by random runs, and by all short ones.

use super::*;
use proptest::prelude::*;

/// Something that can happen.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Happening {
    Badge(u8, Outcome),
    BadReading,
    Exit(bool),
    Contact(bool),
    Tick,
    Times(Times),
    Connected(Option<bool>, Option<bool>),
    Lost,
    StrikeFailed,
    Stop,
}

const SHORT: Times = Times {
    latch_ms: 100,
    exit_ms: 300,
    denied_ms: 100,
    error_ms: 150,
    blink_ms: 50,
    repeat_ms: 200,
    held_ms: 250,
    late_ms: 50,
};

/// Watches a door from outside and knows nothing of its inside.
struct Watcher {
    door: Door,
    now: Ticks,
    /// Until when the strike is on; as the agent would end it.
    strike: Option<Ticks>,
    /// When the reader is read again at the earliest, as a member would reckon.
    busy: Ticks,
    longest_ms: u64,
    button: Option<bool>,
    levels: [Option<bool>; 3],
}

impl Watcher {
    fn new() -> Self {
        let door = Door::new(SHORT);
        let (now, busy) = (Ticks(10_000), Ticks(0));
        Self { door, now, strike: None, busy, longest_ms: 300, button: None, levels: [None; 3] }
    }

    fn after(&mut self, ms: u64, happening: Happening) {
        self.tick_until(self.now + ms);
        let was_latched = self.strike.is_some();
        let pressed = happening == Happening::Exit(true) && self.button == Some(false);
        let (out, read) = self.apply(happening);
        let granted = matches!(happening, Happening::Badge(_, Outcome::Allowed)) && read;
        self.check(&out, granted || pressed);
        self.check_events(&out, happening, read, pressed);
        if was_latched || self.now < self.busy {
            assert!(!read, "a badge was read while the door was busy");
        }
        self.follow(&out, happening);
    }

    /// Applies it; whether the door asked for a decision.
    fn apply(&mut self, happening: Happening) -> (Vec<Output>, bool) {
        let asked = std::cell::Cell::new(0);
        let input = match happening {
            Happening::Badge(badge, outcome) => {
                let digests = [BadgeDigest::new([badge; 32])];
                let decide = |_: &[BadgeDigest]| {
                    asked.set(asked.get() + 1);
                    Decision::of_nobody(outcome, "")
                };
                let out = self.door.step(self.now, Input::Badge { digests: &digests, decide: &decide });
                assert!(asked.get() <= 1, "asked twice about one badge");
                return (out, asked.get() == 1);
            }
            Happening::Stop => return (self.door.stop(), false),
            Happening::BadReading => Input::BadReading("noise"),
            Happening::Exit(pressed) => Input::Exit(pressed),
            Happening::Contact(open) => Input::Contact(open),
            Happening::Tick => Input::Tick,
            Happening::Times(times) => Input::Times(times),
            Happening::Connected(open, exit) => Input::Connected { open, exit },
            Happening::Lost => Input::Lost,
            Happening::StrikeFailed => Input::StrikeFailed,
        };
        (self.door.step(self.now, input), false)
    }

    /// The strike comes on for a grant or the button and for nothing else, and goes off in time.
    fn check(&mut self, out: &[Output], leave: bool) {
        for output in out {
            match output {
                Output::Strike { for_ms } => {
                    assert!(leave, "the strike came on without a grant and without the button");
                    assert!((1..=self.longest_ms).contains(for_ms), "for {for_ms} ms");
                    self.strike = Some(self.now + *for_ms);
                }
                Output::Release => self.strike = None,
                Output::Red(on) => self.levels[0] = Some(*on),
                Output::Green(on) => self.levels[1] = Some(*on),
                Output::Buzzer(on) => self.levels[2] = Some(*on),
                Output::Event(_) => {}
            }
        }
        let strikes = out.iter().filter(|output| matches!(output, Output::Strike { .. })).count();
        assert_eq!(strikes, usize::from(leave), "a grant and the button open, each once");
        if let Some(until) = self.strike {
            assert!(until > self.now, "the strike is on beyond its time");
            let wake = self.door.next_wake(self.now).expect("because a latched door wants a tick");
            assert!(wake <= until, "the door sleeps beyond its latch time");
        }
        assert_eq!(self.door.is_latched(), self.strike.is_some());
    }

    /// Every badge that is read gives exactly one event; what is not read gives none.
    fn check_events(&self, out: &[Output], happening: Happening, read: bool, pressed: bool) {
        let count = |wanted: fn(&Event) -> bool| {
            out.iter().filter(|output| matches!(output, Output::Event(event) if wanted(event))).count()
        };
        let access = count(|event| matches!(event, Event::Access(_)));
        match happening {
            Happening::Badge(..) => assert_eq!(access, usize::from(read)),
            Happening::BadReading => assert!(access <= 1),
            _ => assert_eq!(access, 0, "an access event without a badge"),
        }
        assert_eq!(count(|event| *event == Event::Exit), usize::from(pressed));
    }

    fn follow(&mut self, out: &[Output], happening: Happening) {
        let answered = out.iter().find_map(|output| match output {
            Output::Event(Event::Access(decision)) => Some(decision.outcome),
            _ => None,
        });
        match answered {
            Some(Outcome::Denied | Outcome::Unknown) => self.busy = self.now + self.door.times.denied_ms,
            // After a bad reading the door goes on reading.
            Some(Outcome::Error) if happening != Happening::BadReading => {
                self.busy = self.now + self.door.times.error_ms;
            }
            _ => {}
        }
        match happening {
            Happening::Exit(pressed) => self.button = Some(pressed),
            Happening::Connected(_, exit) => self.button = self.button.or(exit),
            Happening::Lost | Happening::Stop => (self.button, self.busy) = (None, Ticks(0)),
            Happening::Times(times) => {
                self.longest_ms = self.longest_ms.max(times.latch_ms.max(times.exit_ms))
            }
            _ => {}
        }
        let latched = out.iter().any(|output| matches!(output, Output::Strike { .. }));
        if latched {
            self.busy = Ticks(0);
        }
    }

    /// Ticks as the program does.
    fn tick_until(&mut self, end: Ticks) {
        while let Some(wake) = self.door.next_wake(self.now).filter(|wake| *wake <= end) {
            assert!(wake > self.now, "the door wants a tick that has passed");
            self.now = wake;
            let out = self.door.step(wake, Input::Tick);
            self.check(&out, false);
        }
        self.now = end;
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    let outcome = prop_oneof![
        Just(Outcome::Allowed),
        Just(Outcome::Denied),
        Just(Outcome::Unknown),
        Just(Outcome::Error)
    ];
    let times =
        (100u64..2000, 100u64..2000).prop_map(|(latch_ms, exit_ms)| Times { latch_ms, exit_ms, ..SHORT });
    prop_oneof![
        6 => (1u8..4, outcome).prop_map(|(badge, outcome)| Happening::Badge(badge, outcome)),
        1 => Just(Happening::BadReading),
        3 => any::<bool>().prop_map(Happening::Exit),
        3 => any::<bool>().prop_map(Happening::Contact),
        3 => Just(Happening::Tick),
        1 => times.prop_map(Happening::Times),
        2 => any::<(Option<bool>, Option<bool>)>().prop_map(|(open, exit)| Happening::Connected(open, exit)),
        1 => Just(Happening::Lost),
        1 => Just(Happening::StrikeFailed),
        1 => Just(Happening::Stop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_happenings_opens_a_door_without_leave_or_for_too_long(
        run in prop::collection::vec((0u64..400, happening()), 1..60)
    ) {
        let mut watcher = Watcher::new();
        for (ms, happening) in run {
            watcher.after(ms, happening);
        }
        watcher.tick_until(watcher.now + 10_000);
        assert!(watcher.strike.is_none(), "the strike is still on");
    }
}

/// Every run of five happenings, at two distances.
#[test]
fn no_short_run_at_all_opens_a_door_without_leave_or_for_too_long() {
    let all = [
        Happening::Badge(1, Outcome::Allowed),
        Happening::Badge(2, Outcome::Denied),
        Happening::Exit(true),
        Happening::Exit(false),
        Happening::Contact(true),
        Happening::Contact(false),
        Happening::Connected(Some(false), Some(false)),
        Happening::Lost,
        Happening::StrikeFailed,
    ];
    for run in 0..all.len().pow(5) {
        let mut watcher = Watcher::new();
        watcher.after(0, Happening::Connected(Some(false), Some(false)));
        let mut rest = run;
        for n in 0..5 {
            watcher.after([30, 120][(run + n) % 2], all[rest % all.len()]);
            rest /= all.len();
        }
        watcher.tick_until(watcher.now + 1000);
        assert!(watcher.strike.is_none(), "the strike is still on");
    }
}
