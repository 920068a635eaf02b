//! Updates of the operating system on boxes whose cards are files: from this box's own chunks, from another box's slot, cut short,
//! refused, and taken back when the new release is not healthy.

mod machine;

use crate::{
    common::{Socket, Up, options, until},
    two_boxes::Two,
};
use agent::{run::Appliance, updates::Options};
use machine::{Image, Machine, publish, with_releases};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};
use store::disk::RealDisk;

/// A box that runs from a slot: its home, its card, and the agent while it is up.
struct Box_ {
    home: tempfile::TempDir,
    machine: Machine,
    appliance: Appliance,
}

impl Box_ {
    /// A box that runs `image` from slot A, in an organisation whose founder signs releases.
    async fn new(image: &Image) -> Self {
        let up = Up::new().await;
        with_releases(&up).await;
        let machine = Machine::new(image);
        Self { home: up.folder, machine, appliance: up.appliance }.updating()
    }

    fn updating(mut self) -> Self {
        self.appliance.update(self.machine.options()).unwrap();
        self
    }

    fn admin(&self) -> Socket {
        Socket(self.appliance.services.home.admin_socket())
    }

    async fn shown(&self) -> Value {
        self.admin().get("/v1/updates").await.1
    }

    /// Waits until what is shown is so.
    async fn until(&self, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..1000 {
            last = self.shown().await;
            if so(&last) {
                return last;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("waited in vain: {what}: {last:#}");
    }

    /// The agent ends and begins again, from whatever slot the boot loader starts.
    async fn again(self) -> Self {
        let Self { home, machine, appliance } = self;
        appliance.stop(async {}, std::future::pending()).await.unwrap();
        machine.boot();
        let appliance = reopened(home.path());
        Self { home, machine, appliance }.updating()
    }

    /// Waits until the agent restarts the box, and is the boot loader.
    async fn restarted(self) -> Self {
        until("the box restarts", async || self.machine.wants_restart()).await;
        self.again().await
    }

    async fn publish(&self, version: &str, image: &Image) {
        publish(&self.admin(), self.home.path(), version, image, &|_| {}).await;
    }
}

fn reopened(home: &Path) -> Appliance {
    let appliance = Appliance::open(&options(home), Arc::new(RealDisk)).unwrap();
    appliance.serve_admin().unwrap();
    appliance
}

#[tokio::test]
async fn a_release_from_the_boxs_own_chunks_is_installed_tried_and_kept() {
    let (old, new) = (Image::new(1), Image::new(2));
    let up = Box_::new(&old).await;
    up.publish("1.0.0", &old).await;
    up.until("it knows what runs", |shown| shown["running"]["version"] == "1.0.0").await;
    up.publish("2.0.0", &new).await;
    let up = up.restarted().await;
    assert_eq!(up.machine.running(), "B");
    let shown = up.until("the trial passes", |shown| shown["history"][0]["what"] == "installed").await;
    assert_eq!(
        (&shown["running"]["version"], &shown["fallback"]["version"]),
        (&json!("2.0.0"), &json!("1.0.0"))
    );
    assert_eq!((&shown["stage"], &shown["wanted"]), (&json!("nothing"), &Value::Null), "{shown:#}");
    assert!(up.machine.holds("B", &new) && up.machine.is_good("B"));
    let (status, back) = up.admin().post("/v1/updates/back", json!({})).await;
    assert_eq!(status, 200, "{back}");
    let up = up.restarted().await;
    assert_eq!(up.machine.running(), "A");
    let shown = up.until("it is told", |shown| shown["history"][0]["what"] == "went-back").await;
    assert_eq!(
        shown["wanted"]["why"], "2.0.0 later: it failed here: a person went back from it",
        "{shown:#}"
    );
}

#[tokio::test]
async fn a_box_takes_a_release_out_of_another_boxs_slot() {
    let (old, new) = (Image::new(1), Image::new(2));
    let two = Two::apart((1, 0)).await;
    with_releases(&two.first).await;
    // Nobody has a chunk of it in the store: it lies in the first box's slot, and nowhere else.
    machine::publish_without_chunks(&two.first, "2.0.0", &new).await;
    let (giver, taker) = (Machine::new(&new), Machine::new(&old));
    two.meet().await;
    let Two { mut first, mut second } = two;
    first.appliance.update(giver.options()).unwrap();
    second.appliance.update(taker.options()).unwrap();
    until("the second box restarts into it", async || taker.wants_restart()).await;
    assert!(taker.holds("B", &new));
    let stored = second.appliance.services.blobs.bytes();
    assert!(stored < 10_000, "{stored} bytes were put onto the data partition");
    until("the first box hears of it", async || {
        let shown = first.admin().get("/v1/updates").await.1;
        shown["nodes"][0]["node"] == "workshop" && shown["nodes"][0]["wanted"] == "2.0.0"
    })
    .await;
}

#[tokio::test]
async fn what_is_alike_comes_by_a_delta_from_the_release_that_runs() {
    let old = Image::new(1);
    let new = Image::like(&old, 2);
    let up = Box_::new(&old).await;
    up.publish("1.0.0", &old).await;
    up.until("it knows what runs", |shown| shown["running"]["version"] == "1.0.0").await;
    machine::publish_delta(&up.admin(), up.home.path(), "2.0.0", ("1.0.0", &old), &new).await;
    let up = up.restarted().await;
    assert!(up.machine.running() == "B" && up.machine.holds("B", &new));
}

#[tokio::test]
async fn an_agent_that_is_killed_in_the_middle_goes_on() {
    let (old, new) = (Image::new(1), Image::new(2));
    let up = Box_::new(&old).await;
    publish(&up.admin(), up.home.path(), "2.0.0", &new, &machine::boot_alone).await;
    let shown = up
        .until("it waits for the rest", |shown| !shown["waits"].is_null() && shown["stage"] == "writing")
        .await;
    assert!(shown["waits"].as_str().unwrap().starts_with("nobody who is connected has"), "{shown:#}");
    let written = shown["bytes"]["done"].as_u64().unwrap();
    let up = up.again().await;
    assert_eq!(up.machine.running(), "A", "the half-written slot does not start");
    let shown = up.until("it is there again", |shown| shown["stage"] == "writing").await;
    assert_eq!(shown["bytes"]["done"].as_u64().unwrap(), written, "what was written is still there");
    new.put_chunks(&up.admin()).await;
    let up = up.restarted().await;
    assert!(up.machine.running() == "B" && up.machine.holds("B", &new));
}

#[tokio::test]
async fn what_this_box_may_not_have_is_refused_with_the_reason() {
    let image = Image::new(1);
    let up = Box_::new(&image).await;
    up.publish("1.0.0", &image).await;
    up.until("it knows what runs", |shown| shown["running"]["version"] == "1.0.0").await;
    let (admin, home) = (up.admin(), up.home.path());
    let other = Image::new(3);
    publish(&admin, home, "3.0.0", &other, &|release| release.boards = vec!["toaster".parse().unwrap()])
        .await;
    publish(&admin, home, "0.9.0", &other, &|_| {}).await;
    publish(&admin, home, "1.0.1", &image, &|release| {
        release.floor = Some("1.0.0".parse().unwrap());
        release.from = Some("1.0.1-rc".parse().unwrap());
    })
    .await;
    machine::publish_unsigned(&admin, home, "4.0.0", &other).await;
    up.until("all are seen", |shown| shown["releases"].as_array().unwrap().len() == 5).await;
    for (version, says) in [
        ("3.0.0", "is for toaster, and this box is a sim"),
        ("0.9.0", "nobody goes back to 0.9.0: a release that this box knows forbids it below 1.0.0"),
        ("1.0.1", "can be installed from 1.0.1-rc on, and this box runs 1.0.0"),
        ("4.0.0", "the release is not signed; 1 of the policy's release signers must sign it"),
        ("1.0.0", "runs already"),
    ] {
        let (status, answer) = admin.post("/v1/updates/now", json!({"version": version})).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 409 && message.contains(says), "{version}: {status} {answer}");
    }
    assert_eq!(admin.post("/v1/updates/now", json!({"version": "7.0.0"})).await.0, 404);
    assert_eq!(admin.post("/v1/updates/now", json!({"version": "new"})).await.0, 400);
    let shown = up.shown().await;
    assert_eq!(shown["stage"], "nothing", "{shown:#}");
    let refused =
        shown["releases"].as_array().unwrap().iter().filter(|release| !release["refused"].is_null());
    assert_eq!(refused.count(), 4, "{shown:#}");
}

#[tokio::test]
async fn a_trial_that_is_not_healthy_goes_back_and_tells_why() {
    let (old, new) = (Image::new(1), Image::new(2));
    let up = Box_::new(&old).await;
    up.publish("1.0.0", &old).await;
    up.publish("2.0.0", &new).await;
    until("the box restarts", async || up.machine.wants_restart()).await;
    // As if a dapp had run before, that the new release cannot run.
    let before = r#"{"dapps":["doorbot"],"devices":[],"network":false}"#;
    std::fs::write(up.home.path().join("update/before.json"), before).unwrap();
    let up = up.again().await;
    assert_eq!(up.machine.running(), "B");
    let up = up.restarted().await;
    assert_eq!(up.machine.running(), "A");
    let shown = up.until("it is told", |shown| shown["history"][0]["what"] == "rolled-back").await;
    let why = shown["history"][0]["why"].as_str().unwrap();
    assert!(why.contains("dapps: doorbot not running"), "{shown:#}");
    assert!(shown["history"][0]["log"].as_str().unwrap().contains("doorbot"), "{shown:#}");
    assert_eq!(shown["failures"][0]["version"], "2.0.0");
    assert_eq!(shown["running"]["version"], "1.0.0");
    assert!(!up.machine.wants_restart(), "it is not tried again by itself");
}

#[tokio::test]
async fn wishes_in_the_ledger_hold_and_a_misspelt_one_stops_everything() {
    let (old, new) = (Image::new(1), Image::new(2));
    let up = Box_::new(&old).await;
    let wish = async |table: &str| {
        let key = up.appliance.services.key;
        let text = format!("board = \"sim\"\nkey = \"{key}\"\nplace = \"front-door\"\n\n[updates]\n{table}");
        machine::propose(&up.admin(), up.home.path(), &[("nodes/front-door.toml", text)]).await;
    };
    wish("mode = \"prefetch\"\n").await;
    up.publish("2.0.0", &new).await;
    let shown = up.until("it is ready", |shown| shown["stage"] == "ready").await;
    assert_eq!(
        (&shown["waits"], &shown["percent"]),
        (&json!("this box waits for a person to say so"), &json!(100))
    );
    wish("pined = \"1.0.0\"\n").await;
    let shown = up.until("it says so", |shown| shown["channel"] == "").await;
    assert!(shown["waits"].as_str().unwrap().contains("unknown field `pined`"), "{shown:#}");
    wish("mode = \"by-hand\"\n").await;
    up.until("it waits", |shown| shown["mode"] == "by-hand").await;
    assert!(!up.machine.wants_restart());
    assert_eq!(up.admin().post("/v1/updates/now", json!({"version": "2.0.0"})).await.0, 200);
    let up = up.restarted().await;
    up.until("it is kept", |shown| shown["history"][0]["what"] == "installed").await;
}

#[tokio::test]
async fn a_machine_without_slots_says_so() {
    let mut up = Up::new().await;
    up.appliance.update(Options { roots: machine::no_slots(), ..Options::default() }).unwrap();
    until("it was looked", async || up.admin().get("/v1/updates").await.1["board"] == "sim").await;
    let shown = up.admin().get("/v1/updates").await.1;
    assert!(shown["can"] == false && shown["reason"].as_str().unwrap().contains("slot"), "{shown:#}");
    let (status, answer) = up.admin().post("/v1/updates/now", json!({"version": "2.0.0"})).await;
    assert!(status == 409 && answer["error"]["message"].as_str().unwrap().contains("slot"), "{answer}");
}
