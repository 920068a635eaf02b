//! One test a rule of the door's machine.

use super::*;

fn decision(outcome: Outcome) -> Decision {
    Decision::of_nobody(outcome, "because")
}

/// A door, the time, and what came out.
struct Scene {
    door: Door,
    now: Ticks,
}

impl Scene {
    fn new() -> Self {
        Self::with(Times::default())
    }

    fn with(times: Times) -> Self {
        let mut scene = Self { door: Door::new(times), now: Ticks(1_000_000) };
        scene.step(Input::Connected { open: Some(false), exit: Some(false) });
        scene
    }

    fn step(&mut self, input: Input<'_>) -> Vec<Output> {
        self.door.step(self.now, input)
    }

    fn tap(&mut self, badge: u8, outcome: Outcome) -> Vec<Output> {
        let digests = [BadgeDigest::new([badge; 32])];
        self.step(Input::Badge { digests: &digests, decide: &|_| decision(outcome) })
    }

    /// Lets time pass as the program does: tick when the door wants it.
    fn wait(&mut self, ms: u64) -> Vec<Output> {
        let (end, mut out) = (self.now + ms, Vec::new());
        while let Some(wake) = self.door.next_wake(self.now).filter(|wake| *wake <= end) {
            assert!(wake > self.now, "the door wants a tick that has passed");
            self.now = wake;
            out.extend(self.step(Input::Tick));
        }
        self.now = end;
        out.extend(self.step(Input::Tick));
        out
    }

    fn levels(&self) -> Levels {
        self.door.shown.unwrap()
    }
}

fn events(out: &[Output]) -> Vec<Event> {
    let event = |output: &Output| match output {
        Output::Event(event) => Some(event.clone()),
        _ => None,
    };
    out.iter().filter_map(event).collect()
}

fn alarm(what: Alarm, cleared: bool) -> Event {
    Event::Alarm { what, cleared }
}

const STRIKE: Output = Output::Strike { for_ms: 4000 };

#[test]
fn an_allowed_badge_opens_first_and_tells_then() {
    let mut scene = Scene::new();
    let out = scene.tap(1, Outcome::Allowed);
    assert_eq!(out[0], STRIKE, "the relay comes before everything else");
    assert_eq!(out[1], Output::Event(Event::Access(decision(Outcome::Allowed))));
    assert!(scene.levels().green && !scene.levels().red);
}

#[test]
fn the_strike_falls_after_its_time_and_the_door_is_ready() {
    let mut scene = Scene::new();
    scene.tap(1, Outcome::Allowed);
    assert!(!scene.wait(3999).contains(&Output::Release));
    assert!(scene.wait(1).contains(&Output::Release));
    assert_eq!(scene.levels(), Levels { red: true, green: false, buzzer: false });
}

#[test]
fn denied_unknown_and_error_are_shown_for_their_times_and_the_strike_stays_off() {
    for (outcome, ms) in [(Outcome::Denied, 2000), (Outcome::Unknown, 2000), (Outcome::Error, 3000)] {
        let mut scene = Scene::new();
        let mut out = scene.tap(1, outcome);
        assert!(scene.levels().red && scene.levels().buzzer, "{outcome:?} begins with red and a beep");
        out.extend(scene.wait(ms - 1));
        assert_ne!(scene.door.phase, Phase::Ready, "{outcome:?}");
        out.extend(scene.wait(1));
        assert_eq!(scene.door.phase, Phase::Ready, "{outcome:?}");
        assert!(!out.iter().any(|output| matches!(output, Output::Strike { .. })), "{outcome:?}");
    }
}

#[test]
fn regression_one_unknown_card_is_one_event_and_one_signal() {
    // MakeIt's doorbot signalled twice for an unknown card: unknown, then denied.
    let mut scene = Scene::new();
    let mut out = scene.tap(1, Outcome::Unknown);
    out.extend(scene.wait(60_000));
    assert_eq!(events(&out), [Event::Access(decision(Outcome::Unknown))]);
    let beeps = out.iter().filter(|output| **output == Output::Buzzer(true)).count();
    assert_eq!(beeps, 2, "the two beeps of unknown and no others");
}

#[test]
fn the_reader_is_not_read_while_an_answer_is_shown_or_the_strike_is_on() {
    for outcome in [Outcome::Allowed, Outcome::Denied, Outcome::Unknown, Outcome::Error] {
        let mut scene = Scene::new();
        scene.tap(1, outcome);
        scene.wait(1000);
        let never = |_: &[BadgeDigest]| -> Decision { panic!("asked while the door was busy") };
        let other = [BadgeDigest::new([2; 32])];
        assert!(events(&scene.step(Input::Badge { digests: &other, decide: &never })).is_empty());
        assert!(events(&scene.step(Input::BadReading("noise"))).is_empty());
    }
}

#[test]
fn the_same_card_is_read_again_after_three_seconds_and_another_one_at_once() {
    let mut scene = Scene::new();
    scene.tap(1, Outcome::Denied);
    scene.wait(2500);
    assert!(events(&scene.tap(1, Outcome::Denied)).is_empty(), "still held to the reader");
    assert_eq!(events(&scene.tap(2, Outcome::Denied)).len(), 1);
    scene.wait(3000);
    assert_eq!(events(&scene.tap(1, Outcome::Denied)).len(), 1);
}

#[test]
fn a_bad_reading_is_an_error_with_its_reason() {
    let mut scene = Scene::new();
    let told = events(&scene.step(Input::BadReading("checksum")));
    assert!(matches!(&told[..], [Event::Access(decision)]
        if decision.outcome == Outcome::Error && decision.reason.contains("checksum")));
}

/// A noisy wire blocked the door for three seconds at a time, and wrote an event each time.
#[test]
fn noise_on_the_readers_wire_neither_blocks_the_door_nor_fills_the_log() {
    let mut scene = Scene::new();
    let mut told = 0;
    for _ in 0..100 {
        told += events(&scene.step(Input::BadReading("noise"))).len();
        scene.wait(500);
    }
    assert_eq!(told, 1, "fifty seconds of noise");
    scene.step(Input::BadReading("noise"));
    assert_eq!(scene.tap(1, Outcome::Allowed)[0], Output::Strike { for_ms: 4000 });
    scene.wait(60_000);
    assert_eq!(events(&scene.step(Input::BadReading("noise"))).len(), 1, "said again a minute later");
}

#[test]
fn the_exit_button_opens_without_asking_even_while_a_denial_is_shown() {
    let mut scene = Scene::with(Times { exit_ms: 7000, ..Times::default() });
    scene.tap(1, Outcome::Denied);
    let out = scene.step(Input::Exit(true));
    assert_eq!((&out[0], events(&out)), (&Output::Strike { for_ms: 7000 }, vec![Event::Exit]));
    assert!(events(&scene.step(Input::Exit(true))).is_empty(), "held is not pressed again");
    scene.step(Input::Exit(false));
    assert_eq!(events(&scene.step(Input::Exit(true))), [Event::Exit]);
}

#[test]
fn the_exit_button_makes_an_open_strike_longer_and_never_shorter() {
    let mut scene = Scene::with(Times { exit_ms: 1000, ..Times::default() });
    scene.tap(1, Outcome::Allowed);
    scene.wait(1000);
    assert_eq!(scene.step(Input::Exit(true))[0], Output::Strike { for_ms: 3000 });
    scene.step(Input::Exit(false));
    scene.wait(2500);
    assert_eq!(scene.step(Input::Exit(true))[0], Output::Strike { for_ms: 1000 });
}

#[test]
fn a_button_that_is_stuck_at_the_start_does_not_open() {
    let mut door = Door::new(Times::default());
    let out = door.step(Ticks(5), Input::Connected { open: None, exit: Some(true) });
    assert!(events(&out).is_empty() && out.contains(&Output::Release));
    assert!(events(&door.step(Ticks(6), Input::Exit(true))).is_empty());
    let mut door = Door::new(Times::default());
    assert!(door.step(Ticks(5), Input::Exit(true)).is_empty(), "what was not seen released was not pressed");
}

#[test]
fn a_door_opened_after_a_badge_is_not_forced_also_when_the_hand_is_slow() {
    for (wait, forced) in [(0, false), (3999, false), (4999, false), (5002, true)] {
        let mut scene = Scene::new();
        scene.tap(1, Outcome::Allowed);
        scene.wait(wait);
        let told = events(&scene.step(Input::Contact(true)));
        assert_eq!(told.contains(&alarm(Alarm::Forced, false)), forced, "after {wait} ms");
        assert_eq!(told[0], Event::Opened);
    }
}

#[test]
fn a_door_opened_without_leave_is_forced_until_it_is_closed() {
    let mut scene = Scene::new();
    let told = events(&scene.step(Input::Contact(true)));
    assert_eq!(told, [Event::Opened, alarm(Alarm::Forced, false)]);
    assert!(scene.wait(5000).contains(&Output::Buzzer(true)));
    let told = events(&scene.step(Input::Contact(false)));
    assert_eq!(told, [Event::Closed, alarm(Alarm::Forced, true)]);
    assert_eq!(scene.levels(), Levels { red: true, green: false, buzzer: false });
}

#[test]
fn a_door_held_open_alarms_once_and_clears_when_it_is_closed() {
    let mut scene = Scene::new();
    scene.tap(1, Outcome::Allowed);
    scene.step(Input::Contact(true));
    assert!(events(&scene.wait(59_999)).is_empty());
    assert_eq!(events(&scene.wait(60_000)), [alarm(Alarm::Held, false)]);
    let told = events(&scene.step(Input::Contact(false)));
    assert_eq!(told, [Event::Closed, alarm(Alarm::Held, true)]);
    assert!(events(&scene.wait(100_000)).is_empty());
}

#[test]
fn who_follows_with_a_badge_of_their_own_gives_the_open_door_more_time() {
    let mut scene = Scene::new();
    scene.tap(1, Outcome::Allowed);
    scene.step(Input::Contact(true));
    scene.wait(50_000);
    scene.tap(2, Outcome::Allowed);
    assert!(events(&scene.wait(59_999)).is_empty());
    assert_eq!(events(&scene.wait(1)), [alarm(Alarm::Held, false)]);
}

#[test]
fn zero_means_no_alarm_for_an_open_door() {
    let mut scene = Scene::with(Times { held_ms: 0, ..Times::default() });
    scene.tap(1, Outcome::Allowed);
    scene.step(Input::Contact(true));
    assert!(events(&scene.wait(10_000_000)).is_empty());
}

#[test]
fn a_door_found_open_at_the_start_is_not_forced_but_is_not_forgotten() {
    let mut door = Door::new(Times::default());
    let out = door.step(Ticks(0), Input::Connected { open: Some(true), exit: None });
    assert!(events(&out).is_empty());
    assert_eq!(events(&door.step(Ticks(60_000), Input::Tick)), [alarm(Alarm::Held, false)]);
}

#[test]
fn at_the_start_the_outputs_are_made_safe_and_nothing_is_switched_before() {
    let mut door = Door::new(Times::default());
    assert!(door.step(Ticks(5), Input::Tick).is_empty());
    let out = door.step(Ticks(6), Input::Connected { open: None, exit: None });
    let ready = [Output::Release, Output::Red(true), Output::Green(false), Output::Buzzer(false)];
    assert_eq!(out, ready);
}

#[test]
fn at_the_stop_everything_is_off() {
    let mut scene = Scene::new();
    scene.tap(1, Outcome::Allowed);
    let off = [Output::Release, Output::Red(false), Output::Green(false), Output::Buzzer(false)];
    assert_eq!(scene.door.stop(), off);
    assert!(!scene.door.is_latched() && scene.door.next_wake(scene.now).is_none());
}

#[test]
fn when_the_agent_is_lost_the_strike_is_off_and_all_is_shown_anew_when_it_is_back() {
    let mut scene = Scene::new();
    scene.tap(1, Outcome::Allowed);
    assert_eq!(scene.step(Input::Lost), [Output::Release]);
    assert!(scene.wait(1000).is_empty());
    let out = scene.step(Input::Connected { open: Some(true), exit: Some(false) });
    assert!(out.contains(&Output::Red(true)) && out.contains(&Output::Green(false)));
    assert!(events(&out).is_empty(), "opened while nobody looked is not forced");
}

#[test]
fn a_strike_that_does_not_switch_is_shown_as_an_error() {
    let mut scene = Scene::new();
    scene.tap(1, Outcome::Allowed);
    let out = scene.step(Input::StrikeFailed);
    assert!(out.contains(&Output::Release) && scene.levels().red && scene.levels().green);
    scene.wait(3000);
    assert_eq!(scene.door.phase, Phase::Ready);
}

#[test]
fn new_times_count_from_the_next_badge() {
    let mut scene = Scene::new();
    scene.tap(1, Outcome::Allowed);
    scene.step(Input::Times(Times { latch_ms: 500, ..Times::default() }));
    assert!(scene.door.is_latched());
    scene.wait(4000);
    assert_eq!(scene.tap(2, Outcome::Allowed)[0], Output::Strike { for_ms: 500 });
}

#[test]
fn lamps_blink_on_ticks() {
    let mut scene = Scene::new();
    scene.tap(1, Outcome::Denied);
    let out = scene.wait(1999);
    assert_eq!(out.iter().filter(|output| **output == Output::Red(false)).count(), 4);
    assert_eq!(out.iter().filter(|output| **output == Output::Buzzer(false)).count(), 1);
}
