//! The box's shell and this reader see the same in the same files: many made-up ones, a shell's run for each hundred.
//!
//! What is taken here has the same values there, and nothing there is called not understood. What is refused here for its
//! form is called not understood there.

use super::{line::Line, *};
use crate::image::board::common;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use std::process::Command;

const FILES: usize = 300;

/// For each file: what is not understood, then each key with its value.
const ASK: &str = r#"
path=$PATH
. "$1"
PATH=$path
for settings in "$2"/*.toml; do
    plain_settings <"$settings" >"$settings.plain"
    settings=$settings.plain
    {
        not_understood
        for key in $(grep -oE "$keys" "$settings" | sort -u); do
            printf '%s=%s\n' "$key" "$(setting "$key")"
        done
    } >"$settings.said"
done
"#;

fn value() -> impl Strategy<Value = String> {
    let free = "[ -~\t\u{e4}\u{20ac}]{0,12}".prop_map(|text| text);
    let nasty = prop_oneof![
        Just("a\"b"),
        Just("it's"),
        Just("a\\b"),
        Just("# no"),
        Just("\"\"x\"\""),
        Just("a = 'b'")
    ];
    let quoted = (prop_oneof![free, nasty.prop_map(str::to_owned)], prop_oneof![Just('"'), Just('\'')]);
    prop_oneof![
        8 => quoted.prop_map(|(value, quote)| format!("{quote}{value}{quote}")),
        1 => "[ -~]{0,8}".prop_map(|text| text),
    ]
}

fn key() -> impl Strategy<Value = String> {
    let known: Vec<&str> = RULES.iter().map(|rule| rule.key).collect();
    prop_oneof![12 => proptest::sample::select(known).prop_map(str::to_owned), 1 => "[a-z_.\"-]{0,6}".prop_map(|k| k)]
}

fn a_line() -> impl Strategy<Value = String> {
    let blank = || prop_oneof![3 => Just(" "), 1 => Just(""), 1 => Just("\t "),];
    let tail =
        prop_oneof![6 => Just(""), 1 => Just(" # why"), 1 => Just("#'\""), 1 => Just(" x"), 1 => Just("\t")];
    let start = prop_oneof![9 => Just(""), 1 => Just("  ")];
    let pair = (start, key(), blank(), blank(), value(), tail)
        .prop_map(|(start, key, a, b, value, tail)| format!("{start}{key}{a}={b}{value}{tail}"));
    let other =
        proptest::sample::select(vec!["", "# a comment", "[section]", "  #", "name", "=", "name = \"x"]);
    prop_oneof![20 => pair, 2 => other.prop_map(str::to_owned)]
}

fn file() -> impl Strategy<Value = String> {
    let end = prop_oneof![2 => Just("\n"), 1 => Just("\r\n")];
    let bom = prop_oneof![3 => Just(""), 1 => Just("\u{feff}")];
    (proptest::collection::vec(a_line(), 0..7), end, bom, any::<bool>()).prop_map(
        |(lines, end, bom, last)| {
            let tail = if last { end } else { "" };
            format!("{bom}{}{tail}", lines.join(end))
        },
    )
}

/// What the box's shell says of a file.
struct Said {
    complaints: Vec<String>,
    values: BTreeMap<String, String>,
}

fn box_reads(files: &[String]) -> Vec<Said> {
    let folder = tempfile::tempdir().unwrap();
    for (at, text) in files.iter().enumerate() {
        fs::write(folder.path().join(format!("{at:04}.toml")), text).unwrap();
    }
    let functions = common("root/usr/lib/ledger/common");
    let out =
        Command::new("busybox").args(["sh", "-c", ASK, "sh"]).arg(functions).arg(folder.path()).output();
    let out = out.unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
    let said = (0..files.len()).map(|at| folder.path().join(format!("{at:04}.toml.plain.said")));
    said.map(|file| said_in(&fs::read_to_string(file).unwrap())).collect()
}

fn said_in(text: &str) -> Said {
    let is_value = |line: &&str| RULES.iter().any(|rule| line.starts_with(&format!("{}=", rule.key)));
    let (values, complaints): (Vec<&str>, Vec<&str>) = text.lines().partition(is_value);
    let values = values.iter().filter_map(|line| line.split_once('='));
    let values = values.filter(|(_, value)| !value.is_empty());
    Said {
        complaints: complaints.iter().map(|line| (*line).to_owned()).collect(),
        values: values.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
    }
}

/// What a file says to a box that goes by the form alone: the first of a key that is there twice.
fn by_form(text: &str) -> (bool, BTreeMap<String, String>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut good, mut values) = (true, BTreeMap::new());
    for line in text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
        match line::read(line) {
            Line::Nothing => {}
            Line::Pair(key, value) if RULES.iter().any(|rule| rule.key == key) => {
                good &= !values.contains_key(key);
                values.entry(key.to_owned()).or_insert_with(|| value.to_owned());
            }
            Line::Pair(..) | Line::Wrong(..) => good = false,
        }
    }
    values.retain(|_, value| !value.is_empty());
    (good, values)
}

#[test]
fn the_box_and_this_machine_read_the_same() {
    let mut runner = TestRunner::new(Config::default());
    let files: Vec<String> = (0..FILES).map(|_| file().new_tree(&mut runner).unwrap().current()).collect();
    let (mut good, mut taken) = (0, 0);
    for (text, said) in files.iter().zip(box_reads(&files)) {
        let (understood, values) = by_form(text);
        assert_eq!(said.values, values, "{text:?}");
        assert_eq!(said.complaints.is_empty(), understood, "{text:?}: {:?}", said.complaints);
        good += usize::from(understood);
        if let Ok(values) = check(text) {
            taken += 1;
            assert_eq!(said.values, values, "{text:?}");
        }
    }
    assert!(good > FILES / 10 && good < FILES, "{good} of {FILES} files are well-formed");
    assert!(taken > 0, "none was taken");
}

#[test]
fn a_complaint_names_line_and_key_and_never_a_value() {
    let text = "name = \"x\"\nwifi_password = \"secret\\word\"\nhunter2hunter2\norg = \"a\"\norg = \"b\"\n"
        .to_owned();
    let said = box_reads(&[text]).pop().unwrap();
    assert_eq!(said.complaints, ["line 2, wifi_password", "line 3", "org, which is there twice"]);
}

#[test]
fn the_box_knows_the_same_keys() {
    let common = fs::read_to_string(common("root/usr/lib/ledger/common")).unwrap();
    let keys = common.lines().find_map(|line| line.strip_prefix("keys='")?.strip_suffix('\'')).unwrap();
    assert_eq!(keys, RULES.iter().map(|rule| rule.key).collect::<Vec<_>>().join("|"));
}
