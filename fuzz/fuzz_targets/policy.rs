//! Any bytes as a policy: an error, or a policy that gives nobody a log or what no rule names.
#![no_main]

use ledger::{Owner, Policy, Signer};
use libfuzzer_sys::fuzz_target;
use model::{KeyId, StatePath};

fuzz_target!(|bytes: &[u8]| {
    let Ok(policy) = Policy::parse(bytes) else { return };
    let key: KeyId = "00112233445566778899aabbccddeeff".parse().expect("because it is a key id");
    let path = |text: &str| text.parse::<StatePath>().expect("because it is a path");
    for people in policy.roles.values() {
        for person in people {
            let owner = Owner::Person(person.clone());
            let signer = Signer { key, owner, active_node: false, dapp: None };
            assert!(policy.may_write(&signer, &path("log/front/2026-11/22/000001.jsonl")).is_err());
            for at in ["policy.toml", "people/alice.toml"] {
                let may = policy.may_write(&signer, &path(at)).is_ok();
                assert_eq!(may, policy.writers_of(&path(at)).contains(person));
            }
        }
    }
});
