//! Which machines there are, and which of them can be driven.

use super::{Running, Shop};
use crate::{
    machine::{End, Input, Machine},
    machine_document::{Devices, MachineDocument},
    report,
};
use dapp::{
    kit::{Command, faults::Faults, time::Ticks},
    wire::{DeviceInfo, DeviceKind},
};
use model::Name;
use std::collections::BTreeMap;

impl Shop {
    /// Brings the machines that run in line with the ledger's, and says what is wrong.
    pub(super) fn settle(&mut self, now: Ticks, out: &mut Vec<Command>) {
        let (Some(node), true) = (self.node.clone(), self.view.is_loaded()) else { return };
        let ours = self.view.machines().iter().filter(|(_, document)| document.node == node);
        let mut wanted: BTreeMap<Name, MachineDocument> =
            ours.map(|(name, document)| (name.clone(), document.clone())).collect();
        self.waits = self.keep_what_is_in_use(&mut wanted);
        let faults = self.faults_of(&mut wanted);
        let gone =
            |(name, running): &(&Name, &Running)| wanted.get(*name) != Some(running.machine.document());
        let gone: Vec<Name> = self.machines.iter().filter(gone).map(|(name, _)| name.clone()).collect();
        gone.iter().for_each(|name| self.remove(now, name, End::Removed, out));
        for (name, document) in wanted {
            self.put(now, name, document, out);
        }
        self.tell(faults, out);
    }

    /// A machine in use keeps its document; whether one does that has another by now.
    fn keep_what_is_in_use(&self, wanted: &mut BTreeMap<Name, MachineDocument>) -> bool {
        let in_use = self.machines.iter().filter(|(_, running)| running.machine.is_in_use());
        let mut waits = false;
        for (name, running) in in_use {
            let document = running.machine.document();
            let newer = wanted.insert(name.clone(), document.clone());
            waits |= newer.as_ref() != Some(document);
        }
        waits
    }

    fn put(&mut self, now: Ticks, name: Name, document: MachineDocument, out: &mut Vec<Command>) {
        if !self.machines.contains_key(&name) {
            let machine = Machine::new(document, now);
            self.machines.insert(name.clone(), Running { machine, told_due: None });
            self.connect(now, &name, out);
        }
        let (lock, due) = (self.view.lock(&name), self.view.is_inspection_due(&name));
        let mut meter = self.view.meter(&name);
        meter.meet(self.meters.get(&name).copied().unwrap_or_default());
        let Some(running) = self.machines.get_mut(&name) else { return };
        let mut outputs = running.machine.step(now, Input::Lock(lock));
        if running.told_due.replace(due) != Some(due) {
            outputs.extend(running.machine.step(now, Input::InspectionDue(due)));
        }
        outputs.extend(running.machine.step(now, Input::Meter(meter)));
        self.translate(now, &name, outputs, out);
    }

    /// Takes machines that cannot be driven out of `wanted`, and names every fault.
    fn faults_of(&self, wanted: &mut BTreeMap<Name, MachineDocument>) -> Faults {
        let mut faults = Faults::of(self.view.faults());
        let mut owners: BTreeMap<Name, Name> = BTreeMap::new();
        // A machine in use keeps its devices.
        let mut names: Vec<Name> = wanted.keys().cloned().collect();
        names.sort_by_key(|name| !self.machines.get(name).is_some_and(|running| running.machine.is_in_use()));
        for name in names {
            let Some(document) = wanted.get(&name) else { continue };
            let devices = &document.devices;
            let taken = devices.own().find_map(|device| Some((device, owners.get(device)?)));
            let fault = match (taken, &self.devices) {
                (Some((device, owner)), _) => {
                    Some(format!("the device {device} belongs to the machine {owner}"))
                }
                (None, Some(granted)) => missing(devices, granted),
                (None, None) => None,
            };
            match fault {
                None => owners.extend(devices.own().map(|device| (device.clone(), name.clone()))),
                Some(why) => {
                    faults.add(format!("lockout/machines/{name}.toml"), why);
                    wanted.remove(&name);
                }
            }
        }
        faults
    }

    /// Says each fault once, and the start.
    fn tell(&mut self, faults: Faults, out: &mut Vec<Command>) {
        out.extend(faults.news(&self.faults).map(Command::Event));
        self.faults = faults;
        if !self.started && self.devices.is_some() {
            self.started = true;
            let machines: Vec<&Name> = self.machines.keys().collect();
            out.push(Command::Event(report::started(&machines, self.view.people().count())));
        }
    }
}

/// What a machine needs and the board does not have: a contact that is not there must not look like one that is quiet.
/// Lamps and buzzer may be missing.
fn missing(devices: &Devices, granted: &BTreeMap<Name, DeviceInfo>) -> Option<String> {
    let sensed = devices.sensed().map(|device| (device, "contact or button"));
    let needed = [(&devices.machine, "relay"), (&devices.reader, "reader")].into_iter().chain(sensed);
    let fits = |device: &Name, wanted: &str| match granted.get(device).map(|found| found.kind) {
        Some(DeviceKind::Relay) => wanted == "relay",
        Some(DeviceKind::Reader) => wanted == "reader",
        Some(DeviceKind::Contact | DeviceKind::Button) => wanted == "contact or button",
        _ => false,
    };
    let (device, wanted) = needed.into_iter().find(|(device, wanted)| !fits(device, wanted))?;
    Some(format!(
        "the board has no {wanted} {device}, or dapp.toml does not name it; the machine is not driven"
    ))
}
