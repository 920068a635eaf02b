//! Runs the dapps of the ledger: one task each, started anew when they end, replaced when their release changes.
//!
//! What should run is what main says ([`wanted`], pure); each [`run::Runner`] makes it so and is the only one
//! that starts, stops or restarts its dapp. Whenever a dapp is not running its outputs are at their safe levels.

mod image;
mod run;
mod wanted;

pub use wanted::{Release, UID_JUDGES};

use crate::{devices::chain, services::Services};
use model::Name;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle};

/// How soon it is looked again whether an image has arrived.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A dapp that is looked after: its release, or none when it shall end, and its task.
struct Charge {
    release: watch::Sender<Option<Release>>,
    task: JoinHandle<()>,
}

/// Runs what main names until ledgerd stops; returns when every dapp has ended. `exe` is this program, which
/// is also the container helper.
pub async fn supervise(services: Arc<Services>, exe: PathBuf) {
    let mut charges: BTreeMap<Name, Charge> = BTreeMap::new();
    let (mut views, mut stopping) = (services.keeper.views(), services.stopping.clone());
    let known = wanted::releases(&views.borrow()).into_keys().collect();
    clear_cache(services.home.images_folder(), known).await;
    loop {
        let releases = wanted::releases(&views.borrow_and_update().clone());
        charges.retain(|name, charge| {
            if !releases.contains_key(name) {
                charge.release.send_replace(None);
            }
            releases.contains_key(name) || !charge.task.is_finished()
        });
        let mut arriving = false;
        for (name, release) in releases {
            if charges.get(&name).is_some_and(|charge| is_arriving(&services, charge, &release)) {
                arriving = true;
            } else {
                assign(&mut charges, &services, &exe, name, release);
            }
        }
        tokio::select! {
            moved = views.changed() => if moved.is_err() { break },
            () = tokio::time::sleep(LOOK_AGAIN), if arriving => {}
            _ = stopping.wait_for(|stopping| *stopping) => break,
        }
    }
    for charge in charges.values() {
        charge.release.send_replace(None);
    }
    for charge in charges.into_values() {
        if let Err(error) = charge.task.await {
            tracing::error!(%error, "a dapp's task failed");
        }
    }
}

/// Whether a dapp runs, and the image of its next release is still on its way from other boxes: the old release
/// goes on until then, for a door must not stand without its doorbot while a gigabyte is fetched.
fn is_arriving(services: &Services, charge: &Charge, next: &Release) -> bool {
    let runs = charge.release.borrow().as_ref().is_some_and(|old| old != next) && !charge.task.is_finished();
    // An image that cannot be read is the runner's to say.
    runs && services.blobs.missing([&next.image_id]).is_ok_and(|missing| !missing.is_empty())
}

/// Removes images of dapps that left the ledger while nobody looked. Before any runner unpacks one.
async fn clear_cache(images: PathBuf, known: BTreeSet<Name>) {
    match tokio::task::spawn_blocking(move || image::remove_others(&images, &known)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = %chain(&error), "old images stay"),
        Err(error) => tracing::warn!(%error, "old images stay"),
    }
}

/// Hands a release to the dapp's runner, starting one if there is none.
fn assign(
    charges: &mut BTreeMap<Name, Charge>,
    services: &Arc<Services>,
    exe: &std::path::Path,
    name: Name,
    release: Release,
) {
    match charges.get(&name) {
        Some(charge) if !charge.task.is_finished() => {
            charge.release.send_if_modified(|old| {
                let new = Some(release);
                let differs = *old != new;
                *old = new;
                differs
            });
        }
        _ => {
            let (sender, receiver) = watch::channel(Some(release));
            let runner = run::Runner::new(services.clone(), exe.to_path_buf(), name.clone(), receiver);
            charges.insert(name, Charge { release: sender, task: tokio::spawn(runner.run()) });
        }
    }
}
