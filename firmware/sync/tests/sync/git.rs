//! Packs as git sees them: each answer goes into a repository by itself, with the strictest checks that git has.

use crate::{house::House, site::Site};
use model::Millis;
use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};
use sync::{Limits, Request, Response, Server};

fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git is needed for this test");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let done = child.wait_with_output().unwrap();
    let _ = writer.join();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A box with some blocks and their merges, and all answers that a new box would get.
fn answers() -> (Site, Vec<Vec<u8>>) {
    let mut house = House::new("Test", 2);
    let mut site = Site::new(&house, 0, Limits::default());
    for _ in 0..10 {
        site.write(&mut house, 30, Millis(0));
        site.merge(&mut house, Millis(0));
    }
    let (mut server, mut packs, mut after) = (Server::new(), Vec::new(), None);
    loop {
        let request =
            Request::Blocks { want: vec![site.main()], have: Vec::new(), after, max_bytes: 16 * 1024 };
        let Ok(Response::Blocks { more, pack }) = server.serve(&site.store, &(), &request, 1 << 20) else {
            panic!("blocks were asked for");
        };
        let arrivals = sync::unpack(&pack, 16 * 1024, house.org, &|_| true).unwrap();
        after = arrivals.last().map(|arrival| arrival.block.id);
        packs.push(pack);
        if !more {
            return (site, packs);
        }
    }
}

#[test]
fn git_takes_each_answer_by_itself_and_has_the_whole_ledger_then() {
    let (site, packs) = answers();
    assert!(packs.len() > 3, "only {} answers", packs.len());
    for unpack in [&["unpack-objects", "-q", "--strict"][..], &["index-pack", "--strict", "--stdin"]] {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q", "--bare", "--object-format=sha256"], &[]);
        for pack in &packs {
            git(folder.path(), unpack, pack);
        }
        let main = site.main().to_string();
        git(folder.path(), &["update-ref", "refs/heads/main", &main], &[]);
        git(folder.path(), &["fsck", "--full", "--strict"], &[]);
        assert_eq!(git(folder.path(), &["rev-list", "--count", "main"], &[]).trim(), "21");
    }
}
