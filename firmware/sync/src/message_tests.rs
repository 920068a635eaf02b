//! Frames come back as they were; whatever else arrives is refused.

use super::*;
use proptest::prelude::*;

fn head(n: u8, certificate: Option<Vec<u8>>) -> Head {
    let name = if n.is_multiple_of(2) { RefName::main() } else { RefName::writer(KeyId::new([n; 16])) };
    Head { name, block: BlockId::new([n; 32]), certificate }
}

fn messages() -> Vec<Message> {
    let hello = Hello { protocol: 1, org: OrgId::new([7; 32]), software: "ledgerd 0.1.0".into() };
    vec![
        Message::Hello(hello),
        Message::Alive(Summary { digest: [9; 16], heads: 3 }),
        Message::Buckets(vec![Bucket { bucket: 1, digest: [1; 8] }, Bucket { bucket: 200, digest: [2; 8] }]),
        Message::Sketch { buckets: vec![0, 5, 255], heads: vec![[1; 6], [2; 6]] },
        Message::Tell(vec![[4; 6]]),
        Message::Heads(vec![head(1, None), head(2, Some(vec![0; 300])), head(3, Some(Vec::new()))]),
        Message::Gossip(vec![0, 255, 3]),
    ]
}

#[test]
fn every_message_comes_back() {
    for message in messages() {
        assert_eq!(Message::parse(&message.to_bytes()).unwrap(), message);
    }
}

#[test]
fn a_head_of_a_writer_takes_little_more_than_its_ids() {
    let frame = Message::Heads(vec![head(1, None)]).to_bytes();
    assert!(frame.len() <= 32 + 16 + 10, "{} bytes", frame.len());
}

#[test]
fn what_is_cut_short_or_goes_on_is_refused() {
    for message in messages() {
        let bytes = message.to_bytes();
        for end in 0..bytes.len() {
            assert!(Message::parse(&bytes[..end]).is_err(), "{message:?} cut at {end}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Message::parse(&longer), Err(FrameError::Trailing(1)));
    }
}

#[test]
fn what_is_too_long_is_refused_by_its_length() {
    let error = Message::parse(&vec![0; MAX_FRAME_BYTES + 1]).unwrap_err();
    assert!(error.is_oversized(), "{error}");
    for message in [
        Message::Gossip(vec![0; MAX_GOSSIP_BYTES + 1]),
        Message::Heads(vec![head(1, None); MAX_HEADS_IN_FRAME + 1]),
        Message::Heads(vec![head(2, Some(vec![0; MAX_CERTIFICATE_BYTES + 1]))]),
        Message::Tell(vec![[0; 6]; MAX_HEADS + 1]),
    ] {
        assert!(Message::parse(&message.to_bytes()).unwrap_err().is_oversized());
    }
}

#[test]
fn a_count_that_lies_costs_no_memory() {
    // A list of heads that says it has 2^32 - 1, and ends.
    for tag in 2..=6 {
        assert!(Message::parse(&[tag, 0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
    }
}

#[test]
fn a_name_of_software_cannot_paint_on_a_terminal() {
    for software in ["\x1b[2J", "a\nb", "zo\u{eb}"] {
        let hello = Hello { protocol: 1, org: OrgId::new([7; 32]), software: software.into() };
        assert_eq!(Message::parse(&Message::Hello(hello).to_bytes()), Err(FrameError::Software));
    }
}

#[test]
fn buckets_out_of_order_and_odd_names_are_refused() {
    let sketch = Message::Sketch { buckets: vec![5, 5], heads: Vec::new() };
    assert_eq!(Message::parse(&sketch.to_bytes()), Err(FrameError::Order));
    let mut bytes = Message::Heads(vec![head(2, None)]).to_bytes();
    let at = bytes.windows(4).position(|part| part == b"main").unwrap();
    bytes[at..at + 4].copy_from_slice(b"../x");
    assert_eq!(Message::parse(&bytes), Err(FrameError::Name));
}

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = Message::parse(&bytes) {
            prop_assert_eq!(Message::parse(&message.to_bytes()).unwrap(), message);
        }
    }
}
