//! One run of a judge: its image unpacked, its container from start to end, and what that means.

use super::{Place, RunError, UID_JUDGES, heard::Heard};
use crate::{
    blobs::{BlobError, Blobs},
    order::{OrderError, order},
};
use chunk::Manifest as Chunks;
use container::{
    Bind, Ended, Exit, Helper, Spec, Stopper,
    image::{UnpackError, UnpackLimits, Unpacked},
};
use dapp::manifest::Entry;
use ledger::{Broken, JudgeTask, Outcome};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// Where a judge sees the folder with its input.
const INPUT_FOLDER: &str = "/run/judge";
/// How many unpacked images are kept.
const IMAGES: usize = 8;

/// A judge's image that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The list of its chunks.
    #[error("its image.manifest cannot be read")]
    List(#[source] io::Error),
    /// Its chunks.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// It is none, or the disk failed.
    #[error("its image cannot be unpacked")]
    Unpack(#[from] UnpackError),
    /// The cache.
    #[error("the cache at {path} cannot be used")]
    Cache {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is nothing in it that can be run.
    #[error(transparent)]
    Order(#[from] OrderError),
}

impl ImageError {
    /// Whether it is this box's disk, and not the image.
    pub fn is_ours(&self) -> bool {
        match self {
            Self::Cache { .. } | Self::Unpack(UnpackError::Write { .. }) => true,
            Self::Blob(error) => error.is_full(),
            _ => false,
        }
    }
}

/// The task's image, unpacked; from the cache if it is there.
pub fn unpack(
    images: &Path,
    blobs: &Blobs,
    task: &JudgeTask,
    chunks: Chunks,
) -> Result<Unpacked, ImageError> {
    let folder = images.join(task.image.to_string());
    if let Some(unpacked) = container::image::unpacked(&folder, UID_JUDGES) {
        return Ok(unpacked);
    }
    make_room(images).map_err(|source| ImageError::Cache { path: images.into(), source })?;
    let reader = blobs.read_file(chunks);
    Ok(container::image::unpack(reader, &folder, UID_JUDGES, UnpackLimits::default())?)
}

/// Removes the oldest images, so that one more has room.
fn make_room(images: &Path) -> io::Result<()> {
    fs::create_dir_all(images)?;
    let aged = |entry: io::Result<fs::DirEntry>| -> io::Result<(SystemTime, PathBuf)> {
        let entry = entry?;
        Ok((entry.metadata()?.modified()?, entry.path()))
    };
    let mut all = fs::read_dir(images)?.map(aged).collect::<io::Result<Vec<_>>>()?;
    all.sort();
    let surplus = (all.len() + 1).saturating_sub(IMAGES);
    all.iter().take(surplus).try_for_each(|(_, path)| fs::remove_dir_all(path))
}

/// The order for the container. What every judge sees of its surroundings is the same on every box: the
/// host name is `judge`, the environment is the image's, its user ids begin at 0.
pub fn spec(place: &Place, entry: &Entry, unpacked: Unpacked, input: PathBuf) -> Result<Spec, ImageError> {
    let name = "judge".parse().expect("because it is a name");
    let mut spec = order(name, entry, unpacked, UID_JUDGES)?;
    spec.mounts = vec![Bind { source: input, target: INPUT_FOLDER.into(), writable: false }];
    spec.deadline_ms = Some(entry.timeout_ms);
    spec.stop_timeout_ms = 0;
    spec.cgroup_parent.clone_from(&place.cgroups);
    Ok(spec)
}

/// Runs the container to its end. `started` hears how to stop it, and says whether it may go on.
pub fn run(exe: &Path, spec: &Spec, started: impl FnOnce(Stopper) -> bool) -> Result<Outcome, RunError> {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let hear = heard.clone();
    let output = move |output| hear.lock().unwrap_or_else(PoisonError::into_inner).take(output);
    let helper = Helper::start(exe, spec, output)?;
    if !started(helper.stopper()) {
        helper.stop();
    }
    let exit = helper.wait().map_err(RunError::Lost)?;
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(outcome(&exit, &heard))
}

fn outcome(exit: &Exit, heard: &Heard) -> Outcome {
    let broken = match exit {
        Exit { oom_killed: true, .. } => Broken::Memory,
        Exit { ended: Ended::Deadline, .. } => Broken::TimedOut,
        Exit { code: Some(0), .. } => return heard.answer(),
        Exit { code: Some(code), .. } => Broken::Exit(*code),
        Exit { code: None, .. } => Broken::Killed,
    };
    Outcome::Broken(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_container_says_what_became_of_the_judge() {
        let exit = |code, oom_killed, ended| Exit { code, signal: None, oom_killed, ended };
        let said = |exit: Exit| outcome(&exit, &Heard::default());
        let broken = Outcome::Broken;
        assert_eq!(said(exit(Some(0), false, Ended::Itself)), broken(Broken::NotAnAnswer));
        assert_eq!(said(exit(Some(3), false, Ended::Itself)), broken(Broken::Exit(3)));
        assert_eq!(said(exit(None, false, Ended::Itself)), broken(Broken::Killed));
        assert_eq!(said(exit(None, false, Ended::Deadline)), broken(Broken::TimedOut));
        assert_eq!(said(exit(Some(0), true, Ended::Itself)), broken(Broken::Memory));
    }

    #[test]
    fn the_oldest_images_make_room() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..IMAGES + 2 {
            let path = folder.path().join(n.to_string());
            fs::create_dir(&path).unwrap();
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(n as u64 + 1);
            fs::File::open(&path).unwrap().set_modified(at).unwrap();
        }
        make_room(folder.path()).unwrap();
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, IMAGES - 1);
        assert!(folder.path().join((IMAGES + 1).to_string()).exists() && !folder.path().join("0").exists());
    }
}
