//! Any bytes as an access list: records or problems, documents that the ledger takes, and the second time nothing.
#![no_main]

use cli::import::makeitlabs::{Wish, parse, plan};
use libfuzzer_sys::fuzz_target;
use model::BadgeKey;

fuzz_target!(|bytes: &[u8]| {
    let list = parse(bytes);
    let (resource, key) = ("frontdoor".parse().expect("because it is a name"), BadgeKey::new([1; 32]));
    let wish = Wish { resource: &resource, key: &key, replace: true };
    let people = plan(&list.records, &[], &wish).documents;
    for (_, person) in &people {
        assert!(person.to_canonical().is_ok());
    }
    assert!(plan(&list.records, &people, &wish).documents.is_empty());
});
