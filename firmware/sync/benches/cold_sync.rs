//! Cold sync of 100,000 events, without a network: what serving and sorting out cost, beside `git clone` of the same
//! blocks. Prints figures as `name value unit`.
//!
//! `cargo bench -p sync`, or with a number of events and of events in a block: `cargo bench -p sync -- 20000 1`. Checking
//! the blocks is the ledger's bench, storing them the store's.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops where it fails")]

#[path = "../tests/sync/house.rs"]
mod house;

use house::House;
use ledger::MemoryObjects;
use model::BlockId;
use std::{
    collections::HashSet,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use sync::{Limits, Request, Response, Server};

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let events = numbers.first().copied().unwrap_or(100_000);
    let batch = numbers.get(1).copied().unwrap_or(20);
    let mut house = House::new("Bench", 1);
    let (store, main) = history(&mut house, events, batch);
    let cold = cold_sync(&house, &store, main);
    let (seconds, served) = (cold.serve + cold.unpack, cold.bytes as f64);
    println!("answers {} answers", cold.packs.len());
    println!("blocks {} blocks", cold.blocks);
    println!("plan {:.3} s", cold.first.as_secs_f64());
    println!("serve_cpu {:.3} s", cold.serve_cpu.as_secs_f64());
    println!("unpack_cpu {:.3} s", cold.unpack_cpu.as_secs_f64());
    println!("serve {:.3} s", cold.serve.as_secs_f64());
    println!("unpack {:.3} s", cold.unpack.as_secs_f64());
    println!("serve+unpack {:.0} events/s", events as f64 / seconds.as_secs_f64());
    println!("wire {:.0} bytes/event", served / events as f64);
    println!("objects {:.0} bytes/event", cold.plain as f64 / events as f64);
    clone(&cold, main);
}

/// `events` events of one node in blocks of `batch`, each merged.
fn history(house: &mut House, events: u64, batch: u64) -> (MemoryObjects, BlockId) {
    let (mut store, mut main, mut own) = (house.store(), house.genesis, None);
    for first in (0..events).step_by(usize::try_from(batch).unwrap()) {
        let block = house.events(&store, 0, main, own, batch.min(events - first));
        store.store(&block.objects);
        own = Some(block.id);
        let block = house.merge(&store, main, &[block.id]);
        store.store(&block.objects);
        main = block.id;
    }
    (store, main)
}

#[derive(Default)]
struct Cold {
    packs: Vec<Vec<u8>>,
    blocks: usize,
    bytes: u64,
    plain: u64,
    /// Until the first answer is there.
    first: Duration,
    serve: Duration,
    unpack: Duration,
    /// Without what other programs took meanwhile.
    serve_cpu: Duration,
    unpack_cpu: Duration,
}

/// How long this thread has run, as Linux counts it; what another program takes does not count.
fn cpu() -> Duration {
    let counts = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(counts.split(' ').next().unwrap().parse().unwrap())
}

/// How long the programs that this one started have run.
fn children_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[13].parse::<u64>().unwrap() + fields[14].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn cold_sync(house: &House, store: &MemoryObjects, main: BlockId) -> Cold {
    let (mut cold, mut server, mut here) = (Cold::default(), Server::new(), HashSet::new());
    let max_bytes = Limits::default().response_bytes;
    let mut after = None;
    loop {
        let (start, began) = (Instant::now(), cpu());
        let request = Request::Blocks { want: vec![main], have: Vec::new(), after, max_bytes };
        let answer = server.serve(store, &(), &request, max_bytes).unwrap();
        let served = start.elapsed();
        cold.serve_cpu += cpu() - began;
        let Response::Blocks { more, pack } = answer else { panic!("blocks were asked for") };
        if cold.packs.is_empty() {
            cold.first = served;
        }
        let (start, began) = (Instant::now(), cpu());
        let arrivals = sync::unpack(&pack, max_bytes.into(), house.org, &|id| here.contains(id)).unwrap();
        cold.unpack += start.elapsed();
        cold.unpack_cpu += cpu() - began;
        cold.serve += served;
        here.extend(arrivals.iter().map(|arrival| arrival.block.id));
        after = arrivals.last().map(|arrival| arrival.block.id);
        cold.blocks += arrivals.len();
        cold.bytes += pack.len() as u64;
        cold.plain += arrivals.iter().map(|arrival| arrival.bytes()).sum::<u64>();
        cold.packs.push(pack);
        if !more {
            return cold;
        }
    }
}

/// `git clone` of the same blocks by git's own protocol, from a repository that git has packed as well as it does.
fn clone(cold: &Cold, main: BlockId) {
    let folder = tempfile::tempdir().unwrap();
    let (full, copy) = (folder.path().join("full"), folder.path().join("copy"));
    std::fs::create_dir(&full).unwrap();
    git(&full, &["init", "-q", "--bare", "--object-format=sha256"], &[]);
    let start = Instant::now();
    for pack in &cold.packs {
        git(&full, &["index-pack", "--stdin"], pack);
    }
    println!("git_index_pack {:.3} s", start.elapsed().as_secs_f64());
    git(&full, &["update-ref", "refs/heads/main", &main.to_string()], &[]);
    for name in ["git_clone_as_sent", "git_clone_repacked"] {
        let from = format!("file://{}", full.display());
        let (start, began) = (Instant::now(), children_cpu());
        git(folder.path(), &["clone", "-q", "--bare", &from, &copy.display().to_string()], &[]);
        println!("{name}_cpu {:.2} s", (children_cpu() - began).as_secs_f64());
        println!("{name} {:.3} s", start.elapsed().as_secs_f64());
        std::fs::remove_dir_all(&copy).unwrap();
        git(&full, &["repack", "-adq"], &[]);
    }
}

fn git(folder: &Path, arguments: &[&str], input: &[u8]) {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("git is needed for this bench");
    child.stdin.take().unwrap().write_all(input).unwrap();
    assert!(child.wait().unwrap().success(), "git {arguments:?}");
}
