//! Inheritance: a board's file laid over those that it inherits, key by key.

use super::{BoardSpec, Device, Driver, MAX_DEVICES, MAX_FILE_BYTES, MAX_LAYERS, Problem, SpecError, device};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// One file.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    title: Option<String>,
    driver: Option<Driver>,
    inherits: Option<String>,
    #[serde(default)]
    leave_out: Vec<String>,
    #[serde(default)]
    devices: Table,
}

/// A device as several files describe it, and which.
#[derive(Default)]
struct Entry {
    keys: Table,
    files: Vec<String>,
}

/// A board's files: its own first, then those that it inherits.
pub(super) struct Layers {
    name: String,
    layers: Vec<(String, Layer)>,
}

impl Layers {
    pub(super) fn read(
        name: &str,
        text: &str,
        parent: &dyn Fn(&str) -> Result<String, SpecError>,
    ) -> Result<Self, SpecError> {
        let mut layers = vec![(name.to_string(), layer(name, text)?)];
        while let Some(next) = layers.last().and_then(|(_, layer)| layer.inherits.clone()) {
            let seen = layers.iter().any(|(name, _)| *name == next);
            if seen || layers.len() >= MAX_LAYERS {
                let chain = layers.iter().map(|(name, _)| name.as_str()).chain([next.as_str()]);
                let chain = chain.collect::<Vec<_>>().join(" -> ");
                return Err(SpecError::Circle { file: file(name), chain });
            }
            check_board_name(layers.last().map_or(name, |(name, _)| name), &next)?;
            let text = parent(&next)?;
            layers.push((next.clone(), layer(&next, &text)?));
        }
        Ok(Self { name: name.to_string(), layers })
    }

    pub(super) fn into_spec(self) -> Result<BoardSpec, SpecError> {
        let own_file = file(&self.name);
        let first = |missing: &'static str, key: &str| SpecError::Key {
            file: own_file.clone(),
            key: key.to_string(),
            problem: Box::new(Problem::Missing(missing)),
        };
        let title = self.layers.iter().find_map(|(_, layer)| layer.title.clone());
        let title = title.ok_or_else(|| first("it is what people call the board", "title"))?;
        let driver = self.layers.iter().find_map(|(_, layer)| layer.driver);
        let driver = driver.ok_or_else(|| first("\"sim\" or \"linux\"", "driver"))?;
        let entries = self.overlay()?;
        if entries.len() > MAX_DEVICES {
            return Err(at(&own_file, "devices", Problem::TooMany));
        }
        let mut devices = Vec::new();
        for (name, entry) in entries {
            devices.push(device_of(&name, entry, driver)?);
        }
        check_lines(&own_file, &devices)?;
        check_remotes(&own_file, &devices)?;
        Ok(BoardSpec { name: self.name, title, driver, devices })
    }

    /// Lays the files over one another, the innermost (inherited) first.
    fn overlay(&self) -> Result<BTreeMap<String, Entry>, SpecError> {
        let mut entries = BTreeMap::<String, Entry>::new();
        for (name, layer) in self.layers.iter().rev() {
            let file = file(name);
            for gone in &layer.leave_out {
                let problem = || Problem::NothingToLeaveOut(gone.chars().take(80).collect());
                entries.remove(gone).ok_or_else(|| at(&file, "leave_out", problem()))?;
            }
            for (device, value) in &layer.devices {
                let Value::Table(keys) = value else {
                    return Err(at(&file, &format!("devices.{device}"), Problem::NotATable));
                };
                entries.entry(device.clone()).or_default().lay_over(keys, &file);
            }
        }
        Ok(entries)
    }
}

impl Entry {
    /// Key by key; a device of another kind replaces the inherited one whole.
    fn lay_over(&mut self, keys: &Table, file: &str) {
        if keys.get("kind").is_some_and(|kind| self.keys.get("kind") != Some(kind)) {
            *self = Self::default();
        }
        self.keys.extend(keys.iter().map(|(key, value)| (key.clone(), value.clone())));
        self.files.push(file.to_string());
    }
}

fn layer(name: &str, text: &str) -> Result<Layer, SpecError> {
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(SpecError::TooLong { file: file(name) });
    }
    toml::from_str(text).map_err(|problem| SpecError::Toml { file: file(name), problem })
}

/// A board's name is a folder's name: nothing that leads elsewhere.
fn check_board_name(heir: &str, name: &str) -> Result<(), SpecError> {
    match name.parse::<model::Name>() {
        Ok(_) => Ok(()),
        Err(problem) => Err(at(&file(heir), "inherits", problem.into())),
    }
}

fn device_of(name: &str, entry: Entry, driver: Driver) -> Result<Device, SpecError> {
    let files = entry.files.join(" and ");
    device::read(name, entry.keys, driver).map_err(|(key, problem)| {
        let key = if key.is_empty() { format!("devices.{name}") } else { format!("devices.{name}.{key}") };
        at(&files, &key, problem)
    })
}

fn check_lines(file: &str, devices: &[Device]) -> Result<(), SpecError> {
    let mut taken = BTreeMap::new();
    for device in devices {
        for line in device.lines() {
            if let Some(other) = taken.insert(line.clone(), &device.name) {
                let problem = Problem::LineTwice { line: line.to_string(), other: other.to_string() };
                return Err(at(file, &format!("devices.{}", device.name), problem));
            }
        }
    }
    Ok(())
}

/// One remote relay, one device: two masters would take turns.
fn check_remotes(file: &str, devices: &[Device]) -> Result<(), SpecError> {
    let mut taken = BTreeMap::new();
    for device in devices {
        let Some(mqtt) = device.output().and_then(|output| output.mqtt.as_ref()) else { continue };
        let relay = (&mqtt.host, mqtt.port, mqtt.format, &mqtt.topic, mqtt.channel);
        if let Some(other) = taken.insert(relay, &device.name) {
            let problem = Problem::RemoteTwice { other: other.to_string() };
            return Err(at(file, &format!("devices.{}.mqtt", device.name), problem));
        }
    }
    Ok(())
}

fn file(name: &str) -> String {
    format!("board/{name}/board.toml")
}

fn at(file: &str, key: &str, problem: Problem) -> SpecError {
    SpecError::Key { file: file.to_string(), key: key.to_string(), problem: Box::new(problem) }
}
