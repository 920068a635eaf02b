//! An organisation of several boxes: founded, joined by tickets, approved, and all of them voting.

use super::{figures, home::Machine, http, wait_for};
use netns::Lan;
use std::{fs, path::PathBuf, process::Stdio, time::Duration};
use tempfile::TempDir;

const PORT: usize = 7751;
const LOOK: Duration = Duration::from_millis(20);
/// A door on the first box, without what makes people wait.
const DOOR: &str = "node = \"box-0\"\nresource = \"frontdoor\"\n[times]\nlatch_ms = 100\nrepeat_ms = 0\n";
/// Alice's badge.
pub const NUMBER: &str = "0004134419";

/// The boxes.
pub struct Organisation {
    /// Each of them; the first is the founder's.
    pub boxes: Vec<Machine>,
    /// The switch, if they are not all on loopback.
    pub lan: Option<Lan>,
    folder: TempDir,
}

impl Organisation {
    /// Boxes on loopback that all vote, with a doorbot each and a door at the first. `share` is `[net.share]`.
    pub fn on_loopback(count: usize, share: &str) -> Self {
        let address = |i: usize| (format!("127.0.0.1:{}", PORT + i), None);
        Self::furnished((0..count).map(address).collect(), None, share)
    }

    /// The same with each box in a network namespace on one switch.
    pub fn on_a_switch(count: usize, share: &str) -> Self {
        let lan = Lan::new(count).unwrap();
        let address = |i: usize| (format!("{}:{PORT}", lan.address(i)), Some(lan.namespace(i)));
        let places = (0..count).map(address).collect();
        Self::furnished(places, Some(lan), share)
    }

    fn furnished(places: Vec<(String, Option<String>)>, lan: Option<Lan>, share: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machine = |(i, (address, namespace)): (usize, (String, Option<String>))| {
            Machine::new(format!("box-{i}"), folder.path().join(format!("box-{i}")), address, namespace)
        };
        let boxes = places.into_iter().enumerate().map(machine).collect();
        let mut organisation = Self { boxes, lan, folder };
        organisation.found(share);
        organisation.join(share);
        organisation.vote();
        organisation
    }

    fn found(&mut self, share: &str) {
        let dapps = std::env::var_os("LEDGER_DAPPS").expect("run it by cargo xtask bench");
        let doorbot = PathBuf::from(dapps).join("doorbot");
        let door = self.file("door.toml", DOOR);
        let known = self.known();
        let first = &mut self.boxes[0];
        first.ctl(&["init", "--org", "Bench", "--founder", "alice", "--node", "box-0"]);
        first.ctl(&["badge", "add", "alice", NUMBER]);
        first.ctl(&["certificate", "grant", "alice", "frontdoor"]);
        first.ctl(&["dapp", "publish", doorbot.to_str().unwrap()]);
        first.ctl(&["propose", &format!("doorbot/doors/front.toml={door}")]);
        first.settle(&known, share);
        first.start();
    }

    /// All others ask, are approved, and start.
    fn join(&mut self, share: &str) {
        let (first, others) = self.boxes.split_first().unwrap();
        let ask = |other: &Machine| {
            let ticket = first.ctl(&["invite"])["ticket"].as_str().unwrap().to_string();
            let mut join = other.ledgerctl(&["join", &ticket, "--name", &other.name]);
            join.stdout(Stdio::null()).spawn().unwrap()
        };
        let joining: Vec<_> = others.iter().map(ask).collect();
        for other in others {
            wait_for("a box that asks", LOOK, || first.pending(&other.name).then_some(()));
            first.ctl(&["nodes", "approve", &other.name]);
        }
        for mut join in joining {
            assert!(join.wait().unwrap().success(), "a box did not join");
        }
        let known = self.known();
        for other in &mut self.boxes[1..] {
            other.settle(&known, share);
            other.start();
        }
    }

    /// Everybody votes, from one block on.
    fn vote(&self) {
        let nodes = self.boxes[0].ctl(&["nodes", "list"]);
        let keys = nodes["nodes"].as_array().unwrap().iter().map(|node| node["key"].as_str().unwrap());
        let weights: String = keys.map(|key| format!("{key} = 1\n")).collect();
        let votes = self.file("votes.toml", &format!("[validators]\n{weights}"));
        self.boxes[0].ctl(&["propose", &format!("branches/main.toml={votes}")]);
        self.wait_until_quiet();
    }

    /// Waits until every box is connected to all others and has the same main, and nothing waits anywhere.
    pub fn wait_until_quiet(&self) {
        let (pause, mut calm) = (Duration::from_millis(200), 0);
        wait_for("boxes that agree", pause, || {
            calm = if self.is_quiet() { calm + 1 } else { 0 };
            (calm > 5).then_some(())
        });
    }

    fn is_quiet(&self) -> bool {
        let status: Vec<_> = self.boxes.iter().map(Machine::status).collect();
        let quiet = |status: &serde_json::Value| {
            let peers = status["network"]["peers"].as_array().unwrap();
            let runs = status["dapps"]
                .as_array()
                .is_some_and(|all| all.iter().all(|dapp| dapp["state"] == "running"));
            status["agreement"]["waiting"] == 0
                && status["events"]["pending"] == 0
                && status["head"] == self.boxes[0].head()
                && runs
                && peers.iter().all(|peer| peer["connected"] == true)
        };
        status.iter().all(quiet)
    }

    /// Where all of them are reached, for node.toml.
    fn known(&self) -> String {
        let place = |machine: &Machine| format!("{} = [\"{}\"]", machine.name, machine.address);
        self.boxes.iter().map(place).collect::<Vec<_>>().join(", ")
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_string()
    }

    /// What all boxes have sent so far: every byte at their interfaces, headers and acknowledgements included.
    pub fn sent_bytes(&self) -> u64 {
        let Some(lan) = &self.lan else { return figures::sent_bytes("lo") };
        (0..lan.boxes()).map(|i| lan.within(i, || figures::sent_bytes("eth0")).unwrap()).sum()
    }

    /// The largest peak of any ledgerd, in MiB.
    pub fn peak_mib(&self) -> f64 {
        self.boxes.iter().map(Machine::peak_mib).fold(0.0, f64::max)
    }

    /// Has every doorbot say so many events, on several connections at once.
    pub fn flood(&self, count: u64) {
        const AT_ONCE: u64 = 8;
        std::thread::scope(|scope| {
            for (one, part) in self.boxes.iter().flat_map(|one| (0..AT_ONCE).map(move |part| (one, part))) {
                scope.spawn(move || one.say(count / AT_ONCE + u64::from(part < count % AT_ONCE)));
            }
        });
    }

    /// Has every doorbot say so many events, each box in blocks of so many.
    pub fn say_in_blocks(&self, count: u64, per_block: u64) {
        let say = |one: &Machine| {
            for first in (0..count).step_by(per_block as usize) {
                one.say(per_block.min(count - first));
                http::ask(&one.admin(), "POST", "/v1/flush", "");
            }
        };
        std::thread::scope(|scope| self.boxes.iter().for_each(|one| drop(scope.spawn(move || say(one)))));
    }
}

impl Machine {
    /// Has the doorbot say so many events, one after the other. It may say a hundred a second; then it waits.
    fn say(&self, count: u64) {
        let mut dapp = http::Connection::open(&self.doorbot()).expect("because the doorbot runs");
        let mut said = 0;
        while said < count {
            match dapp.try_ask("POST", "/v1/events", EVENT).unwrap() {
                (200, _) => said += 1,
                (429, _) => std::thread::sleep(Duration::from_millis(50)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn pending(&self, name: &str) -> bool {
        let waiting = self.ctl(&["nodes", "pending"]);
        waiting["waiting"].as_array().unwrap().iter().any(|join| join["name"] == name)
    }
}

/// What a doorbot says of a badge.
pub const EVENT: &str = r#"{"kind":"access","data":{"result":"allowed","reason":"certificate","door":"front","resource":"frontdoor","person":"alice"}}"#;
