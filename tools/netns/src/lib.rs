//! For tests: boxes on a switch, as network namespaces on a bridge. Needs root and `ip` (iproute2).
//!
//! Each box has `eth0` with an IPv4 address in 10.77.0.0/24 and nothing else: no router, no default route, no
//! way out, and the machine's own network is not touched, for the switch is a namespace too. Links can be
//! cut and healed. All of it, and every process in it, is gone when the `Lan` is dropped, also in a panic;
//! what a killed test left is cleared by the next one. A missing tool or right is an error, never a skip.

mod ip;

pub use ip::NetnsError;

use ip::{ip, ip_in};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::{
    ffi::OsStr,
    fs::{self, File},
    net::Ipv4Addr,
    os::fd::AsFd,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

/// All namespaces of ours are named so, then the process, then a number.
const PREFIX: &str = "ledger-test";

/// A virtual machine's end of a box's cable.
pub const TAP: &str = "vm";

/// Some boxes on one switch.
#[derive(Debug)]
pub struct Lan {
    name: String,
    boxes: usize,
    plugged: bool,
}

impl Lan {
    /// Makes a switch and boxes that are connected to it.
    pub fn new(boxes: usize) -> Result<Self, NetnsError> {
        Self::make(boxes, true)
    }

    /// As `new`, but no box has its address or its cable yet: `plug` gives it both.
    pub fn unplugged(boxes: usize) -> Result<Self, NetnsError> {
        Self::make(boxes, false)
    }

    fn make(boxes: usize, plugged: bool) -> Result<Self, NetnsError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        ip::clear_left_behind(PREFIX)?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}-{}-{count}", std::process::id());
        // From here on a failure drops what there is.
        let lan = Self { name, boxes, plugged };
        ip(&["netns", "add", &lan.switch()])?;
        lan.bridge(0)?;
        for i in 0..boxes {
            lan.connect(i)?;
        }
        Ok(lan)
    }

    fn bridge(&self, number: usize) -> Result<(), NetnsError> {
        let (switch, bridge) = (self.switch(), format!("br{number}"));
        if ip_in(&switch, &["link", "show", &bridge]).is_ok() {
            return Ok(());
        }
        ip_in(&switch, &["link", "add", &bridge, "type", "bridge"])?;
        ip_in(&switch, &["link", "set", &bridge, "up"])
    }

    fn connect(&self, i: usize) -> Result<(), NetnsError> {
        let (namespace, switch, port) = (self.namespace(i), self.switch(), port(i));
        ip(&["netns", "add", &namespace])?;
        ip_in(&namespace, &["link", "set", "lo", "up"])?;
        ip(&[
            "link", "add", "eth0", "netns", &namespace, "type", "veth", "peer", "name", &port, "netns",
            &switch,
        ])?;
        ip_in(&switch, &["link", "set", &port, "master", "br0"])?;
        if self.plugged { self.plug(i) } else { Ok(()) }
    }

    /// Gives box `i` a default route: all that is not for the LAN goes to the box `via`, which drops it.
    pub fn route(&self, i: usize, via: usize) -> Result<(), NetnsError> {
        let via = self.address(via).to_string();
        ip_in(&self.namespace(i), &["route", "replace", "default", "via", &via])
    }

    /// How many packets for elsewhere box `i` has dropped.
    pub fn dropped(&self, i: usize) -> Result<u64, NetnsError> {
        let counters = self.within(i, || fs::read_to_string("/proc/thread-self/net/snmp"))?;
        ip::packets_for_elsewhere(&counters.unwrap_or_default()).ok_or(NetnsError::NoCounter)
    }

    /// Gives box `i` up to a virtual machine: who opens the tap device [`TAP`] in its namespace has its cable. The machine brings
    /// its own address, which should be the box's.
    pub fn hand_over(&self, i: usize) -> Result<(), NetnsError> {
        let namespace = self.namespace(i);
        ip_in(&namespace, &["address", "flush", "dev", "eth0"])?;
        ip_in(&namespace, &["link", "add", "bridge", "type", "bridge"])?;
        ip_in(&namespace, &["tuntap", "add", TAP, "mode", "tap"])?;
        for link in ["eth0", TAP] {
            ip_in(&namespace, &["link", "set", link, "master", "bridge", "up"])?;
        }
        ip_in(&namespace, &["link", "set", "bridge", "up"])
    }

    /// How many boxes there are.
    pub fn boxes(&self) -> usize {
        self.boxes
    }

    /// The address of box `i`, counted from 0.
    pub fn address(&self, i: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, u8::try_from(i + 1).expect("because a test has fewer than 255 boxes"))
    }

    /// The name of its namespace, as `ip netns exec` takes it.
    pub fn namespace(&self, i: usize) -> String {
        format!("{}-{i}", self.name)
    }

    fn switch(&self) -> String {
        format!("{}-switch", self.name)
    }

    /// A program that will run in box `i`; its process is the program's own, so it can be killed and waited for.
    pub fn command(&self, i: usize, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(i)]).arg(program);
        command
    }

    /// Runs a function on a thread in box `i`, for sockets of the test itself.
    pub fn within<T: Send>(&self, i: usize, run: impl FnOnce() -> T + Send) -> Result<T, NetnsError> {
        let path = format!("/run/netns/{}", self.namespace(i));
        let enter = |source| NetnsError::Enter { path: path.clone(), source };
        let namespace = File::open(&path).map_err(enter)?;
        let thread = || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|error| enter(error.into()))?;
            Ok(run())
        };
        let outcome = thread::scope(|scope| scope.spawn(thread).join());
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Splits the switch: each group keeps to itself, and all others are together. Every box still sees its
    /// link up, as when a cable between two switches is pulled.
    pub fn split(&self, groups: &[&[usize]]) -> Result<(), NetnsError> {
        for i in 0..self.boxes {
            let group = groups.iter().position(|group| group.contains(&i)).map_or(0, |group| group + 1);
            self.bridge(group)?;
            ip_in(&self.switch(), &["link", "set", &port(i), "master", &format!("br{group}")])?;
        }
        Ok(())
    }

    /// Keeps these boxes from each other, for good, as routers at home do: each still reaches all the rest.
    pub fn apart(&self, boxes: &[usize]) -> Result<(), NetnsError> {
        let keep = |i: &usize| {
            let link = port(*i);
            ip_in(&self.switch(), &["link", "set", &link, "type", "bridge_slave", "isolated", "on"])
        };
        boxes.iter().try_for_each(keep)
    }

    /// Cuts one box off from all others.
    pub fn cut(&self, i: usize) -> Result<(), NetnsError> {
        self.split(&[&[i]])
    }

    /// One switch again.
    pub fn heal(&self) -> Result<(), NetnsError> {
        self.split(&[])
    }

    /// Pulls the cable out of box `i`: it sees its link go down.
    pub fn unplug(&self, i: usize) -> Result<(), NetnsError> {
        ip_in(&self.switch(), &["link", "set", &port(i), "down"])
    }

    /// Puts the cable in, and gives the box its address if it has none.
    pub fn plug(&self, i: usize) -> Result<(), NetnsError> {
        let address = format!("{}/24", self.address(i));
        ip_in(&self.switch(), &["link", "set", &port(i), "up"])?;
        ip_in(&self.namespace(i), &["link", "set", "eth0", "up"])?;
        ip_in(&self.namespace(i), &["address", "replace", &address, "dev", "eth0"])
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        for i in 0..self.boxes {
            ip::remove(&self.namespace(i));
        }
        ip::remove(&self.switch());
    }
}

/// The switch's end of a box's cable.
fn port(i: usize) -> String {
    format!("port{i}")
}
