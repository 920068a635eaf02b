//! Any bytes as a frame of a peer, as a request and as the note of misdeeds: refused, or the same again when
//! written. A machine that hears any frames, after a right greeting or none, asks nobody for more than its limits and
//! never panics.
#![no_main]

use ledger::MemoryObjects;
use libfuzzer_sys::{arbitrary, fuzz_target};
use model::{KeyId, Millis, OrgId};
use sync::{Action, Conduct, Hello, Limits, Message, Request, SYNC_PROTOCOL, Sync};

const PEER: KeyId = KeyId::new([2; 16]);

#[derive(arbitrary::Arbitrary, Debug)]
struct Input<'a> {
    frames: Vec<&'a [u8]>,
    greets: bool,
}

fuzz_target!(|input: Input| {
    for bytes in &input.frames {
        if let Ok(message) = Message::parse(bytes) {
            assert_eq!(Message::parse(&message.to_bytes()), Ok(message));
        }
        if let Ok(request) = Request::parse(bytes) {
            assert_eq!(Request::parse(&request.to_bytes()), Ok(request));
        }
        if let Ok(conduct) = Conduct::parse(bytes, Millis(0)) {
            let again = Conduct::parse(&conduct.to_bytes(Millis(0)), Millis(0));
            assert_eq!(again.ok().as_ref(), Some(&conduct));
        }
    }
    listen(&input);
});

fn listen(input: &Input) {
    let (org, objects) = (OrgId::new([7; 32]), MemoryObjects::default());
    let mut sync = Sync::new(KeyId::new([1; 16]), org, "fuzz", Limits::default(), Conduct::default());
    sync.connected(PEER, Millis(0));
    if input.greets {
        let hello = Hello { protocol: SYNC_PROTOCOL, org, software: String::new() };
        sync.received(PEER, &Message::Hello(hello).to_bytes(), &objects, Millis(1));
    }
    for (at, frame) in input.frames.iter().enumerate() {
        let now = Millis(at as u64 * 10);
        sync.received(PEER, frame, &objects, now);
        sync.asked(PEER, frame, now);
        for action in sync.actions() {
            match action {
                Action::Request { id, bytes, .. } => {
                    assert!(Request::parse(&bytes).is_ok());
                    sync.response(PEER, id, Some(frame), &objects, now);
                }
                Action::Send { frame, .. } => assert!(Message::parse(&frame).is_ok()),
                _ => {}
            }
        }
        sync.tick(&objects, now);
        assert!(sync.wake_at().is_none_or(|next| next > now));
    }
}
