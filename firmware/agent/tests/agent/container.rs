//! The whole line: a real ledgerd, a dapp in its container, a badge, the relay, the event. Needs root.

use crate::common::{CARD, Socket, found, found_with, founders_block, until};
use agent::{blobs::Blobs, core::Core, home::Home};
use chunk::Cutter;
use container::image::{Platform, Source};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Child, Command, ExitStatus},
    sync::Arc,
};
use store::disk::RealDisk;

const MANIFEST: &str = r#"
name = "agent-porter"
version = "7"
devices = ["reader", "strike", "exit", "door"]
[serve]
args = ["/agent-porter"]
timeout_ms = 1000
[health]
interval_ms = 2000
"#;

/// Compiles the porter and puts it into the ledger.
fn publish(home: &Path, work: &Path) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    assert!(status.contains("Uid:\t0\t"), "this test makes containers and needs root");
    let dapp = work.join("dapp");
    std::fs::create_dir_all(&dapp).unwrap();
    std::fs::write(dapp.join("dapp.toml"), MANIFEST).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agent/porter.rs");
    let flags = ["--edition=2024", "-C", "target-feature=+crt-static", "-C", "strip=symbols", "-o"];
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let program = dapp.join("agent-porter");
    let compiled = Command::new(rustc).args(flags).arg(program).arg(source).status().unwrap();
    assert!(compiled.success(), "the porter does not compile");
    let mut image = Vec::new();
    Source::open(&dapp, &Platform::host()).unwrap().write(&mut image).unwrap();
    let opened = Home::open(home).unwrap();
    let mut core = Core::open(&opened, Arc::new(RealDisk), agent::clock::machine()).unwrap();
    let blobs = Blobs::open(&opened.chunks_folder(), Arc::new(RealDisk), core.objects().clone()).unwrap();
    let (manifest, _) = blobs.put(image.as_slice(), Cutter::default()).unwrap();
    let text = manifest.to_text();
    let files = [
        ("dapps/agent-porter/dapp.toml", Some(MANIFEST)),
        ("dapps/agent-porter/image.manifest", Some(text.as_str())),
    ];
    let block = founders_block(home, &files);
    core.propose(block.id, block.objects).unwrap();
}

/// A ledgerd of its own process; killed when the test ends, however it ends.
struct Ledgerd {
    child: Child,
    admin: Socket,
}

impl Ledgerd {
    async fn start(home: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
        let child = command.arg("--home").arg(home).args(["--listen", "none"]).spawn().unwrap();
        let ledgerd = Self { child, admin: Socket(home.join("run/admin.sock")) };
        let there = || async { std::os::unix::net::UnixStream::connect(&ledgerd.admin.0).is_ok() };
        until("ledgerd to listen", there).await;
        ledgerd.until_running(1).await;
        ledgerd
    }

    async fn dapp(&self) -> Value {
        self.admin.get("/v1/dapps").await.1["dapps"][0].clone()
    }

    async fn until_running(&self, starts: u64) {
        let running = || async {
            let dapp = self.dapp().await;
            dapp["state"] == "running" && dapp["starts"].as_u64() >= Some(starts)
        };
        until("the dapp to run", running).await;
        // It runs; a moment later it listens.
        until("the dapp to listen", || async {
            self.admin.post("/v1/tap", json!({"number": CARD})).await;
            self.strike().await
        })
        .await;
        until("the strike to fall", || async { !self.strike().await }).await;
    }

    async fn strike(&self) -> bool {
        let devices = self.admin.get("/v1/devices").await.1;
        let devices = devices["devices"].as_array().unwrap().clone();
        devices.iter().any(|device| device["name"] == "strike" && device["on"] == true)
    }

    async fn events(&self) -> usize {
        let log = self.admin.get("/v1/log?dapp=agent-porter&kind=access&limit=1000").await.1;
        log["events"].as_array().unwrap().len()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
    }

    fn end(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Ledgerd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn a_badge_opens_through_a_container_and_every_end_is_safe() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    found(&home);
    publish(&home, folder.path());

    let ledgerd = Ledgerd::start(&home).await;
    until("the event to be in the log", || async { ledgerd.events().await >= 1 }).await;
    let events = ledgerd.events().await;
    ledgerd.kill();

    let ledgerd = Ledgerd::start(&home).await;
    assert!(ledgerd.events().await >= events, "an acknowledged event is gone after kill -9");

    ledgerd.admin.put("/v1/contacts/exit", json!({"on": true})).await;
    until("the crash to be seen", || async { ledgerd.dapp().await["state"] == "waiting" }).await;
    assert!(!ledgerd.strike().await, "the strike is drawn though the dapp crashed");
    ledgerd.admin.put("/v1/contacts/exit", json!({"on": false})).await;
    ledgerd.until_running(2).await;

    ledgerd.admin.put("/v1/contacts/door", json!({"on": true})).await;
    until("the silence to be noticed", || async { ledgerd.dapp().await["state"] == "waiting" }).await;
    assert!(ledgerd.dapp().await["reason"].as_str().unwrap().contains("said nothing"));
    assert!(!ledgerd.strike().await, "the strike is drawn though the dapp hangs");
    ledgerd.admin.put("/v1/contacts/door", json!({"on": false})).await;
    ledgerd.until_running(3).await;

    assert!(ledgerd.end().success());
    let home = Home::open(&home).unwrap();
    let core = Core::open(&home, Arc::new(RealDisk), agent::clock::machine()).unwrap();
    assert_eq!(core.counts().pending, 0, "the last events are in a block");
}

#[tokio::test]
async fn two_boxes_on_one_machine_run_a_dapp_of_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    let homes = [4, 5].map(|seed| {
        let home = folder.path().join(format!("home-{seed}"));
        found_with(&home, [seed; 32]);
        publish(&home, folder.path());
        home
    });
    let former = Ledgerd::start(&homes[0]).await;
    let latter = Ledgerd::start(&homes[1]).await;
    former.until_running(1).await;
    assert_eq!((&former.dapp().await["starts"], &latter.dapp().await["starts"]), (&json!(1), &json!(1)));
    latter.kill();
    former.until_running(1).await;
    assert_eq!(former.dapp().await["starts"], json!(1), "the end of one box's dapp took the other's along");
}
