//! Any bytes as a dapp's manifest: an error, or a manifest that is the same after it was written and read again.
#![no_main]

use dapp::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::parse(bytes) {
        let document = model::Document::from_value(&manifest).expect("because a manifest is a document");
        let text = document.to_canonical().expect("because a manifest is small");
        assert_eq!(Manifest::parse(text.as_bytes()).expect("because it was read before"), manifest);
        assert!(manifest.serve.is_some() || manifest.judge.is_some());
    }
});
