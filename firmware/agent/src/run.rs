//! The program: opens the home and the board, serves until a signal, and leaves everything safe.
//!
//! Down goes in the order that matters at a door: outputs safe, dapps stopped, outputs safe again, the events
//! that wait into a block.

use crate::{
    api::{admin, listen, page},
    blobs::Blobs,
    core::{Core, CoreError},
    devices::{Devices, chain},
    home::{Home, HomeError},
    join::Door,
    judges::Judges,
    keeper::{Judge, Keeper, KeeperError, Threads, Tools},
    live::Live,
    peers::{self, NetSettings},
    services::{Abroad, DappStates, Services},
    supervisor,
    updates::{self, Updates},
    visitors::Visitors,
};
use board::{BoardError, SpecError};
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use store::{
    Lock, LockError,
    disk::{Disk, RealDisk},
};
use tokio::{
    net::TcpListener,
    runtime::Handle,
    signal::unix::{SignalKind, signal},
    sync::{Notify, watch},
};

/// How long a ledgerctl that has the ledger open is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
/// How long a box that begins anew goes on, for the answer to whoever asked for it.
const ANSWERED: Duration = Duration::from_millis(300);

/// How the program is started.
pub struct Options {
    /// The home.
    pub home: PathBuf,
    /// The board: a built-in one by name, or a folder with a `board.toml`.
    pub board: String,
    /// Where the page is; none serves none.
    pub listen: Option<SocketAddr>,
    /// How long an event waits for its block at most.
    pub block_interval: Duration,
    /// How other boxes are met; none is as node.toml says.
    pub net: Option<NetSettings>,
    /// This program, to start as the container helper.
    pub exe: PathBuf,
    /// How the operating system is updated.
    pub updates: updates::Options,
}

/// Why the program does not start or end as it should.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another ledgerd has the home, and with it the board.
    #[error("a ledgerd runs here already")]
    Running(#[source] LockError),
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The ledger.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// The chunks.
    #[error(transparent)]
    Chunks(#[from] store::chunks::OpenError),
    /// The board's file.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The board.
    #[error(transparent)]
    Board(#[from] BoardError),
    /// A socket.
    #[error("cannot listen at {at}")]
    Listen {
        /// Where.
        at: String,
        /// Why not.
        source: io::Error,
    },
    /// A thread or signal handler.
    #[error("cannot {doing}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The last block was not made; the events stay in the write-ahead log.
    #[error("the events that wait are not in a block yet; they are kept")]
    LastBlock(#[source] KeeperError),
}

impl RunError {
    /// Whether somebody else listens where this program was to listen.
    pub fn is_address_taken(&self) -> bool {
        matches!(self, Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }
}

/// A box that is up.
pub struct Appliance {
    /// What the servers share.
    pub services: Arc<Services>,
    threads: Threads,
    stop: watch::Sender<bool>,
    network: Option<JoinHandle<()>>,
    disk: Arc<dyn Disk>,
    updates: Option<updates::Thread>,
    _only: Option<Lock>,
}

/// Makes this the one ledgerd of the home: another one drives its board, which is not to be touched. Whatever
/// else is wrong with the home is said when the board is safe.
fn only_ledgerd(home: &Path) -> Result<Option<Lock>, RunError> {
    match Lock::ledgerd(home) {
        Err(held) if held.is_held() => Err(RunError::Running(held)),
        lock => Ok(lock.ok()),
    }
}

/// Opens the ledger; a ledgerctl that has it open for a moment is waited for.
fn open_when_free(home: &Home, disk: &Arc<dyn Disk>) -> Result<Core, CoreError> {
    let begun = Instant::now();
    loop {
        match Core::open(home, disk.clone(), crate::clock::machine()) {
            Err(error) if error.is_held() && begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
            opened => return opened,
        }
    }
}

impl Appliance {
    /// Opens everything. Nothing is served yet. The board comes first: if the last ledgerd was killed while the
    /// strike was drawn and this one cannot open the home, the door is locked all the same. Only a ledgerd that
    /// runs keeps another one from it.
    pub fn open(options: &Options, disk: Arc<dyn Disk>) -> Result<Self, RunError> {
        let only = only_ledgerd(&options.home)?;
        let live = Live::default();
        let devices = Devices::open(board::find(&options.board)?, live.clone(), Handle::current())?;
        let home = Home::open(&options.home)?;
        home.make_run_folders()?;
        let core = open_when_free(&home, &disk)?;
        let (clock, objects, key) = (core.clock().clone(), core.objects().clone(), core.key_id());
        devices.hear_badges(home.badge_key_of(&core.view().org_text("badge_key"))?);
        let blobs = Blobs::open(&home.chunks_folder(), disk.clone(), objects.clone())?;
        let judges = Arc::new(Judges::new(&home, &key, objects, blobs.clone(), options.exe.clone()));
        let asked = judges.clone();
        let judge: Judge = Box::new(move |task| asked.run(task));
        let anew = Arc::new(Notify::new());
        let (block_interval, told) = (options.block_interval, anew.clone());
        let tools = Tools { block_interval, blobs: blobs.clone(), judge, anew: told };
        let (keeper, threads) = Keeper::start(core, clock.clone(), live.clone(), tools)
            .map_err(|source| RunError::System { doing: "start the keeper's thread", source })?;
        let (stop, stopping) = watch::channel(false);
        let visitors = Visitors::open(&home);
        let (started, dapps, abroad) = (clock.now(), DappStates::default(), Abroad::default());
        let door = Arc::new(Door::open(&home));
        let services = Services {
            home,
            key,
            keeper,
            blobs,
            judges,
            devices,
            clock,
            live,
            dapps,
            anew,
            stopping,
            started,
            abroad,
            visitors,
            door,
            updates: Updates::new(),
        };
        let (services, network, updates) = (Arc::new(services), None, None);
        Ok(Self { services, threads, stop, network, disk, updates, _only: only })
    }

    /// Opens the network, so that other boxes are heard. One that cannot be had is named in the status, and the
    /// box works alone.
    pub fn open_network(&mut self, settings: Option<&NetSettings>) {
        let services = &self.services;
        let settings = settings.unwrap_or_else(|| services.home.net_settings());
        if !settings.on {
            return;
        }
        match peers::open(services, settings) {
            Ok((peers, thread)) => {
                tracing::info!(addresses = ?peers.addresses(), "other boxes reach this one");
                services.keeper.network(peers.clone());
                // It is opened once.
                let _first = services.abroad.peers.set(peers);
                self.network = Some(thread);
            }
            Err(error) => {
                let trouble = chain(&error);
                tracing::error!(trouble, "there is no network: the box works alone");
                let _first = services.abroad.trouble.set(trouble);
            }
        }
    }

    /// Looks after the operating system from now on.
    pub fn update(&mut self, options: updates::Options) -> Result<(), RunError> {
        let started = updates::Thread::start(&self.services, self.disk.clone(), options);
        self.updates =
            started.map_err(|source| RunError::System { doing: "start the thread of updates", source })?;
        Ok(())
    }

    /// Serves the admin socket.
    pub fn serve_admin(&self) -> Result<(), RunError> {
        let path = self.services.home.admin_socket();
        let listener = listen::unix(&path, 0o600).map_err(at(&path.display().to_string()))?;
        let listener = listen::Limited::new(listener, admin::CONNECTIONS_MAX);
        let server = admin::server(self.services.clone());
        tokio::spawn(listen::serve(listener, server, None, self.services.stopping.clone()));
        Ok(())
    }

    /// Serves the page. Where it is in the end.
    pub async fn serve_page(&self, address: SocketAddr) -> Result<SocketAddr, RunError> {
        let listener = TcpListener::bind(address).await.map_err(at(&address.to_string()))?;
        let address = listener.local_addr().map_err(at(&address.to_string()))?;
        let listener = listen::Limited::new(listener, page::CONNECTIONS_MAX);
        self.services.visitors.page_is_at(address);
        let server = page::server(self.services.clone());
        tokio::spawn(listen::serve(listener, server, Some(page::PATIENCE), self.services.stopping.clone()));
        Ok(address)
    }

    /// Takes the box down: outputs safe, dapps ended (by `dapps`), events into a block. With `hurry` it waits
    /// for nothing any more; the outputs are safe in the end either way.
    pub async fn stop(
        self,
        dapps: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        let devices = self.services.devices.clone();
        devices.make_safe(|_| true);
        let stopped = tokio::select! {
            stopped = self.wind_down(dapps) => stopped,
            () = hurry => Ok(()),
        };
        devices.make_safe(|_| true);
        stopped
    }

    async fn wind_down(self, dapps: impl Future<Output = ()>) -> Result<(), RunError> {
        self.stop.send_replace(true);
        self.services.judges.stop();
        self.services.updates.stop();
        dapps.await;
        self.services.devices.make_safe(|_| true);
        if let Some(updates) = self.updates {
            // It asks the keeper, which needs this thread's runtime.
            drop(tokio::task::spawn_blocking(|| updates.join()).await);
        }
        let last = self.services.keeper.stop().await;
        if let Some(peers) = self.services.abroad.peers.get() {
            peers.stop();
        }
        self.threads.join();
        if self.network.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the network ended by a panic");
        }
        last.map(|_| ()).map_err(RunError::LastBlock)
    }
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Somebody asked.
    Asked,
    /// The box follows another branch now, or has another key: the program is to be started again at once.
    Anew,
}

/// Runs until SIGTERM or SIGINT, or until the box is to begin anew.
pub async fn run(options: Options) -> Result<Ended, RunError> {
    let system = |doing| move |source| RunError::System { doing, source };
    let mut term = signal(SignalKind::terminate()).map_err(system("hear SIGTERM"))?;
    let mut int = signal(SignalKind::interrupt()).map_err(system("hear SIGINT"))?;
    let mut appliance = Appliance::open(&options, Arc::new(RealDisk))?;
    safe_on_panic(&appliance.services.devices);
    // Before the socket: whoever is answered there may ask for an invitation at once.
    appliance.open_network(options.net.as_ref());
    appliance.serve_admin()?;
    if let Some(address) = options.listen {
        let address = appliance.serve_page(address).await?;
        tracing::info!("the page is at http://{address}");
    }
    let dapps = tokio::spawn(supervisor::supervise(appliance.services.clone(), options.exe));
    tell_start(&appliance.services, &options.home);
    appliance.update(options.updates)?;
    let mut asked = async || {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    };
    let anew = appliance.services.anew.clone();
    let ended = tokio::select! {
        () = asked() => Ended::Asked,
        () = anew.notified() => {
            // Whoever asked for it is answered before.
            tokio::time::sleep(ANSWERED).await;
            Ended::Anew
        }
    };
    tracing::info!(?ended, "stopping");
    let dapps = async {
        if let Err(error) = dapps.await {
            tracing::error!(error = %chain(&error), "the supervisor failed");
        }
    };
    // Whoever asks twice does not want to wait for dapps. This thread runs everything that moves an output, so
    // nothing does after the last order of `stop`.
    appliance.stop(dapps, asked()).await?;
    Ok(ended)
}

/// A release build ends where it panics, and nothing is dropped: the outputs are made safe before.
fn safe_on_panic(devices: &Arc<Devices>) {
    let (devices, before) = (Arc::downgrade(devices), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        if let Some(devices) = devices.upgrade() {
            devices.last_will();
        }
        before(panic);
    }));
}

fn tell_start(services: &Services, home: &Path) {
    let (view, pending) = (services.keeper.view(), services.keeper.report().events.pending);
    let (org, height, node) = (view.org_text("name"), view.height, services.home.node());
    tracing::info!(home = %home.display(), %node, org, height, pending, "ledgerd is up");
    if let Some(reason) = services.clock.status().reason {
        tracing::warn!("{reason}");
    }
}

fn at(at: &str) -> impl FnOnce(io::Error) -> RunError {
    let at = at.to_string();
    move |source| RunError::Listen { at, source }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::init::{InitOptions, Seeds};

    /// A box that is up in a folder of its own.
    pub fn founded() -> (tempfile::TempDir, Appliance) {
        let (folder, home) = home();
        let options = self::options(home.folder(), Path::new("sim"));
        (folder, Appliance::open(&options, Arc::new(RealDisk)).unwrap())
    }

    /// A home in a folder of its own.
    pub fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let options = InitOptions {
            org: "Example Makers".into(),
            timezone: "America/Detroit".into(),
            founder: "alice".parse().unwrap(),
            founder_name: "alice".into(),
            node: "front-door".parse().unwrap(),
            now: model::Millis(1_790_000_000_000),
            seeds: Seeds { founder: [1; 32], node: [2; 32], badge: [3; 32] },
        };
        let home = Home::init(&folder.path().join("home"), options).unwrap();
        (folder, home)
    }

    #[tokio::test]
    async fn another_organisations_badge_key_is_refused_at_the_start() {
        let (folder, up) = founded();
        up.stop(async {}, std::future::pending()).await.unwrap();
        let home = folder.path().join("home");
        std::fs::write(home.join("secrets/badge.key"), model::BadgeKey::new([9; 32]).to_hex()).unwrap();
        let error = Appliance::open(&options(&home, Path::new("sim")), Arc::new(RealDisk)).err().unwrap();
        assert!(matches!(error, RunError::Home(HomeError::OtherBadgeKey { .. })), "{error}");
        assert!(error.to_string().contains("from a backup"), "{error}");
    }

    #[tokio::test]
    async fn a_second_signal_leaves_the_outputs_safe_too() {
        let (_folder, up) = founded();
        let (devices, strike) = (up.services.devices.clone(), "strike".parse().unwrap());
        let dapp_draws_and_hangs = async {
            devices.set(&strike, true, None).unwrap();
            std::future::pending().await
        };
        up.stop(dapp_draws_and_hangs, tokio::time::sleep(Duration::from_millis(20))).await.unwrap();
        assert!(!devices.granted(|device| *device == strike)[0].on);
    }

    #[tokio::test]
    async fn a_second_ledgerd_on_a_home_in_use_does_not_touch_the_board() {
        let (folder, up) = founded();
        let second =
            Appliance::open(&options(&folder.path().join("home"), Path::new("no-board")), Arc::new(RealDisk));
        let error = second.err().unwrap();
        assert!(matches!(error, RunError::Running(_)), "the board was opened first: {}", chain(&error));
        up.stop(async {}, std::future::pending()).await.unwrap();
    }

    /// A board that cannot be opened on any machine, to see who comes first.
    const LINUX: &str = "title = \"Box\"\ndriver = \"linux\"\n[devices.strike]\nkind = \"relay\"\nline = \"no such line\"\nsafe = \"off\"\n";

    #[tokio::test]
    async fn the_board_is_made_safe_before_anything_of_the_home_can_fail() {
        let folder = tempfile::tempdir().unwrap();
        let board = folder.path().join("box");
        std::fs::create_dir(&board).unwrap();
        std::fs::write(board.join("board.toml"), LINUX).unwrap();
        let opened = Appliance::open(&options(&folder.path().join("no-home"), &board), Arc::new(RealDisk));
        let error = opened.err().unwrap();
        assert!(matches!(error, RunError::Board(_)), "the home was looked at first: {}", chain(&error));
    }

    fn options(home: &Path, board: &Path) -> Options {
        Options {
            home: home.into(),
            board: board.to_string_lossy().into(),
            listen: None,
            block_interval: Duration::from_secs(900),
            net: None,
            exe: PathBuf::new(),
            updates: updates::Options::default(),
        }
    }
}
