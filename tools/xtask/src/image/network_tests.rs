//! How a box gets into a network and to the time, as its scripts do it.

use super::sandbox::Sandbox;

/// What the DHCP client would do: it says who it is for, is told of an address, and then the cable is pulled.
const UDHCPC: &str = r#"
udhcpc() { echo "udhcpc $*" >>LOG; echo 0 >NET/$interface/carrier; }
"#;
/// The cable is pulled after the first look at it.
const PULLED: &str = r#"
sleep() { echo 0 >NET/$interface/carrier; }
"#;
/// wpa_supplicant as it speaks.
const WPA: &str = r#"
wpa_supplicant() {
    echo "wpa_supplicant $*" >>LOG
    echo 'wlan0: Trying to associate with SSID'
    echo 'wlan0: CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="x" auth_failures=1 duration=10 reason=WRONG_KEY'
    echo 'wlan0: CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:00:00 completed'
}
"#;
const NTP: &str = r#"
ledger_ntp() { echo "ledger-ntp $*" >>LOG; echo 'the clock was set forward by 9.0 s'; }
alias ledger-ntp=ledger_ntp
"#;

#[test]
fn the_cable_asks_for_an_address_and_for_time_servers() {
    let sandbox = Sandbox::new("", UDHCPC);
    sandbox.interface("eth0");
    sandbox.run("network", &["wired"], &[]);
    let log = sandbox.read("log");
    assert!(log.contains("ip link set eth0 up\n") && log.contains("udhcpc -f -i eth0"), "{log}");
    assert!(log.contains("-O ntpsrv"), "{log}");
    assert!(log.contains("ip addr flush dev eth0"), "a pulled cable's address is given up: {log}");
}

#[test]
fn an_address_of_ones_own_is_for_the_network_that_the_box_is_to_join() {
    let address = "address = \"10.0.0.7/16\"\ngateway = \"10.0.0.1\"\ndns = \"10.0.0.1 10.0.0.2\"\n";
    for (settings, kind, fixed) in [
        (address.to_owned(), "wired", true),
        (address.to_owned(), "wireless", false),
        (format!("{address}wifi_ssid = \"x\"\n"), "wired", false),
        (format!("{address}wifi_ssid = \"x\"\n"), "wireless", true),
    ] {
        let sandbox = Sandbox::new(&settings, &[UDHCPC, PULLED].concat());
        let name = if kind == "wired" { "eth0" } else { "wlan0" };
        sandbox.interface(name);
        sandbox.run("network", &[kind], &[]);
        let log = sandbox.read("log");
        assert_eq!(
            log.contains(&format!("ip addr replace 10.0.0.7/16 dev {name}")),
            fixed,
            "{settings}{log}"
        );
        assert_eq!(log.contains("udhcpc"), !fixed, "{settings}{log}");
        assert_eq!(log.contains("ip route replace default via 10.0.0.1"), fixed, "{settings}{log}");
    }
}

fn bound(sandbox: &Sandbox, interface: &str, dns: &str, ntp: &str) {
    let told = [
        ("interface", interface),
        ("ip", "10.0.0.9"),
        ("mask", "24"),
        ("router", "10.0.0.1 10.0.0.2"),
        ("dns", dns),
    ];
    sandbox.run("dhcp", &["bound"], &[&told[..], &[("ntpsrv", ntp)]].concat());
}

#[test]
fn the_cable_comes_before_the_wireless_network_and_is_forgotten_when_it_is_gone() {
    let sandbox = Sandbox::new("", "");
    bound(&sandbox, "wlan0", "10.9.0.1", "10.9.0.2");
    bound(&sandbox, "eth0", "10.0.0.1 fd00::1", "10.0.0.5");
    let names = "nameserver 10.0.0.1\nnameserver fd00::1\nnameserver 10.9.0.1\n";
    assert_eq!(sandbox.read("run/resolv.conf"), names);
    let log = sandbox.read("log");
    assert!(log.contains("ip route replace default via 10.0.0.1 dev eth0 metric 100\n"), "{log}");
    assert!(log.contains("ip route replace default via 10.0.0.1 dev wlan0 metric 200\n"), "{log}");
    sandbox.run("dhcp", &["deconfig"], &[("interface", "eth0")]);
    assert_eq!(sandbox.read("run/resolv.conf"), "nameserver 10.9.0.1\n");
    assert_eq!(sandbox.read("run/ledger/ntp.1"), "");
}

#[test]
fn a_strangers_dhcp_server_gives_names_and_addresses_and_nothing_else() {
    let sandbox = Sandbox::new("", "");
    bound(&sandbox, "eth0", "10.0.0.1 $(reboot) *", "-s --written time.lan");
    assert_eq!(sandbox.read("run/resolv.conf"), "nameserver 10.0.0.1\n");
    assert_eq!(sandbox.read("run/ledger/ntp.1"), "time.lan\n");
}

fn wifi(settings: &str) -> Sandbox {
    let sandbox = Sandbox::new(settings, WPA);
    sandbox.interface("wlan0");
    let output = sandbox.run("wifi", &[], &[]);
    assert!(output.stderr.is_empty(), "{output:?}");
    sandbox
}

#[test]
fn each_kind_of_network_is_told_to_wpa_supplicant() {
    let config = |settings: &str| wifi(settings).read("run/ledger/wifi.conf");
    let named =
        |rest: &str| format!("sae_pwe=2\nnetwork={{\nssid=c39c2220\nscan_ssid=1\nieee80211w=1\n{rest}}}\n");
    let ssid = "wifi_ssid = 'Ü\" '\n";
    assert_eq!(config(ssid), named("key_mgmt=NONE\n"));
    assert_eq!(
        config(&format!("{ssid}wifi_password = 'a \"b\" \\ $c #'\nwifi_country = \"DE\"")),
        format!("country=DE\n{}", named("key_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\npsk=\"a \"b\" \\ $c #\"\n"))
    );
    let key = "0123456789abcdef".repeat(4);
    assert_eq!(
        config(&format!("{ssid}wifi_password = \"{key}\"\n")),
        named(&format!("key_mgmt=WPA-PSK WPA-PSK-SHA256\npsk={key}\n"))
    );
}

#[test]
fn a_person_at_the_console_hears_how_it_goes_but_no_password() {
    let sandbox = wifi("wifi_ssid = \"Space\"\nwifi_password = \"secret word\"\n");
    let said = sandbox.read("dev/console");
    assert!(said.contains("Space does not take the password") && said.contains("joined Space"), "{said}");
    assert!(!said.contains("secret") && !sandbox.read("log").contains("secret"), "{said}");
    let mode = std::fs::metadata(sandbox.path("run/ledger/wifi.conf")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
}

#[test]
fn what_cannot_be_joined_is_said_once() {
    let short = wifi("wifi_ssid = \"Space\"\nwifi_password = \"short\"\n");
    assert!(short.read("dev/console").contains("shorter than 8"));
    let no_radio = Sandbox::new("wifi_ssid = \"Space\"\n", WPA);
    no_radio.run("wifi", &[], &[]);
    no_radio.run("wifi", &[], &[]);
    assert_eq!(no_radio.read("dev/console").matches("there is no radio").count(), 1);
    let no_program = Sandbox::new("wifi_ssid = \"Space\"\n", "command() { return 1; }\n");
    no_program.run("wifi", &[], &[]);
    assert!(no_program.read("dev/console").contains("no programs"));
}

/// Which servers one round asks.
fn asked(settings: &str, dhcp: &str) -> (Sandbox, String) {
    let sandbox = Sandbox::new(settings, NTP);
    sandbox.write("one-round", "");
    sandbox.write(
        "route",
        "10.0.0.0/24 dev eth0 scope link \ndefault via 10.0.0.1 dev eth0  metric 100 \ndefault via 10.9.0.1 dev wlan0 metric 200 \n",
    );
    sandbox.write("run/ledger/ntp.1", dhcp);
    sandbox.run("clock", &[], &[]);
    let log = sandbox.read("log");
    let line = log.lines().find_map(|line| line.strip_prefix("ledger-ntp "));
    let line = line.map(|line| line.split_once("/data/clock ").unwrap().1.to_owned());
    (sandbox, line.unwrap_or_default())
}

#[test]
fn the_time_is_asked_of_the_settings_then_of_dhcp_then_of_the_router_and_nobody_else() {
    assert_eq!(asked("ntp = \"a.example b.example\"", "10.0.0.5\n").1, "a.example b.example");
    assert_eq!(asked("", "10.0.0.5\n10.0.0.6\n").1, "10.0.0.5 10.0.0.6");
    assert_eq!(asked("", "").1, "10.0.0.1 10.9.0.1");
}

#[test]
fn a_clock_that_was_set_is_told_once_and_asked_again_after_a_while() {
    let (sandbox, _) = asked("", "10.0.0.5\n");
    assert!(sandbox.read("dev/console").contains("the clock was set forward by 9.0 s"));
    assert!(sandbox.read("log").contains("sleep 1000"), "{}", sandbox.read("log"));
}
