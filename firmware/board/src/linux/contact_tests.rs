//! Edges of a line that obeys, chatters, vanishes and comes back.

use super::*;
use crate::linux::fake::{FakeGpio, place};
use crate::linux::time::monotonic_ns;
use crate::spec::Bias;
use std::{sync::mpsc, thread};

/// Quick enough for a test.
const PACE: Pace = Pace {
    first: Duration::from_millis(5),
    most: Duration::from_millis(20),
    steady: Duration::from_secs(10),
};
const SOON: Duration = Duration::from_secs(20);

struct Bench {
    gpio: FakeGpio,
    seen: Arc<Seen>,
    edges: mpsc::Receiver<(bool, Millis)>,
    stop: Stop,
    thread: Option<thread::JoinHandle<()>>,
}

fn bench(gpio: FakeGpio, debounce_ms: u64) -> Bench {
    let spec = ContactSpec { line: None, active_low: true, debounce_ms, bias: Bias::PullUp };
    let contact = Contact::open(Arc::new(gpio.clone()), place("gpiochip0", 3), spec).unwrap();
    let (seen, stop, (hear, edges)) = (contact.seen(), Stop::new().unwrap(), mpsc::channel());
    let end = stop.clone();
    let mind = move || contact.mind(&end, PACE, &mut |on, at| hear.send((on, at)).unwrap());
    Bench { gpio, seen, edges, stop, thread: Some(thread::spawn(mind)) }
}

impl Bench {
    fn drive(&self, high: bool, at_ns: u64) {
        self.gpio.drive(&place("gpiochip0", 3), high, at_ns);
    }

    fn edge(&self) -> (bool, Millis) {
        self.edges.recv_timeout(SOON).unwrap()
    }

    fn until(&self, what: impl Fn() -> bool) {
        let end = Instant::now() + SOON;
        while !what() {
            assert!(Instant::now() < end, "it did not happen");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// High is off: the line is active-low.
fn high() -> FakeGpio {
    let gpio = FakeGpio::new();
    gpio.drive(&place("gpiochip0", 3), true, 0);
    gpio
}

#[test]
fn an_edge_carries_the_kernel_s_time_less_what_it_waited() {
    let bench = bench(high(), 50);
    let wish = InputWish { active_low: true, bias: Bias::PullUp, debounce_ms: 50, only_on: false };
    assert_eq!(bench.gpio.wishes(), [(place("gpiochip0", 3), wish)], "all is given to the kernel");
    assert_eq!(bench.seen.get(), Some(false));
    let ago = monotonic_ns() - 3_000_000_000;
    bench.drive(false, ago);
    let (on, at) = bench.edge();
    let late = now().since(at);
    assert!(on && (3_050..5_000).contains(&late), "{late} ms ago");
    assert_eq!(bench.seen.get(), Some(true));
}

#[test]
fn where_the_kernel_cannot_debounce_we_do() {
    let gpio = high();
    gpio.fail("input", Errno::OPNOTSUPP);
    let bench = bench(gpio, 40);
    assert_eq!(bench.gpio.wishes()[0].1.debounce_ms, 0);
    for level in [false, true, false, true, false] {
        bench.drive(level, monotonic_ns());
    }
    assert!(bench.edge().0);
    assert!(bench.edges.recv_timeout(Duration::from_millis(120)).is_err(), "one edge, not five");
}

#[test]
fn a_line_that_is_refused_for_another_reason_is_not_asked_for_twice() {
    let gpio = high();
    gpio.fail("input", Errno::BUSY);
    let spec = ContactSpec { line: None, active_low: false, debounce_ms: 40, bias: Bias::AsIs };
    let error = Contact::open(Arc::new(gpio), place("gpiochip0", 3), spec).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
}

#[test]
fn what_changed_while_the_chip_was_unplugged_is_an_edge_when_it_is_back() {
    let bench = bench(high(), 0);
    bench.drive(false, monotonic_ns());
    assert!(bench.edge().0);
    bench.gpio.unplug("gpiochip0");
    bench.until(|| bench.seen.get().is_none());
    bench.drive(true, monotonic_ns());
    bench.gpio.plug_again("gpiochip0");
    assert!(!bench.edge().0, "it went off meanwhile");
    assert_eq!(bench.seen.get(), Some(false));
    bench.drive(false, monotonic_ns());
    assert!(bench.edge().0, "and it is heard again");
}

#[test]
fn a_failing_read_is_survived() {
    let bench = bench(high(), 0);
    bench.gpio.fail("next", Errno::IO);
    bench.drive(false, monotonic_ns());
    assert!(bench.edge().0, "the level was looked at anew");
}
