//! Any bytes as a release's document: an error, or a release that says again what it said and fits together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Millis;
use update::{Authority, Release, Share, Signer, Version};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(version) = text.parse::<Version>()
    {
        assert_eq!(version.to_string(), text);
        assert!(text.parse::<model::Name>().is_ok());
    }
    let Ok(release) = Release::parse(bytes) else { return };
    assert_eq!(release.to_text().expect("because it was read").as_bytes(), bytes);
    assert!(release.folder().is_ok());
    assert!(release.from.as_ref().is_none_or(|from| *from < release.version));
    assert!(release.floor.as_ref().is_none_or(|floor| *floor <= release.version));
    if let Some(rollout) = &release.rollout {
        let times = rollout.steps.iter().map(|step| step.at);
        let shares: Vec<Share> = times.chain([Millis(u64::MAX)]).map(|at| rollout.share(at)).collect();
        assert!(shares.is_sorted());
    }
    let authority = Authority::new(1, vec![Signer { name: "person:alice".to_owned(), keys: vec![] }]);
    assert!(authority.approve(bytes, &[]).is_err());
});
