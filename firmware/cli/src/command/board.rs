//! `board`, `tap`, `contact`: the hardware of this box, through ledgerd.

use crate::{
    agent_client::AgentClient,
    context::Context,
    error::{Result, refused},
    output::Table,
};
use agent::wire::{Devices, Done, Level, Tap as WireTap};
use clap::{Args, Subcommand, ValueEnum};
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
        let Done {} = running(context)?.post("/v1/tap", &tap)?;
        context.out.show(&format!("held to {}\n", self.reader), &json!({ "reader": self.reader }))
    }
}

impl Contact {
    pub(super) fn run(&self, context: &Context) -> Result {
        let on = matches!(self.level, ContactLevel::Open | ContactLevel::Pressed);
        let Done {} = running(context)?.put(&format!("/v1/contacts/{}", self.name), &Level { on })?;
        let word =
            self.level.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string());
        let said = format!("{} is {word}\n", self.name);
        context.out.show(&said, &json!({"contact": self.name, "on": on, "level": word}))
    }
}
