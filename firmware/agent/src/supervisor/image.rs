//! From a release in the ledger to an order for the container: the image unpacked, the manifest's limits in it.
//!
//! Unpacked images are a cache: one folder per dapp and image, made when missing, older ones of the dapp removed,
//! and at the start those of dapps that the ledger has no more.

use super::Release;
use crate::{
    blobs::BlobError,
    order::{OrderError, order},
    services::Services,
};
use container::{
    Bind, Network, Spec,
    image::{UnpackError, UnpackLimits, Unpacked},
};
use dapp::Manifest;
use model::Name;
use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

/// Where a dapp sees its sockets.
const RUN_FOLDER: &str = "/run/ledger";
/// Below which control group those of every home are.
const CGROUPS: &str = "/ledger";

/// An image that cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Its chunks cannot be had.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// It is not one, or the disk failed.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The cache cannot be read or written.
    #[error("cannot use the cache at {path}")]
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

/// The unpacked image of a release, from the cache if it is there. Blocks.
pub fn unpack(services: &Services, name: &Name, release: &Release) -> Result<Unpacked, ImageError> {
    let images = services.home.images_folder();
    let folder = images.join(format!("{name}@{}", release.image_id));
    remove_older(&images, name, &folder)?;
    if let Some(unpacked) = container::image::unpacked(&folder, release.uid_base) {
        return Ok(unpacked);
    }
    let reader = services.blobs.read(&release.image_id)?;
    Ok(container::image::unpack(reader, &folder, release.uid_base, UnpackLimits::default())?)
}

/// Removes the unpacked images of all dapps but these. Blocks.
pub fn remove_others(images: &Path, dapps: &BTreeSet<Name>) -> Result<(), ImageError> {
    remove(images, |dapp, _| !dapps.iter().any(|name| name.as_str() == dapp))
}

fn remove_older(images: &Path, name: &Name, keep: &Path) -> Result<(), ImageError> {
    remove(images, |dapp, path| dapp == name.as_str() && path != keep)
}

/// Removes the images that `unwanted` names by their dapp and folder.
fn remove(images: &Path, unwanted: impl Fn(&str, &Path) -> bool) -> Result<(), ImageError> {
    let failed = |source| ImageError::Cache { path: images.to_path_buf(), source };
    for entry in std::fs::read_dir(images).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let of_dapp = path.file_name().and_then(|file| file.to_str()).and_then(|file| file.split_once('@'));
        if of_dapp.is_some_and(|(dapp, _)| unwanted(dapp, &path)) {
            std::fs::remove_dir_all(&path).map_err(failed)?;
        }
    }
    Ok(())
}

/// The order for the container: what the manifest grants and no more.
pub fn spec(
    services: &Services,
    manifest: &Manifest,
    unpacked: Unpacked,
    uid_base: u32,
) -> Result<Spec, ImageError> {
    let serve = manifest.serve.as_ref().ok_or(OrderError::NoProgram)?;
    let mut spec = order(manifest.name.clone(), serve, unpacked, uid_base)?;
    let (source, target) = (services.home.dapp_folder(&manifest.name), RUN_FOLDER.into());
    spec.mounts = vec![Bind { source, target, writable: true }];
    spec.network = if manifest.network { Network::Host } else { Network::None };
    spec.stop_timeout_ms = serve.timeout_ms;
    // Another home on this machine may have a dapp of the same name; this home's next ledgerd finds what a killed
    // one left.
    spec.cgroup_parent = Path::new(CGROUPS).join(format!("{:.12}", services.key.to_string()));
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::founded;
    use container::image::{ImageConfig, Platform};

    const MANIFEST: &str = "name = \"door\"\nversion = \"1\"\n[serve]\nargs = [\"/door\"]\n";

    /// An image below `root` that asks for a user.
    fn image(root: &Path, user: &str) -> Unpacked {
        let config = ImageConfig {
            platform: Platform::host(),
            args: Vec::new(),
            env: std::collections::BTreeMap::new(),
            cwd: "/".into(),
            user: user.into(),
            layers: Vec::new(),
        };
        Unpacked { root: root.into(), config }
    }

    #[tokio::test]
    async fn a_dapp_runs_as_the_user_that_its_image_names() {
        let (_folder, up) = founded();
        let manifest = Manifest::parse(MANIFEST.as_bytes()).unwrap();
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/passwd"), "door:x:120:130::/:/door\n").unwrap();
        let spec = |user| spec(&up.services, &manifest, image(root.path(), user), 1 << 20);
        let user = spec("door").unwrap().user;
        assert_eq!((user.uid, user.gid), (120, 130));
        assert!(spec("gate").err().unwrap().to_string().contains("etc/passwd"));
    }

    #[tokio::test]
    async fn two_homes_on_one_machine_have_control_groups_of_their_own() {
        let (_folder, up) = founded();
        let manifest = Manifest::parse(MANIFEST.as_bytes()).unwrap();
        let unpacked = image(Path::new("/image"), "");
        let spec = spec(&up.services, &manifest, unpacked, 1 << 20).unwrap();
        let key = up.services.home.node_key().unwrap().public().id().to_string();
        assert_eq!(spec.cgroup(), Path::new("/ledger").join(&key[..12]).join("door"));
    }

    #[test]
    fn images_of_dapps_that_the_ledger_has_no_more_are_removed() {
        let images = tempfile::tempdir().unwrap();
        for folder in ["door@1", "door-bell@2", "gone@3", "gone@4.1048576.partial"] {
            std::fs::create_dir_all(images.path().join(folder).join("root")).unwrap();
        }
        let dapps = ["door", "door-bell"].map(|name| name.parse().unwrap());
        remove_others(images.path(), &BTreeSet::from(dapps)).unwrap();
        let left = std::fs::read_dir(images.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.collect::<BTreeSet<_>>(), BTreeSet::from(["door@1".into(), "door-bell@2".into()]));
    }
}
