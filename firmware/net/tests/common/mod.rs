//! A box for tests: its network and a patient ear for its events.

use model::{PublicKey, SigningKey};
use net::{Event, Net, Options};
use std::{collections::BTreeSet, time::Duration};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

/// Longer than anything takes on a loaded machine; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// One box.
pub struct TestBox {
    pub net: Net,
    pub events: mpsc::Receiver<Event>,
}

impl TestBox {
    /// On loopback, with the key of a seed.
    pub async fn open(seed: u8) -> Self {
        Self::with(Options::on_loopback(signing(seed))).await
    }

    pub async fn with(options: Options) -> Self {
        let (net, events) = Net::open(options).await.expect("the network opens");
        Self { net, events }
    }

    /// On a port that was in use a moment ago.
    pub async fn again(options: Options) -> Self {
        let open = async {
            loop {
                match Net::open(options.clone()).await {
                    Ok((net, events)) => return Self { net, events },
                    Err(_) => sleep(Duration::from_millis(10)).await,
                }
            }
        };
        timeout(PATIENCE, open).await.expect("the port is free again")
    }

    pub fn key(&self) -> PublicKey {
        self.net.key().clone()
    }

    /// Admits these boxes, and tells where they are.
    pub fn knows(&self, others: &[&TestBox]) {
        self.net.admit(&others.iter().map(|other| other.key()).collect::<BTreeSet<_>>());
        for other in others {
            assert!(self.net.dial(&other.key(), &other.net.addresses()));
        }
    }

    /// The next event, whatever it is.
    pub async fn next(&mut self) -> Event {
        let event = timeout(PATIENCE, self.events.recv()).await.expect("something happens");
        event.expect("the network is open")
    }

    /// The next event that `pick` takes; others are passed over.
    pub async fn until<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the network is open");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, found).await.expect("the event happens")
    }

    pub async fn until_up(&mut self, who: &PublicKey) {
        self.until(|event| matches!(event, Event::Up { peer, .. } if peer == *who).then_some(())).await;
    }

    pub async fn until_down(&mut self, who: &PublicKey) {
        self.until(|event| matches!(event, Event::Down { peer } if peer == *who).then_some(())).await;
    }

    pub async fn until_frame(&mut self) -> (PublicKey, Vec<u8>) {
        self.until(|event| match event {
            Event::Frame { peer, bytes } => Some((peer, bytes.to_vec())),
            _ => None,
        })
        .await
    }

    /// What happened until now.
    pub fn so_far(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

pub fn signing(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// Two boxes that are connected.
pub async fn pair() -> (TestBox, TestBox) {
    let (mut one, mut other) = (TestBox::open(1).await, TestBox::open(2).await);
    one.knows(&[&other]);
    other.knows(&[&one]);
    let (a, b) = (one.key(), other.key());
    tokio::join!(one.until_up(&b), other.until_up(&a));
    (one, other)
}
