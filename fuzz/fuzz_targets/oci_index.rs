//! Any bytes as an index, a manifest and a configuration of an image: an error, or names of blobs that are
//! plain hex.
#![no_main]

use container::image::{
    ImageConfig, Platform,
    oci::{Choice, choose, parts},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let is_name = |name: &str| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
    if let Ok(Choice::Manifest(blob) | Choice::Index(blob)) = choose(bytes, &Platform::host()) {
        assert!(is_name(&blob.sha256));
    }
    if let Ok(parts) = parts(bytes) {
        assert!(is_name(&parts.config.sha256) && parts.layers.iter().all(|(blob, _)| is_name(&blob.sha256)));
    }
    if let Ok(config) = ImageConfig::parse(bytes) {
        assert!(config.layers.len() <= ImageConfig::MAX_LAYERS && config.layers.iter().all(|id| is_name(id)));
    }
});
