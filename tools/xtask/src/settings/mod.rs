//! A box's settings before they are on its card: read as TOML and as the box reads them, and held to the rules.
//!
//! Format: docs/formats/settings.md. Every fault is named with its line and its key, all of them at once.

mod line;
mod rules;
#[cfg(test)]
mod twin_tests;

use self::{
    line::Line,
    rules::{BESIDE, RULES, nearest},
};
use crate::shell::Done;
use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

/// Settings that a box will understand.
#[derive(Debug)]
pub struct Settings {
    /// The file as it is.
    pub bytes: Vec<u8>,
    /// Key and value.
    pub values: BTreeMap<String, String>,
    folder: PathBuf,
}

/// Something wrong in a file of settings.
#[derive(Debug, PartialEq)]
pub struct Fault {
    /// The line, counted from 1.
    pub line: usize,
    /// The sentence.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl Settings {
    /// Reads a file.
    pub fn load(path: &Path) -> Done<Self> {
        let bytes = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let text = String::from_utf8(bytes.clone());
        let text = text.map_err(|_| format!("{}: is not UTF-8 text: save it as UTF-8", path.display()))?;
        let values = check(&text).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
            format!("{} cannot be used:{}", path.display(), faults.concat())
        })?;
        Ok(Self { bytes, values, folder: path.parent().unwrap_or(Path::new("")).to_owned() })
    }

    /// The access list that they name, from beside them: its name and its bytes.
    pub fn import(&self) -> Done<Option<(String, Vec<u8>)>> {
        let Some(name) = self.values.get("import") else { return Ok(None) };
        let path = self.folder.join(name);
        let bytes = fs::read(&path).map_err(|e| format!("the settings import {}: {e}", path.display()))?;
        Ok(Some((name.clone(), bytes)))
    }
}

/// The values of a file's text, or everything that is wrong with it.
pub fn check(text: &str) -> Result<BTreeMap<String, String>, Vec<Fault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut values = BTreeMap::new();
    let mut lines = BTreeMap::new();
    let mut faults = Vec::new();
    for (at, line) in text.split('\n').enumerate() {
        let (at, line) = (at + 1, line.strip_suffix('\r').unwrap_or(line));
        match line::read(line) {
            Line::Nothing => {}
            Line::Wrong(key, why) => {
                let key = key.map_or_else(String::new, |key| format!("{key}: "));
                faults.push(Fault { line: at, why: key + why });
            }
            Line::Pair(key, value) => {
                faults.extend(pair(key, value, lines.get(key)).map(|why| Fault { line: at, why }));
                values.insert(key.to_owned(), value.to_owned());
                lines.insert(key.to_owned(), at);
            }
        }
    }
    let alone =
        BESIDE.iter().filter(|(key, beside)| values.contains_key(*key) && !values.contains_key(*beside));
    faults
        .extend(alone.map(|(key, beside)| Fault { line: lines[*key], why: format!("{key} needs {beside}") }));
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { as_toml(text, values) } else { Err(faults) }
}

fn pair(key: &str, value: &str, before: Option<&usize>) -> Option<String> {
    let Some(rule) = RULES.iter().find(|rule| rule.key == key) else {
        let nearest = nearest(key).map_or_else(String::new, |known| format!(": did you mean {known}?"));
        return Some(format!("there is no key {key}{nearest}"));
    };
    if let Some(line) = before {
        return Some(format!("{key} is in line {line} already"));
    }
    if value.is_empty() {
        return Some(format!("{key} is empty: leave the line out"));
    }
    (rule.check)(value).map(|why| format!("{key} {why}"))
}

/// A real reader of TOML must see the same.
fn as_toml(text: &str, values: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Vec<Fault>> {
    match toml::from_str::<BTreeMap<String, String>>(text) {
        Ok(same) if same == values => Ok(values),
        Ok(_) => Err(vec![Fault { line: 1, why: "this is read differently as TOML".into() }]),
        Err(error) => {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            Err(vec![Fault { line, why: error.message().to_owned() }])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        check(text).unwrap_err().iter().map(Fault::to_string).collect()
    }

    #[test]
    fn a_good_file_gives_its_values_also_from_windows() {
        let values = check("\u{feff}# Door\r\nname = \"front-door\"\r\nwifi_ssid = 'x\"y'").unwrap();
        assert_eq!(values["name"], "front-door");
        assert_eq!(values["wifi_ssid"], "x\"y");
    }

    #[test]
    fn every_fault_is_named_with_its_line_and_its_key() {
        let text = "name = \"Front\"\n\nwifi_pasword = \"12345678\"\nticket = abc\n";
        let said = faults(text);
        assert!(said[0].starts_with("line 1: name is at most"), "{said:?}");
        assert_eq!(said[1], "line 3: there is no key wifi_pasword: did you mean wifi_password?");
        assert!(said[2].starts_with("line 4: ticket: the value must stand in quotes"), "{said:?}");
    }

    #[test]
    fn a_key_twice_or_empty_or_alone_is_refused() {
        assert_eq!(faults("name = \"a\"\nname = \"b\""), ["line 2: name is in line 1 already"]);
        assert_eq!(faults("org = \"\""), ["line 1: org is empty: leave the line out"]);
        assert_eq!(faults("wifi_password = \"12345678\""), ["line 1: wifi_password needs wifi_ssid"]);
    }

    #[test]
    fn what_toml_forbids_is_refused_with_its_line() {
        assert!(faults("name = \"a\"\norg = \"a\u{1}b\"")[0].starts_with("line 2: "));
    }

    #[test]
    fn a_file_names_itself_in_its_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        fs::write(&file, "nmae = \"x\"").unwrap();
        let error = Settings::load(&file).unwrap_err().to_string();
        assert!(error.contains("settings.toml cannot be used:\n  line 1: there is no key nmae"), "{error}");
        fs::write(&file, [0xff, 0xfe, b'n', 0]).unwrap();
        assert!(Settings::load(&file).unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn an_import_lies_beside_its_settings() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        fs::write(&file, "import = \"list.json\"").unwrap();
        let settings = Settings::load(&file).unwrap();
        assert!(settings.import().unwrap_err().to_string().contains("list.json"));
        fs::write(folder.path().join("list.json"), "[]").unwrap();
        assert_eq!(settings.import().unwrap(), Some(("list.json".into(), b"[]".to_vec())));
    }
}
