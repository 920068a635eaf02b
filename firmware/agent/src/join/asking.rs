//! The new box's side: knock until somebody has approved, fetch the ledger, become a home.
//!
//! Every step may be cut short and done again: the key is made once and kept, blocks that came stay, and the home is
//! one only when its `node.toml` is written, last. The inviter is believed the ticket's checkpoint (a person carried it
//! here) and nothing newer that does not keep the rules.

use super::{
    fetch::{FetchError, fetch},
    knock::{Answer, Knock, KnockError, Welcome},
    ticket::Ticket,
};
use crate::{
    core::{ADDRESSES, address_text},
    home::{Home, HomeError, main_branch},
};
use ledger::{VerifyError, verify_from, verify_head};
use model::{BadgeError, BlockId, Millis, Name, OrgId, SigningKey};
use net::{Event, Net, OpenError};
use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};
use store::{CommitError, Options as StoreOptions, RefName, Store, disk::RealDisk};
use sync::{Hello, Message, SYNC_PROTOCOL};
use tokio::sync::mpsc::Receiver;

/// How long between two knocks.
const KNOCK_AGAIN: Duration = Duration::from_secs(5);
/// How long the inviter may take to let the approved box in.
const ADMITTED_WITHIN: Duration = Duration::from_secs(60);

/// What a new box wants.
pub struct Joining {
    /// The invitation.
    pub ticket: Ticket,
    /// Where its home is to be.
    pub home: PathBuf,
    /// What it wants to be called.
    pub name: Name,
    /// The board that it runs on.
    pub board: Name,
    /// Where it hangs.
    pub place: String,
    /// The seed of its key, drawn by the caller; unused if an earlier try made one.
    pub seed: [u8; 32],
    /// How it meets others.
    pub net: crate::peers::NetSettings,
}

/// What happens meanwhile, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The box's key, by which whoever approves knows it.
    Key(model::KeyId),
    /// The inviter cannot be reached now; it is tried again.
    Unreachable(String),
    /// Somebody has to approve the box.
    Waits,
    /// Somebody did. The ledger comes.
    Approved,
    /// So many blocks have come.
    Fetched {
        /// Blocks.
        blocks: u64,
        /// Their bytes on the line.
        bytes: u64,
    },
    /// So many blocks are checked.
    Checked(u64),
}

/// Why a box did not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The network.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its time is over by this box's clock.
    #[error("the ticket has expired: ask for a new one (or set this box's clock)")]
    Expired,
    /// The inviter does not know it.
    #[error("the ticket is not good any more, or another box has used it: ask for a new one")]
    Unknown,
    /// Somebody said no.
    #[error("somebody of the organisation has rejected this box")]
    Rejected,
    /// The name is not free.
    #[error("the box cannot be called so: {0}")]
    BadName(String),
    /// What the inviter says is no answer.
    #[error("the inviter does not speak as it should; is its software much newer or older?")]
    Words(#[from] KnockError),
    /// Another organisation than the ticket's.
    #[error("the inviter belongs to another organisation than the ticket says")]
    OtherOrg,
    /// The badge key is none.
    #[error("the inviter sent no badge key")]
    BadgeKey(#[from] BadgeError),
    /// The approved box is not let in.
    #[error("the inviter approved this box and does not let it in; run the same command again")]
    NotAdmitted,
    /// The ledger did not come.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What came breaks the rules.
    #[error("the ledger that the inviter sent breaks the rules")]
    Verify(#[from] VerifyError),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::OpenError),
    /// The store takes nothing.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Joins; may take as long as people take to approve.
pub async fn join(joining: Joining, now: Millis, say: &mut dyn FnMut(Progress)) -> Result<Home, JoinError> {
    if joining.ticket.expires <= now {
        return Err(JoinError::Expired);
    }
    let key = Home::prepare_to_join(&joining.home, &SigningKey::from_seed(&joining.seed))?;
    say(Progress::Key(key.public().id()));
    let (net, events) = Net::open(joining.net.options(key)).await?;
    let joined = ask_and_fetch(&joining, &net, events, say).await;
    net.shut().await;
    let (welcome, org, branch) = joined?;
    let badge_key = welcome.badge_key.parse()?;
    Ok(Home::finish_join(&joining.home, joining.name, org, branch, &badge_key)?)
}

async fn ask_and_fetch(
    joining: &Joining,
    net: &Net,
    mut events: Receiver<Event>,
    say: &mut dyn FnMut(Progress),
) -> Result<(Welcome, OrgId, Name), JoinError> {
    let welcome = knock(joining, net, say).await?;
    if welcome.org != *joining.ticket.org.as_bytes() {
        return Err(JoinError::OtherOrg);
    }
    say(Progress::Approved);
    admitted(joining, net, &mut events).await?;
    // What the inviter says meanwhile is for a box that has a ledger; unread it would stop the line.
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    greet(joining, net);
    let mut store = Store::open(&joining.home, Arc::new(RealDisk), StoreOptions::default())?;
    let head = BlockId::new(welcome.block);
    fetch(net, &joining.ticket, head, &mut store, say).await?;
    let main = check(&store, &joining.ticket, head, say)?;
    // The new box follows the branch that the inviter follows.
    let branch =
        ledger::Block::read(&store.objects(), main).map_or_else(|_| main_branch(), |main| main.branch);
    store.commit(&ledger::NewObjects::default(), &[(RefName::Head(branch.clone()), main)])?;
    keep_address(&mut store, &joining.ticket);
    Ok((welcome, joining.ticket.org, branch))
}

/// Knocks until there is a last word.
async fn knock(joining: &Joining, net: &Net, say: &mut dyn FnMut(Progress)) -> Result<Welcome, JoinError> {
    let Joining { ticket, name, board, place, .. } = joining;
    let words =
        Knock { secret: ticket.secret, name: name.clone(), board: board.clone(), place: place.clone() };
    let (words, mut said) = (words.to_bytes(), None);
    loop {
        let now = match net.knock(&ticket.inviter, &ticket.addresses, words.clone()).await {
            Err(error) => Progress::Unreachable(error.to_string()),
            Ok(answer) => match Answer::parse(&answer)? {
                Answer::Welcome(welcome) => return Ok(welcome),
                Answer::Unknown => return Err(JoinError::Unknown),
                Answer::Rejected => return Err(JoinError::Rejected),
                Answer::BadName(why) => return Err(JoinError::BadName(why)),
                Answer::Waits => Progress::Waits,
            },
        };
        if said.as_ref() != Some(&now) {
            say(now.clone());
            said = Some(now);
        }
        tokio::time::sleep(KNOCK_AGAIN).await;
    }
}

/// Connects to the inviter, which lets this box in since the ledger has its key.
async fn admitted(joining: &Joining, net: &Net, events: &mut Receiver<Event>) -> Result<(), JoinError> {
    let inviter = &joining.ticket.inviter;
    net.admit(&BTreeSet::from([inviter.clone()]));
    net.dial(inviter, &joining.ticket.addresses);
    let up = async {
        while let Some(event) = events.recv().await {
            if matches!(event, Event::Up { .. }) {
                return true;
            }
        }
        false
    };
    match tokio::time::timeout(ADMITTED_WITHIN, up).await {
        Ok(true) => Ok(()),
        _ => Err(JoinError::NotAdmitted),
    }
}

/// Says hello, without which a peer answers nothing. A greeting that is lost shows by the first request.
fn greet(joining: &Joining, net: &Net) {
    let software = concat!("ledger ", env!("CARGO_PKG_VERSION")).to_string();
    let hello = Hello { protocol: SYNC_PROTOCOL, org: joining.ticket.org, software };
    if let Err(error) = net.send(&joining.ticket.inviter, Message::Hello(hello).to_bytes()) {
        tracing::debug!(%error, "the greeting was not sent");
    }
}

/// Keeps where the inviter is, for ledgerd: between two networks mDNS would not find it.
fn keep_address(store: &mut Store, ticket: &Ticket) {
    let line = address_text(ticket.inviter.id(), &ticket.addresses);
    if let Err(error) = store.keep_note(ADDRESSES, line.as_bytes()) {
        tracing::debug!(%error, "the inviter's address was not kept");
    }
}

/// Checks what came against the ticket's checkpoint and the rules. The newest block that is final by what came.
fn check(
    store: &Store,
    ticket: &Ticket,
    head: BlockId,
    say: &mut dyn FnMut(Progress),
) -> Result<BlockId, JoinError> {
    let objects = store.objects();
    let report = verify_from(&objects, ticket.checkpoint, head, &mut |n| say(Progress::Checked(n)))?;
    if report.org != ticket.org {
        return Err(JoinError::OtherOrg);
    }
    if verify_head(&objects, head, None).is_ok() {
        return Ok(head);
    }
    // Where several vote, the head's certificate comes with the next block: the block before it has one.
    let block = ledger::Block::read(&objects, head);
    let before = block.ok().and_then(|block| block.main());
    Ok(before.unwrap_or(head))
}
