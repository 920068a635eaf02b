//! Power cuts at random moments: of booting, of badging, of the first start, when the data partition grows.
//!
//! The card has a cache of its own, which is lost (`cache`). An event that the page has shown is never missed again, and the
//! next start always gets to an open page. Everything follows from the seed but for the moments' jitter: where a slow
//! machine is when its power goes is not in our hands.

use super::{
    cache::Cache,
    door::new_box,
    inside::{Inside, Key},
    log::Acknowledged,
    machine::{Bench, Machine},
    random::Random,
};
use crate::{
    qemu,
    readers::Reader,
    shell::{Done, say},
};
use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// For so long at most badges are held before a cut.
const BADGING: Duration = Duration::from_secs(6);
/// Between two badges.
const NEXT_BADGE: Duration = Duration::from_millis(300);
/// After so many cuts while booting, one start goes through.
const BOOTS_MAX: u32 = 3;
/// A card that the door does not know is answered quickly, and is an event like any other.
const STRANGER: u64 = 77;

/// What is counted.
#[derive(Default)]
struct Tally {
    boots: usize,
    badges: usize,
    firsts: usize,
    unflushed: usize,
}

/// The card that lives through it, and what is known of it.
struct Cuts<'a> {
    bench: &'a Bench<'a>,
    key: &'a Key,
    random: Random,
    card: PathBuf,
    seen: Acknowledged,
    /// How long a start takes to an open page, the first one and others.
    first: Duration,
    start: Duration,
    tally: Tally,
}

/// `--cuts N`.
pub fn run(bench: &Bench<'_>, key: &Key, cuts: usize, seed: u64) -> Done {
    say(&format!("image-test: {cuts} power cuts, seed {seed}"));
    let begun = Instant::now();
    let mut all = Cuts::new(bench, key, seed)?;
    let mut boots = 0;
    for number in 1..=cuts {
        say(&format!("cut {number} of {cuts}, {:.0} s", begun.elapsed().as_secs_f32()));
        boots = match all.random.below(10) {
            0..4 if boots < BOOTS_MAX => all.while_booting().map(|()| boots + 1),
            8 | 9 => all.in_the_first_start().map(|()| boots),
            _ => all.while_badging().map(|()| 0),
        }
        .map_err(|error| format!("cut {number}, seed {seed}: {error}"))?;
    }
    all.end()?;
    let Tally { boots, badges, firsts, unflushed } = all.tally;
    say(&format!(
        "image-test: {cuts} power cuts in {:.0} s: {boots} while booting, {badges} while badging, {firsts} in a card's first \
         start;\n  {unflushed} writes were in the card's cache; of {} acknowledged events none is lost; every start came up",
        begun.elapsed().as_secs_f32(),
        all.seen.len()
    ));
    Ok(())
}

impl<'a> Cuts<'a> {
    fn new(bench: &'a Bench<'a>, key: &'a Key, seed: u64) -> Done<Self> {
        let (card, machine) = new_box(bench, key, "cuts")?;
        let first = machine.on.elapsed();
        machine.cut()?;
        let mut machine = Machine::on(bench, &card, "cuts")?;
        let start = machine.until_ready()?;
        let mut seen = Acknowledged::default();
        seen.look(&machine)?;
        machine.cut()?;
        Ok(Self { bench, key, random: Random(seed), card, seen, first, start, tally: Tally::default() })
    }

    /// Somewhere from the first instruction to the open page.
    fn while_booting(&mut self) -> Done {
        let cache = Cache::of(&self.card)?;
        let machine = Machine::with(self.bench, &self.card, Some(&cache.log), "cuts")?;
        thread::sleep(self.random.between(Duration::ZERO, self.start));
        machine.cut()?;
        self.tally.boots += 1;
        self.lose(cache)
    }

    /// The box came up, with all that it had ever acknowledged; then amid badges at two readers.
    fn while_badging(&mut self) -> Done {
        let cache = Cache::of(&self.card)?;
        let mut machine = Machine::with(self.bench, &self.card, Some(&cache.log), "cuts")?;
        machine.until_ready()?;
        self.seen.look(&machine)?;
        let until = Instant::now() + self.random.between(Duration::ZERO, BADGING);
        let mut stranger = STRANGER;
        while Instant::now() < until {
            stranger += 1;
            machine.hold(Reader::ALL[usize::from(stranger.is_multiple_of(2))], stranger)?;
            let rest = until.saturating_duration_since(Instant::now());
            thread::sleep(self.random.between(Duration::ZERO, NEXT_BADGE).min(rest));
            self.seen.look(&machine)?;
        }
        machine.cut()?;
        self.tally.badges += 1;
        self.lose(cache)
    }

    /// A new card: its data partition grows, its organisation is made; then all of it again, to the end.
    fn in_the_first_start(&mut self) -> Done {
        let card = self.bench.file("cuts-new.img");
        qemu::new_card(self.bench.image, &card, &qemu::demo(Some(&self.key.public()?)))?;
        let cache = Cache::of(&card)?;
        let machine = Machine::with(self.bench, &card, Some(&cache.log), "cuts-new")?;
        // More of them early: the partition grows when the kernel has just started.
        let until = if self.random.below(2) == 0 { self.start } else { self.first };
        thread::sleep(self.random.between(self.start / 4, until));
        machine.cut()?;
        self.tally.firsts += 1;
        self.lose(cache)?;
        comes_up_and_has_grown(self.bench, self.key, &card)
    }

    fn lose(&mut self, cache: Cache) -> Done {
        self.tally.unflushed += cache.lose(&mut self.random)?;
        Ok(())
    }

    /// One start more, and a look at every block.
    fn end(&mut self) -> Done {
        let mut machine = Machine::on(self.bench, &self.card, "cuts")?;
        machine.until_ready()?;
        self.seen.look(&machine)?;
        say(&Inside::of(&machine, self.key).run("ledgerctl verify")?);
        machine.cut()
    }
}

fn comes_up_and_has_grown(bench: &Bench<'_>, key: &Key, card: &Path) -> Done {
    let mut machine = Machine::on(bench, card, "cuts-new")?;
    machine.until_ready()?;
    let blocks = Inside::of(&machine, key).run("df -k /data | tail -n 1 | awk '{print $2}'")?;
    let kib: u64 = blocks.trim().parse().map_err(|_| format!("df said {blocks:?}"))?;
    // 2 GiB less both slots.
    if kib < 1 << 20 {
        return Err(format!("the data partition has {kib} KiB: it did not grow").into());
    }
    machine.cut()
}
