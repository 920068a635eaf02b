//! Connections from outside: how many, from whom, and to which of the two doors.
//!
//! Before the handshake an address is all that is known: each gets its share, and when many come at once they
//! must show that the address is theirs. After it the key is known, and who is not admitted is closed.

use crate::{
    JOIN, MAIN, code, knock,
    link::{self, Side},
    shared::Shared,
};
use iroh::endpoint::{Connection, Incoming, IncomingAddr};
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
const KNOCKS_AT_ONCE_MAX: usize = 4;

/// Takes connections until the endpoint closes.
pub async fn run(shared: Arc<Shared>) {
    let all = shared.limits.handshakes_at_once_max;
    let (handshakes, knocks) = (Arc::new(Semaphore::new(all)), Arc::new(Semaphore::new(KNOCKS_AT_ONCE_MAX)));
    while let Some(incoming) = shared.endpoint.accept().await {
        let address = address(&incoming.remote_addr());
        if !shared.state().gate.handshake(address, shared.now()) {
            incoming.ignore();
            continue;
        }
        if handshakes.available_permits() < all / 2 && !incoming.remote_addr_validated() {
            let _validated = incoming.retry();
            continue;
        }
        match handshakes.clone().try_acquire_owned() {
            Ok(permit) => shared.spawn(meet(shared.clone(), incoming, address, permit, knocks.clone())),
            Err(_) => incoming.refuse(),
        }
    }
}

/// The address that shares are counted by. All that a relay brings is one address.
fn address(from: &IncomingAddr) -> IpAddr {
    match from {
        IncomingAddr::Ip(address) => address.ip(),
        _ => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

async fn meet(
    shared: Arc<Shared>,
    incoming: Incoming,
    address: IpAddr,
    handshake: OwnedSemaphorePermit,
    knocks: Arc<Semaphore>,
) {
    let Ok(Ok(connection)) = timeout(HANDSHAKE_MAX, incoming.into_future()).await else { return };
    drop(handshake);
    match connection.alpn() {
        MAIN => link::run(shared, connection, Side::Accepted).await,
        JOIN => hear(&shared, connection, address, &knocks).await,
        _ => connection.close(code::WRONG, b""),
    }
}

async fn hear(shared: &Shared, connection: Connection, address: IpAddr, knocks: &Semaphore) {
    let allowed = shared.state().gate.knock(address, shared.now());
    match knocks.try_acquire() {
        Ok(_one) if allowed => knock::hear(shared, connection).await,
        _ => connection.close(code::BUSY, b""),
    }
}
