//! All doors of this box: routes what happens to the door it belongs to, and what doors want to devices. Pure.
//!
//! Which doors there are, the ledger says (documents whose `node` is this one); which devices may be used, the
//! agent. Both change while doors are in use: a door whose document goes, or whose devices change, is made
//! safe first. A door that cannot be driven (no strike, a device of another door) is a fault in the log, once.

use crate::{
    access::{Decision, Question},
    door::{Door, Event, Input, Output},
    door_document::{Devices, DoorDocument, Grants},
    report,
    view::View,
};
pub use dapp::kit::{Command, LogEvent, News};
use dapp::{
    kit::{
        Program,
        faults::Faults,
        time::{Clock, Ticks},
    },
    wire::{DeviceInfo, DeviceKind, InputLine},
};
use model::{BadgeDigest, Name};
use std::collections::BTreeMap;

/// The doors of this box.
#[derive(Debug)]
pub struct House {
    node: Option<Name>,
    view: View,
    /// The tentative state, for doors that let in by it. Empty while none does, and while it is not heard.
    tentative: View,
    clock: Clock,
    /// What the agent grants, and what is on; none while it is away.
    devices: Option<BTreeMap<Name, DeviceInfo>>,
    doors: BTreeMap<Name, Running>,
    faults: Faults,
    started: bool,
}

#[derive(Debug)]
struct Running {
    door: Door,
    document: DoorDocument,
}

impl Default for House {
    fn default() -> Self {
        Self {
            node: None,
            view: View::default(),
            tentative: View::default(),
            clock: Clock::unknown(),
            devices: None,
            doors: BTreeMap::new(),
            faults: Faults::default(),
            started: false,
        }
    }
}

impl Program for House {
    const NAME: &'static str = "doorbot";
    const RELAY: &'static str = "strike";

    fn step(&mut self, now: Ticks, news: News) -> Vec<Command> {
        let mut out = Vec::new();
        let matters = matches!(news, News::Feed(_) | News::Info(_) | News::Devices(_));
        match news {
            News::Feed(line) => self.view.take(line),
            News::Tentative(Some(line)) => self.tentative.take(line),
            // An old tentative state would go on letting in whom a newer final one shuts out.
            News::Tentative(None) => self.tentative = View::default(),
            News::Info(info) => {
                self.clock = Clock::told(&info, now);
                self.node = Some(info.node.clone());
            }
            News::Devices(devices) => self.take_devices(now, devices, &mut out),
            News::Input(line) => self.input(now, &line, &mut out),
            News::Lost => {
                self.devices = None;
                self.every_door(now, || Input::Lost, &mut out);
            }
            News::RelayFailed { device } => self.strike_failed(now, &device, &mut out),
            News::Tick => self.every_door(now, || Input::Tick, &mut out),
            // The doorbot writes no documents and asks for no past.
            News::Written { .. } | News::Past(_) => {}
            News::Stop => return self.stop(),
        }
        if matters {
            self.settle(now, &mut out);
        }
        out
    }

    fn next_wake(&self, now: Ticks) -> Option<Ticks> {
        self.doors.values().filter_map(|running| running.door.next_wake(now)).min()
    }

    fn wants_tentative(&self) -> bool {
        self.doors.values().any(|running| running.document.grants == Grants::Tentative)
    }
}

impl House {
    fn take_devices(&mut self, now: Ticks, devices: Vec<DeviceInfo>, out: &mut Vec<Command>) {
        let known = devices.into_iter().map(|device| (device.name.clone(), device)).collect();
        if self.devices.replace(known).is_none() {
            let names: Vec<Name> = self.doors.keys().cloned().collect();
            names.iter().for_each(|name| self.connect(now, name, out));
        }
    }

    fn connect(&mut self, now: Ticks, name: &Name, out: &mut Vec<Command>) {
        let (Some(running), Some(devices)) = (self.doors.get_mut(name), &self.devices) else { return };
        let level = |device: &Option<Name>| Some(devices.get(device.as_ref()?)?.on);
        let named = &running.document.devices;
        let input = Input::Connected { open: level(&named.contact), exit: level(&named.exit) };
        let outputs = running.door.step(now, input);
        self.translate(name, outputs, out);
    }

    fn input(&mut self, now: Ticks, line: &InputLine, out: &mut Vec<Command>) {
        match line {
            InputLine::Badge { device, digests, .. } => self.badge(now, device, digests, out),
            InputLine::BadReading { device, reason, .. } => {
                let reads = |devices: &Devices| devices.reader.as_ref() == Some(device);
                self.one_door(now, reads, Input::BadReading(reason), out);
            }
            InputLine::Edge { device, on, .. } => {
                let contact = |devices: &Devices| devices.contact.as_ref() == Some(device);
                self.one_door(now, contact, Input::Contact(*on), out);
                let exit = |devices: &Devices| devices.exit.as_ref() == Some(device);
                self.one_door(now, exit, Input::Exit(*on), out);
            }
            InputLine::Alive {} | InputLine::Unknown => {}
        }
    }

    fn badge(&mut self, now: Ticks, reader: &Name, digests: &[BadgeDigest], out: &mut Vec<Command>) {
        let wall = self.clock.at(now);
        let found =
            self.doors.iter_mut().find(|(_, door)| door.document.devices.reader.as_ref() == Some(reader));
        let Some((name, Running { door, document })) = found else { return };
        let by_tentative = document.grants == Grants::Tentative && self.tentative.is_loaded();
        let view = if by_tentative { &self.tentative } else { &self.view };
        let question = Question { view, name, door: document, now: &wall };
        let decide = |digests: &[BadgeDigest]| -> Decision { question.decide(digests) };
        let outputs = door.step(now, Input::Badge { digests, decide: &decide });
        let name = name.clone();
        self.translate(&name, outputs, out);
    }

    fn one_door(
        &mut self,
        now: Ticks,
        is_its: impl Fn(&Devices) -> bool,
        input: Input<'_>,
        out: &mut Vec<Command>,
    ) {
        let found = self.doors.iter_mut().find(|(_, running)| is_its(&running.document.devices));
        let Some((name, running)) = found else { return };
        let (name, outputs) = (name.clone(), running.door.step(now, input));
        self.translate(&name, outputs, out);
    }

    fn every_door(&mut self, now: Ticks, input: impl Fn() -> Input<'static>, out: &mut Vec<Command>) {
        let names: Vec<Name> = self.doors.keys().cloned().collect();
        for name in names {
            let Some(running) = self.doors.get_mut(&name) else { continue };
            let outputs = running.door.step(now, input());
            self.translate(&name, outputs, out);
        }
    }

    fn strike_failed(&mut self, now: Ticks, device: &Name, out: &mut Vec<Command>) {
        self.one_door(now, |devices| devices.strike == *device, Input::StrikeFailed, out);
    }

    fn stop(&mut self) -> Vec<Command> {
        let mut out = Vec::new();
        let names: Vec<Name> = self.doors.keys().cloned().collect();
        names.iter().for_each(|name| self.remove(name, &mut out));
        out
    }

    /// Brings the doors that run in line with the ledger's, and says what is wrong.
    fn settle(&mut self, now: Ticks, out: &mut Vec<Command>) {
        let (Some(node), true) = (self.node.clone(), self.view.is_loaded()) else { return };
        let ours = self.view.doors().iter().filter(|(_, document)| document.node == node);
        let mut wanted: BTreeMap<Name, DoorDocument> =
            ours.map(|(name, document)| (name.clone(), document.clone())).collect();
        let faults = self.faults_of(&mut wanted);
        let gone = |(name, running): &(&Name, &Running)| {
            wanted.get(*name).is_none_or(|document| document.devices != running.document.devices)
        };
        let gone: Vec<Name> = self.doors.iter().filter(gone).map(|(name, _)| name.clone()).collect();
        gone.iter().for_each(|name| self.remove(name, out));
        for (name, document) in wanted {
            self.put(now, name, document, out);
        }
        self.tell(faults, out);
    }

    fn put(&mut self, now: Ticks, name: Name, document: DoorDocument, out: &mut Vec<Command>) {
        match self.doors.get_mut(&name) {
            Some(running) if running.document == document => {}
            Some(running) => {
                let outputs = running.door.step(now, Input::Times(document.times));
                running.document = document;
                self.translate(&name, outputs, out);
            }
            None => {
                let door = Door::new(document.times);
                self.doors.insert(name.clone(), Running { door, document });
                self.connect(now, &name, out);
            }
        }
    }

    fn remove(&mut self, name: &Name, out: &mut Vec<Command>) {
        if let Some(running) = self.doors.get_mut(name) {
            let outputs = running.door.stop();
            self.translate(name, outputs, out);
        }
        self.doors.remove(name);
    }

    /// Takes doors that cannot be driven out of `wanted`, and names every fault.
    fn faults_of(&self, wanted: &mut BTreeMap<Name, DoorDocument>) -> Faults {
        let mut faults = Faults::of(self.view.faults());
        let mut owners: BTreeMap<Name, Name> = BTreeMap::new();
        wanted.retain(|name, document| {
            let taken = document.devices.all().find_map(|device| Some((device, owners.get(device)?)));
            let fault = match (taken, &self.devices) {
                (Some((device, owner)), _) => {
                    Some(format!("the device {device} belongs to the door {owner}"))
                }
                (None, Some(granted)) => missing(&document.devices, granted),
                (None, None) => None,
            };
            if fault.is_none() {
                owners.extend(document.devices.all().map(|device| (device.clone(), name.clone())));
            }
            let Some(why) = fault else { return true };
            faults.add(format!("doorbot/doors/{name}.toml"), why);
            false
        });
        faults
    }

    /// Says each fault once, and the start.
    fn tell(&mut self, faults: Faults, out: &mut Vec<Command>) {
        out.extend(faults.news(&self.faults).map(Command::Event));
        self.faults = faults;
        if !self.started && self.devices.is_some() {
            self.started = true;
            let doors: Vec<&Name> = self.doors.keys().collect();
            out.push(Command::Event(report::started(&doors, self.view.people().count())));
        }
    }

    /// A door's outputs as commands for its devices; those that the agent does not grant are left out.
    fn translate(&self, name: &Name, outputs: Vec<Output>, out: &mut Vec<Command>) {
        let Some(running) = self.doors.get(name) else { return };
        let devices = &running.document.devices;
        let resource = running.document.resource.as_ref().unwrap_or(name);
        let mut strike = None;
        for output in outputs {
            match output {
                Output::Strike { for_ms } => {
                    let device = devices.strike.clone();
                    strike = Some(out.len());
                    out.push(Command::Hold { device, for_ms, events: Vec::new() });
                }
                Output::Release => out.push(Command::Release { device: devices.strike.clone() }),
                Output::Red(on) => out.extend(self.set(devices.red.as_ref(), on)),
                Output::Green(on) => out.extend(self.set(devices.green.as_ref(), on)),
                Output::Buzzer(on) => out.extend(self.set(devices.buzzer.as_ref(), on)),
                Output::Event(event) => add_event(out, strike, report::event(name, resource, &event), &event),
            }
        }
    }

    fn set(&self, device: Option<&Name>, on: bool) -> Option<Command> {
        let granted = self.devices.as_ref()?.get(device?)?;
        granted.kind.is_output().then(|| Command::Set { device: granted.name.clone(), on })
    }
}

/// The event of what opened waits for the strike; every other does not.
fn add_event(out: &mut Vec<Command>, strike: Option<usize>, event: LogEvent, what: &Event) {
    let opened = matches!(what, Event::Access(_) | Event::Exit);
    match strike.filter(|_| opened).and_then(|index| out.get_mut(index)) {
        Some(Command::Hold { events, .. }) => events.push(event),
        _ => out.push(Command::Event(event)),
    }
}

fn missing(devices: &Devices, granted: &BTreeMap<Name, DeviceInfo>) -> Option<String> {
    match granted.get(&devices.strike) {
        Some(device) if device.kind == DeviceKind::Relay => None,
        Some(device) => Some(format!("the strike {} is no relay", device.name)),
        None => Some(format!(
            "the board has no strike {}, or dapp.toml does not name it; the door is not driven",
            devices.strike
        )),
    }
}

#[cfg(test)]
#[path = "house_tests.rs"]
mod tests;
