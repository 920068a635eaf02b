//! How often somebody may come: handshakes for each address, knocks for each address and for all together.
//!
//! Pure: time comes as an argument. An address is an IPv4 address or an IPv6 /64, which is what one party can
//! be expected to hold. The tables are bounded: when one is full of the impatient, newcomers wait too.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

const TABLE_MAX: usize = 1024;

/// So many at once, and then one in each interval.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How many may come at once.
    pub burst: u32,
    /// After how long one more may.
    pub interval: Duration,
}

impl Pace {
    /// `each` is the moment until which earlier comers have used up their share (a leaky bucket, told by time).
    fn take(self, each: &mut Duration, now: Duration) -> bool {
        let used = (*each).max(now);
        let allowed = used - now <= self.interval * self.burst.saturating_sub(1);
        if allowed {
            *each = used + self.interval;
        }
        allowed
    }
}

/// Shares of many.
#[derive(Debug)]
struct Shares {
    pace: Pace,
    used: BTreeMap<IpAddr, Duration>,
}

impl Shares {
    fn take(&mut self, address: IpAddr, now: Duration) -> bool {
        let address = network(address);
        if self.used.len() >= TABLE_MAX && !self.used.contains_key(&address) {
            self.used.retain(|_, until| *until > now);
            if self.used.len() >= TABLE_MAX {
                return false;
            }
        }
        self.pace.take(self.used.entry(address).or_insert(now), now)
    }
}

/// An IPv4 address, or the first half of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

/// What comes from outside before a key is known, or from keys that nobody knows.
#[derive(Debug)]
pub struct Gate {
    handshakes: Shares,
    knocks: Shares,
    all_knocks: (Pace, Duration),
}

impl Gate {
    /// Handshakes: 64 at once and 8 a second from each address, which a few boxes behind one router do not
    /// reach. Knocks: as many a minute, of which an address gets a quarter.
    pub fn new(knocks_per_minute: u32) -> Self {
        let interval = Duration::from_secs(60) / knocks_per_minute.max(1);
        let all = Pace { burst: knocks_per_minute, interval };
        let each = Pace { burst: knocks_per_minute.div_ceil(4), interval: interval * 4 };
        let handshakes = Pace { burst: 64, interval: Duration::from_millis(125) };
        Self {
            handshakes: Shares { pace: handshakes, used: BTreeMap::new() },
            knocks: Shares { pace: each, used: BTreeMap::new() },
            all_knocks: (all, Duration::ZERO),
        }
    }

    /// Whether a handshake from the address may begin.
    pub fn handshake(&mut self, address: IpAddr, now: Duration) -> bool {
        self.handshakes.take(address, now)
    }

    /// Whether a knock from the address is heard.
    pub fn knock(&mut self, address: IpAddr, now: Duration) -> bool {
        let (pace, until) = &mut self.all_knocks;
        self.knocks.take(address, now) && pace.take(until, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_one_in_each_interval() {
        let (pace, mut until) = (Pace { burst: 3, interval: s(10) }, Duration::ZERO);
        let mut came = |at| pace.take(&mut until, s(at));
        assert_eq!([came(0), came(0), came(0), came(0)], [true, true, true, false]);
        assert_eq!([came(9), came(10), came(10)], [false, true, false]);
        assert_eq!([came(1000), came(1000), came(1000), came(1000)], [true, true, true, false]);
    }

    #[test]
    fn one_address_does_not_use_up_what_others_may() {
        let mut gate = Gate::new(40);
        let knocks = (0..100).filter(|_| gate.knock(ip("10.0.0.1"), s(0))).count();
        assert_eq!(knocks, 10);
        assert!(gate.knock(ip("10.0.0.2"), s(0)));
        let all = (0..200u8).filter(|i| gate.knock(IpAddr::from([10, 0, 1, *i]), s(0))).count();
        assert_eq!(all, 29, "40 a minute, whoever they are from");
    }

    #[test]
    fn a_whole_ipv6_network_is_one_address_and_a_mapped_one_is_its_own() {
        let mut gate = Gate::new(4);
        assert!(gate.knock(ip("2001:db8::1"), s(0)));
        assert!(!gate.knock(ip("2001:db8::ffff:2"), s(0)));
        assert!(gate.knock(ip("10.0.0.1"), s(0)));
        assert!(!gate.knock(ip("::ffff:10.0.0.1"), s(0)));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_patient() {
        let mut gate = Gate::new(40);
        for i in 0..5000u32 {
            gate.handshake(IpAddr::from(i.to_be_bytes()), s(0));
        }
        assert_eq!(gate.handshakes.used.len(), TABLE_MAX);
        assert!(!gate.handshake(ip("192.168.0.1"), s(0)));
        assert!(gate.handshake(ip("192.168.0.1"), s(1)));
    }
}
