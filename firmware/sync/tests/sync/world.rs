//! Some boxes and the lines between them: frames and answers take their time, lines break.

use crate::{
    house::House,
    site::{Outgoing, Site},
};
use model::{KeyId, Millis};
use std::collections::BTreeMap;
use sync::{Asked, Limits, RequestId};

/// A frame or a request takes so long.
const DELAY_MS: u64 = 2;

enum Event {
    Frame { from: usize, to: usize, bytes: Vec<u8> },
    Ask { from: usize, to: usize, id: RequestId, bytes: Vec<u8>, max_bytes: u32 },
    Answer { from: usize, to: usize, id: RequestId, bytes: Option<Vec<u8>> },
}

impl Event {
    fn line(&self) -> (usize, usize) {
        match self {
            Self::Frame { from, to, .. } | Self::Ask { from, to, .. } | Self::Answer { from, to, .. } => {
                line(*from, *to)
            }
        }
    }
}

fn line(one: usize, other: usize) -> (usize, usize) {
    (one.min(other), one.max(other))
}

/// What went over the lines.
#[derive(Debug, Default, Clone, Copy)]
pub struct Traffic {
    pub frames: u64,
    pub frame_bytes: u64,
    pub answers: u64,
    pub answer_bytes: u64,
}

/// The boxes.
pub struct World {
    pub house: House,
    pub sites: Vec<Site>,
    pub now: Millis,
    pub traffic: Traffic,
    /// How many bytes of answers went from each box.
    pub served: Vec<u64>,
    lines: BTreeMap<(usize, usize), u64>,
    queue: BTreeMap<(Millis, u64), (u64, Event)>,
    count: u64,
}

impl World {
    pub fn new(boxes: usize) -> Self {
        Self::with(boxes, Limits::default())
    }

    pub fn with(boxes: usize, limits: Limits) -> Self {
        let house = House::new("Test", boxes);
        let sites = (0..boxes).map(|node| Site::new(&house, node, limits)).collect();
        Self {
            house,
            sites,
            now: Millis(1_000),
            traffic: Traffic::default(),
            served: vec![0; boxes],
            lines: BTreeMap::new(),
            queue: BTreeMap::new(),
            count: 0,
        }
    }

    /// Each box is connected to each other one.
    pub fn connect_all(&mut self) {
        for one in 0..self.sites.len() {
            (0..one).for_each(|other| self.connect(one, other));
        }
    }

    pub fn connect(&mut self, one: usize, other: usize) {
        self.count += 1;
        self.lines.insert(line(one, other), self.count);
        let (a, b) = (self.sites[one].key, self.sites[other].key);
        self.sites[one].sync.connected(b, self.now);
        self.sites[other].sync.connected(a, self.now);
        self.pump(one);
        self.pump(other);
    }

    pub fn is_connected(&self, one: usize, other: usize) -> bool {
        self.lines.contains_key(&line(one, other))
    }

    pub fn disconnect(&mut self, one: usize, other: usize) {
        if self.lines.remove(&line(one, other)).is_none() {
            return;
        }
        for (here, there) in [(one, other), (other, one)] {
            let peer = self.sites[there].key;
            let Site { sync, store, .. } = &mut self.sites[here];
            sync.disconnected(peer, store, self.now);
            self.pump(here);
        }
    }

    pub fn write(&mut self, site: usize, events: u64) {
        self.sites[site].write(&mut self.house, events, self.now);
        self.pump(site);
    }

    pub fn merge(&mut self, site: usize) {
        self.sites[site].merge(&mut self.house, self.now);
        self.pump(site);
    }

    pub fn spread(&mut self, site: usize, gossip: &[u8]) {
        self.sites[site].sync.spread(gossip, self.now);
        self.pump(site);
    }

    pub fn send_raw(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        self.push(Event::Frame { from, to, bytes });
    }

    /// Lets time pass.
    pub fn run(&mut self, ms: u64) {
        let end = self.now.plus(ms);
        while self.step(end) {}
        self.now = end;
    }

    /// Does the next thing that happens by `end`.
    pub fn step(&mut self, end: Millis) -> bool {
        let event = self.queue.keys().next().map(|(at, _)| *at);
        let wake = self.sites.iter().filter_map(|site| site.sync.wake_at()).min();
        let Some(next) = event.into_iter().chain(wake).min().filter(|at| *at <= end) else { return false };
        self.now = self.now.max(next);
        if event == Some(next) {
            self.happen();
        } else {
            for n in 0..self.sites.len() {
                let Site { sync, store, .. } = &mut self.sites[n];
                if sync.wake_at().is_some_and(|at| at <= self.now) {
                    sync.tick(store, self.now);
                    assert!(sync.wake_at().is_none_or(|at| at > self.now), "a tick leaves nothing due");
                }
                self.pump(n);
            }
        }
        true
    }

    fn happen(&mut self) {
        let Some((_, (epoch, event))) = self.queue.pop_first() else { return };
        // What was under way on a line that broke is lost.
        if self.lines.get(&event.line()) != Some(&epoch) {
            return;
        }
        match event {
            Event::Frame { from, to, bytes } => {
                let peer = self.sites[from].key;
                let Site { sync, store, .. } = &mut self.sites[to];
                sync.received(peer, &bytes, store, self.now);
                self.pump(to);
            }
            Event::Ask { from, to, id, bytes, max_bytes } => self.ask(from, to, id, &bytes, max_bytes),
            Event::Answer { from, to, id, bytes } => {
                let peer = self.sites[from].key;
                let Site { sync, store, .. } = &mut self.sites[to];
                sync.response(peer, id, bytes.as_deref(), store, self.now);
                self.pump(to);
            }
        }
    }

    fn ask(&mut self, from: usize, to: usize, id: RequestId, bytes: &[u8], max_bytes: u32) {
        let (peer, now) = (self.sites[from].key, self.now);
        let answer = match self.sites[to].sync.asked(peer, bytes, now) {
            Asked::Serve { request, budget } => {
                let site = &mut self.sites[to];
                let mut server = std::mem::take(&mut site.server);
                let answer = server.serve(&site.store, &*site, &request, budget).unwrap().to_bytes();
                site.server = server;
                site.sync.served(peer, answer.len() as u64, now);
                Some(answer)
            }
            Asked::Answer(answer) => Some(answer.to_bytes()),
            Asked::Refuse => None,
        };
        let lie = self.sites[to].lie.as_mut();
        let answer = match (answer, lie) {
            (Some(answer), Some(lie)) => Some(lie(answer)),
            (answer, _) => answer,
        };
        // Who asks reads no more than it said.
        let answer = answer.filter(|answer| answer.len() <= max_bytes as usize);
        self.traffic.answers += 1;
        self.traffic.answer_bytes += answer.as_ref().map_or(0, Vec::len) as u64;
        self.served[to] += answer.as_ref().map_or(0, Vec::len) as u64;
        self.pump(to);
        let after = self.sites[to].answers_after_ms;
        self.push_after(after, Event::Answer { from: to, to: from, id, bytes: answer });
    }

    /// Does what a box wants done.
    pub fn pump(&mut self, site: usize) {
        for outgoing in self.sites[site].pump(self.now) {
            match outgoing {
                Outgoing::Frame(peer, bytes) => {
                    self.traffic.frames += 1;
                    self.traffic.frame_bytes += bytes.len() as u64;
                    let to = self.site(peer);
                    self.push(Event::Frame { from: site, to, bytes });
                }
                Outgoing::Ask(peer, id, bytes, max_bytes) => {
                    self.traffic.frames += 1;
                    self.traffic.frame_bytes += bytes.len() as u64;
                    let to = self.site(peer);
                    self.push(Event::Ask { from: site, to, id, bytes, max_bytes });
                }
                Outgoing::Close(peer) => {
                    let other = self.site(peer);
                    self.disconnect(site, other);
                }
            }
        }
    }

    fn push(&mut self, event: Event) {
        self.push_after(0, event);
    }

    fn push_after(&mut self, ms: u64, event: Event) {
        if let Some(epoch) = self.lines.get(&event.line()) {
            self.count += 1;
            self.queue.insert((self.now.plus(DELAY_MS + ms), self.count), (*epoch, event));
        }
    }

    fn site(&self, key: KeyId) -> usize {
        self.sites.iter().position(|site| site.key == key).expect("because every peer is a box")
    }

    /// All boxes have the same heads, and all that is below them.
    pub fn assert_agreed(&self) {
        for site in &self.sites {
            assert_eq!(site.refs, self.sites[0].refs, "box {}", site.node);
            assert!(site.refs.values().all(|head| site.holds(*head)));
            assert!(site.sync.is_synced(), "box {}", site.node);
        }
    }

    pub fn misdeeds(&self) -> usize {
        self.sites.iter().map(|site| site.misdeeds.len()).sum()
    }
}
