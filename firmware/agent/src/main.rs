//! ledgerd: the program on the box.
//!
//! Started as `ledgerd container-run` it is the helper of one container, on one thread; otherwise the agent.

use agent::{devices::chain, home::Home, peers::NetSettings, run, updates};
use clap::Parser;
use std::{
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitCode},
    time::Duration,
};

/// What is logged unless RUST_LOG says otherwise: of what others wrote, warnings alone.
const FILTER: &str = "warn,agent=info,ledgerd=info,net=info,replica=info,ledger=info";

/// Keeps the ledger of one box, runs its dapps, and moves its door.
#[derive(Parser)]
#[command(name = "ledgerd", version)]
struct Args {
    /// The home directory, made by `ledgerctl init`.
    #[arg(long)]
    home: PathBuf,
    /// The board: `sim`, or a folder with a board.toml.
    #[arg(long, default_value = "sim")]
    board: String,
    /// Where the page is served; `none` serves none.
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = address)]
    listen: Address,
    /// How long an event waits for its block at most, such as 90s, 15m or 2h.
    #[arg(long, default_value = "15m", value_parser = duration)]
    block_interval: Duration,
    /// Where other boxes of the organisation reach this one over UDP: a port, an address with a port, or `none` for
    /// no network [default: as in node.toml, else port 7741 of every interface]
    #[arg(long, value_name = "ADDRESS", value_parser = peers_at)]
    peers: Option<PeersAt>,
    /// Neither tell nor look on the LAN (mDNS) who is there
    #[arg(long)]
    no_mdns: bool,
}

/// Where other boxes reach this one.
#[derive(Clone, Copy)]
enum PeersAt {
    None,
    Port(u16),
    Address(SocketAddr),
}

/// Where the page is, if anywhere.
#[derive(Clone, Copy)]
struct Address(Option<SocketAddr>);

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == container::HELPER_ARGUMENT) {
        // Before any thread exists: the helper forks without exec.
        return container::run();
    }
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| FILTER.into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match start(args) {
        Ok(run::Ended::Asked) => ExitCode::SUCCESS,
        Ok(run::Ended::Anew) => begin_anew(),
        Err(error) => {
            tracing::error!("{}", chain(&*error));
            if error.downcast_ref().is_some_and(run::RunError::is_address_taken) {
                tracing::error!("hint: --listen another address, or is another ledgerd running?");
            }
            ExitCode::FAILURE
        }
    }
}

/// Starts this program again in this process's place, with the same words.
fn begin_anew() -> ExitCode {
    let again = std::env::current_exe().map(|exe| Command::new(exe).args(std::env::args_os().skip(1)).exec());
    let error = again.unwrap_or_else(|error| error);
    tracing::error!(%error, "cannot begin anew: start ledgerd again");
    ExitCode::FAILURE
}

fn start(args: Args) -> Result<run::Ended, Box<dyn std::error::Error>> {
    let exe = std::env::current_exe()?;
    // One thread serves sockets and timers; the ledger has a thread of its own, and blocking work a small pool.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
    let net = net_settings(&args);
    let Args { home, board, listen, block_interval, .. } = args;
    let updates = updates::Options::default();
    let options = run::Options { home, board, listen: listen.0, block_interval, net, exe, updates };
    Ok(runtime.block_on(run::run(options))?)
}

/// The settings of node.toml with what the command line says otherwise; none if it says nothing.
fn net_settings(args: &Args) -> Option<NetSettings> {
    if args.peers.is_none() && !args.no_mdns {
        return None;
    }
    // A home that cannot be opened is said when the board is safe.
    let mut settings = Home::open(&args.home).map(|home| home.net_settings().clone()).unwrap_or_default();
    settings.mdns &= !args.no_mdns;
    match args.peers {
        None => {}
        Some(PeersAt::None) => settings.on = false,
        Some(PeersAt::Port(port)) => (settings.on, settings.port) = (true, port),
        Some(PeersAt::Address(address)) => {
            (settings.on, settings.port, settings.bind) = (true, address.port(), vec![address.ip()]);
        }
    }
    Some(settings)
}

fn peers_at(text: &str) -> Result<PeersAt, String> {
    let port = || text.parse().ok().map(PeersAt::Port);
    let address = || text.parse().ok().map(PeersAt::Address);
    match text {
        "none" => Ok(PeersAt::None),
        _ => port().or_else(address).ok_or_else(|| "write it as 7741, 192.0.2.1:7741 or none".into()),
    }
}

fn address(text: &str) -> Result<Address, String> {
    match text {
        "none" => Ok(Address(None)),
        text => text
            .parse()
            .map(|address| Address(Some(address)))
            .map_err(|_| "write it as 127.0.0.1:8080".into()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)) {
        Some(1..) if seconds > 0 => Ok(Duration::from_secs(number.parse::<u64>().unwrap_or(1) * seconds)),
        _ => Err("write it as 90s, 15m or 2h".into()),
    }
}
