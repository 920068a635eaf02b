//! Any bytes as a layer of an image: an error, or steps none of which leads out of the root or keeps a right
//! that containers do not have.
#![no_main]

use container::image::layer::{LayerError, What, read};
use libfuzzer_sys::fuzz_target;
use std::{io, path::Component};

fuzz_target!(|bytes: &[u8]| {
    let _ = read(bytes, |step, content| {
        let plain = |path: &std::path::Path| {
            path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        };
        assert!(plain(step.path.as_path()));
        assert!(step.mode & 0o6000 == 0 && step.uid < container::IDS_PER_CONTAINER);
        match &step.what {
            What::HardLink(target) => assert!(plain(target.as_path()) && target.split().is_some()),
            What::Symlink(target) => assert!(!target.is_empty() && !target.contains(&0)),
            _ => {}
        }
        io::copy(content, &mut io::sink()).map(drop).map_err(LayerError::Tar)
    });
});
