//! What a board's file may and may not say.

use super::*;
use model::Width;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn no_parent(name: &str) -> Result<String, SpecError> {
    Err(SpecError::Unknown { name: name.into(), known: String::new() })
}

fn sim(devices: &str) -> Result<BoardSpec, SpecError> {
    BoardSpec::parse("mine", &format!("title = \"Mine\"\ndriver = \"sim\"\n{devices}"), &no_parent)
}

fn error(devices: &str) -> String {
    sim(devices).expect_err(devices).to_string()
}

fn device<'a>(spec: &'a BoardSpec, name: &str) -> &'a Device {
    spec.devices.iter().find(|device| device.name.as_str() == name).unwrap()
}

/// Parses the first of some boards, the others being beside it.
fn family(boards: &[(&str, &str)]) -> Result<BoardSpec, SpecError> {
    let others: BTreeMap<_, _> = boards.iter().copied().collect();
    let parent = |name: &str| match others.get(name) {
        Some(text) => Ok((*text).to_string()),
        None => no_parent(name),
    };
    BoardSpec::parse(boards[0].0, boards[0].1, &parent)
}

#[test]
fn the_built_in_board_has_a_whole_door() {
    let spec = builtin("sim").unwrap();
    let devices: Vec<_> = spec.devices.iter().map(|d| (d.name.as_str(), d.kind().as_str())).collect();
    let want = [
        ("buzzer", "buzzer"),
        ("door", "contact"),
        ("exit", "button"),
        ("green", "lamp"),
        ("reader", "reader"),
        ("red", "lamp"),
        ("strike", "relay"),
    ];
    assert_eq!(devices, want);
    assert_eq!(device(&spec, "reader").widths(), [Width::Bits32, Width::Bits24]);
    assert_eq!(device(&spec, "strike").output().map(|output| output.safe), Some(false));
}

#[test]
fn an_unknown_board_is_told_the_known_ones() {
    assert!(builtin("moon").unwrap_err().to_string().contains("use sim"));
    assert_eq!(find("sim").unwrap().name, "sim");
    assert!(matches!(find("./no/such/folder"), Err(SpecError::Read { .. })));
}

#[test]
fn wiring_is_read_in_every_way_it_can_be_said() {
    let spec = sim(r#"
        [devices.strike]
        kind = "relay"
        line = "GPIO4"
        safe = "on"
        [devices.red]
        kind = "lamp"
        chip = "gpiochip0"
        offset = 16
        active_low = true
        [devices.door]
        kind = "contact"
        line = "P9_12"
        debounce_ms = 50
        bias = "pull-up"
        [devices.in]
        kind = "reader"
        format = "wiegand"
        widths = [24]
        data0 = { line = "GPIO5" }
        data1 = { chip = "gpiochip0", offset = 6 }
        [devices.out]
        kind = "reader"
        format = "rdm6300"
        port = "/dev/serial0"
        [devices.desk]
        kind = "reader"
        format = "wedge-hex"
        device = "/dev/input/by-id/kbd"
    "#)
    .unwrap();
    let strike = device(&spec, "strike").output().unwrap();
    assert_eq!((strike.safe, &strike.line), (true, &Some(Line::Named("GPIO4".into()))));
    let red = device(&spec, "red").output().unwrap();
    assert!(red.active_low && !red.safe);
    let door = device(&spec, "door").contact().unwrap();
    assert_eq!((door.debounce_ms, door.bias), (50, Bias::PullUp));
    assert_eq!(device(&spec, "in").lines().len(), 2);
    let Part::Reader(out) = &device(&spec, "out").part else { panic!() };
    let port = "/dev/serial0".to_string();
    assert_eq!(out.source, Source::Serial { port, baud: 9_600, format: SerialFormat::Rdm6300 });
}

#[test]
fn errors_name_the_file_the_key_and_the_fault() {
    for (devices, parts) in [
        ("[devices.s]\nkind = \"relay\"", &["board/mine/board.toml", "devices.s.safe", "missing"][..]),
        ("[devices.s]\nkind = \"relay\"\nsafe = \"maybe\"", &["devices.s", "maybe"]),
        ("[devices.s]\nkind = \"rely\"", &["devices.s.kind", "rely", "relay, lamp"]),
        ("[devices.s]\nsafe = \"on\"", &["devices.s.kind", "missing"]),
        ("[devices.s]\nkind = \"lamp\"\ncolour = 1", &["devices.s", "colour"]),
        ("[devices.s]\nkind = \"lamp\"\nactive_low = 1", &["devices.s", "active_low", "boolean"]),
        ("[devices.s]\nkind = \"lamp\"\nline = \"A\"\noffset = 1", &["devices.s.line", "either"]),
        ("[devices.s]\nkind = \"lamp\"\nchip = \"gpiochip0\"", &["devices.s.line", "either"]),
        ("[devices.s]\nkind = \"lamp\"\nline = \"\"", &["devices.s.line", "1 to 255 bytes"]),
        ("[devices.S]\nkind = \"lamp\"", &["devices.S", "is not a name"]),
        ("devices.s = 4", &["devices.s", "not a table"]),
        ("[devices.r]\nkind = \"reader\"\nwidths = [26]", &["devices.r.widths", "26", "24, 32 or 64"]),
        ("[devices.r]\nkind = \"reader\"\nwidths = []", &["devices.r.widths", "at least one"]),
        ("[devices.r]\nkind = \"reader\"\nformat = \"rdm6300\"", &["devices.r.port", "missing"]),
        ("[devices.r]\nkind = \"reader\"\nport = \"/dev/x\"", &["devices.r.port", "without a format"]),
        ("[devices.c]\nkind = \"contact\"\ndebounce_ms = 60000", &["devices.c.debounce_ms", "60000"]),
        ("leave_out = [\"moat\"]", &["leave_out", "moat"]),
        ("colour = 1", &["board/mine/board.toml", "colour"]),
        ("devices = [", &["board/mine/board.toml"]),
    ] {
        let error = error(devices);
        assert!(parts.iter().all(|part| error.contains(part)), "{devices:?} gave {error:?}");
    }
}

#[test]
fn one_line_cannot_serve_two_devices() {
    let devices =
        "[devices.a]\nkind = \"lamp\"\nline = \"GPIO4\"\n[devices.b]\nkind = \"button\"\nline = \"GPIO4\"";
    assert!(error(devices).contains("devices.b: line \"GPIO4\" already serves a"), "{}", error(devices));
    let reader = "[devices.r]\nkind=\"reader\"\nformat=\"wiegand\"\ndata0={line=\"A\"}\ndata1={line=\"A\"}";
    assert!(error(reader).contains("devices.r.data1"), "{}", error(reader));
}

#[test]
fn a_real_board_needs_wires() {
    let text = |device: &str| format!("title = \"T\"\ndriver = \"linux\"\n[devices.d]\n{device}");
    let parse = |device: &str| BoardSpec::parse("t", &text(device), &no_parent);
    for bare in ["kind = \"lamp\"", "kind = \"button\"", "kind = \"reader\""] {
        assert!(parse(bare).unwrap_err().to_string().contains("needs"), "{bare}");
    }
    let spec = parse("kind = \"lamp\"\nline = \"GPIO4\"").unwrap();
    assert_eq!(spec.devices[0].lines(), [&Line::Named("GPIO4".into())]);
}

#[test]
fn an_heir_says_only_what_differs() {
    let base = "title = \"Base\"\ndriver = \"linux\"\n[devices.red]\nkind = \"lamp\"\nline = \"GPIO16\"\nactive_low = true\n[devices.out]\nkind = \"relay\"\nline = \"GPIO4\"\nsafe = \"off\"\n[devices.beep]\nkind = \"buzzer\"\nline = \"GPIO26\"\n";
    let heir = "inherits = \"base\"\ntitle = \"Heir\"\nleave_out = [\"beep\"]\n[devices.red]\nline = \"GPIO12\"\n[devices.out]\nkind = \"lamp\"\nline = \"GPIO21\"\n";
    let spec = family(&[("heir", heir), ("base", base)]).unwrap();
    assert_eq!((spec.title.as_str(), spec.driver, spec.devices.len()), ("Heir", Driver::Linux, 2));
    let red = device(&spec, "red").output().unwrap();
    assert!(red.active_low, "inherited");
    assert_eq!(red.line, Some(Line::Named("GPIO12".into())), "its own");
    assert_eq!(device(&spec, "out").kind(), Kind::Lamp, "another kind replaces the device");
}

#[test]
fn an_error_in_an_inherited_device_names_both_files() {
    let base = "title = \"B\"\ndriver = \"sim\"\n[devices.red]\nkind = \"lamp\"\nactive_low = 3\n";
    let heir = "inherits = \"base\"\n[devices.red]\nline = \"A\"\n";
    let error = family(&[("heir", heir), ("base", base)]).unwrap_err().to_string();
    assert!(error.contains("board/base/board.toml and board/heir/board.toml"), "{error}");
}

#[test]
fn boards_that_inherit_in_a_circle_or_from_elsewhere_are_refused() {
    let circle = family(&[("a", "inherits = \"b\""), ("b", "inherits = \"a\"")]).unwrap_err();
    assert!(circle.to_string().contains("a -> b -> a"), "{circle}");
    let outside = family(&[("a", "inherits = \"../../etc\"")]).unwrap_err();
    assert!(outside.to_string().contains("is not a name"), "{outside}");
    let names: Vec<_> =
        (0..MAX_LAYERS + 1).map(|n| (format!("b{n}"), format!("inherits = \"b{}\"", n + 1))).collect();
    let boards: Vec<_> = names.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert!(matches!(family(&boards), Err(SpecError::Circle { .. })));
}

#[test]
fn a_folder_is_read_with_the_boards_beside_it_and_the_built_in_ones() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::create_dir(root.path().join(name)).unwrap();
        std::fs::write(root.path().join(name).join("board.toml"), text).unwrap();
    };
    write("mine", "inherits = \"shed\"\ntitle = \"Mine\"");
    write("shed", "inherits = \"sim\"\nleave_out = [\"buzzer\"]");
    let spec = find(root.path().join("mine").to_str().unwrap()).unwrap();
    assert_eq!((spec.name.as_str(), spec.title.as_str(), spec.devices.len()), ("mine", "Mine", 6));
    write("long", &format!("title = \"{}\"", "x".repeat(70_000)));
    let error = load(&root.path().join("long")).unwrap_err().to_string();
    assert!(error.contains("board/long/board.toml is longer"), "{error}");
}

#[test]
fn the_built_in_boards_have_the_sim_s_door() {
    let sim: Vec<_> = builtin("sim").unwrap().devices.iter().map(|d| (d.name.clone(), d.kind())).collect();
    for board in ["raspberrypi", "beaglebone", "qemu-aarch64"] {
        let spec = builtin(board).unwrap();
        assert_eq!(spec.driver, Driver::Linux);
        for (name, kind) in &sim {
            let found = spec.devices.iter().find(|device| device.name == *name);
            assert_eq!(found.map(Device::kind), Some(*kind), "{name} of {board}");
        }
        assert_eq!(device(&spec, "strike").output().map(|strike| strike.safe), Some(false));
    }
}

#[test]
fn a_contactless_reader_is_read_with_all_its_bits() {
    let spec = sim(r#"
        [devices.desk]
        kind = "reader"
        format = "mfrc522"
        spi = "/dev/spidev0.0"
        reset = { line = "GPIO25" }
        [devices.gate]
        kind = "reader"
        format = "pn532"
        port = "/dev/ttyS4"
        [devices.hall]
        kind = "reader"
        format = "pn532"
        i2c = "/dev/i2c-1"
    "#)
    .unwrap();
    assert_eq!(device(&spec, "desk").widths(), [Width::Full]);
    assert_eq!(device(&spec, "desk").lines(), [&Line::Named("GPIO25".into())]);
    let Part::Reader(gate) = &device(&spec, "gate").part else { panic!() };
    let bus = Pn532Bus::Serial { port: "/dev/ttyS4".into(), baud: 115_200 };
    assert_eq!(gate.source, Source::Pn532 { bus, reset: None });
}

/// A relay behind these keys of `mqtt`.
fn remote(keys: &str) -> Result<RemoteSpec, String> {
    let text = format!("[devices.l]\nkind = \"relay\"\nsafe = \"off\"\nmqtt = {{ {keys} }}");
    let spec = sim(&text).map_err(|error| error.to_string())?;
    Ok(device(&spec, "l").output().unwrap().mqtt.clone().unwrap())
}

#[test]
fn a_relay_on_the_network_is_a_broker_a_format_and_a_topic() {
    let keys = |broker: &str| format!("broker = \"{broker}\", format = \"tasmota\", topic = \"lathe\"");
    for (broker, host, port) in [
        ("broker.lan", "broker.lan", 1883),
        ("10.0.0.5:18830", "10.0.0.5", 18830),
        ("[fe80::1%eth0]:1884", "fe80::1%eth0", 1884),
        ("::1", "::1", 1883),
    ] {
        let remote = remote(&keys(broker)).unwrap();
        assert_eq!((remote.host.as_str(), remote.port, remote.channel), (host, port, 1), "{broker}");
    }
    let shelly =
        remote("broker = \"b\", format = \"shelly2\", topic = \"a/b\", user = \"u\", password_file = \"/p\"");
    let shelly = shelly.unwrap();
    assert_eq!((shelly.channel, shelly.login), (0, Some(("u".into(), "/p".into()))));
}

#[test]
fn what_is_wrong_with_a_relay_on_the_network_is_named() {
    let wrong = |keys: &str| remote(keys).unwrap_err();
    for (keys, part) in [
        ("broker = \"\", format = \"tasmota\", topic = \"l\"", "mqtt.broker"),
        ("broker = \"b:0\", format = \"tasmota\", topic = \"l\"", "mqtt.broker"),
        ("broker = \"b c\", format = \"tasmota\", topic = \"l\"", "mqtt.broker"),
        ("broker = \"b\", format = \"tasmota\", topic = \"#\"", "mqtt.topic"),
        ("broker = \"b\", format = \"tasmota\", topic = \"l/\"", "mqtt.topic"),
        ("broker = \"b\", format = \"tasmota\", topic = \"l\", channel = 0", "1 to 31"),
        ("broker = \"b\", format = \"zigbee\", topic = \"l\"", "zigbee"),
        ("broker = \"b\", format = \"tasmota\", topic = \"l\", user = \"u\"", "mqtt.user"),
        ("broker = \"b\", format = \"tasmota\", topic = \"l\", tls = true", "tls"),
    ] {
        let error = wrong(keys);
        assert!(error.contains(part), "{keys} gave {error}");
    }
    let relay = "mqtt = { broker = \"b\", format = \"tasmota\", topic = \"l\" }";
    let both = format!("[devices.l]\nkind = \"relay\"\nsafe = \"off\"\nline = \"A\"\n{relay}");
    assert!(error(&both).contains("devices.l.line"), "{}", error(&both));
    let twice = ["a", "b"].map(|name| format!("[devices.{name}]\nkind = \"lamp\"\n{relay}\n")).concat();
    assert!(error(&twice).contains("devices.b.mqtt: this relay already serves a"), "{}", error(&twice));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in "(\\[devices\\.[a-c]\\]|kind|relay|reader|line|safe| = |\"|[a-z0-9]|\n|\\{|\\}){0,40}") {
        let _ = sim(&text);
    }
}
