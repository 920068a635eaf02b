//! The simulated board obeys, remembers and fails on demand.

use super::*;
use crate::{BadReading, SimClock};
use model::CardNumber;

struct Bench {
    board: SimBoard,
    clock: Arc<SimClock>,
    inputs: Arc<Mutex<Vec<Input>>>,
}

fn bench() -> Bench {
    let clock = Arc::new(SimClock::at(Millis(1_000)));
    let inputs = Arc::new(Mutex::new(Vec::new()));
    let heard = inputs.clone();
    let sink: Sink = Arc::new(move |input| heard.lock().unwrap().push(input));
    Bench { board: SimBoard::door(clock.clone(), sink).unwrap(), clock, inputs }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn input(device: &str, what: InputKind) -> Input {
    Input { device: name(device), at: Millis(5), what }
}

#[test]
fn levels_change_with_their_times_and_only_when_they_change() {
    let Bench { board, clock, .. } = bench();
    let strike = name("strike");
    board.set(&strike, true).unwrap();
    clock.advance(4_000);
    board.set(&strike, true).unwrap();
    board.set(&strike, false).unwrap();
    let change = |on, at| LevelChange { device: strike.clone(), on, at: Millis(at) };
    assert_eq!(board.trace(), [change(true, 1_000), change(false, 5_000)]);
    assert!(!board.get(&strike).unwrap());
}

#[test]
fn badges_and_edges_reach_the_sink() {
    let Bench { board, inputs, .. } = bench();
    let happened = [
        input("reader", InputKind::Badge(CardNumber::new(7))),
        input("reader", InputKind::BadReading(BadReading::Noise)),
        input("door", InputKind::Edge(true)),
        input("exit", InputKind::Edge(true)),
    ];
    happened.iter().for_each(|input| board.inject(input.clone()).unwrap());
    assert_eq!(*inputs.lock().unwrap(), happened);
    assert!(board.get(&name("door")).unwrap());
}

#[test]
fn a_door_that_is_open_cannot_open() {
    let Bench { board, inputs, .. } = bench();
    for on in [false, true, true] {
        board.inject(input("door", InputKind::Edge(on))).unwrap();
    }
    assert_eq!(inputs.lock().unwrap().len(), 1);
}

#[test]
fn what_a_device_cannot_do_is_refused_by_name() {
    let Bench { board, inputs, .. } = bench();
    let badge_at_strike = board.inject(input("strike", InputKind::Badge(CardNumber::new(7)))).unwrap_err();
    assert_eq!(badge_at_strike.to_string(), "strike is a relay: it cannot report that");
    assert!(board.inject(input("reader", InputKind::Edge(true))).is_err());
    assert_eq!(
        board.set(&name("door"), true).unwrap_err().to_string(),
        "door is a contact: it cannot be set"
    );
    assert!(board.make_safe(&name("reader")).is_err());
    assert!(board.get(&name("reader")).is_err());
    assert!(board.set(&name("moat"), true).unwrap_err().is_not_found());
    assert!(inputs.lock().unwrap().is_empty() && board.trace().is_empty());
}

#[test]
fn it_fails_at_the_call_it_was_told_to_and_changes_nothing_then() {
    let Bench { board, .. } = bench();
    let strike = name("strike");
    board.fail(Failure::At(2));
    board.set(&strike, true).unwrap();
    let error = board.set(&strike, false).unwrap_err();
    assert!(error.is_transient());
    assert_eq!(error.to_string(), "could not turn off strike");
    assert!(board.get(&strike).unwrap());
    board.set(&strike, false).unwrap();
}

#[test]
fn every_output_is_tried_when_all_are_made_safe() {
    let Bench { board, .. } = bench();
    for output in ["buzzer", "green", "red", "strike"] {
        board.set(&name(output), true).unwrap();
    }
    board.fail(Failure::At(1));
    assert_eq!(board.make_all_safe().len(), 1, "one fails");
    assert!(!board.get(&name("strike")).unwrap(), "the others are safe all the same");
    board.fail(Failure::From(1));
    assert_eq!(board.make_all_safe().len(), 4);
}

#[test]
fn it_is_safe_when_the_last_hand_leaves_it() {
    let Bench { board, .. } = bench();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    board.watch(move |change| log.lock().unwrap().push((change.device.clone(), change.on)));
    board.set(&name("strike"), true).unwrap();
    board.fail(Failure::From(1));
    drop(board);
    assert_eq!(*seen.lock().unwrap(), [(name("strike"), true), (name("strike"), false)]);
}

#[test]
fn the_safe_level_is_the_board_s_not_off() {
    let text = "title = \"Kiln\"\ndriver = \"sim\"\n[devices.fan]\nkind = \"relay\"\nsafe = \"on\"\n";
    let spec = BoardSpec::parse("kiln", text, &|_| unreachable!("it inherits nothing")).unwrap();
    let board = SimBoard::new(spec, Arc::new(SimClock::default()), Arc::new(|_| {}));
    let fan = name("fan");
    assert!(board.get(&fan).unwrap(), "from the beginning");
    board.set(&fan, false).unwrap();
    board.make_safe(&fan).unwrap();
    assert!(board.get(&fan).unwrap());
}

#[test]
fn a_trace_of_weeks_is_bounded() {
    let Bench { board, .. } = bench();
    let red = name("red");
    for n in 0..TRACE_LEN_MAX + 10 {
        board.set(&red, n % 2 == 0).unwrap();
    }
    assert_eq!(board.trace().len(), TRACE_LEN_MAX);
}
