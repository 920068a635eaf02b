//! What a machine has to say.

use crate::{
    access::Decision,
    maintenance::{Meter, Need},
};
use model::Name;

/// Something to keep in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A badge was read.
    Access(Decision),
    /// A session began.
    Began(Began),
    /// It goes on: said now and then, so that the log knows the most of it if nothing else is heard of it.
    Running(Ended),
    /// It ended.
    Ended(Ended),
    /// Something cut the machine, or would have to.
    Safety {
        /// What.
        what: Halt,
        /// Whether it is over.
        cleared: bool,
        /// Whose session it met.
        person: Option<Name>,
    },
    /// The machine is locked, or will be, or is not any more.
    Lockout {
        /// How it stands.
        state: LockState,
        /// Why.
        reason: String,
    },
    /// The machine must be looked at, or was.
    Inspection {
        /// Whether it must.
        due: bool,
        /// Who used it, or looked at it.
        by: Name,
    },
    /// It stands otherwise with maintenance than before.
    Maintenance {
        /// How.
        need: Need,
        /// For how long the machine has run.
        meter: Meter,
        /// Who used or maintained it; none if the ledger says so.
        by: Option<Name>,
    },
    /// The machine is homed.
    Homing {
        /// Whether somebody says so, and not the machine.
        overridden: bool,
        /// Who uses it, or says so.
        by: Name,
    },
    /// Somebody says that something is wrong.
    Issue {
        /// Who uses the machine, or did a moment ago.
        by: Option<Name>,
    },
}

/// The beginning of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Began {
    /// Whose.
    pub person: Name,
    /// Whether the machine is locked for others.
    pub despite_lock: bool,
}

/// A whole session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Whose.
    pub person: Name,
    /// The second person, if one was asked for and came.
    pub buddy: Option<Name>,
    /// Whether the machine was locked for others.
    pub despite_lock: bool,
    /// How it ended.
    pub end: End,
    /// From its beginning to its end, in milliseconds.
    pub total_ms: u64,
    /// For how long the machine had its current, in milliseconds.
    pub enabled_ms: u64,
    /// For how long of that it ran, in milliseconds.
    pub active_ms: u64,
    /// How often it began to run.
    pub runs: u64,
    /// What the meter of the machine shows, in seconds; none if nobody asks for maintenance.
    pub ran_s: Option<u64>,
}

/// What keeps a machine without current.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The loop of the emergency stops is open.
    Estop,
    /// An interlock is open.
    Interlock(Name),
    /// The machine has no current of its own.
    PowerLost,
    /// The mains are gone.
    MainsLost,
    /// It ran in the moment in which it got its current.
    StartedItself,
    /// It runs although it has no current from us.
    Unasked,
}

impl Halt {
    /// As events say it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Estop => "estop",
            Self::Interlock(_) => "interlock",
            Self::PowerLost => "power-lost",
            Self::MainsLost => "mains-lost",
            Self::StartedItself => "started-itself",
            Self::Unasked => "unasked",
        }
    }

    /// For people.
    pub fn for_people(&self) -> String {
        match self {
            Self::Estop => "an emergency stop is pressed".to_string(),
            Self::Interlock(name) => format!("{name} is open"),
            Self::PowerLost => "its main switch is off".to_string(),
            Self::MainsLost => "the mains are gone".to_string(),
            Self::StartedItself | Self::Unasked => "it runs by itself".to_string(),
        }
    }
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By the badge of whoever began it.
    Badge,
    /// The machine stood still for too long.
    Timeout,
    /// It ran for too long, and stands still now.
    BusyTimeout,
    /// A supervisor ended it.
    Forced,
    /// The second person left.
    BuddyLeft,
    /// The machine was not armed in time.
    NotStarted,
    /// It was not homed in time, and stands still now.
    NotHomed,
    /// The grant by which it was used ran out, and the machine stands still now.
    GrantOver,
    /// It was stopped, and not armed again in time.
    Estop,
    /// The same by an interlock.
    Interlock,
    /// The same by the main switch.
    PowerLost,
    /// The mains are gone.
    MainsLost,
    /// It ran in the moment in which it got its current.
    StartedItself,
    /// It was locked while it had no current.
    Lockout,
    /// The relay did not switch.
    Relay,
    /// The agent went away.
    AgentLost,
    /// The program ended.
    Stopped,
    /// The box lost its power, or the program was killed: said at the next start, with what was known.
    Lost,
    /// The machine's document is gone, or its devices.
    Removed,
}

impl End {
    /// As events say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Badge => "badge",
            Self::Timeout => "timeout",
            Self::BusyTimeout => "busy-timeout",
            Self::Forced => "forced",
            Self::BuddyLeft => "buddy-left",
            Self::NotStarted => "not-started",
            Self::NotHomed => "not-homed",
            Self::GrantOver => "grant-over",
            Self::Estop => "estop",
            Self::Interlock => "interlock",
            Self::PowerLost => "power-lost",
            Self::MainsLost => "mains-lost",
            Self::StartedItself => "started-itself",
            Self::Lockout => "lockout",
            Self::Relay => "relay",
            Self::AgentLost => "agent-lost",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
            Self::Removed => "removed",
        }
    }
}

impl From<&Halt> for End {
    fn from(halt: &Halt) -> Self {
        match halt {
            Halt::Estop => Self::Estop,
            Halt::Interlock(_) => Self::Interlock,
            Halt::PowerLost => Self::PowerLost,
            Halt::MainsLost => Self::MainsLost,
            Halt::StartedItself | Halt::Unasked => Self::StartedItself,
        }
    }
}

/// How a lockout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    /// It waits for the end of the session.
    Pending,
    /// It is in force.
    Locked,
    /// It is over.
    Unlocked,
}

impl LockState {
    /// As events say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Locked => "locked",
            Self::Unlocked => "unlocked",
        }
    }
}
