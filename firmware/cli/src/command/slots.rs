//! `slots`: the two operating systems of this card, which one runs and which starts next.
//!
//! Needs no home and no ledgerd: it is for the person whose box came up in the other slot. Writing a slot and
//! putting it on trial are not here; that is the update's work, which checks what it writes.

use crate::{
    context::Context,
    error::{Hint, Result, refused},
    output::Table,
};
use agent::boot::{Booted, Roots};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use slots::{Left, Slot, Standing, Status};

/// The two operating systems of this card
#[derive(Debug, Subcommand)]
pub enum Slots {
    /// Show both slots, and which one runs
    Show,
    /// Say that the running slot works
    ///
    /// ledgerd says it by itself when it has run for half a minute.
    Commit,
    Fail(Fail),
    /// Start the other slot next time, if it has worked before
    Back,
}

/// Never start a slot again before it is written anew
#[derive(Debug, Args)]
pub struct Fail {
    /// `A` or `B`
    slot: Slot,
}

impl Slots {
    pub(super) fn run(&self, context: &Context) -> Result {
        let mut booted = find()?;
        let running = booted.running;
        let changed = match self {
            Self::Show => booted.slots(),
            Self::Commit => booted.commit(),
            Self::Fail(Fail { slot }) => booted.change(|slots| slots.fail(*slot)),
            Self::Back => booted.change(|slots| slots.roll_back(running)),
        };
        let slots =
            changed.hint(|| "the boot state stays as it is".into(), "ledgerctl slots show; needs root")?;
        match context.out.json {
            true => context.out.line(&value(&slots, running).to_string()),
            false => context.out.text(&text(&slots, running, context)),
        }
    }
}

fn find() -> Result<Booted> {
    let found = Booted::find(&Roots::default());
    let found =
        found.hint(|| "cannot find the boot state".into(), "docs/formats/slots.md says where it lies")?;
    found.ok_or_else(|| {
        let hint = "only a card that `cargo xtask image` laid out has two";
        refused("this machine did not start from a slot", hint)
    })
}

fn text(slots: &slots::Slots, running: Slot, context: &Context) -> String {
    let mut table = Table::new(&["SLOT", "STATE", "ATTEMPTS LEFT", ""], "");
    for slot in Slot::BOTH {
        let (word, left) = state(slots.status(slot));
        let left = left.map_or_else(String::new, |left| left.to_string());
        let here = if slot == running { "runs" } else { "" };
        table.row([slot.to_string(), word.into(), left, here.into()]);
    }
    table.to_text(context.out.style) + &standing(slots.standing(running)) + &used_up(slots, running.other())
}

/// Of a good slot that did not come up, once the other one has proven itself. What falls back before is `standing`'s.
fn used_up(slots: &slots::Slots, other: Slot) -> String {
    if slots.order().first() == other || slots.status(other) != Status::Good(Left::NONE) {
        return String::new();
    }
    format!(
        "slot {other} did not come up, and has used up its attempts; `ledgerctl slots back` gives it new ones\n"
    )
}

fn value(slots: &slots::Slots, running: Slot) -> Value {
    let each = Slot::BOTH.map(|slot| {
        let (word, left) = state(slots.status(slot));
        json!({"slot": slot.to_string(), "state": word, "left": left, "runs": slot == running})
    });
    json!({"running": running.to_string(), "order": slots.order().to_string(), "slots": each})
}

fn state(status: Status) -> (&'static str, Option<u8>) {
    match status {
        Status::Unbootable => ("does not start", None),
        Status::OnTrial(left) => ("on trial", Some(left.count())),
        Status::Good(left) => ("good", Some(left.count())),
    }
}

fn standing(standing: Standing) -> String {
    match standing {
        Standing::Settled => String::new(),
        Standing::OnTrial => "the running slot has not proven itself yet\n".into(),
        Standing::NextIs(slot) => format!("slot {slot} is tried at the next start\n"),
        Standing::FellBackFrom(slot) => format!("slot {slot} did not come up: this is the other one\n"),
        Standing::Unlisted => "the running slot was started by hand\n".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_slot_that_did_not_come_up_is_named_also_after_the_commit() {
        let mut slots = slots::Slots::unknown();
        slots.commit(Slot::A);
        for _ in 0..4 {
            slots.boot();
        }
        slots.commit(Slot::B);
        assert_eq!(slots.standing(Slot::B), Standing::Settled);
        assert!(used_up(&slots, Slot::A).contains("slot A did not come up"));
        assert_eq!(used_up(&slots, Slot::B), "");
        slots.commit(Slot::A);
        assert_eq!(used_up(&slots, Slot::B), "");
    }

    #[test]
    fn a_card_that_fell_back_says_so() {
        let mut slots = slots::Slots::fresh(Slot::A);
        slots.commit(Slot::A);
        slots.try_next(Slot::B, Slot::A).unwrap();
        assert!(standing(slots.standing(Slot::A)).contains("slot B is tried"));
        for _ in 0..4 {
            slots.boot();
        }
        assert!(standing(slots.standing(Slot::A)).contains("slot B did not come up"));
        assert_eq!(used_up(&slots, Slot::B), "", "it is said already");
        let value = value(&slots, Slot::A);
        assert_eq!(value["order"], "B A");
        assert_eq!(value["slots"][1], json!({"slot": "B", "state": "on trial", "left": 0, "runs": false}));
    }
}
