//! Boxes in network namespaces on one switch: they find each other by mDNS alone.
//!
//! There is no router and no default route, as on a switch in a shed. Each box is a process of its own (this
//! test's program, started again as one of its tests), so it can be killed. Needs root and iproute2.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the boxes tell the test what happens")]

use iroh_relay::server::{RelayConfig, Server, ServerConfig};
use model::SigningKey;
use net::{Event, Net, Options};
use netns::Lan;
use std::{
    env,
    io::{BufRead, BufReader},
    net::Ipv4Addr,
    process::{Child, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

/// What a box is to be: its seed, and the seeds that it admits or the one that it knocks at.
const ROLE: &str = "LEDGER_NET_TEST_ROLE";
/// The role of the relay, and its port.
const RELAY: &str = "relay";
const RELAY_PORT: u16 = 3340;
/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a box says begins so; all else is the test program's own.
const SAYS: &str = "box: ";

/// A box in a namespace, and what it says happens.
struct Process {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Process {
    fn start(lan: &Lan, i: usize, role: &str) -> Self {
        let mut command = lan.command(i, env::current_exe().unwrap());
        command.args(["a_box_in_a_namespace", "--exact", "--nocapture", "--test-threads=1"]).env(ROLE, role);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (lines, said) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            let all = out.lines().map_while(Result::ok);
            let mut says = all.filter_map(|line| line.strip_prefix(SAYS).map(str::to_string));
            says.try_for_each(|line| lines.send(line))
        });
        Self { child, lines: said, heard: Vec::new() }
    }

    /// Waits until the box says this, or has said it; each line counts once.
    fn until(&mut self, wanted: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.heard.iter().position(|line| line == wanted) {
                self.heard.remove(at);
                return;
            }
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.heard.push(line),
                Err(_) => panic!("{wanted:?} was not said, but {:?}", self.heard),
            }
        }
    }

    /// What else it has said.
    fn rest(&mut self) -> Vec<String> {
        self.heard.drain(..).chain(self.lines.try_iter()).collect()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn signing(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// Not a test by itself: the box that the others start.
#[tokio::test]
async fn a_box_in_a_namespace() {
    let Ok(role) = env::var(ROLE) else { return };
    if role == RELAY {
        return relay().await;
    }
    let (role, relays) = match role.split_once(" by ") {
        Some((role, relay)) => (role, vec![relay.to_string()]),
        None => (&*role, vec![]),
    };
    let mut words = role.split(' ');
    let seed = words.next().unwrap().parse().unwrap();
    let (one, mut events) = Net::open(Options { relays, ..Options::new(signing(seed)) }).await.unwrap();
    println!();
    match words.next() {
        Some("knocks") => {
            let door = words.next().unwrap().parse().unwrap();
            let answer = one.knock(&signing(door).public(), &[], "may I?").await.unwrap();
            println!("{SAYS}answer {}", String::from_utf8_lossy(&answer));
        }
        _ => {
            one.admit(&role.split(' ').skip(2).map(|seed| signing(seed.parse().unwrap()).public()).collect())
        }
    }
    while let Some(event) = events.recv().await {
        say(&one, event);
    }
}

/// A relay as an organisation would run it, of iroh's own server.
async fn relay() {
    let mut config = ServerConfig::default();
    config.relay = Some(RelayConfig::new((Ipv4Addr::UNSPECIFIED, RELAY_PORT)));
    let _relay = Server::spawn(config).await.unwrap();
    println!("\n{SAYS}up");
    std::future::pending().await
}

fn say(one: &Net, event: Event) {
    let seed = |key: &_| (0..=255).find(|seed| signing(*seed).public() == *key).unwrap();
    match event {
        Event::Up { peer, .. } => {
            println!("{SAYS}up {}", seed(&peer));
            // Two that dialled at once may have parted again by now.
            let _parted = one.send(&peer, "hello");
        }
        Event::Down { peer } => println!("{SAYS}down {}", seed(&peer)),
        Event::Frame { peer, bytes } => {
            println!("{SAYS}{} from {}", String::from_utf8_lossy(&bytes), seed(&peer))
        }
        Event::Found { key, .. } => println!("{SAYS}found {}", seed(&key)),
        Event::Knock { key, reply, .. } => {
            println!("{SAYS}knock {}", seed(&key));
            reply.send("ask the board");
        }
        Event::Request { .. } => println!("{SAYS}request"),
    }
}

#[test]
fn boxes_find_each_other_by_mdns_alone_and_again_after_a_cut() {
    let lan = Lan::new(3).unwrap();
    let start = Instant::now();
    let boxes = ["1 admits 2 3", "2 admits 1 3", "3 admits 1 2"];
    let mut boxes: Vec<_> = boxes.iter().enumerate().map(|(i, role)| Process::start(&lan, i, role)).collect();
    for (one, others) in boxes.iter_mut().zip([["2", "3"], ["1", "3"], ["1", "2"]]) {
        for other in others {
            one.until(&format!("hello from {other}"));
        }
    }
    println!("three boxes found each other in {:?}", start.elapsed());
    lan.cut(2).unwrap();
    let start = Instant::now();
    boxes[0].until("down 3");
    boxes[1].until("down 3");
    boxes[2].until("down 1");
    println!("a cut was noticed after {:?}", start.elapsed());
    thread::sleep(Duration::from_secs(5));
    let heard = boxes[0].rest();
    assert!(heard.iter().all(|line| !line.starts_with("down")), "the others stay together: {heard:?}");
    lan.heal().unwrap();
    let start = Instant::now();
    boxes[0].until("hello from 3");
    boxes[1].until("hello from 3");
    println!("healed after {:?}", start.elapsed());
}

#[test]
fn a_box_that_is_plugged_in_later_or_killed_is_found() {
    let lan = Lan::unplugged(2).unwrap();
    let mut one = Process::start(&lan, 0, "1 admits 2");
    let mut other = Process::start(&lan, 1, "2 admits 1");
    thread::sleep(Duration::from_secs(3));
    assert_eq!((one.rest(), other.rest()), (vec![], vec![]));
    lan.plug(0).unwrap();
    lan.plug(1).unwrap();
    let start = Instant::now();
    one.until("hello from 2");
    other.until("hello from 1");
    println!("found {:?} after the cable was plugged in", start.elapsed());
    other.kill();
    // Another port, another start; the old link is not yet known to be dead.
    let mut other = Process::start(&lan, 1, "2 admits 1");
    let start = Instant::now();
    other.until("hello from 1");
    one.until("hello from 2");
    println!("found {:?} after it was started again", start.elapsed());
}

#[test]
fn a_stranger_on_the_lan_learns_a_name_and_may_knock() {
    let lan = Lan::new(2).unwrap();
    let mut one = Process::start(&lan, 0, "1 admits 2");
    let mut stranger = Process::start(&lan, 1, "66 knocks 1");
    stranger.until("answer ask the board");
    one.until("knock 66");
    let before = one.rest();
    assert!(before.iter().all(|line| !line.starts_with("up")), "{before:?}");
    stranger.kill();
    let mut stranger = Process::start(&lan, 1, "66 admits 1");
    thread::sleep(Duration::from_secs(10));
    let heard = stranger.rest();
    assert_eq!(heard, ["found 1"], "it dials, and is not let in");
    assert!(one.rest().iter().all(|line| line.starts_with("found")));
}

#[test]
fn a_box_asks_nobody_outside() {
    let lan = Lan::new(3).unwrap();
    lan.route(0, 2).unwrap();
    lan.route(1, 2).unwrap();
    let mut one = Process::start(&lan, 0, "1 admits 2 3");
    let mut other = Process::start(&lan, 1, "2 admits 1 3");
    one.until("hello from 2");
    other.until("hello from 1");
    thread::sleep(Duration::from_secs(10));
    assert_eq!(lan.dropped(2).unwrap(), 0, "neither a name server nor a relay nor a clock");
}

#[test]
fn boxes_that_cannot_reach_each_other_meet_at_a_relay() {
    let lan = Lan::new(3).unwrap();
    lan.apart(&[0, 1]).unwrap();
    let mut one = Process::start(&lan, 0, "1 admits 2");
    let mut other = Process::start(&lan, 1, "2 admits 1");
    thread::sleep(Duration::from_secs(5));
    assert_eq!((one.rest(), other.rest()), (vec![], vec![]), "without a relay there is no way");
    one.kill();
    other.kill();

    let mut relay = Process::start(&lan, 2, RELAY);
    relay.until("up");
    let by = |role: &str| format!("{role} by http://{}:{RELAY_PORT}", lan.address(2));
    let mut one = Process::start(&lan, 0, &by("1 admits 2"));
    let mut other = Process::start(&lan, 1, &by("2 admits 1"));
    let start = Instant::now();
    one.until("hello from 2");
    other.until("hello from 1");
    println!("met at the relay after {:?}", start.elapsed());
    relay.kill();
    one.until("down 2");
    other.until("down 1");
    let mut relay = Process::start(&lan, 2, RELAY);
    relay.until("up");
    one.until("hello from 2");
    other.until("hello from 1");
}
