//! Boxes that vote and are cut off from each other, as real programs in network namespaces: needs root and iproute2.
//!
//! The walkthrough cut.md tells of one validator and of doors; here three vote, the smaller side waits, and a
//! box that is lost is voted out. Nothing is timed: what does not come about at all fails.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

#[path = "common/running.rs"]
mod running;

use common::{TestHome, text};
use model::SigningKey;
use netns::Lan;
use running::Agent;
use std::{os::unix::fs::OpenOptionsExt, process::Stdio, time::Duration};

const FRONT: usize = 0;
const BACK: usize = 1;
const SHOP: usize = 2;
const ALL: [usize; 3] = [FRONT, BACK, SHOP];

/// Three boxes that run: alice signs at the front, carol in the shop.
struct House {
    // What runs ends before its network and its home are gone.
    agents: Vec<Agent>,
    homes: Vec<TestHome>,
    lan: Lan,
}

impl House {
    /// With votes of these weights.
    fn new(weights: [u64; 3]) -> Self {
        let lan = Lan::new(3).unwrap();
        let front = TestHome::new();
        let agent = lan.within(FRONT, || Agent::start(&front)).unwrap();
        let mut house = Self { agents: vec![agent], homes: vec![front], lan };
        house.weigh(weights[FRONT]);
        house.let_in("back", weights[BACK]);
        house.let_in("shop", weights[SHOP]);
        house.have_carol_sign();
        house
    }

    fn front(&self) -> &TestHome {
        &self.homes[FRONT]
    }

    fn weigh(&self, weight: u64) {
        let nodes = self.front().json(&["nodes", "list"]);
        let key = nodes["nodes"][0]["key"].as_str().unwrap();
        self.front().good(&["propose", "--set", &format!("branches/main.toml:validators.{key}={weight}")]);
    }

    /// A box joins, is given its vote, and runs.
    fn let_in(&mut self, name: &str, weight: u64) {
        let ticket = self.front().json(&["invite"])["ticket"].as_str().unwrap().to_string();
        let (i, home) = (self.homes.len(), TestHome::empty());
        let join = || {
            let mut join = home.command(&["join", &ticket, "--name", name]);
            join.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let joining = self.lan.within(i, join).unwrap();
        until("the box asks", || self.front().good(&["nodes", "pending"]).contains(name));
        self.front().good(&["nodes", "approve", name, "--validator", &weight.to_string()]);
        let joined = joining.wait_with_output().unwrap();
        assert!(joined.status.success(), "{}", text(&joined.stderr));
        self.agents.push(self.lan.within(i, || Agent::start(&home)).unwrap());
        self.homes.push(home);
        let links =
            || self.links(FRONT).len() == i && self.links(FRONT).iter().all(|(_, connected)| *connected);
        until("the boxes are connected", links);
    }

    /// Carol's key lies in the shop and nowhere else, and she may write members' records.
    fn have_carol_sign(&self) {
        let key = SigningKey::from_seed(&[3; 32]);
        let private = self.homes[SHOP].path().join("keys/carol");
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(private).unwrap();
        std::io::Write::write_all(&mut file, key.to_openssh().unwrap().as_bytes()).unwrap();
        let public = self.front().file("carol.pub", key.public().to_string());
        self.front().good(&["people", "add", "carol"]);
        self.front().good(&["keys", "add", "carol", &public]);
        self.front().good(&["propose", "--set", "policy.toml:roles.membership=[\"carol\"]"]);
        until("the shop knows carol", || {
            self.homes[SHOP].good(&["policy", "who-may", "people/x.toml"]).contains("carol")
        });
    }

    /// The other boxes that a box knows, and whether it is connected to each.
    fn links(&self, i: usize) -> Vec<(String, bool)> {
        let status = self.homes[i].json(&["status"]);
        let peers = status["network"]["peers"].as_array().unwrap().iter();
        peers.map(|peer| (peer["node"].as_str().unwrap().into(), peer["connected"] == true)).collect()
    }

    fn cut_off(&self, i: usize) {
        self.lan.cut(i).unwrap();
        until("the cut is noticed", || self.links(i).iter().all(|(_, connected)| !connected));
    }

    /// Whether main has the person, as a box sees it.
    fn knows(&self, i: usize, person: &str) -> bool {
        self.homes[i].command(&["people", "show", person]).output().unwrap().status.success()
    }

    /// Waits until these boxes have one main with these people, and nothing waits.
    fn until_agreed(&self, boxes: &[usize], people: &[&str]) {
        let head = |i: usize| self.homes[i].json(&["status"])["head"].clone();
        let done = |i: usize| self.homes[i].json(&["proposals"])["proposals"].as_array().unwrap().is_empty();
        until("the boxes agree", || {
            let here = |i: &usize| people.iter().all(|person| self.knows(*i, person)) && done(*i);
            boxes.iter().all(here) && boxes.iter().all(|i| head(*i) == head(boxes[0]))
        });
        boxes.iter().for_each(|i| assert!(self.homes[*i].good(&["verify"]).starts_with("good")));
    }
}

/// Looks until it is so, with more patience than anything takes on a loaded machine.
fn until(what: &str, mut look: impl FnMut() -> bool) {
    for _ in 0..600 {
        if look() {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("{what}: it did not come about");
}

fn waits(said: &str) -> bool {
    said.contains("waits for the other boxes")
}

#[test]
fn the_larger_side_goes_on_and_votes_a_lost_box_out() {
    let house = House::new([2, 1, 1]);
    house.cut_off(SHOP);
    assert!(waits(&house.homes[SHOP].good(&["people", "add", "dora"])), "one vote of four");
    house.front().good(&["people", "add", "bob"]);
    // Three votes of four; the turn to propose may first be the one's who is away.
    house.until_agreed(&[FRONT, BACK], &["bob"]);
    assert!(!house.knows(FRONT, "dora") && !house.knows(SHOP, "bob") && !house.knows(SHOP, "dora"));
    house.lan.heal().unwrap();
    house.until_agreed(&ALL, &["bob", "dora"]);

    house.lan.unplug(BACK).unwrap();
    house.front().good(&["nodes", "remove", "back", "--reason", "fell into the river"]);
    house.front().good(&["people", "add", "erin"]);
    house.until_agreed(&[FRONT, SHOP], &["erin"]);
    house.lan.plug(BACK).unwrap();
    house.homes[SHOP].good(&["people", "add", "frank"]);
    house.until_agreed(&[FRONT, SHOP], &["frank"]);
    until("the lost box is alone", || house.links(BACK).iter().all(|(_, connected)| !connected));
    assert!(!house.knows(BACK, "erin") && !house.knows(BACK, "frank"));
    assert_eq!(house.links(FRONT), [("shop".to_string(), true)]);
}

#[test]
fn where_neither_side_has_enough_votes_both_wait_and_agree_when_they_meet() {
    let house = House::new([1, 1, 1]);
    house.cut_off(SHOP);
    assert!(
        waits(&house.front().good(&["people", "add", "bob"])),
        "two of three are not more than two thirds"
    );
    assert!(waits(&house.homes[SHOP].good(&["people", "add", "dora"])));
    until("the change is on both boxes of its side", || {
        house.homes[BACK].good(&["proposals"]).contains("bob")
    });
    assert!(!ALL.iter().any(|i| house.knows(*i, "bob") || house.knows(*i, "dora")));
    house.lan.heal().unwrap();
    house.until_agreed(&ALL, &["bob", "dora"]);
}
