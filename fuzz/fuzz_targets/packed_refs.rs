//! Any text as git's `packed-refs`: no panic, and every name that is taken is one that stays below `refs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use store::RefName;

fuzz_target!(|text: &str| {
    for name in store::parse_packed(text).into_keys() {
        let text = name.to_string();
        assert!(text.starts_with("refs/heads/") || text.starts_with("refs/ledger/"));
        assert!(!text.contains(".."));
        assert_eq!(text.parse::<RefName>().as_ref(), Ok(&name));
    }
});
