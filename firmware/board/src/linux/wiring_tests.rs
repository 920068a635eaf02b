//! Pin maps that fit, and those that do not and why.

use super::fake::{FakeGpio, place};
use super::wiring::{Places, WiringError};
use crate::{BoardSpec, spec::Line};

fn spec(devices: &str) -> BoardSpec {
    let text = format!("title = \"T\"\ndriver = \"linux\"\n{devices}");
    BoardSpec::parse("t", &text, &|_| unreachable!("it inherits nothing")).unwrap()
}

fn find(gpio: &FakeGpio, devices: &str) -> Result<Places, (model::Name, WiringError)> {
    Places::find(gpio, &spec(devices).devices)
}

fn refusal(gpio: &FakeGpio, line: &str) -> String {
    let devices = format!("[devices.strike]\nkind = \"relay\"\nsafe = \"off\"\n{line}\n");
    let (device, error) = find(gpio, &devices).unwrap_err();
    assert_eq!(device.as_str(), "strike");
    error.to_string()
}

#[test]
fn a_line_is_found_by_its_name_by_its_chip_s_name_and_by_its_label() {
    let gpio = FakeGpio::new();
    for (text, line) in [
        ("line = \"L4\"", Line::Named("L4".into())),
        ("chip = \"gpiochip0\"\noffset = 4", Line::At { chip: "gpiochip0".into(), offset: 4 }),
        ("chip = \"/dev/gpiochip0\"\noffset = 4", Line::At { chip: "/dev/gpiochip0".into(), offset: 4 }),
        ("chip = \"fake\"\noffset = 4", Line::At { chip: "fake".into(), offset: 4 }),
    ] {
        let places = find(&gpio, &format!("[devices.l]\nkind = \"lamp\"\n{text}\n")).unwrap();
        assert_eq!(places.of(&line), Some(place("gpiochip0", 4)), "{text}");
    }
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let gpio = FakeGpio::new();
    gpio.plug("gpiochip1", "9030000.pl061", &["", ""]);
    for (line, parts) in [
        ("line = \"GPIO4\"", &["\"GPIO4\"", "gpiochip0 (fake), gpiochip1 (9030000.pl061)"][..]),
        ("chip = \"gpiochip7\"\noffset = 4", &["4 of gpiochip7", "no chip gpiochip7", "gpiochip0 (fake)"]),
        ("chip = \"gpiochip0\"\noffset = 54", &["54 of gpiochip0", "gpiochip0 (fake) has lines 0 to 7"]),
    ] {
        let error = refusal(&gpio, line);
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    assert!(refusal(&FakeGpio::default(), "line = \"GPIO4\"").contains("has no GPIO chip"));
}

#[test]
fn a_line_of_somebody_else_is_refused_with_who_has_it() {
    let gpio = FakeGpio::new();
    gpio.occupy(0, 4, "led0");
    assert_eq!(refusal(&gpio, "line = \"L4\""), "line \"L4\" (4 of gpiochip0 (fake)) is in use by led0");
}

#[test]
fn a_name_or_label_that_two_have_is_refused() {
    let gpio = FakeGpio::new();
    gpio.plug("gpiochip1", "fake", &["L4"]);
    let both = "gpiochip0 (fake), gpiochip1 (fake)";
    for line in ["line = \"L4\"", "chip = \"fake\"\noffset = 0"] {
        let error = refusal(&gpio, line);
        assert!(error.contains(both) && error.contains("say which"), "{error}");
    }
}

#[test]
fn one_line_under_two_names_is_refused() {
    let devices = "[devices.a]\nkind = \"lamp\"\nline = \"L4\"\n[devices.b]\nkind = \"button\"\nchip = \"fake\"\noffset = 4\n";
    let (device, error) = find(&FakeGpio::new(), devices).unwrap_err();
    assert_eq!(device.as_str(), "b");
    assert_eq!(error.to_string(), "line 4 of fake (4 of gpiochip0) is the line of a, too");
}

#[test]
fn a_board_without_lines_needs_no_chips() {
    let reader = "[devices.r]\nkind = \"reader\"\nformat = \"rdm6300\"\nport = \"/dev/ttyS0\"\n";
    assert!(find(&FakeGpio::default(), reader).is_ok());
}
