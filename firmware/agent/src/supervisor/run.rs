//! One dapp's life: unpack, start, wait, make safe, wait a while, start again.

use super::{Release, image};
use crate::{
    api::{listen, local},
    devices::chain,
    restart::Restart,
    services::Services,
    wire::{self, DappStatus},
};
use container::{Exit, Helper, Output, Spec, StartError, Stopper};
use dapp::Manifest;
use model::Name;
use std::{io, os::unix::fs::chown, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

/// Looks after one dapp.
pub struct Runner {
    services: Arc<Services>,
    exe: PathBuf,
    name: Name,
    release: watch::Receiver<Option<Release>>,
    restart: Restart,
    starts: u64,
}

/// Why a dapp did not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its manifest cannot be read.
    #[error("its manifest cannot be used: {0}")]
    Manifest(String),
    /// Its image cannot be unpacked.
    #[error("its image cannot be unpacked")]
    Image(#[from] image::ImageError),
    /// Its socket cannot be made.
    #[error("its socket {path} cannot be made")]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Its container cannot be started.
    #[error("its container did not start")]
    Start(#[from] StartError),
    /// We failed.
    #[error("ledgerd failed while starting it")]
    Task(#[from] tokio::task::JoinError),
}

/// A dapp's socket and its right to move things. Both end with this value, also when the runner panics.
struct Post {
    caller: Arc<local::Caller>,
    server: JoinHandle<()>,
    /// The server ends when this goes, and not before: also while ledgerd stops, the last words of a dapp are heard.
    _open: watch::Sender<bool>,
}

impl Drop for Post {
    fn drop(&mut self) {
        self.server.abort();
        self.caller.retire();
    }
}

/// A dapp that runs; it stops when this is dropped.
struct Alive {
    post: Post,
    stopper: Stopper,
    ended: oneshot::Receiver<io::Result<Exit>>,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

impl Runner {
    /// A runner for the releases that arrive.
    pub fn new(
        services: Arc<Services>,
        exe: PathBuf,
        name: Name,
        release: watch::Receiver<Option<Release>>,
    ) -> Self {
        Self { services, exe, name, release, restart: Restart::default(), starts: 0 }
    }

    /// Keeps the newest release running until there is none.
    pub async fn run(mut self) {
        loop {
            let Some(release) = self.release.borrow_and_update().clone() else { break };
            self.restart.started(self.services.clock.elapsed());
            let reason = match self.start(&release).await {
                Ok(alive) => self.attend(alive, &release).await,
                Err(error) => {
                    tracing::warn!(dapp = %self.name, error = %chain(&error), "did not start");
                    self.say(&release, "broken", Some(chain(&error)));
                    Some(chain(&error))
                }
            };
            if let Some(reason) = reason {
                let wait = self.restart.ended(self.services.clock.elapsed());
                self.wait(&release, reason, wait).await;
            }
        }
        self.services.dapps.remove(&self.name);
        tracing::info!(dapp = %self.name, "no longer runs here");
    }

    async fn start(&mut self, release: &Release) -> Result<Alive, RunError> {
        let manifest = release.manifest.clone().map_err(RunError::Manifest)?;
        self.say(release, "unpacking", None);
        let (services, for_image, wanted) = (self.services.clone(), self.name.clone(), release.clone());
        let unpack = move || image::unpack(&services, &for_image, &wanted);
        let unpacked = tokio::task::spawn_blocking(unpack).await??;
        self.say(release, "starting", None);
        let caller = local::Caller::new(self.services.clone(), manifest.clone());
        let spec = image::spec(&self.services, &manifest, unpacked, release.uid_base)?;
        let (open, closed) = watch::channel(false);
        let server = self.serve(caller.clone(), &spec, closed)?;
        let post = Post { caller, server, _open: open };
        let helper = self.start_helper(spec).await?;
        self.starts += 1;
        post.caller.lives();
        tracing::info!(dapp = %self.name, version = manifest.version, pid = helper.pid(), "runs");
        self.say(release, "running", None);
        let (stopper, (say, ended)) = (helper.stopper(), oneshot::channel());
        // Waiting blocks for as long as the dapp lives, so it has a thread of its own and not one of the pool's.
        std::thread::spawn(move || drop(say.send(helper.wait())));
        Ok(Alive { post, stopper, ended })
    }

    /// Binds the dapp's socket. Its folder belongs to the container's user, who puts `serve.sock` there.
    fn serve(
        &self,
        caller: Arc<local::Caller>,
        spec: &Spec,
        closed: watch::Receiver<bool>,
    ) -> Result<JoinHandle<()>, RunError> {
        let folder = self.services.home.dapp_folder(&self.name);
        let path = folder.join("api.sock");
        let failed = |source| RunError::Socket { path: path.clone(), source };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let listener = listen::unix(&path, 0o600).map_err(failed)?;
        for owned in [&folder, &path] {
            chown(owned, Some(spec.host_uid()), Some(spec.host_uid())).map_err(failed)?;
        }
        let listener = listen::Limited::new(listener, local::CONNECTIONS_MAX);
        Ok(tokio::spawn(listen::serve(listener, local::server(caller), None, closed)))
    }

    async fn start_helper(&self, spec: Spec) -> Result<Helper, RunError> {
        let (exe, name) = (self.exe.clone(), self.name.clone());
        let say = move |output: Output| tracing::info!(dapp = %name, "{}", output.line);
        Ok(tokio::task::spawn_blocking(move || Helper::start(&exe, &spec, say)).await??)
    }

    /// Waits until the dapp ends, ends it if that is wanted, and makes its outputs safe. The reason to wait
    /// before the next start; none if another release or none is wanted.
    async fn attend(&mut self, mut alive: Alive, release: &Release) -> Option<String> {
        let manifest = release.manifest.as_ref().ok();
        let reason = tokio::select! {
            ended = &mut alive.ended => Some(describe(ended)),
            // An error means that the supervisor is gone, which ends the dapp too.
            _ = self.release.changed() => None,
            silent = silence(&alive.post.caller, manifest) => Some(silent),
        };
        alive.post.caller.make_safe();
        self.say(release, "stopping", reason.clone());
        alive.stopper.stop();
        if !alive.ended.is_terminated() {
            let why = reason.as_deref().unwrap_or("another release, or none, is wanted");
            tracing::info!(dapp = %self.name, why, "stops");
            let ended = describe((&mut alive.ended).await);
            tracing::info!(dapp = %self.name, ended, "stopped");
        }
        // With `alive` goes its post: it may have moved something while it ended.
        reason
    }

    async fn wait(&mut self, release: &Release, reason: String, wait: Duration) {
        let state = if release.manifest.is_ok() { "waiting" } else { "broken" };
        let reason = format!("{reason}; next start in {} s", wait.as_secs());
        tracing::warn!(dapp = %self.name, reason, "does not run");
        self.say(release, state, Some(reason));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = self.release.changed() => {}
        }
    }

    fn say(&self, release: &Release, state: &str, reason: Option<String>) {
        let version = release.manifest.as_ref().map_or("", |manifest| &manifest.version).to_string();
        let (name, state, since) = (self.name.clone(), state.to_string(), self.services.clock.now());
        let status = DappStatus { name, version, state, reason, starts: self.starts, since };
        self.services.dapps.put(status.clone());
        self.services.live.say(wire::Live::Dapp(status));
    }
}

/// Returns when a dapp that promised to say that it lives has not.
async fn silence(caller: &local::Caller, manifest: Option<&Manifest>) -> String {
    let Some(health) = manifest.and_then(|manifest| manifest.health) else {
        return std::future::pending().await;
    };
    loop {
        let silent = caller.silent_ms();
        if silent > health.interval_ms {
            return format!("it said nothing for {silent} ms, its manifest promises {}", health.interval_ms);
        }
        tokio::time::sleep(Duration::from_millis(health.interval_ms - silent + 1)).await;
    }
}

/// How it ended, for people.
fn describe(ended: Result<io::Result<Exit>, oneshot::error::RecvError>) -> String {
    match ended {
        Ok(Ok(exit)) if exit.oom_killed => "it used more memory than its manifest allows".into(),
        Ok(Ok(Exit { signal: Some(signal), .. })) => format!("it was killed by signal {signal}"),
        Ok(Ok(Exit { code: Some(code), .. })) => format!("it ended with exit code {code}"),
        Ok(Ok(_)) => "it ended".into(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "nobody waited for it".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Appliance, tests::founded};

    const MANIFEST: &str = "name = \"door\"\nversion = \"1\"\ndevices = [\"strike\"]\n[serve]\n";

    fn post(up: &Appliance) -> Post {
        let manifest = Manifest::parse(MANIFEST.as_bytes()).unwrap();
        let caller = local::Caller::new(up.services.clone(), manifest);
        Post { caller, server: tokio::spawn(std::future::pending()), _open: watch::Sender::new(false) }
    }

    fn strike_is_on(up: &Appliance) -> bool {
        up.services.devices.granted(|device| device.as_str() == "strike")[0].on
    }

    #[tokio::test]
    async fn a_runner_that_panics_leaves_its_outputs_safe() {
        let (_folder, up) = founded();
        let post = post(&up);
        up.services.devices.set(&"strike".parse().unwrap(), true, None).unwrap();
        let runner = tokio::spawn(async move {
            let _post = post;
            panic!("a fault of ours, made up by this test");
        });
        assert!(runner.await.unwrap_err().is_panic());
        assert!(!strike_is_on(&up), "nobody is in charge of the strike and it is drawn");
    }
}
