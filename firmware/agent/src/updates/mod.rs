//! Updates of the operating system: between the machine of `update` and this box's ledger, card, peers and people.
//!
//! One thread has the machine ([`work`]) and never waits; what takes time is done by a few others ([`hands`]). Releases and
//! wishes come from the ledger ([`catalogue`], [`wishes`]), chunks from this box, its running slot and other boxes, the record and the boot
//! state are on the card ([`files`], [`card`]). A machine that did not start from a slot shows what the ledger says, and
//! wants nothing. Format: docs/formats/admin-api.md; why it is so: docs/decisions/0019-update.md.

mod card;
mod catalogue;
mod choice;
mod files;
mod gate;
mod hands;
mod limit;
mod materials;
mod pool;
mod reports;
mod show;
mod slot_chunks;
mod slotted;
mod wishes;
mod work;

pub use gate::rules;
pub use wishes::Settings;

use crate::{boot::Roots, services::Services, wire};
use std::{
    io,
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use store::disk::Disk;
use tokio::sync::oneshot;
use update::{UpdaterRules, Version};
use work::{Message, Work};

/// How often it is looked whether something is to be done.
const PACE: Duration = Duration::from_secs(1);

/// How the box is restarted.
pub type Restart = Arc<dyn Fn() -> io::Result<()> + Send + Sync>;

/// What differs between a box and a test.
#[derive(Clone)]
pub struct Options {
    /// Where the system shows itself.
    pub roots: Roots,
    /// How the box is restarted.
    pub restart: Restart,
    /// How the machine behaves.
    pub rules: UpdaterRules,
    /// How often it is looked whether something is to be done.
    pub pace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { roots: Roots::default(), restart: Arc::new(reboot), rules: rules(), pace: PACE }
    }
}

/// Has init end everything and restart: the agent ends its dapps and writes what waits, the data partition is let go.
fn reboot() -> io::Result<()> {
    let status = Command::new("reboot").status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("reboot ended with {status}"))) }
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// This release, now.
    Now(Version),
    /// Nothing any more.
    Cancel,
    /// Back to the other slot.
    Back,
}

/// Why a person does not get it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is nothing to update.
    #[error("{0}")]
    NoSlots(String),
    /// No such release.
    #[error("the ledger has no release {0} of an operating system")]
    Unknown(Version),
    /// It may not be had here, or not now.
    #[error("{0}")]
    Refused(String),
    /// ledgerd ends.
    #[error("ledgerd is stopping")]
    Stopping,
}

/// Asks the thread, and shows what it last said.
pub struct Updates {
    asks: Sender<Message>,
    inbox: Mutex<Option<Receiver<Message>>>,
    shown: Mutex<wire::Updates>,
}

/// The thread that has the machine.
pub struct Thread(JoinHandle<()>);

impl Updates {
    /// Before the thread runs.
    pub fn new() -> Self {
        let (asks, inbox) = mpsc::channel();
        let reason = Some("it has not begun yet".to_owned());
        let shown = wire::Updates { reason, ..wire::Updates::default() };
        Self { asks, inbox: Mutex::new(Some(inbox)), shown: Mutex::new(shown) }
    }

    /// How things stand.
    pub fn shown(&self) -> wire::Updates {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, updates: wire::Updates) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = updates;
    }

    /// Asks for something, and says how things stand after that.
    pub async fn ask(&self, asked: Asked) -> Result<wire::Updates, AskError> {
        let (answer, heard) = oneshot::channel();
        self.asks.send(Message::Asked(asked, answer)).map_err(|_| AskError::Stopping)?;
        heard.await.map_err(|_| AskError::Stopping)??;
        Ok(self.shown())
    }

    /// Ends the thread; what is under way goes on after the next start.
    pub fn stop(&self) {
        // An error means that it has ended.
        let _ended = self.asks.send(Message::Stop);
    }
}

impl Default for Updates {
    fn default() -> Self {
        Self::new()
    }
}

impl Thread {
    /// Starts it; none if it runs already. It ends after [`Updates::stop`].
    pub fn start(
        services: &Arc<Services>,
        disk: Arc<dyn Disk>,
        options: Options,
    ) -> io::Result<Option<Self>> {
        let inbox = services.updates.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(inbox) = inbox else { return Ok(None) };
        let (services, outbox) = (services.clone(), services.updates.asks.clone());
        let runtime = tokio::runtime::Handle::current();
        let work = move || Work::new(services, disk, options, outbox, runtime).run(&inbox);
        let thread = thread::Builder::new().name("updates".into()).spawn(work)?;
        Ok(Some(Self(thread)))
    }

    /// Waits until it has ended.
    pub fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the thread of updates ended by a panic");
        }
    }
}
