//! The join door: a stranger sends one short message and gets one short answer, and nothing else.
//!
//! The agent decides what the answer says; it should say nothing of the ledger. Knocks are few for each
//! address and in all, four are heard at once, and each is over within seconds.

use crate::{
    Event, JOIN, Reply, code, key,
    request::{self, RequestError},
    shared::Shared,
};
use bytes::Bytes;
use iroh::endpoint::{ConnectError, Connection, ConnectionError};
use model::PublicKey;
use std::{net::SocketAddr, time::Duration};
use tokio::{sync::oneshot, time::timeout};

/// To find and reach the box.
const REACH_MAX: Duration = Duration::from_secs(15);
/// For the knock to arrive, and again for the agent to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Why a knock was not answered.
#[derive(Debug, thiserror::Error)]
pub enum KnockError {
    /// Longer than anybody listens to.
    #[error("a knock of {bytes} bytes; {max} is the most")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
    /// No address was given, and none was heard on the LAN.
    #[error("no address of the box is known, and it was not heard on the LAN within {REACH_MAX:?}")]
    NotFound,
    /// The key is none.
    #[error("the key is not a point of the curve, nobody can have its secret")]
    NoSuchKey,
    /// It cannot be reached, or is another.
    #[error("the box cannot be reached at its addresses")]
    Connect(#[source] ConnectError),
    /// It does not answer.
    #[error("the box cannot be reached within {REACH_MAX:?}")]
    Silent,
    /// It is knocked at too often; a minute later it may listen.
    #[error("the box is knocked at too often now; try again in a minute")]
    Busy,
    /// The answer did not come.
    #[error("the box did not answer the knock")]
    Answer(#[source] RequestError),
}

/// Knocks at a box and waits for its answer.
pub async fn knock(
    shared: &Shared,
    door: &PublicKey,
    addresses: &[SocketAddr],
    knock: Bytes,
) -> Result<Bytes, KnockError> {
    let limits = &shared.limits;
    if knock.len() > limits.knock_bytes_max {
        return Err(KnockError::TooLong { bytes: knock.len(), max: limits.knock_bytes_max });
    }
    let addresses = find(shared, door, addresses).await?;
    let to = shared.to_dial(door, &addresses).ok_or(KnockError::NoSuchKey)?;
    let connection = timeout(REACH_MAX, shared.endpoint.connect(to, JOIN)).await;
    let connection = connection.map_err(|_| KnockError::Silent)?.map_err(KnockError::Connect)?;
    let answer = request::exchange(&connection, knock, limits.knock_answer_bytes_max, ANSWER_MAX * 2).await;
    connection.close(code::BYE, b"");
    answer.map_err(refused)
}

/// The addresses that were given and those of the LAN; waits for the LAN if there are none.
async fn find(
    shared: &Shared,
    door: &PublicKey,
    given: &[SocketAddr],
) -> Result<Vec<SocketAddr>, KnockError> {
    let look = async {
        loop {
            let news = shared.news.notified();
            let mut all = shared.state().book.addresses(door);
            all.extend(given);
            if !all.is_empty() || shared.relayed() {
                return all;
            }
            news.await;
        }
    };
    timeout(REACH_MAX, look).await.map_err(|_| KnockError::NotFound)
}

fn refused(error: RequestError) -> KnockError {
    match error {
        RequestError::Connection(ConnectionError::ApplicationClosed(close))
            if close.error_code == code::BUSY =>
        {
            KnockError::Busy
        }
        error => KnockError::Answer(error),
    }
}

/// Hears one knock, and closes.
pub async fn hear(shared: &Shared, connection: Connection) {
    let answered = answer(shared, &connection).await;
    let code = if answered.is_some() { code::BYE } else { code::BUSY };
    connection.close(code, b"");
}

async fn answer(shared: &Shared, connection: &Connection) -> Option<()> {
    let limits = &shared.limits;
    let (mut out, back) = timeout(ANSWER_MAX, connection.accept_bi()).await.ok()?.ok()?;
    let bytes =
        timeout(ANSWER_MAX, request::read_all(back, limits.knock_bytes_max, ANSWER_MAX)).await.ok()?.ok()?;
    let (reply, answered) = oneshot::channel();
    let key = key::public(connection.remote_id());
    // A stranger does not wait in a queue that peers are in.
    shared.events.try_send(Event::Knock { key, bytes, reply: Reply(reply) }).ok()?;
    let answer = timeout(ANSWER_MAX, answered).await.ok()?.ok()?;
    if answer.len() > limits.knock_answer_bytes_max {
        tracing::error!(bytes = answer.len(), "the answer to a knock is longer than its limit");
        return None;
    }
    out.write_chunk(answer).await.ok()?;
    out.finish().ok()?;
    // Closing at once would overtake the answer.
    let _read = timeout(ANSWER_MAX, out.stopped()).await;
    Some(())
}
