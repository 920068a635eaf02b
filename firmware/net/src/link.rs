//! One connection with an admitted peer: frames both ways, requests both ways, until it ends.
//!
//! The first frame each side sends is empty and says: you are let in. Only when both have been read is the
//! link up, so a box that we do not know never hears more than that frame, and one that does not know us is
//! never reported. What waits is bounded: frames by bytes, requests by number, all else by QUIC's windows.
//! A peer that breaks the protocol or lets frames pile up is closed.

use crate::{
    Event, Reply, code, frame,
    lane::{self, Lane},
    request,
    shared::{Seat, Shared},
};
use bytes::Bytes;
use iroh::endpoint::{Connection, RecvStream, SendStream, VarInt};
use model::PublicKey;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

/// For the two empty frames, after the handshake.
const GREETING_MAX: Duration = Duration::from_secs(10);
/// What one peer may have under way to us, all streams together, once it is let in.
const RECEIVE_WINDOW: VarInt = VarInt::from_u32(4 << 20);
/// What a queued frame costs besides its bytes.
const FRAME_COST: usize = 64;

/// Who dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// We did.
    Dialled,
    /// The peer did.
    Accepted,
}

/// A link as the others see it.
pub struct Link {
    pub serial: u64,
    pub connection: Connection,
    pub side: Side,
    pub since: Instant,
    /// Once it is up.
    pub frames: Option<Queue>,
}

impl Link {
    pub fn new(serial: u64, connection: Connection, side: Side) -> Self {
        Self { serial, connection, side, since: Instant::now(), frames: None }
    }
}

/// Frames that wait for one peer.
#[derive(Clone)]
pub struct Queue {
    frames: mpsc::UnboundedSender<Bytes>,
    waiting: Arc<AtomicUsize>,
    lane: Arc<Lane>,
}

impl Queue {
    /// Queues a frame, if no more than `max` bytes wait then.
    pub fn push(&self, frame: Bytes, max: usize) -> bool {
        let cost = frame.len() + FRAME_COST;
        if self.waiting.fetch_add(cost, Ordering::Relaxed) + cost > max {
            return false;
        }
        self.lane.frame_waits();
        self.frames.send(frame).is_ok()
    }
}

/// Runs a connection until it ends.
pub async fn run(shared: Arc<Shared>, connection: Connection, side: Side) {
    let peer = crate::key::public(connection.remote_id());
    let seat = match shared.claim(&peer, &connection, side) {
        Ok(seat) => seat,
        Err(code) => return connection.close(code, b""),
    };
    let turn = seat.turn.lock().await;
    match timeout(GREETING_MAX, greet(&connection)).await {
        Ok(Some(streams)) => talk(&shared, &peer, &seat, &connection, streams).await,
        _ => connection.close(code::WRONG, b"no greeting"),
    }
    drop(turn);
    shared.leave(&peer, seat.serial);
}

/// Lets the peer in, and waits to be let in.
async fn greet(connection: &Connection) -> Option<(SendStream, RecvStream)> {
    connection.set_receive_window(RECEIVE_WINDOW);
    let mut out = connection.open_uni().await.ok()?;
    out.set_priority(lane::FRAMES).ok()?;
    frame::write(&mut out, Bytes::new()).await.ok()?;
    let mut back = connection.accept_uni().await.ok()?;
    frame::read(&mut back, 0).await.ok()?;
    Some((out, back))
}

async fn talk(
    shared: &Arc<Shared>,
    peer: &PublicKey,
    seat: &Seat,
    connection: &Connection,
    (out, back): (SendStream, RecvStream),
) {
    let (queue, waiting) = queue();
    if !is_up(shared, peer, seat, connection, queue.clone()).await {
        return;
    }
    let requests = VarInt::from_u32(shared.limits.requests_at_once_max);
    connection.set_max_concurrent_bi_streams(requests);
    let mut tasks = JoinSet::new();
    tasks.spawn(write_frames(connection.clone(), out, waiting, queue.clone()));
    tasks.spawn(read_frames(shared.clone(), peer.clone(), connection.clone(), back));
    tasks.spawn(take_requests(shared.clone(), peer.clone(), connection.clone(), queue.lane));
    let reason = connection.closed().await;
    tracing::debug!(peer = %peer.id(), %reason, "link down");
    tasks.shutdown().await;
    let _gone = shared.events.send(Event::Down { peer: peer.clone() }).await;
}

fn queue() -> (Queue, mpsc::UnboundedReceiver<Bytes>) {
    let (frames, waiting) = mpsc::unbounded_channel();
    (Queue { frames, waiting: Arc::default(), lane: Arc::new(Lane::new()) }, waiting)
}

/// Reports the link, unless its place was taken meanwhile.
async fn is_up(
    shared: &Shared,
    peer: &PublicKey,
    seat: &Seat,
    connection: &Connection,
    queue: Queue,
) -> bool {
    let seen = direct_address(connection);
    {
        let (mut state, now) = (shared.state(), shared.now());
        match state.links.get_mut(peer) {
            Some(link) if link.serial == seat.serial => link.frames = Some(queue),
            _ => return false,
        }
        state.book.up(peer, seen, now);
    }
    tracing::debug!(peer = %peer.id(), ?seen, "link up");
    let up = Event::Up { peer: peer.clone(), addresses: seen.into_iter().collect() };
    shared.events.send(up).await.is_ok()
}

/// Where the peer is, if it is reached without a relay.
pub fn direct_address(connection: &Connection) -> Option<SocketAddr> {
    let paths = connection.paths();
    let path =
        paths.iter().find(|path| path.is_selected()).or_else(|| paths.iter().find(|path| path.is_ip()))?;
    match path.remote_addr() {
        iroh::TransportAddr::Ip(address) => Some(*address),
        _ => None,
    }
}

async fn write_frames(
    connection: Connection,
    mut out: SendStream,
    mut waiting: mpsc::UnboundedReceiver<Bytes>,
    queue: Queue,
) {
    while let Some(frame) = waiting.recv().await {
        let cost = frame.len() + FRAME_COST;
        if frame::write(&mut out, frame).await.is_err() {
            return connection.close(code::WRONG, b"frames");
        }
        queue.waiting.fetch_sub(cost, Ordering::Relaxed);
        queue.lane.frame_sent();
    }
}

async fn read_frames(shared: Arc<Shared>, peer: PublicKey, connection: Connection, mut back: RecvStream) {
    loop {
        match frame::read(&mut back, shared.limits.frame_bytes_max).await {
            Ok(bytes) => {
                let frame = Event::Frame { peer: peer.clone(), bytes };
                if shared.events.send(frame).await.is_err() {
                    return connection.close(code::BYE, b"");
                }
            }
            Err(error) => {
                tracing::debug!(peer = %peer.id(), %error, "no further frame");
                return connection.close(code::WRONG, b"frames");
            }
        }
    }
}

async fn take_requests(shared: Arc<Shared>, peer: PublicKey, connection: Connection, lane: Arc<Lane>) {
    let mut tasks = JoinSet::new();
    while let Ok((out, back)) = connection.accept_bi().await {
        while tasks.try_join_next().is_some() {}
        tasks.spawn(answer(shared.clone(), peer.clone(), lane.clone(), out, back));
    }
}

async fn answer(
    shared: Arc<Shared>,
    peer: PublicKey,
    lane: Arc<Lane>,
    mut out: SendStream,
    back: RecvStream,
) {
    let limits = &shared.limits;
    let Ok(bytes) = request::read_all(back, limits.request_bytes_max, limits.stall).await else {
        let _closed = out.reset(code::WRONG);
        return;
    };
    let (reply, answered) = oneshot::channel();
    let request = Event::Request { peer, bytes, reply: Reply(reply) };
    if shared.events.send(request).await.is_err() {
        return;
    }
    let written = match answered.await {
        Ok(answer) => {
            out.set_priority(lane::BULK).is_ok() && lane.write(&mut out, answer, limits.stall).await.is_ok()
        }
        Err(_) => false,
    };
    let _closed = if written { out.finish() } else { out.reset(code::REFUSED) };
}
