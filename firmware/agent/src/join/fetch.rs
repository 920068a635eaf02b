//! A whole ledger from one box: answer after answer, oldest blocks first, each piece stored before the next is asked for.
//!
//! Nothing is judged here beyond what a pack is: every object is named by its hash, and the walk from the head down
//! comes afterwards. An answer that brings nothing new ends it with an error instead of asking for ever.

use super::{asking::Progress, ticket::Ticket};
use bytes::Bytes;
use ledger::NewObjects;
use model::{BlockId, PublicKey};
use net::{Net, RequestError};
use std::time::Duration;
use store::{CommitError, Store};
use sync::{ArrivalError, Request, Response, ResponseError, unpack};

/// What one answer may hold, in bytes of objects.
const ANSWER_BYTES: u32 = 4 << 20;
/// The largest answer that is taken when a single block needs more.
const LARGEST_BYTES: u32 = 64 << 20;
/// How often a request without an answer is made again, and after how long.
const TRIES: u32 = 20;
const AGAIN: Duration = Duration::from_millis(500);
/// How long a busy box is left alone at most.
const LATER_MAX: Duration = Duration::from_secs(10);

/// Why the ledger did not come.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The line broke, or nobody answered.
    #[error("the inviter did not answer; run the same command again")]
    Request(#[from] RequestError),
    /// The answer is none.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// The pack is damaged, or not of this ledger.
    #[error("the inviter sent a damaged pack")]
    Arrival(#[from] ArrivalError),
    /// Nothing new came.
    #[error("the inviter stopped sending before the ledger was whole")]
    Stalled,
    /// The disk.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Fetches a block with everything below it.
pub async fn fetch(
    net: &Net,
    ticket: &Ticket,
    head: BlockId,
    store: &mut Store,
    say: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let (mut after, mut blocks, mut bytes, mut budget) = (None, 0, 0, ANSWER_BYTES);
    loop {
        let request = Request::Blocks { want: vec![head], have: Vec::new(), after, max_bytes: budget };
        // An object that does not shrink is stored as it is; twice the budget is room for what packs add.
        let answer = ask(net, &ticket.inviter, &request, 2 * budget as usize).await?;
        bytes += answer.len() as u64;
        match Response::parse(&answer)? {
            Response::Blocks { more, pack } => {
                let objects = store.objects();
                let here = |block: &BlockId| objects.contains(&(*block).into());
                let arrivals = unpack(&pack, 2 * u64::from(LARGEST_BYTES), ticket.org, &here)?;
                blocks += arrivals.len() as u64;
                let last = arrivals.last().map(|arrival| arrival.block.id);
                let mut new = NewObjects::default();
                arrivals.into_iter().for_each(|arrival| new.extend(arrival.objects));
                store.commit(&new, &[])?;
                say(Progress::Fetched { blocks, bytes });
                match (more, last) {
                    (false, _) => break,
                    (true, None) => return Err(FetchError::Stalled),
                    (true, last) => after = last,
                }
                budget = ANSWER_BYTES;
            }
            Response::Larger { bytes } if bytes > budget && bytes <= LARGEST_BYTES => budget = bytes,
            Response::Later { ms } => {
                tokio::time::sleep(Duration::from_millis(ms.into()).min(LATER_MAX)).await;
            }
            Response::Larger { .. } | Response::Chunks { .. } => return Err(FetchError::Stalled),
        }
    }
    if store.objects().contains(&head.into()) { Ok(()) } else { Err(FetchError::Stalled) }
}

/// Asks until there is an answer: a greeting may still be on its way, a line may break for a moment.
async fn ask(net: &Net, peer: &PublicKey, request: &Request, max: usize) -> Result<Bytes, RequestError> {
    let mut tries = 0;
    loop {
        match net.request(peer, request.to_bytes(), max).await {
            Err(error) if tries == TRIES => return Err(error),
            Err(_) => tries += 1,
            answer => return answer,
        }
        tokio::time::sleep(AGAIN).await;
    }
}
