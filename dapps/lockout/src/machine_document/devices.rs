//! The table `devices` of a machine's document: which device of the board does what at the machine.

use model::Name;
use serde::Deserialize;

/// The devices of a machine. Without the table: those of board/sim-machine. With it: those that it names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    /// The relay that gives the machine its current.
    pub machine: Name,
    /// The reader.
    pub reader: Name,
    /// The red lamp.
    pub red: Option<Name>,
    /// The green lamp.
    pub green: Option<Name>,
    /// The buzzer.
    pub buzzer: Option<Name>,
    /// On while the machine runs.
    pub sense: Option<Name>,
    /// On while the loop of the emergency stops is open.
    pub estop: Option<Name>,
    /// Each on while what it guards is open.
    #[serde(default)]
    pub interlocks: Vec<Name>,
    /// On while the machine has no current of its own.
    pub power_lost: Option<Name>,
    /// On while the mains are gone and the box lives on its battery. The machines of a box may share this one.
    pub mains_lost: Option<Name>,
    /// On when the machine has found its home.
    pub homed: Option<Name>,
    /// The button that arms the machine.
    pub start: Option<Name>,
    /// The button that says that something is wrong.
    pub issue: Option<Name>,
}

impl Default for Devices {
    fn default() -> Self {
        let name = |text: &str| text.parse::<Name>().expect("because it is a name");
        Self {
            machine: name("machine"),
            reader: name("machine-reader"),
            red: Some(name("machine-red")),
            green: Some(name("machine-green")),
            buzzer: Some(name("machine-buzzer")),
            sense: Some(name("sense")),
            estop: Some(name("estop")),
            interlocks: vec![name("interlock")],
            power_lost: Some(name("power-lost")),
            mains_lost: None,
            homed: None,
            start: Some(name("start")),
            issue: Some(name("issue")),
        }
    }
}

impl Devices {
    /// Every device, the relay first.
    pub fn all(&self) -> impl Iterator<Item = &Name> {
        let lamps = [&self.red, &self.green, &self.buzzer].into_iter().flatten();
        [&self.machine, &self.reader].into_iter().chain(lamps).chain(self.sensed())
    }

    /// Every device but the one that machines may share.
    pub fn own(&self) -> impl Iterator<Item = &Name> {
        self.all().filter(|device| self.mains_lost.as_ref() != Some(*device))
    }

    /// Every contact and button.
    pub fn sensed(&self) -> impl Iterator<Item = &Name> {
        let loops = [&self.sense, &self.estop, &self.power_lost, &self.mains_lost, &self.homed];
        let buttons = [&self.start, &self.issue];
        loops.into_iter().chain(buttons).flatten().chain(&self.interlocks)
    }
}
