//! What was acknowledged stays: after a kill in the middle, on a full disk, after a failed write.

use crate::common::{Up, copy, found, options};
use agent::{core::Core, run::Appliance};
use serde_json::json;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use store::{
    NewEvent,
    crash::{Fault, FaultyDisk},
    disk::RealDisk,
};

const DOOR: &str = "name = \"door\"\nversion = \"1\"\ndevices = [\"strike\"]\n[serve]\n";
const CHILD_HOME: &str = "LEDGER_TEST_CHILD_HOME";

/// Not a test of its own: the process that [`events_that_were_acknowledged_survive_kill_9`] kills.
#[tokio::test]
async fn child() {
    let Some(home) = std::env::var_os(CHILD_HOME) else { return };
    let home = Path::new(&home);
    let appliance = Appliance::open(&options(home), Arc::new(RealDisk)).unwrap();
    appliance.serve_admin().unwrap();
    for n in 0.. {
        let data = json!({"n": n}).as_object().unwrap().clone();
        let keeper = &appliance.services.keeper;
        let event =
            keeper.append(crate::common::name("door"), crate::common::name("access"), data).await.unwrap();
        println!("acknowledged {}", event.seq);
        if n % 40 == 39 {
            keeper.flush().await.unwrap();
        }
    }
}

#[test]
fn events_that_were_acknowledged_survive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    found(folder.path());
    let mut before = 0;
    for wanted in [25_u64, 90, 131] {
        let mut child = spawn(folder.path());
        let acknowledged = listen_until(&mut child, before + wanted);
        child.kill().unwrap();
        child.wait().unwrap();
        let home = agent::home::Home::open(folder.path()).unwrap();
        let core = Core::open(&home, Arc::new(RealDisk), agent::clock::machine()).unwrap();
        assert!(core.counts().durable >= acknowledged, "event {acknowledged} was acknowledged and is gone");
        before = core.counts().durable;
        let limit = Some(1000);
        let log = core.log(&agent::wire::LogQuery { limit, after: Some(0), ..Default::default() }).unwrap();
        let numbers: Vec<u64> = log.iter().map(|entry| entry.event.seq).collect();
        assert_eq!(numbers, (1..=before).collect::<Vec<_>>(), "each once, none missing");
    }
}

/// The writer's reference moves first; the power may go before main's does.
#[test]
fn a_block_that_a_power_cut_kept_from_main_is_merged_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let home = found(folder.path());
    let open = || Core::open(&home, Arc::new(RealDisk), agent::clock::machine()).unwrap();
    let main = folder.path().join("ledger.git/refs/heads/main");
    let before = std::fs::read(&main).unwrap();
    let mut core = open();
    let height = core.view().height;
    let (dapp, kind) = (crate::common::name("door"), crate::common::name("access"));
    core.append(&[NewEvent { at: core.clock().now(), dapp, kind, data: Default::default() }]).unwrap();
    core.flush().unwrap();
    let state = tree(&core);
    drop(core);
    std::fs::write(&main, before).unwrap();
    let core = open();
    assert_eq!((core.view().height, core.counts().durable, core.pending().len()), (height + 1, 1, 0));
    assert_eq!(tree(&core), state, "the event is on main");
}

/// Founds a box in which one event waits for its block.
fn found_with_an_event(folder: &Path) {
    let home = found(folder);
    let mut core = Core::open(&home, Arc::new(RealDisk), agent::clock::machine()).unwrap();
    let (dapp, kind) = (crate::common::name("door"), crate::common::name("access"));
    core.append(&[NewEvent { at: core.clock().now(), dapp, kind, data: Default::default() }]).unwrap();
}

/// Opens it on a disk whose call of that number fails once.
fn open_failing(folder: &Path, at: usize) -> (Core, FaultyDisk) {
    let disk = FaultyDisk::new(Arc::new(RealDisk), Fault::Once, at);
    let home = agent::home::Home::open(folder).unwrap();
    (Core::open(&home, Arc::new(disk.clone()), agent::clock::machine()).unwrap(), disk)
}

#[test]
fn whichever_write_of_a_block_fails_main_is_shown_as_the_disk_has_it_without_being_asked_again() {
    let (founded, tried) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    found_with_an_event(founded.path());
    let copied = |name: String| {
        let folder = tried.path().join(name);
        copy(founded.path(), &folder);
        folder
    };
    let calls = open_failing(&copied("opened".into()), usize::MAX).1.calls();
    let mut failed = 0;
    loop {
        let folder = copied(failed.to_string());
        let (mut core, _) = open_failing(&folder, calls + failed + 1);
        if core.flush().is_ok() {
            break;
        }
        assert_eq!(core.tick_in(), Some(0), "call {failed}: the store waits to be opened anew");
        core.tick().unwrap();
        let main = std::fs::read_to_string(folder.join("ledger.git/refs/heads/main")).unwrap();
        assert_eq!(core.view().head.to_string(), main.trim(), "call {failed}");
        assert_eq!(core.counts().durable, 1, "call {failed}");
        failed += 1;
    }
    assert!(failed > 3, "{failed} calls of the disk were made to fail");
}

fn tree(core: &Core) -> model::ObjectId {
    ledger::Block::read(core.objects(), core.view().head).unwrap().tree
}

fn spawn(home: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "durability::child", "--nocapture"]).env(CHILD_HOME, home);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn listen_until(child: &mut Child, wanted: u64) -> u64 {
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let number = line.rsplit_once("acknowledged ").and_then(|(_, number)| number.parse::<u64>().ok());
        if let Some(number) = number.filter(|number| *number >= wanted) {
            return number;
        }
    }
    panic!("the child ended by itself");
}

/// How many calls opening a new home takes.
async fn calls_to_open() -> usize {
    let disk = FaultyDisk::new(Arc::new(RealDisk), Fault::Full, usize::MAX);
    let up = Up::on(Arc::new(disk.clone())).await;
    settle(&up).await;
    disk.calls()
}

async fn settle(up: &Up) {
    up.admin().get("/v1/log").await;
}

#[tokio::test]
async fn a_full_disk_is_named_the_door_still_moves_and_nothing_is_lost() {
    let at = calls_to_open().await + 1;
    let up = Up::on(Arc::new(FaultyDisk::new(Arc::new(RealDisk), Fault::Full, at))).await;
    let door = up.dapp(DOOR);
    let event = json!({"kind": "access", "data": {}});
    let said = door.post("/v1/events", event.clone()).await;
    assert_eq!(said.0, 200, "the log has room of its own: {}", said.1);
    let (status, refusal) = up.admin().send("POST", "/v1/flush", None).await;
    assert_eq!((status, &refusal["error"]["code"]), (507, &json!("disk-full")), "{refusal}");
    assert_eq!(door.put("/v1/devices/strike", json!({"on": true, "for_ms": 20})).await.0, 200);
    assert_eq!(door.post("/v1/events", event).await.0, 200);
    let status = up.admin().get("/v1/status").await.1;
    assert!(status["disk_trouble"].as_str().is_some_and(|text| !text.is_empty()), "{status}");
    assert_eq!(status["events"], json!({"durable": 2, "pending": 2}));
}

#[tokio::test]
async fn a_write_that_failed_once_is_an_error_once() {
    let at = calls_to_open().await + 1;
    let up = Up::on(Arc::new(FaultyDisk::new(Arc::new(RealDisk), Fault::Once, at))).await;
    let door = up.dapp(DOOR);
    let event = json!({"kind": "access", "data": {}});
    let (status, refusal) = door.post("/v1/events", event.clone()).await;
    assert_eq!((status, &refusal["error"]["code"]), (500, &json!("failed")), "{refusal}");
    let (status, said) = door.post("/v1/events", event).await;
    assert_eq!(status, 200, "{said}");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let listed = door.get("/v1/events").await.1;
    let numbers: Vec<_> = listed["events"].as_array().unwrap().iter().map(|event| &event["seq"]).collect();
    assert!(numbers.contains(&&said["seq"]), "{listed}");
    assert_eq!(up.admin().get("/v1/status").await.1["disk_trouble"], json!(null));
}
