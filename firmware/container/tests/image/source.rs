//! What builders make, honest and damaged, turned into image tars.

use crate::oci::{Layer, Layout, for_platform, index, sha256};
use container::image::{Platform, Source, UnpackLimits, layer, unpack};
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};
use tempfile::TempDir;

fn amd64() -> Platform {
    Platform { os: "linux".into(), architecture: "amd64".into(), variant: String::new() }
}

fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn layers() -> Vec<(Vec<u8>, &'static str)> {
    let file = |name: &str| Layer::new().folder("etc").file(name, "content").tar();
    vec![(file("etc/plain"), ""), (file("etc/gzip"), "+gzip"), (file("etc/zstd"), "+zstd")]
}

fn written(path: &Path) -> Result<Vec<u8>, String> {
    let mut image = Vec::new();
    let source = Source::open(path, &amd64()).map_err(|error| said(&error))?;
    source.write(&mut image).map_err(|error| said(&error))?;
    Ok(image)
}

fn said(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(said);
    format!("{error}{}", cause.map_or(String::new(), |cause| format!(": {cause}")))
}

#[test]
fn a_layout_becomes_an_image_tar_with_plain_layers() {
    let temp = temp();
    let layout = Layout::with(&temp.path().join("layout"), "amd64", &layers());
    let image = written(&layout.0).unwrap();
    let plain: Vec<Vec<u8>> = layers().into_iter().map(|(tar, _)| tar).collect();
    let mut members = BTreeMap::new();
    for entry in tar::Archive::new(image.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        members.insert(entry.path().unwrap().to_str().unwrap().to_owned(), bytes);
    }
    assert_eq!(members["config.json"], crate::oci::config("amd64", &plain).as_bytes());
    assert_eq!(members["layers/0.tar"], plain[0]);
    assert_eq!(members["layers/1.tar"], plain[1]);
    assert_eq!(members["layers/2.tar"], plain[2]);
    assert_eq!(members.len(), 4);
    let source = Source::open(&layout.0, &amd64()).unwrap();
    assert_eq!(source.id(), sha256(&members["config.json"]));
    let root =
        unpack(image.as_slice(), &temp.path().join("image"), 400_000, UnpackLimits::default()).unwrap().root;
    assert_eq!(fs::read_to_string(root.join("etc/zstd")).unwrap(), "content");
}

#[test]
fn a_layout_as_a_tar_gives_the_same_bytes() {
    let temp = temp();
    let layout = Layout::with(&temp.path().join("layout"), "amd64", &layers());
    let tar = temp.path().join("layout.tar");
    fs::write(&tar, layout.tar()).unwrap();
    assert_eq!(written(&layout.0).unwrap(), written(&tar).unwrap());
}

#[test]
fn a_changed_blob_is_named() {
    for media_type in ["manifest", "config", "layer"] {
        let temp = temp();
        let layout = Layout::with(temp.path(), "amd64", &layers()[..1]);
        let mark = match media_type {
            "manifest" => "schemaVersion",
            "config" => "diff_ids",
            _ => "ustar",
        };
        let name = changed(&layout, mark);
        let said = written(temp.path()).unwrap_err();
        assert!(said.contains(&name) && said.contains("SHA-256"), "{media_type}: {said}");
    }
}

/// Changes one byte of the blob in which `mark` occurs, and tells its name.
fn changed(layout: &Layout, mark: &str) -> String {
    for entry in fs::read_dir(layout.0.join("blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if bytes.windows(mark.len()).any(|window| window == mark.as_bytes()) {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            fs::write(&path, bytes).unwrap();
            return path.file_name().unwrap().to_str().unwrap().to_owned();
        }
    }
    panic!("no blob has {mark}");
}

#[test]
fn a_missing_blob_is_named() {
    let temp = temp();
    let layout = Layout::with(temp.path(), "amd64", &layers()[..1]);
    let name = sha256(&layers()[0].0);
    fs::remove_file(layout.0.join("blobs/sha256").join(&name)).unwrap();
    let said = written(temp.path()).unwrap_err();
    assert!(said.contains(&name) && said.contains("missing"), "{said}");
}

#[test]
fn a_blob_of_another_length_is_named() {
    let temp = temp();
    let layout = Layout::with(temp.path(), "amd64", &layers()[..1]);
    let index = fs::read_to_string(layout.0.join("index.json")).unwrap();
    let longer = index.replace("\"size\":", "\"size\":1");
    fs::write(layout.0.join("index.json"), longer).unwrap();
    let said = written(temp.path()).unwrap_err();
    assert!(said.contains("bytes, the image says 1"), "{said}");
}

#[test]
fn an_unknown_media_type_is_named() {
    let temp = temp();
    let layout = Layout::new(temp.path());
    let config = layout
        .add("application/vnd.oci.image.config.v1+json", crate::oci::config("amd64", &[vec![]]).as_bytes());
    let odd = layout.add("application/x-7z", b"");
    let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{odd}]}}"#);
    layout.index(&[layout.add("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes())]);
    let said = written(temp.path()).unwrap_err();
    assert!(said.contains("application/x-7z") && said.contains(&sha256(b"")), "{said}");
}

#[test]
fn a_digest_cannot_be_a_path() {
    let temp = temp();
    let layout = Layout::new(temp.path());
    let up = r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:../../../etc/passwd","size":1}"#;
    layout.index(&[up.into()]);
    assert!(written(temp.path()).unwrap_err().contains("index"));
}

#[test]
fn a_layout_cannot_lead_out_of_itself() {
    let temp = temp();
    let layout = Layout::with(&temp.path().join("layout"), "amd64", &layers()[..1]);
    let secret = temp.path().join("index.json");
    fs::rename(layout.0.join("index.json"), &secret).unwrap();
    symlink("../index.json", layout.0.join("index.json")).unwrap();
    assert!(written(&layout.0).unwrap_err().contains("index.json"));

    let tar = temp.path().join("layout.tar");
    fs::write(&tar, Layer::new().file("../oci-layout", "{}").tar()).unwrap();
    let said = written(&tar).unwrap_err();
    assert!(said.contains("../oci-layout") && said.contains("'..'"), "{said}");
}

#[test]
fn a_layer_that_is_another_when_unpacked_is_refused() {
    let temp = temp();
    let layout = Layout::new(temp.path());
    let told = crate::oci::config("amd64", &[Layer::new().file("a", "told").tar()]);
    let config = layout.add("application/vnd.oci.image.config.v1+json", told.as_bytes());
    let given = crate::oci::gzip(&Layer::new().file("a", "given").tar());
    let layer = layout.add("application/vnd.oci.image.layer.v1.tar+gzip", &given);
    let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}]}}"#);
    layout.index(&[layout.add("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes())]);
    assert!(written(temp.path()).unwrap_err().contains("layer 0 uncompressed"));
}

#[test]
fn what_could_not_be_unpacked_is_not_published() {
    let temp = temp();
    let hostile = Layer::new().file("../../etc/passwd", "x").tar();
    let layout = Layout::with(temp.path(), "amd64", &[(hostile, "+gzip")]);
    let said = written(&layout.0).unwrap_err();
    assert!(said.contains("layer 0") && said.contains("../../etc/passwd"), "{said}");
}

#[test]
fn the_image_for_the_platform_is_taken() {
    let temp = temp();
    let layout = Layout::new(temp.path());
    let image = |architecture: &str| {
        let layer = Layer::new().file(architecture, "x").tar();
        layout.manifest(architecture, &[(layer, "")])
    };
    let inner =
        index(&[for_platform(&image("arm"), "arm", "v6"), for_platform(&image("amd64"), "amd64", "")]);
    let inner = layout.add("application/vnd.oci.image.index.v1+json", inner.as_bytes());
    layout.index(&[inner]);
    assert_eq!(Source::open(temp.path(), &amd64()).unwrap().config().platform.architecture, "amd64");
    let arm = Platform { os: "linux".into(), architecture: "arm".into(), variant: "v7".into() };
    assert_eq!(Source::open(temp.path(), &arm).unwrap().config().platform.architecture, "arm");
    let mips = Platform { architecture: "mips".into(), ..amd64() };
    let said = said(&Source::open(temp.path(), &mips).unwrap_err());
    assert!(said.contains("nothing for linux/mips") && said.contains("linux/arm/v6, linux/amd64"), "{said}");
}

#[test]
fn a_folder_with_a_program_is_an_image_whatever_its_times_are() {
    let (one, two) = (temp(), temp());
    for folder in [one.path(), two.path()] {
        fs::write(folder.join("dapp.toml"), manifest("/bin/door")).unwrap();
        fs::write(folder.join("door"), "#!/bin/sh\n").unwrap();
    }
    fs::set_permissions(two.path().join("door"), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(
        Command::new("touch")
            .args(["-d", "2001-01-01"])
            .arg(two.path().join("door"))
            .status()
            .unwrap()
            .success()
    );
    let image = written(one.path()).unwrap();
    assert_eq!(image, written(two.path()).unwrap());
    let root =
        unpack(image.as_slice(), &one.path().join("image"), 400_000, UnpackLimits::default()).unwrap().root;
    assert_eq!(fs::metadata(root.join("bin/door")).unwrap().permissions().mode() & 0o7777, 0o755);
}

#[test]
fn a_rootfs_is_taken_as_it_is() {
    let temp = temp();
    fs::write(temp.path().join("dapp.toml"), manifest("/bin/door")).unwrap();
    fs::create_dir_all(temp.path().join("rootfs/bin")).unwrap();
    fs::write(temp.path().join("rootfs/bin/real"), "x").unwrap();
    symlink("real", temp.path().join("rootfs/bin/door")).unwrap();
    fs::create_dir_all(temp.path().join("rootfs").join("d".repeat(120)).join("e".repeat(120))).unwrap();
    let image = written(temp.path()).unwrap();
    let root =
        unpack(image.as_slice(), &temp.path().join("image"), 400_000, UnpackLimits::default()).unwrap().root;
    assert_eq!(fs::read_link(root.join("bin/door")).unwrap(), Path::new("real"));
    assert!(root.join("d".repeat(120)).join("e".repeat(120)).is_dir());
}

#[test]
fn a_program_that_could_not_run_alone_is_refused() {
    let temp = temp();
    fs::write(temp.path().join("dapp.toml"), manifest("/door")).unwrap();
    let said = written(temp.path()).unwrap_err();
    assert!(said.contains("/door") && said.contains("no such file"), "{said}");
    fs::copy("/proc/self/exe", temp.path().join("door")).unwrap();
    let said = written(temp.path()).unwrap_err();
    assert!(said.contains("dynamically linked"), "{said}");
    fs::write(temp.path().join("dapp.toml"), "name = \"door\"\n").unwrap();
    assert!(written(temp.path()).unwrap_err().contains("dapp.toml"));
}

#[test]
fn what_is_neither_layout_nor_dapp_is_told() {
    let temp = temp();
    assert!(written(temp.path()).unwrap_err().contains("neither an OCI image layout"));
    assert!(written(&temp.path().join("absent")).unwrap_err().contains("absent"));
    fs::write(temp.path().join("noise.tar"), [7; 2000]).unwrap();
    assert!(written(&temp.path().join("noise.tar")).is_err());
    fs::write(temp.path().join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert!(written(temp.path()).unwrap_err().contains("2.0.0"));
}

#[test]
fn noise_never_panics_the_reader_of_layers() {
    use proptest::prelude::*;
    let whole = Layer::new().file("a/b", "content").symlink("c", "a/b").link("d", "a/b").tar();
    proptest!(|(noise in prop::collection::vec((0..whole.len(), any::<u8>()), 0..20))| {
        let mut bytes = whole.clone();
        noise.iter().for_each(|(at, byte)| bytes[*at] = *byte);
        let _ = layer::read(bytes.as_slice(), |_, content| {
            std::io::copy(content, &mut std::io::sink()).map_err(layer::LayerError::Tar).map(drop)
        });
    });
}

fn manifest(program: &str) -> String {
    format!("name = \"door\"\nversion = \"1\"\n[serve]\nargs = [\"{program}\"]\n")
}
