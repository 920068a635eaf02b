//! A whole board on lines and ports that obey, fail and vanish.

use super::board::LinuxBoard;
use super::fake::{Deed, FakeGpio, place};
use super::serial::open_port;
use super::test_pty::Port;
use super::time::{Pace, monotonic_ns};
use crate::{BadReading, Board, BoardError, BoardSpec, Input, InputKind};
use model::{CardNumber, Name};
use rustix::io::Errno;
use std::{
    error::Error,
    sync::{Arc, mpsc},
    time::Duration,
};

const PACE: Pace = Pace {
    first: Duration::from_millis(5),
    most: Duration::from_millis(40),
    steady: Duration::from_secs(10),
};
const SOON: Duration = Duration::from_secs(20);
/// MakeIt Labs' card.
const RDM6300: &[u8] = b"\x0204184EDCBA34\x03";
const GWIOT: &[u8] = &[0x02, 0x0A, 0x02, 0x11, 0x00, 0x0D, 0xEF, 0x80, 0x7B, 0x03];

const DOOR: &str = "
    [devices.strike]
    kind = \"relay\"
    line = \"L0\"
    safe = \"off\"
    [devices.red]
    kind = \"lamp\"
    line = \"L1\"
    active_low = true
    [devices.fan]
    kind = \"relay\"
    line = \"L2\"
    safe = \"on\"
    [devices.door]
    kind = \"contact\"
    line = \"L3\"
";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn open(gpio: &FakeGpio, devices: &str) -> Result<(LinuxBoard, mpsc::Receiver<Input>), BoardError> {
    let text = format!("title = \"T\"\ndriver = \"linux\"\n{devices}");
    let spec = BoardSpec::parse("t", &text, &|_| unreachable!("it inherits nothing")).unwrap();
    let (hear, inputs) = mpsc::channel();
    let sink = Arc::new(move |input| drop(hear.send(input)));
    LinuxBoard::open(spec, sink, Arc::new(gpio.clone()), PACE).map(|board| (board, inputs))
}

fn reader(format: &str, port: &Port) -> String {
    let port = port.path();
    format!("[devices.reader]\nkind = \"reader\"\nformat = \"{format}\"\nport = \"{}\"\n", port.display())
}

fn deeds_of(gpio: &FakeGpio, offset: u32) -> Vec<Deed> {
    let deeds = gpio.deeds().into_iter().filter(|(at, _)| *at == place("gpiochip0", offset));
    deeds.map(|(_, deed)| deed).collect()
}

#[test]
fn outputs_are_safe_from_their_first_moment_to_their_last() {
    let gpio = FakeGpio::new();
    let (board, _inputs) = open(&gpio, DOOR).unwrap();
    board.set(&name("strike"), true).unwrap();
    board.set(&name("red"), true).unwrap();
    board.set(&name("fan"), false).unwrap();
    assert!(board.get(&name("strike")).unwrap() && board.get(&name("red")).unwrap());
    drop(board);
    use Deed::{Driven, Released, Requested};
    assert_eq!(deeds_of(&gpio, 0), [Requested(false), Driven(true), Driven(false), Released]);
    assert_eq!(deeds_of(&gpio, 1), [Requested(true), Driven(false), Driven(true), Released], "active-low");
    assert_eq!(deeds_of(&gpio, 2), [Requested(true), Driven(false), Driven(true), Released], "safe is on");
}

#[test]
fn nothing_moves_if_one_line_is_wrong() {
    let gpio = FakeGpio::new();
    let error = open(&gpio, &DOOR.replace("L3", "GPIO99")).err().unwrap();
    assert_eq!(error.to_string(), "board t: the pin map of door does not fit this machine");
    assert!(error.source().unwrap().to_string().contains("\"GPIO99\""));
    assert_eq!(gpio.deeds(), []);
}

#[test]
fn a_board_that_opens_half_is_given_back_safe() {
    let gpio = FakeGpio::new();
    gpio.fail("input", Errno::BUSY);
    let error = open(&gpio, DOOR).err().unwrap();
    assert_eq!(error.to_string(), "could not open door");
    assert_eq!(error.source().unwrap().to_string(), "line 3 of gpiochip0");
    for line in [0, 1, 2] {
        assert_eq!(deeds_of(&gpio, line).last(), Some(&Deed::Released));
    }
    assert!(!gpio.is_high(&place("gpiochip0", 0)) && gpio.is_high(&place("gpiochip0", 2)));
}

#[test]
fn an_output_that_does_not_obey_says_so_and_does_not_claim_a_level() {
    let gpio = FakeGpio::new();
    let (board, _inputs) = open(&gpio, DOOR).unwrap();
    gpio.fail("set", Errno::IO);
    let error = board.set(&name("strike"), true).unwrap_err();
    assert!(error.is_transient());
    assert_eq!(error.to_string(), "could not turn on strike");
    assert!(board.get(&name("strike")).is_err());
    board.make_safe(&name("strike")).unwrap();
    assert!(!board.get(&name("strike")).unwrap());
    assert!(!deeds_of(&gpio, 0).contains(&Deed::Released), "the line is still ours");
}

#[test]
fn an_output_whose_chip_comes_back_is_requested_at_the_level_that_is_wanted_then() {
    let gpio = FakeGpio::new();
    let (board, _inputs) = open(&gpio, DOOR).unwrap();
    board.set(&name("strike"), true).unwrap();
    gpio.unplug("gpiochip0");
    assert!(board.make_safe(&name("strike")).is_err());
    gpio.plug_again("gpiochip0");
    board.make_safe(&name("strike")).unwrap();
    assert_eq!(deeds_of(&gpio, 0)[2..], [Deed::Released, Deed::Requested(false)]);
}

#[test]
fn what_a_device_cannot_do_is_refused_by_name() {
    let (board, _inputs) = open(&FakeGpio::new(), DOOR).unwrap();
    assert_eq!(
        board.set(&name("door"), true).unwrap_err().to_string(),
        "door is a contact: it cannot be set"
    );
    assert!(board.make_safe(&name("door")).is_err());
    assert!(board.set(&name("moat"), true).unwrap_err().is_not_found());
    assert!(board.get(&name("moat")).unwrap_err().is_not_found());
    assert!(board.as_sim().is_none());
}

#[test]
fn a_contact_is_heard_by_name_and_read() {
    let gpio = FakeGpio::new();
    let (board, inputs) = open(&gpio, DOOR).unwrap();
    assert!(!board.get(&name("door")).unwrap());
    gpio.drive(&place("gpiochip0", 3), true, monotonic_ns());
    let input = inputs.recv_timeout(SOON).unwrap();
    assert_eq!((input.device, input.what), (name("door"), InputKind::Edge(true)));
    assert!(board.get(&name("door")).unwrap());
    gpio.unplug("gpiochip0");
    let mut lost = (0..4_000).map(|_| std::thread::sleep(Duration::from_millis(5)));
    assert!(lost.any(|()| board.get(&name("door")).is_err()), "a level that nobody sees is none");
}

#[test]
fn recorded_frames_on_a_serial_port_are_badges() {
    for (format, frame, number) in
        [("rdm6300", RDM6300, 0x04_184E_DCBA), ("gwiot7941e", GWIOT, 0x11_000D_EF80u64)]
    {
        let mut port = Port::new();
        let (_board, inputs) = open(&FakeGpio::default(), &reader(format, &port)).unwrap();
        wait_until_open(&port);
        port.send(frame);
        let input = inputs.recv_timeout(SOON).unwrap();
        assert_eq!(input.what, InputKind::Badge(CardNumber::new(number)), "{format}");
    }
}

#[test]
fn a_reader_that_is_unplugged_is_said_once_and_comes_back_by_itself() {
    let mut port = Port::new();
    let (board, inputs) = open(&FakeGpio::default(), &reader("rdm6300", &port)).unwrap();
    let card = InputKind::Badge(CardNumber::new(0x04_184E_DCBA));
    for _ in 0..2 {
        wait_until_open(&port);
        port.send(RDM6300);
        assert_eq!(inputs.recv_timeout(SOON).unwrap().what, card);
        port.unplug();
        let unplugged = InputKind::BadReading(BadReading::Unplugged);
        assert_eq!(inputs.recv_timeout(SOON).unwrap().what, unplugged);
        assert!(inputs.recv_timeout(Duration::from_millis(150)).is_err(), "once, however often it is tried");
        assert!(!board.attends(&name("reader")));
        port.plug();
    }
    let mut tries = (0..2_000).map(|_| std::thread::sleep(Duration::from_millis(5)));
    assert!(tries.any(|()| board.attends(&name("reader"))), "it is there, and nobody says so");
}

#[test]
fn a_reader_that_is_not_there_at_first_does_not_keep_the_board_from_opening() {
    let mut port = Port::new();
    port.unplug();
    let (board, inputs) = open(&FakeGpio::new(), &(DOOR.to_string() + &reader("rdm6300", &port))).unwrap();
    assert_eq!(inputs.recv_timeout(SOON).unwrap().what, InputKind::BadReading(BadReading::Unplugged));
    board.set(&name("strike"), true).unwrap();
    port.plug();
    wait_until_open(&port);
    port.send(RDM6300);
    assert!(matches!(inputs.recv_timeout(SOON).unwrap().what, InputKind::Badge(_)));
}

#[test]
fn a_port_is_raw_and_ours_alone() {
    let port = Port::new();
    let path = port.path();
    let ours = open_port(path.to_str().unwrap(), 9_600).unwrap();
    assert!(open_port(path.to_str().unwrap(), 9_600).is_err());
    let settings = rustix::termios::tcgetattr(&ours).unwrap();
    use rustix::termios::{ControlModes, LocalModes};
    assert!(!settings.local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
    assert!(settings.control_modes.contains(ControlModes::CS8) && settings.input_speed() == 9_600);
}

/// The board has the port once it is raw: what was received before is dropped in that moment.
fn wait_until_open(port: &Port) {
    use rustix::{fs, termios};
    let is_raw = || {
        let flags = fs::OFlags::RDWR | fs::OFlags::NOCTTY | fs::OFlags::CLOEXEC;
        let settings = fs::open(port.path(), flags, fs::Mode::empty()).and_then(termios::tcgetattr);
        settings.is_ok_and(|settings| !settings.local_modes.contains(termios::LocalModes::ICANON))
    };
    let mut tries = (0..4_000).map(|_| std::thread::sleep(Duration::from_millis(5)));
    assert!(tries.any(|()| is_raw()), "nobody opened the port");
}
