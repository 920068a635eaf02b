//! Two boxes on loopback beside a plain TCP copy: MB/s, round trips, and what an open network holds in memory.
//!
//! `cargo bench -p net`, or `cargo xtask bench net`. Each box is a process of its own with one thread, as the
//! agent is; so is each end of the TCP copy. TCP is not encrypted, not authenticated and not framed: it is what
//! the machine can do at best. Memory is `VmRSS` of one process, before and after each step.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops where it fails")]

use bytes::Bytes;
use model::{PublicKey, SigningKey};
use net::{Event, Net, Options};
use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{runtime::Builder, sync::mpsc::Receiver};

const ANSWER_BYTES: usize = 8 << 20;
const ANSWERS: usize = 32;
const AT_ONCE: usize = 4;
const TRIPS: usize = 2000;

fn main() {
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["box", peer] => run(serve_box(peer.parse().unwrap())),
        ["tcp"] => serve_tcp(),
        _ => {
            run(bench_box());
            bench_tcp();
        }
    }
}

fn run(task: impl Future<Output = ()>) {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(task);
}

/// The other end, as a process that is gone when this is dropped, and the first line that it says.
struct Other(Child, String);

impl Other {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self(child, line.trim().to_string())
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _gone = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// Sends every frame back, and answers every request with a long answer.
async fn serve_box(peer: SocketAddr) {
    let (net, mut events) = Net::open(Options::on_loopback(key(2))).await.unwrap();
    let first = key(1).public();
    net.admit(&[first.clone()].into());
    net.dial(&first, &[peer]);
    let answer = Bytes::from(vec![7; ANSWER_BYTES]);
    println!("ready");
    while let Some(event) = events.recv().await {
        match event {
            Event::Frame { peer, bytes } => net.send(&peer, bytes).unwrap(),
            Event::Request { bytes, reply, .. } if bytes.is_empty() => reply.send(""),
            Event::Request { reply, .. } => reply.send(answer.clone()),
            _ => {}
        }
    }
}

async fn bench_box() {
    println!("resident_before {:.1} MiB", resident_mib());
    let (net, mut events) = Net::open(Options::on_loopback(key(1))).await.unwrap();
    println!("resident_open {:.1} MiB", resident_mib());
    let other = key(2).public();
    net.admit(&[other.clone()].into());
    let _process = Other::start(&["box", &net.addresses()[0].to_string()]);
    while !matches!(events.recv().await.unwrap(), Event::Up { .. }) {}
    println!("resident_connected {:.1} MiB", resident_mib());
    frames(&net, &mut events, &other, "frame_round_trip").await;
    requests(&net, &other).await;
    bulk(&net, &other).await;
    println!("resident_after_bulk {:.1} MiB", resident_mib());
    let (busy, peer) = (net.clone(), other.clone());
    let beside = tokio::spawn(async move {
        loop {
            fetch(&busy, &peer, AT_ONCE).await
        }
    });
    frames(&net, &mut events, &other, "frame_round_trip_beside_bulk").await;
    beside.abort();
}

async fn frames(net: &Net, events: &mut Receiver<Event>, other: &PublicKey, name: &str) {
    let mut trips = Vec::new();
    for _ in 0..TRIPS {
        let start = Instant::now();
        net.send(other, vec![1; 100]).unwrap();
        while !matches!(events.recv().await.unwrap(), Event::Frame { .. }) {}
        trips.push(start.elapsed());
    }
    print_trips(name, trips);
}

async fn requests(net: &Net, other: &PublicKey) {
    let mut trips = Vec::new();
    for _ in 0..TRIPS {
        let start = Instant::now();
        net.request(other, "", 100).await.unwrap();
        trips.push(start.elapsed());
    }
    print_trips("request_round_trip", trips);
}

async fn bulk(net: &Net, other: &PublicKey) {
    let start = Instant::now();
    for _ in 0..ANSWERS / AT_ONCE {
        fetch(net, other, AT_ONCE).await;
    }
    print_rate("answers", start.elapsed());
}

/// Some answers at once.
async fn fetch(net: &Net, other: &PublicKey, count: usize) {
    let asked = (0..count).map(|_| {
        let (net, other) = (net.clone(), other.clone());
        tokio::spawn(async move { net.request(&other, "all", ANSWER_BYTES).await.unwrap().len() })
    });
    for answer in asked.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap(), ANSWER_BYTES);
    }
}

/// Sends a byte back, and after a zero byte everything at once.
fn serve_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_nodelay(true).unwrap();
    let mut byte = [0];
    while stream.read_exact(&mut byte).is_ok() {
        match byte {
            [0] => stream.write_all(&vec![7; ANSWER_BYTES * ANSWERS]).unwrap(),
            _ => stream.write_all(&byte).unwrap(),
        }
    }
}

fn bench_tcp() {
    let other = Other::start(&["tcp"]);
    let mut stream = TcpStream::connect(&other.1).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut trips = Vec::new();
    for _ in 0..TRIPS {
        let start = Instant::now();
        stream.write_all(&[1]).unwrap();
        stream.read_exact(&mut [0]).unwrap();
        trips.push(start.elapsed());
    }
    print_trips("tcp_round_trip", trips);
    let (start, mut left, mut piece) = (Instant::now(), ANSWER_BYTES * ANSWERS, vec![0; 64 << 10]);
    stream.write_all(&[0]).unwrap();
    while left > 0 {
        left -= stream.read(&mut piece).unwrap();
    }
    print_rate("tcp_copy", start.elapsed());
}

fn print_rate(name: &str, took: Duration) {
    println!("{name} {:.0} MB/s", (ANSWER_BYTES * ANSWERS) as f64 / 1e6 / took.as_secs_f64());
}

fn print_trips(name: &str, mut trips: Vec<Duration>) {
    trips.sort();
    println!("{name}_p50 {} us", trips[TRIPS / 2].as_micros());
    println!("{name}_p99 {} us", trips[TRIPS * 99 / 100].as_micros());
}

fn resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
