//! Boxes that reach each other on loopback: what passes, in which order, and what does not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{PATIENCE, TestBox, pair, signing};
use model::PublicKey;
use net::{Event, Limits, Options, RequestError, SendError};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn frames_arrive_in_order_both_ways() {
    let (mut one, mut other) = pair().await;
    for i in 0..1000u32 {
        one.net.send(&other.key(), i.to_be_bytes().to_vec()).unwrap();
        other.net.send(&one.key(), vec![0; i as usize]).unwrap();
    }
    for i in 0..1000u32 {
        assert_eq!(other.until_frame().await, (one.key(), i.to_be_bytes().to_vec()));
        assert_eq!(one.until_frame().await.1.len(), i as usize);
    }
    let status = one.net.peers();
    assert_eq!(status.len(), 1);
    assert_eq!(status[0].address, other.net.addresses().first().copied());
    assert!(status[0].sent_bytes > 4000 && status[0].received_bytes > 500_000);
}

#[tokio::test]
async fn a_request_gets_its_own_answer() {
    let (one, mut other) = pair().await;
    let peer = other.key();
    let answers = tokio::spawn(async move {
        for _ in 0..50 {
            let (bytes, reply) = other.until(request).await;
            reply.send(bytes.repeat(100_000));
        }
        other
    });
    let asked = (0..50u8).map(|i| {
        let (net, peer) = (one.net.clone(), peer.clone());
        tokio::spawn(async move { net.request(&peer, vec![i], 100_000).await.unwrap() })
    });
    for (i, answer) in asked.collect::<Vec<_>>().into_iter().enumerate() {
        let answer = answer.await.unwrap();
        assert!(answer.len() == 100_000 && answer.iter().all(|byte| usize::from(*byte) == i));
    }
    answers.await.unwrap();
}

fn request(event: Event) -> Option<(Vec<u8>, net::Reply)> {
    match event {
        Event::Request { bytes, reply, .. } => Some((bytes.to_vec(), reply)),
        _ => None,
    }
}

#[tokio::test]
async fn four_boxes_have_one_link_with_each_other_whoever_dialled() {
    let mut boxes = Vec::new();
    for seed in 1..=4 {
        boxes.push(TestBox::open(seed).await);
    }
    for one in &boxes {
        let others: Vec<_> = boxes.iter().filter(|other| other.key() != one.key()).collect();
        one.knows(&others);
    }
    for one in &mut boxes {
        let mut up = BTreeSet::new();
        while up.len() < 3 {
            count(&mut up, one.next().await);
        }
        // Two that dialled at once may part once more, and agree on the other link.
        sleep(Duration::from_secs(1)).await;
        one.so_far().into_iter().for_each(|event| count(&mut up, event));
        assert_eq!((up.len(), one.net.peers().len()), (3, 3));
    }
    sleep(Duration::from_secs(3)).await;
    for one in &mut boxes {
        let happened = one.so_far();
        assert!(happened.is_empty(), "the links stay: {happened:?}");
    }
    let keys: Vec<_> = boxes.iter().map(TestBox::key).collect();
    for one in &boxes {
        for key in keys.iter().filter(|key| **key != one.key()) {
            one.net.send(key, "hello").unwrap();
        }
    }
    for one in &mut boxes {
        let mut from = BTreeSet::new();
        for _ in 0..3 {
            from.insert(one.until_frame().await.0);
        }
        assert_eq!(from.len(), 3);
    }
}

fn count(up: &mut BTreeSet<PublicKey>, event: Event) {
    match event {
        Event::Up { peer, .. } => assert!(up.insert(peer), "up twice without a down"),
        Event::Down { peer } => assert!(up.remove(&peer), "down without an up"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_boxes_that_dial_at_once_keep_one_link() {
    for round in 0..5u8 {
        let (mut one, mut other) = (TestBox::open(10 + round).await, TestBox::open(20 + round).await);
        let (a, b) = (one.key(), other.key());
        one.net.admit(&[b.clone()].into());
        other.net.admit(&[a.clone()].into());
        // The one with the greater key would wait a moment; it is told that much earlier.
        let (greater, smaller) = if a < b { (&other, &one) } else { (&one, &other) };
        greater.net.dial(&smaller.key(), &smaller.net.addresses());
        sleep(Duration::from_millis(500)).await;
        smaller.net.dial(&greater.key(), &greater.net.addresses());
        sleep(Duration::from_secs(1)).await;
        for one in [&mut one, &mut other] {
            let mut up = BTreeSet::new();
            one.so_far().into_iter().for_each(|event| count(&mut up, event));
            assert_eq!((up.len(), one.net.peers().len()), (1, 1), "round {round}");
        }
        one.net.send(&b, "one").unwrap();
        other.net.send(&a, "other").unwrap();
        tokio::join!(one.until_frame(), other.until_frame());
    }
}

#[tokio::test]
async fn a_stranger_is_closed_before_a_byte() {
    let (mut one, mut stranger) = (TestBox::open(1).await, TestBox::open(66).await);
    stranger.knows(&[&one]);
    sleep(Duration::from_secs(4)).await;
    assert!(stranger.so_far().is_empty(), "it was not let in");
    assert!(one.so_far().is_empty(), "nor was it noticed");
    assert_eq!(stranger.net.send(&one.key(), "let me in"), Err(SendError::NotConnected));
    let refused = stranger.net.request(&one.key(), "heads?", 1000).await;
    assert!(matches!(refused, Err(RequestError::NotConnected)));
    // It goes on trying, and is let in as soon as it is admitted.
    one.net.admit(&[stranger.key()].into());
    stranger.until_up(&one.key()).await;
}

#[tokio::test]
async fn who_is_no_longer_admitted_is_cut_at_once() {
    let (mut one, mut other) = pair().await;
    let (a, b) = (one.key(), other.key());
    one.net.admit(&BTreeSet::new());
    tokio::join!(other.until_down(&a), one.until_down(&b));
    sleep(Duration::from_secs(3)).await;
    assert!(one.so_far().is_empty() && other.so_far().is_empty());
}

#[tokio::test]
async fn a_knock_of_a_stranger_gets_its_answer_and_nothing_else() {
    let (mut one, mut stranger) = (TestBox::open(1).await, TestBox::open(66).await);
    let (door, addresses, net) = (one.key(), one.net.addresses(), stranger.net.clone());
    let knock = tokio::spawn(async move { net.knock(&door, &addresses, "I am new").await });
    let (key, bytes, reply) = one
        .until(|event| match event {
            Event::Knock { key, bytes, reply } => Some((key, bytes, reply)),
            _ => None,
        })
        .await;
    assert_eq!((key, &bytes[..]), (stranger.key(), &b"I am new"[..]));
    reply.send("ask a person");
    assert_eq!(&knock.await.unwrap().unwrap()[..], b"ask a person");
    assert!(one.so_far().is_empty() && stranger.so_far().is_empty());
    assert!(one.net.peers().is_empty() && stranger.net.peers().is_empty());
}

#[tokio::test]
async fn knocks_are_few_and_short() {
    let limits = Limits { knocks_per_minute: 8, ..Limits::default() };
    let mut one = TestBox::with(Options { limits, ..Options::on_loopback(signing(1)) }).await;
    let stranger = TestBox::open(66).await;
    let (door, addresses) = (one.key(), one.net.addresses());
    let doorman = tokio::spawn(async move {
        let mut heard = 0;
        while let Ok(Some(Event::Knock { reply, .. })) =
            timeout(Duration::from_secs(5), one.events.recv()).await
        {
            heard += 1;
            reply.send("no");
        }
        (heard, one)
    });
    let mut answered = 0;
    for _ in 0..6 {
        answered += usize::from(stranger.net.knock(&door, &addresses, "knock").await.is_ok());
    }
    let long = vec![0; Limits::default().knock_bytes_max + 1];
    assert!(stranger.net.knock(&door, &addresses, long).await.is_err());
    let (heard, _one) = doorman.await.unwrap();
    assert_eq!((answered, heard), (2, 2), "an address may knock two of the eight times");
}

#[tokio::test]
async fn a_knock_at_a_box_that_is_nowhere_says_so() {
    let stranger = TestBox::open(66).await;
    let error = stranger.net.knock(&signing(1).public(), &[], "hello?").await.unwrap_err().to_string();
    assert!(error.contains("not heard on the LAN"), "{error}");
}

#[tokio::test]
async fn what_is_too_long_does_not_pass() {
    let (one, mut other) = pair().await;
    let limits = Limits::default();
    let (peer, frame) = (other.key(), vec![0; limits.frame_bytes_max + 1]);
    assert!(matches!(one.net.send(&peer, frame), Err(SendError::TooLong { .. })));
    let request_bytes = vec![0; limits.request_bytes_max + 1];
    assert!(matches!(one.net.request(&peer, request_bytes, 10).await, Err(RequestError::TooLong { .. })));
    let net = one.net.clone();
    let asked = tokio::spawn(async move { net.request(&peer, "how much?", 1000).await });
    other.until(request).await.1.send(vec![0; 1_000_000]);
    let error = asked.await.unwrap().unwrap_err();
    assert!(matches!(error, RequestError::AnswerTooLong { max: 1000 }) && error.is_peers_fault());
    // Neither is a reason to part.
    one.net.send(&other.key(), "still here").unwrap();
    assert_eq!(other.until_frame().await.1, b"still here");
}

#[tokio::test]
async fn a_peer_with_longer_limits_than_ours_is_closed_for_a_long_frame() {
    let limits = Limits { frame_bytes_max: 1 << 20, frame_bytes_waiting_max: 4 << 20, ..Limits::default() };
    let mut liar = TestBox::with(Options { limits, ..Options::on_loopback(signing(1)) }).await;
    let mut one = TestBox::open(2).await;
    liar.knows(&[&one]);
    one.knows(&[&liar]);
    let (a, b) = (liar.key(), one.key());
    tokio::join!(liar.until_up(&b), one.until_up(&a));
    liar.net.send(&b, vec![0; 300_000]).unwrap();
    let next = one.next().await;
    assert!(matches!(next, Event::Down { .. }), "{next:?}");
}

#[tokio::test]
async fn a_request_that_nobody_answers_is_refused_at_once() {
    let (one, mut other) = pair().await;
    let (net, peer) = (one.net.clone(), other.key());
    let asked = tokio::spawn(async move { net.request(&peer, "well?", 1000).await });
    drop(other.until(request).await);
    assert!(matches!(asked.await.unwrap(), Err(RequestError::Refused)));
}

#[tokio::test]
async fn a_peer_that_never_reads_is_closed_and_costs_no_more_than_its_share() {
    let (one, other) = pair().await;
    // Nobody takes the other's events: it stops reading when they fill up.
    let (peer, frame) = (other.key(), vec![7; 60_000]);
    let mut sent = 0;
    let closed = loop {
        match one.net.send(&peer, frame.clone()) {
            Ok(()) => sent += frame.len(),
            Err(error) => break error,
        }
        if sent % (20 * frame.len()) == 0 {
            sleep(Duration::from_millis(20)).await;
        }
        assert!(sent < 100 << 20, "nothing ever stops it");
    };
    assert_eq!(closed, SendError::Slow);
    let mut one = one;
    one.until_down(&peer).await;
}

#[tokio::test]
async fn frames_overtake_bulk() {
    let (mut one, other) = pair().await;
    let (net, peer, me) = (one.net.clone(), other.key(), one.key());
    let bulk = tokio::spawn(async move {
        let asked = (0..4).map(|_| net.request(&peer, "all of it", 64 << 20)).collect::<Vec<_>>();
        let start = Instant::now();
        for answer in asked {
            assert_eq!(answer.await.unwrap().len(), 32 << 20);
        }
        start.elapsed()
    });
    let server = tokio::spawn(async move {
        let mut other = other;
        other.until(request).await.1.send(vec![1; 32 << 20]);
        let mut sent = Vec::new();
        for _ in 0..10 {
            sleep(Duration::from_millis(20)).await;
            sent.push(Instant::now());
            other.net.send(&me, "vote").unwrap();
        }
        for _ in 0..3 {
            other.until(request).await.1.send(vec![1; 32 << 20]);
        }
        (other, sent)
    });
    let mut arrived = Vec::new();
    for _ in 0..10 {
        one.until_frame().await;
        arrived.push(Instant::now());
    }
    assert!(!bulk.is_finished(), "the frames came while the bulk was under way");
    let (_other, sent) = timeout(PATIENCE, server).await.unwrap().unwrap();
    let mut late: Vec<_> = sent.iter().zip(&arrived).map(|(sent, arrived)| *arrived - *sent).collect();
    late.sort();
    println!(
        "frames took {:?} (median), {:?} at most, beside bulk that took {:?}",
        late[5],
        late[9],
        bulk.await.unwrap()
    );
}

#[tokio::test]
async fn a_box_that_starts_again_is_found_again_by_itself() {
    let (mut one, other) = pair().await;
    let (key, at) = (other.key(), other.net.addresses());
    other.net.shut().await;
    one.until_down(&key).await;
    let options = Options { bind: net::Bind::Only(at), ..Options::on_loopback(signing(2)) };
    let mut again = TestBox::again(options).await;
    let first = one.key();
    again.net.admit(&[first.clone()].into());
    // It does not know where the first is: the first dials it.
    tokio::join!(one.until_up(&key), again.until_up(&first));
    again.net.send(&one.key(), "back").unwrap();
    assert_eq!(one.until_frame().await.1, b"back");
}

#[tokio::test]
async fn a_box_that_lost_its_power_is_back_before_its_old_link_is_given_up() {
    let (mut one, other) = pair().await;
    let key = other.key();
    sleep(Duration::from_secs(6)).await;
    // No goodbye: the first box believes in the old link for some seconds more.
    std::mem::forget(other);
    let mut again = TestBox::open(2).await;
    again.knows(&[&one]);
    let start = Instant::now();
    again.until_up(&one.key()).await;
    one.until_down(&key).await;
    one.until_up(&key).await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    again.net.send(&one.key(), "back").unwrap();
    assert_eq!(one.until_frame().await.1, b"back");
}

#[tokio::test]
async fn nothing_is_left_when_the_network_is_shut() {
    let (one, other) = pair().await;
    let (address, mut events) = (one.net.addresses()[0], one.events);
    one.net.shut().await;
    while let Some(event) = timeout(PATIENCE, events.recv()).await.unwrap() {
        assert!(matches!(event, Event::Down { .. }), "{event:?}");
    }
    let free = async {
        while std::net::UdpSocket::bind(address).is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, free).await.expect("the port is free again");
    drop(other);
}
