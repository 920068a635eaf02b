//! Any bytes as a message between validators: an error, or what is written again as it came; and no message, however
//! it is signed, upsets an engine.
#![no_main]

use ledger::finality::{Engine, Message, Timeouts, Validators};
use libfuzzer_sys::fuzz_target;
use model::{BlockId, Millis, OrgId, SigningKey};

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = Message::parse(bytes) else { return };
    assert_eq!(message.to_bytes(), bytes);
    let (org, branch) = message.place();
    let keys = [1, 2, 3, 4].map(|n| SigningKey::from_seed(&[n; 32]));
    let weights = keys.iter().map(|key| (key.public().id(), (key.public(), 1))).collect();
    let mut engine = Engine::new(*org, branch.clone(), keys[0].clone(), Timeouts::default());
    engine.start(message.height(), BlockId::new([0; 32]), Validators { weights }, Millis(1));
    let _ = engine.receive(bytes, Millis(1));
    // The same with signatures that fit, where the signer is one of the four.
    for key in &keys {
        if let Some(signed) = resign(&message, key) {
            let _ = engine.receive(&signed.to_bytes(), Millis(2));
        }
    }
    engine.begin(Millis(3));
    let _ = engine.receive(bytes, Millis(4));
    engine.tick(Millis(1_000_000));
    engine.effects();
    assert!(engine.receive(&elsewhere(&message), Millis(5)).is_err());
});

fn resign(message: &Message, key: &SigningKey) -> Option<Message> {
    match message {
        Message::Ballot(signed) => Some(Message::Ballot(signed.ballot.clone().sign(key))),
        Message::Proposal(signed) => Some(Message::Proposal(signed.proposal.clone().sign(key))),
        _ => None,
    }
}

/// The message as another organisation's.
fn elsewhere(message: &Message) -> Vec<u8> {
    let mut other = message.clone();
    let org = match &mut other {
        Message::Ballot(signed) => &mut signed.ballot.org,
        Message::Proposal(signed) => &mut signed.proposal.org,
        Message::Polka(polka) => &mut polka.org,
        Message::RoundChange(change) => &mut change.org,
    };
    let mut id = *org.as_bytes();
    id[0] ^= 1;
    *org = OrgId::new(id);
    other.to_bytes()
}
