//! A judge for tests, good and bad: its first argument says which. Compiled by itself, statically.

use std::{
    fs,
    io::{Read, Write},
    process::Command,
};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args[1].as_str() {
        "honest" => honest(),
        "garbage" => println!("yes, of course"),
        "silent" => {}
        "exits" => {
            println!("{{\"verdict\":\"pass\"}}");
            std::process::exit(3);
        }
        "crashes" => crash(),
        "loops" => loop {
            std::hint::spin_loop();
        },
        "forks" => fork(),
        "hogs" => hog(),
        "differs" => differ(),
        "floods" => (0..100_000).for_each(|n| println!("line {n}")),
        "raves" => println!("{{\"verdict\":\"fail\",\"reasons\":[\"{}\"]}}", "x".repeat(20_000)),
        "looks" => look(),
        other => fail(&[format!("what is {other}?")]),
    }
}

fn fail(reasons: &[String]) {
    let reasons: Vec<String> = reasons.iter().map(|reason| format!("{reason:?}")).collect();
    println!("{{\"verdict\":\"fail\",\"reasons\":[{}]}}", reasons.join(","));
}

/// Fails documents that are bad, and says so.
fn honest() {
    let input = fs::read_to_string("/run/judge/input.json").unwrap();
    assert!(input.starts_with("{\"at\":") && input.ends_with("}\n"));
    println!("I have read it");
    let merged = input.split("\"merged\":").nth(1).unwrap();
    if merged.contains("\"bad\":true") {
        fail(&["a document is bad".into()]);
    } else {
        println!("{{\"verdict\":\"pass\"}}");
    }
}

fn crash() {
    // The first process of a container ignores signals that it sends itself, but not this one.
    unsafe { std::ptr::null_mut::<u8>().write_volatile(1) };
}

fn fork() {
    let me = std::env::current_exe().unwrap_or("/judge".into());
    while Command::new(&me).arg("forks").spawn().is_ok() {}
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}

fn hog() {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1u8; 1 << 20]);
        std::hint::black_box(&kept);
    }
}

fn differ() {
    let mut random = [0; 8];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut random).unwrap();
    fail(&[format!("{random:?}")]);
}

/// Says what it finds around itself.
fn look() {
    let mut found = Vec::new();
    let names = |path: &str| {
        let mut names: Vec<String> = fs::read_dir(path)
            .map(|all| all.map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect())
            .unwrap_or_default();
        names.sort();
        names.join(" ")
    };
    found.push(format!("run: {}", names("/run")));
    found.push(format!("judge: {}", names("/run/judge")));
    let net = fs::read_to_string("/proc/net/dev").unwrap();
    let net: Vec<&str> = net.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    found.push(format!("network: {}", net.join(" ")));
    let mut env: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    env.sort();
    found.push(format!("environment: {}", env.join(" ")));
    found.push(format!("host: {}", fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim()));
    let write = fs::File::create("/run/judge/input.json").and_then(|mut file| file.write_all(b"{}"));
    found.push(format!("write: {}", write.is_ok()));
    fail(&found);
}
