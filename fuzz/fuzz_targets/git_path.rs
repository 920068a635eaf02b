//! Any text as a name that git asks for: no panic, and every name that is taken is spelt as git spells it.
#![no_main]

use agent::git::{Wanted, loose_path};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let spelt = match Wanted::parse(text) {
        None => return,
        Some(Wanted::Head) => "HEAD".to_string(),
        Some(Wanted::Refs) => "info/refs".to_string(),
        Some(Wanted::Packs) => "objects/info/packs".to_string(),
        Some(Wanted::Loose(id)) => loose_path(&id),
        Some(Wanted::Pack(file)) => {
            format!("objects/pack/{}.{}", file.pack, if file.index { "idx" } else { "pack" })
        }
    };
    assert_eq!(spelt, text);
});
