//! All machines of this box: routes what happens to the machine it belongs to, and what machines want to devices. Pure.
//!
//! Which machines there are, the ledger says (documents whose `node` is this one); which devices may be used, the
//! agent. Both change while machines are in use: a machine in use keeps the document under which its session began, and
//! gets the new one, or goes, when the session has ended. A machine that cannot be driven (a device that is not there,
//! or another machine's) is a fault in the log, once.

mod settle;

use crate::{
    access::{Decision, Question},
    inspection::{Inspection, State},
    issue::Issue,
    machine::{End, Input, Machine, Output, Upkeep},
    maintenance::Meter,
    past, report,
    view::View,
};
use dapp::{
    kit::{
        Command, News, Program,
        faults::{Faults, fault},
        time::{Clock, Ticks},
    },
    wire::{DeviceInfo, InputLine, JsonMap},
};
use model::{BadgeDigest, Name};
use serde::Serialize;
use std::collections::BTreeMap;

/// What stands in an issue that was reported with the button.
const BUTTON_TEXT: &str = "Reported with the button at the machine.";

/// The machines of this box.
#[derive(Debug)]
pub struct Shop {
    node: Option<Name>,
    view: View,
    clock: Clock,
    /// What the agent grants; none while it is away.
    devices: Option<BTreeMap<Name, DeviceInfo>>,
    /// Contacts and buttons as they are; none are known while the agent is away.
    levels: BTreeMap<Name, bool>,
    machines: BTreeMap<Name, Running>,
    /// For how long machines have run, as the log and those that went say: the newest of it may not be in the ledger.
    meters: BTreeMap<Name, Meter>,
    faults: Faults,
    /// Whether a machine in use waits for its new document.
    waits: bool,
    started: bool,
}

#[derive(Debug)]
struct Running {
    machine: Machine,
    /// What the ledger said last about an inspection; what the machine itself knows may be newer.
    told_due: Option<bool>,
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            node: None,
            view: View::default(),
            clock: Clock::unknown(),
            devices: None,
            levels: BTreeMap::new(),
            machines: BTreeMap::new(),
            meters: BTreeMap::new(),
            faults: Faults::default(),
            waits: false,
            started: false,
        }
    }
}

impl Program for Shop {
    const NAME: &'static str = "lockout";
    const RELAY: &'static str = "relay";
    const RECALLS: bool = true;

    fn step(&mut self, now: Ticks, news: News) -> Vec<Command> {
        let mut out = Vec::new();
        let matters = matches!(news, News::Feed(_) | News::Info(_) | News::Devices(_) | News::Past(_));
        match news {
            News::Feed(line) => self.view.take(line),
            News::Info(info) => {
                self.clock = Clock::told(&info, now);
                self.node = Some(info.node.clone());
            }
            News::Devices(devices) => self.take_devices(now, devices, &mut out),
            News::Input(line) => self.input(now, &line, &mut out),
            News::Lost => {
                self.devices = None;
                self.levels.clear();
                self.every_machine(now, || Input::Lost, &mut out);
            }
            News::RelayFailed { device } => self.relay_failed(now, &device, &mut out),
            News::Written { path, failed } => {
                out.extend(failed.map(|why| Command::Event(fault(path.as_str(), &why))));
            }
            News::Past(events) => {
                self.meters = past::meters(&events);
                out.extend(past::ends(events).into_iter().map(Command::Event));
            }
            News::Tick => self.every_machine(now, || Input::Tick, &mut out),
            // No machine lets anybody use it by the tentative state.
            News::Tentative(_) => {}
            News::Stop => return self.stop(now),
        }
        if matters || self.waits {
            self.settle(now, &mut out);
        }
        out
    }

    fn next_wake(&self, now: Ticks) -> Option<Ticks> {
        self.machines.values().filter_map(|running| running.machine.next_wake(now)).min()
    }
}

impl Shop {
    fn take_devices(&mut self, now: Ticks, devices: Vec<DeviceInfo>, out: &mut Vec<Command>) {
        let known: BTreeMap<_, _> = devices.into_iter().map(|device| (device.name.clone(), device)).collect();
        if self.devices.is_some() {
            return;
        }
        for device in known.values().filter(|device| !device.kind.is_output()) {
            self.levels.entry(device.name.clone()).or_insert(device.on);
        }
        self.devices = Some(known);
        let names: Vec<Name> = self.machines.keys().cloned().collect();
        names.iter().for_each(|name| self.connect(now, name, out));
    }

    fn connect(&mut self, now: Ticks, name: &Name, out: &mut Vec<Command>) {
        let (Some(running), Some(_)) = (self.machines.get_mut(name), &self.devices) else { return };
        let outputs = running.machine.step(now, Input::Connected(&self.levels));
        self.translate(now, name, outputs, out);
    }

    fn input(&mut self, now: Ticks, line: &InputLine, out: &mut Vec<Command>) {
        match line {
            InputLine::Badge { device, digests, .. } => self.badge(now, device, digests, out),
            InputLine::BadReading { device, reason, .. } => {
                self.machine_with(now, device, Input::BadReading(reason), out);
            }
            InputLine::Edge { device, on, .. } => {
                self.levels.insert(device.clone(), *on);
                self.edge(now, device, *on, out);
            }
            InputLine::Alive {} | InputLine::Unknown => {}
        }
    }

    fn badge(&mut self, now: Ticks, reader: &Name, digests: &[BadgeDigest], out: &mut Vec<Command>) {
        let wall = self.clock.at(now);
        let is_its = |running: &Running| running.machine.document().devices.reader == *reader;
        let Some((name, running)) = self.machines.iter_mut().find(|(_, running)| is_its(running)) else {
            return;
        };
        let document = running.machine.document().clone();
        let question = Question { view: &self.view, name, machine: &document, now: &wall };
        let decide = |digests: &[BadgeDigest]| -> Decision { question.decide(digests) };
        let outputs = running.machine.step(now, Input::Badge { digests, decide: &decide });
        let name = name.clone();
        self.translate(now, &name, outputs, out);
    }

    /// Tells every machine that has the device: a contact of the mains may be several machines'.
    fn edge(&mut self, now: Ticks, device: &Name, on: bool, out: &mut Vec<Command>) {
        let has = |running: &Running| running.machine.document().devices.all().any(|its| its == device);
        let machines = self.machines.iter().filter(|(_, running)| has(running));
        let names: Vec<Name> = machines.map(|(name, _)| name.clone()).collect();
        for name in names {
            let Some(running) = self.machines.get_mut(&name) else { continue };
            let outputs = running.machine.step(now, Input::Edge { device, on });
            self.translate(now, &name, outputs, out);
        }
    }

    /// Tells the machine that has the device.
    fn machine_with(&mut self, now: Ticks, device: &Name, input: Input<'_>, out: &mut Vec<Command>) {
        let has = |running: &Running| running.machine.document().devices.all().any(|its| its == device);
        let Some((name, running)) = self.machines.iter_mut().find(|(_, running)| has(running)) else {
            return;
        };
        let (name, outputs) = (name.clone(), running.machine.step(now, input));
        self.translate(now, &name, outputs, out);
    }

    fn relay_failed(&mut self, now: Ticks, device: &Name, out: &mut Vec<Command>) {
        self.machine_with(now, device, Input::RelayFailed, out);
    }

    fn every_machine(&mut self, now: Ticks, input: impl Fn() -> Input<'static>, out: &mut Vec<Command>) {
        let names: Vec<Name> = self.machines.keys().cloned().collect();
        for name in names {
            let Some(running) = self.machines.get_mut(&name) else { continue };
            let outputs = running.machine.step(now, input());
            self.translate(now, &name, outputs, out);
        }
    }

    fn stop(&mut self, now: Ticks) -> Vec<Command> {
        let mut out = Vec::new();
        let names: Vec<Name> = self.machines.keys().cloned().collect();
        names.iter().for_each(|name| self.remove(now, name, End::Stopped, &mut out));
        out
    }

    fn remove(&mut self, now: Ticks, name: &Name, end: End, out: &mut Vec<Command>) {
        if let Some(running) = self.machines.get_mut(name) {
            let outputs = running.machine.stop(now, end);
            self.meters.entry(name.clone()).or_default().meet(running.machine.meter());
            self.translate(now, name, outputs, out);
        }
        self.machines.remove(name);
    }

    /// A machine's outputs as commands; lamps that the agent does not grant are left out.
    fn translate(&self, now: Ticks, name: &Name, outputs: Vec<Output>, out: &mut Vec<Command>) {
        let Some(running) = self.machines.get(name) else { return };
        let document = running.machine.document();
        let devices = &document.devices;
        let device = || devices.machine.clone();
        for output in outputs {
            match output {
                Output::On { for_ms } => {
                    out.push(Command::Hold { device: device(), for_ms, events: Vec::new() });
                }
                Output::Off => out.push(Command::Release { device: device() }),
                Output::Red(on) => out.extend(self.set(devices.red.as_ref(), on)),
                Output::Green(on) => out.extend(self.set(devices.green.as_ref(), on)),
                Output::Buzzer(on) => out.extend(self.set(devices.buzzer.as_ref(), on)),
                Output::Event(event) => {
                    out.push(Command::Event(report::event(name, document.resource(name), &event)));
                }
                Output::Upkeep(upkeep) => out.extend(self.upkeep(now, name, upkeep)),
                Output::Issue { by } => out.extend(self.issue(now, name, document.issue_locks, by)),
            }
        }
    }

    fn set(&self, device: Option<&Name>, on: bool) -> Option<Command> {
        let granted = self.devices.as_ref()?.get(device?)?;
        granted.kind.is_output().then(|| Command::Set { device: granted.name.clone(), on })
    }

    fn upkeep(&self, now: Ticks, machine: &Name, upkeep: Upkeep) -> Option<Command> {
        let Upkeep { inspection_due, meter, by, why } = upkeep;
        let state = if inspection_due { State::Due } else { State::Passed };
        let at = self.clock.at(now).at;
        let document = Inspection { state, by, at, ran_s: meter.ran_s(), maintained_s: meter.maintained_s };
        write(format!("lockout/inspections/{machine}.toml"), &document, format!("{machine}: {why}"))
    }

    fn issue(&self, now: Ticks, machine: &Name, locks: bool, by: Option<Name>) -> Option<Command> {
        let at = self.clock.at(now).at;
        let document = Issue { text: BUTTON_TEXT.to_string(), by, at: Some(at), locks, closed: None };
        let path = format!("lockout/issues/{machine}/at-{}.toml", at.0);
        write(path, &document, format!("{machine}: an issue"))
    }
}

/// None of a path that is too long for the ledger.
fn write(path: String, document: &impl Serialize, message: String) -> Option<Command> {
    let document = match serde_json::to_value(document) {
        Ok(serde_json::Value::Object(document)) => document,
        _ => JsonMap::new(),
    };
    Some(Command::Write { path: path.parse().ok()?, document, message })
}

#[cfg(test)]
#[path = "shop_tests.rs"]
mod tests;
