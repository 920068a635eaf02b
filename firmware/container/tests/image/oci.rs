//! A small builder of OCI image layouts, good and bad ones.

use sha2::{Digest, Sha256};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};
use tar::{Builder, EntryType, Header};

/// A layer's tar under construction.
pub struct Layer(Builder<Vec<u8>>);

impl Layer {
    pub fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub fn folder(self, path: &str) -> Self {
        self.entry(path, EntryType::Directory, "", b"", 0o755, 0)
    }

    pub fn file(self, path: &str, content: &str) -> Self {
        self.entry(path, EntryType::Regular, "", content.as_bytes(), 0o644, 0)
    }

    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(path, EntryType::Symlink, target, b"", 0o777, 0)
    }

    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(path, EntryType::Link, target, b"", 0o644, 0)
    }

    /// Any entry; names go into the header as they are, which the tar crate itself would refuse to do.
    pub fn entry(
        mut self,
        path: &str,
        kind: EntryType,
        link: &str,
        content: &[u8],
        mode: u32,
        uid: u64,
    ) -> Self {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_gnu_mut().unwrap().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        header.set_uid(uid);
        header.set_gid(uid);
        header.set_mtime(1_000_000_000);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    pub fn tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// An image tar made of these layers, with the digests that they have.
pub fn image_tar(layers: &[Vec<u8>]) -> Vec<u8> {
    let config = config("amd64", layers);
    let mut tar = Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    add("config.json", config.as_bytes());
    layers.iter().enumerate().for_each(|(n, layer)| add(&format!("layers/{n}.tar"), layer));
    tar.into_inner().unwrap()
}

pub fn config(architecture: &str, layers: &[Vec<u8>]) -> String {
    let ids: Vec<String> = layers.iter().map(|layer| format!("\"sha256:{}\"", sha256(layer))).collect();
    format!(
        r#"{{"architecture":"{architecture}","os":"linux","config":{{"Cmd":["/bin/door"],"User":"door"}},
        "rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        ids.join(",")
    )
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// An image layout on disk.
pub struct Layout(pub PathBuf);

impl Layout {
    pub fn new(path: &Path) -> Self {
        fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self(path.to_owned())
    }

    /// A whole image: layers with their media type's ending (`""`, `+gzip`, `+zstd`), for one architecture.
    pub fn with(path: &Path, architecture: &str, layers: &[(Vec<u8>, &str)]) -> Self {
        let layout = Self::new(path);
        let manifest = layout.manifest(architecture, layers);
        layout.index(&[manifest]);
        layout
    }

    /// Adds a manifest with all it needs; tells its descriptor, without a platform.
    pub fn manifest(&self, architecture: &str, layers: &[(Vec<u8>, &str)]) -> String {
        let plain: Vec<Vec<u8>> = layers.iter().map(|(tar, _)| tar.clone()).collect();
        let config =
            self.add("application/vnd.oci.image.config.v1+json", config(architecture, &plain).as_bytes());
        let layers: Vec<String> = layers.iter().map(|(tar, ending)| self.layer(tar, ending)).collect();
        let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{}]}}"#, layers.join(","));
        self.add("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes())
    }

    pub fn index(&self, manifests: &[String]) {
        fs::write(self.0.join("index.json"), index(manifests)).unwrap();
    }

    /// Adds a blob; tells its descriptor.
    pub fn add(&self, media_type: &str, bytes: &[u8]) -> String {
        let name = sha256(bytes);
        fs::write(self.0.join("blobs/sha256").join(&name), bytes).unwrap();
        format!(r#"{{"mediaType":"{media_type}","digest":"sha256:{name}","size":{}}}"#, bytes.len())
    }

    /// The layout as one tar.
    pub fn tar(&self) -> Vec<u8> {
        let mut tar = Builder::new(Vec::new());
        tar.append_dir_all(".", &self.0).unwrap();
        tar.into_inner().unwrap()
    }

    fn layer(&self, tar: &[u8], ending: &str) -> String {
        let packed = match ending {
            "+gzip" => gzip(tar),
            "+zstd" => zstd(tar),
            _ => tar.to_vec(),
        };
        self.add(&format!("application/vnd.oci.image.layer.v1.tar{ending}"), &packed)
    }
}

pub fn index(manifests: &[String]) -> String {
    format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, manifests.join(","))
}

/// The descriptor with a platform.
pub fn for_platform(descriptor: &str, architecture: &str, variant: &str) -> String {
    let platform =
        format!(r#","platform":{{"os":"linux","architecture":"{architecture}","variant":"{variant}"}}}}"#);
    format!("{}{platform}", descriptor.strip_suffix('}').unwrap())
}
