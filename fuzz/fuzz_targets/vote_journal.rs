//! Any bytes as the journal of a vote: refused, or an engine goes on from them.
#![no_main]

use ledger::finality::{Engine, Timeouts, Validators};
use libfuzzer_sys::fuzz_target;
use model::{BlockId, Millis, OrgId, SigningKey};

fuzz_target!(|bytes: &[u8]| {
    let keys = [1, 2, 3, 4].map(|n| SigningKey::from_seed(&[n; 32]));
    let weights = keys.iter().map(|key| (key.public().id(), (key.public(), 1))).collect();
    let branch = "main".parse().expect("because it is a name");
    let mut engine = Engine::new(OrgId::new([1; 32]), branch, keys[0].clone(), Timeouts::default());
    let recovered = engine.recover(bytes);
    engine.start(1, BlockId::new([0; 32]), Validators { weights }, Millis(1));
    engine.begin(Millis(1));
    engine.tick(Millis(1_000_000));
    engine.effects();
    assert!(recovered.is_ok() || !engine.is_voting(), "a damaged journal means silence");
});
