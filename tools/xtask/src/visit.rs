//! What visitors of the demo do, in a real browser: one holds a badge to the reader, one signs in and lets a new box in.

use crate::{
    browser::Browser,
    build::Built,
    demo::{clear, ledgerctl},
    root::{end, give_back},
    shell::{Done, output, run},
};
use std::{path::Path, time::Duration};

/// The new box's name.
const BOX: &str = "back-door";

/// Everything, on the page of a ledgerd that has just been started.
pub fn all(built: &Built, home: &Path, listen: &str) -> Done {
    let status = || output(ledgerctl(built, home).args(["status", "--json"]));
    until("the doorbot to run", || status().is_ok_and(|status| status.contains("\"running\"")))?;
    let browser = Browser::start()?;
    browser.open(&format!("http://{listen}/"))?;
    badge_in(built, home, &browser)?;
    let new_home = home.with_extension(BOX);
    clear(&new_home)?;
    let seen = let_in(built, home, &new_home, &browser);
    give_back(&new_home)?;
    seen
}

/// Hold a badge to the reader, see the door move.
fn badge_in(built: &Built, home: &Path, browser: &Browser) -> Done {
    until("the sample badges to show", || browser.press("//ul[@id='samples']//button").is_ok())?;
    let text = |id: &str| browser.ask(&format!("return document.getElementById('{id}').textContent"));
    until("the door to be unlocked", || text("door-state").is_ok_and(|door| door == "Unlocked"))?;
    until("the reason to show", || {
        text("reason").is_ok_and(|reason| reason.as_str().is_some_and(|reason| reason.contains("allowed")))
    })?;
    until("the door to be locked again", || text("door-state").is_ok_and(|door| door == "Locked"))?;
    until("the event to be in the log", || {
        output(ledgerctl(built, home).args(["log", "--json"])).is_ok_and(|log| log.contains("\"allowed\""))
    })
}

/// A new box asks with a ticket; a person who has signed in sees it on the page and presses Approve.
fn let_in(built: &Built, home: &Path, new_home: &Path, browser: &Browser) -> Done {
    let ticket = output(ledgerctl(built, home).args(["invite", "--text"]))?;
    let signed_in: serde_json::Value =
        serde_json::from_str(&output(ledgerctl(built, home).args(["signin", "--json"]))?)?;
    browser.open(signed_in["link"].as_str().ok_or("ledgerctl signin gave no link")?)?;
    let mut join = ledgerctl(built, new_home).args(["join", ticket.trim(), "--name", BOX]).spawn()?;
    let pressed = until("the new box to show on the page", || {
        browser.press(&format!("//button[@aria-label='Approve {BOX}']")).is_ok()
    });
    if let Err(error) = pressed {
        end(&mut join)?;
        return Err(error);
    }
    let joined = join.wait()?;
    if !joined.success() {
        return Err(format!("{BOX} was approved on the page and did not join: {joined}").into());
    }
    run(ledgerctl(built, new_home).arg("verify"))
}

fn until(what: &str, mut seen: impl FnMut() -> bool) -> Done {
    for _ in 0..600 {
        if seen() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("waited a minute for {what}").into())
}
