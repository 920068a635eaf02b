//! `ledger-ntp`: asks time servers once (SNTP, RFC 5905) and sets the machine's clock.
//!
//! `ledger-ntp [--show] [--written FILE] SERVER...`: FILE's date is a time that it certainly was once. `--show` sets nothing.
//! Ends with 0 when the clock is right now, with 1 when nobody answered or is not believed; the reason is on stderr.

#![allow(clippy::print_stdout, reason = "it talks to init's scripts")]

use ntp::{Answer, Plan, choose, plan};
use rsntp::{Config, SntpClient, SynchronizationError};
use rustix::time::{ClockId, Timespec, clock_settime};
use std::{
    error::Error,
    fs,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::{Duration, SystemTime},
};

const HELP: &str = "usage: ledger-ntp [--show] [--written FILE] SERVER...";
/// A server that is there answers in a fraction of it.
const PATIENCE: Duration = Duration::from_secs(3);
/// More are not asked: the answer in the middle of five is good.
const SERVERS_MAX: usize = 5;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(line) => {
            if let Some(line) = line {
                println!("{line}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ledger-ntp: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Options<'a> {
    show: bool,
    written: Option<&'a str>,
    servers: Vec<&'a str>,
}

impl<'a> Options<'a> {
    fn parse(args: &'a [String]) -> Result<Self, Box<dyn Error>> {
        let mut options = Self::default();
        let mut words = args.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--show" => options.show = true,
                "--written" => options.written = Some(words.next().ok_or(HELP)?),
                word if word.starts_with('-') => return Err(HELP.into()),
                server => options.servers.push(server),
            }
        }
        if options.servers.is_empty() { Err(HELP.into()) } else { Ok(options) }
    }
}

/// Answers with a line about what was done, if something was.
fn run(args: &[String]) -> Result<Option<String>, Box<dyn Error>> {
    let options = Options::parse(args)?;
    let mut answers = Vec::new();
    let mut silent = Vec::new();
    for server in options.servers.iter().take(SERVERS_MAX) {
        match ask(server) {
            Ok(answer) => answers.push(answer),
            Err(error) => silent.push(format!("{server}: {}", why(&error))),
        }
    }
    let answer =
        choose(&answers).ok_or_else(|| format!("no time server has answered ({})", silent.join("; ")))?;
    match plan(answer, now()?, options.written.map_or(0, written))? {
        Plan::Keep => Ok(None),
        Plan::Set { to, .. } if !options.show => {
            set(to)?;
            Ok(Some(moved("was set", answer.ahead_ms)))
        }
        Plan::Set { ahead_ms, .. } => Ok(Some(moved("would be set", ahead_ms))),
    }
}

fn moved(what: &str, ahead_ms: i64) -> String {
    let way = if ahead_ms < 0 { "back" } else { "forward" };
    format!("the clock {what} {way} by {:.1} s", ahead_ms.unsigned_abs() as f64 / 1000.0)
}

fn ask(server: &str) -> Result<Answer, SynchronizationError> {
    let any = |ip: IpAddr| SocketAddr::new(ip, 0);
    let result = match server.parse::<IpAddr>() {
        Ok(address @ IpAddr::V6(_)) => client(any(Ipv6Addr::UNSPECIFIED.into())).synchronize(address)?,
        Ok(address) => client(any(Ipv4Addr::UNSPECIFIED.into())).synchronize(address)?,
        Err(_) => client(any(Ipv4Addr::UNSPECIFIED.into())).synchronize(server)?,
    };
    let ms = |seconds: f64| (seconds * 1000.0).round() as i64;
    Ok(Answer {
        ahead_ms: ms(result.clock_offset().as_secs_f64()),
        round_trip_ms: ms(result.round_trip_delay().as_secs_f64()),
    })
}

/// Why a server gave no time. The socket's patience ends with one of two errors, by the kernel's choice.
fn why(error: &SynchronizationError) -> String {
    match error {
        SynchronizationError::IOError(e)
            if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
        {
            format!("silent for {} s", PATIENCE.as_secs())
        }
        SynchronizationError::IOError(error) => error.to_string(),
        SynchronizationError::ProtocolError(error) => error.to_string(),
    }
}

fn client(bind: SocketAddr) -> SntpClient {
    SntpClient::with_config(Config::default().bind_address(bind).timeout(PATIENCE))
}

/// The machine's time in milliseconds since 1970.
fn now() -> Result<i64, Box<dyn Error>> {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is set")]
    let now = SystemTime::now();
    Ok(i64::try_from(now.duration_since(SystemTime::UNIX_EPOCH)?.as_millis())?)
}

/// When a file was written; 0 if there is none.
fn written(file: &str) -> i64 {
    let modified = fs::metadata(file).and_then(|meta| meta.modified());
    let since = modified.ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

fn set(to: i64) -> Result<(), Box<dyn Error>> {
    let time = Timespec { tv_sec: to.div_euclid(1000), tv_nsec: to.rem_euclid(1000) * 1_000_000 };
    Ok(clock_settime(ClockId::Realtime, time).map_err(|e| format!("cannot set the clock: {e}"))?)
}
