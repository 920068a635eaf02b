//! `board`, `tap`, `contact`: the hardware of this box, through ledgerd.

use crate::{
    agent_client::AgentClient,
    context::Context,
    error::{Result, refused},
    output::Table,
    view::View,
};
use agent::wire::{DappStatus, Dapps, Devices, Done, Level, Tap as WireTap};
use clap::{Args, Subcommand, ValueEnum};
use dapp::Manifest;
use model::Name;
use serde_json::json;

/// The readers, relays, lamps and contacts of this box
#[derive(Debug, Subcommand)]
pub enum Board {
    /// List the devices and their levels
    List,
    Show(Show),
}

/// Show one device
#[derive(Debug, Args)]
pub struct Show {
    /// The device's logical name, such as `strike`
    device: Name,
}

/// Hold a badge to a reader of the simulated board
#[derive(Debug, Args)]
pub struct Tap {
    /// The reader's logical name
    reader: Name,
    /// The card's number: decimal, or hex after 0x
    badge: String,
}

/// Open or close a contact, or press a button, of the simulated board
#[derive(Debug, Args)]
pub struct Contact {
    /// The contact's or button's logical name
    name: Name,
    /// Its level
    level: ContactLevel,
}

/// A contact's or button's level
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ContactLevel {
    /// A door's contact: the door is open
    Open,
    /// A door's contact: the door is closed
    Closed,
    /// A button is pressed
    Pressed,
    /// A button is released
    Released,
    /// What a sensor tells is so: a machine runs
    On,
    /// It is not so
    Off,
}

/// The ledgerd of the home; refused if none runs.
pub(super) fn running(context: &Context) -> Result<AgentClient> {
    AgentClient::find(&context.home)?.ok_or_else(|| {
        let hint = format!("start it: ledgerd --home {} --board sim", context.home.display());
        refused(format!("no ledgerd runs for {}", context.home.display()), hint)
    })
}

impl Board {
    pub(super) fn run(&self, context: &Context) -> Result {
        let mut devices: Devices = running(context)?.get("/v1/devices")?;
        if let Self::Show(Show { device }) = self {
            devices.devices.retain(|other| other.name == *device);
            if devices.devices.is_empty() {
                let what = format!("board {} has no device {device}", devices.board.name);
                return Err(refused(what, "ledgerctl board list shows what it has"));
            }
        }
        let mut table = Table::new(&["DEVICE", "KIND", "LEVEL"], "the board has no devices");
        for device in &devices.devices {
            table.row([
                device.name.to_string(),
                device.kind.clone(),
                level_word(&device.kind, device.on).into(),
            ]);
        }
        match self {
            Self::List => context.out.table(&table, &serde_json::to_value(&devices)?),
            Self::Show(_) => context.out.table(&table, &serde_json::to_value(&devices.devices[0])?),
        }
    }
}

fn level_word(kind: &str, on: Option<bool>) -> &'static str {
    match (kind, on) {
        (_, None) => "",
        ("contact", Some(on)) => {
            if on {
                "open"
            } else {
                "closed"
            }
        }
        ("button", Some(on)) => {
            if on {
                "pressed"
            } else {
                "released"
            }
        }
        (_, Some(on)) => {
            if on {
                "on"
            } else {
                "off"
            }
        }
    }
}

impl Tap {
    pub(super) fn run(&self, context: &Context) -> Result {
        let tap = WireTap { reader: Some(self.reader.clone()), number: self.badge.clone() };
        let agent = running(context)?;
        let Done {} = agent.post("/v1/tap", &tap)?;
        let dapps: Dapps = agent.get("/v1/dapps")?;
        let holders = holders(&View::open(context)?, dapps, &self.reader)?;
        let heard_by: Vec<&Name> = holders.iter().filter(|dapp| runs(dapp)).map(|dapp| &dapp.name).collect();
        let value = json!({"reader": self.reader, "heard_by": heard_by});
        context.out.show(&said(&self.reader, &holders), &value)
    }
}

/// The dapps of this box whose rights name a device.
fn holders(view: &View, dapps: Dapps, device: &Name) -> Result<Vec<DappStatus>> {
    let mut holders = Vec::new();
    for dapp in dapps.dapps {
        let rights = view.bytes(&format!("dapps/{}/dapp.toml", dapp.name).parse()?)?;
        let rights = rights.and_then(|rights| Manifest::parse(&rights).ok());
        holders.extend(rights.filter(|rights| rights.devices.contains(device)).map(|_| dapp));
    }
    Ok(holders)
}

fn runs(dapp: &DappStatus) -> bool {
    dapp.state == "running"
}

fn said(reader: &Name, holders: &[DappStatus]) -> String {
    match holders {
        [] => format!("held to {reader}; but no application listens to it: ledgerctl dapp publish\n"),
        some if some.iter().any(runs) => format!("held to {reader}\n"),
        [first, ..] => {
            let (dapp, state) = (&first.name, &first.state);
            format!("held to {reader}; but {dapp}, which listens to it, is {state}: ledgerctl dapp status\n")
        }
    }
}

impl Contact {
    pub(super) fn run(&self, context: &Context) -> Result {
        let on = matches!(self.level, ContactLevel::Open | ContactLevel::Pressed | ContactLevel::On);
        let Done {} = running(context)?.put(&format!("/v1/contacts/{}", self.name), &Level { on })?;
        let word =
            self.level.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string());
        let said = format!("{} is {word}\n", self.name);
        context.out.show(&said, &json!({"contact": self.name, "on": on, "level": word}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_that_nobody_hears_is_said() {
        let dapp = |state: &str| DappStatus {
            name: "doorbot".parse().unwrap(),
            version: "1".into(),
            state: state.into(),
            reason: None,
            starts: 1,
            since: model::Millis(0),
        };
        let said = |holders: &[DappStatus]| said(&"reader".parse().unwrap(), holders);
        assert!(said(&[]).contains("no application listens to it: ledgerctl dapp publish"));
        assert!(said(&[dapp("broken")]).contains("doorbot, which listens to it, is broken"));
        assert_eq!(said(&[dapp("broken"), dapp("running")]), "held to reader\n");
    }
}
