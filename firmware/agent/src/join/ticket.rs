//! Tickets: one line of text, or one picture, with which a new box asks to belong to an organisation.
//!
//! A ticket says where to knock, whom to expect there, what the ledger was when it was written, and holds a secret
//! that is good for one box and for a while. It is no right by itself: a person approves the box that comes with
//! it. Whoever reads it may ask in the box's place, so it is shown to one person. Format: docs/formats/join.md.

use data_encoding::BASE32_NOPAD;
use model::{BlockId, Millis, OrgId, PublicKey};
use serde::{Deserialize, Serialize};
use std::{fmt, net::SocketAddr, str::FromStr};

/// What every ticket begins with, and the number of its format.
const MARK: &str = "LEDGER1";
/// The longest ticket that is read, in characters.
pub const MAX_TICKET_CHARS: usize = 1024;
/// The most addresses in a ticket.
pub const MAX_ADDRESSES: usize = 8;

/// The secret of an invitation.
pub type Secret = [u8; 16];

/// An invitation as it is handed over.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The organisation.
    pub org: OrgId,
    /// The key of the box that invites: the connection proves it.
    pub inviter: PublicKey,
    /// Where it was when it invited.
    pub addresses: Vec<SocketAddr>,
    /// The newest final block then: the new box believes no other history.
    pub checkpoint: BlockId,
    /// Its height.
    pub height: u64,
    /// What the new box shows to be heard.
    pub secret: Secret,
    /// Until when it is heard.
    pub expires: Millis,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    org: [u8; 32],
    inviter: [u8; 32],
    addresses: Vec<SocketAddr>,
    checkpoint: [u8; 32],
    height: u64,
    secret: Secret,
    expires: u64,
}

/// Text that is no ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// It does not begin like one.
    #[error("this is no ticket: one begins with {MARK}")]
    Mark,
    /// A character is none of a ticket's, or some are missing.
    #[error("the ticket is damaged or cut short: copy all of it, on one line")]
    Damaged,
    /// Longer than any ticket.
    #[error("the ticket is too long")]
    TooLong,
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wire = Wire {
            org: *self.org.as_bytes(),
            inviter: self.inviter.to_bytes(),
            addresses: self.addresses.clone(),
            checkpoint: *self.checkpoint.as_bytes(),
            height: self.height,
            secret: self.secret,
            expires: self.expires.0,
        };
        let mut bytes = postcard::to_stdvec(&wire).map_err(|_| fmt::Error)?;
        let sum = checksum(&bytes);
        bytes.extend(sum);
        write!(f, "{MARK}{}", BASE32_NOPAD.encode(&bytes))
    }
}

/// Shows no secret: a ticket may end up in a log by accident.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket(of {}, height {})", self.inviter.id(), self.height)
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    /// Reads a ticket in either case, with the spaces and line ends that mail puts in.
    fn from_str(text: &str) -> Result<Self, TicketError> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if text.len() > MAX_TICKET_CHARS {
            return Err(TicketError::TooLong);
        }
        let text = text.to_ascii_uppercase();
        let body = text.strip_prefix(MARK).ok_or(TicketError::Mark)?;
        let bytes = BASE32_NOPAD.decode(body.as_bytes()).map_err(|_| TicketError::Damaged)?;
        let (bytes, sum) = bytes.split_last_chunk::<4>().ok_or(TicketError::Damaged)?;
        if checksum(bytes) != *sum {
            return Err(TicketError::Damaged);
        }
        let (wire, rest) = postcard::take_from_bytes::<Wire>(bytes).map_err(|_| TicketError::Damaged)?;
        if !rest.is_empty() || wire.addresses.len() > MAX_ADDRESSES {
            return Err(TicketError::Damaged);
        }
        Ok(Self {
            org: OrgId::new(wire.org),
            inviter: PublicKey::from_bytes(&wire.inviter),
            addresses: wire.addresses,
            checkpoint: BlockId::new(wire.checkpoint),
            height: wire.height,
            secret: wire.secret,
            expires: Millis(wire.expires),
        })
    }
}

/// Four bytes that find a slip of the hand; they guard against nothing else.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SigningKey;
    use proptest::prelude::*;

    fn ticket() -> Ticket {
        Ticket {
            org: OrgId::new([1; 32]),
            inviter: SigningKey::from_seed(&[2; 32]).public(),
            addresses: vec!["192.168.1.20:7070".parse().unwrap(), "[fe80::1]:7070".parse().unwrap()],
            checkpoint: BlockId::new([3; 32]),
            height: 300,
            secret: [4; 16],
            expires: Millis(1_790_000_000_000),
        }
    }

    #[test]
    fn a_ticket_comes_back_from_its_text_in_either_case_and_broken_over_lines() {
        let text = ticket().to_string();
        assert_eq!(text.parse::<Ticket>().unwrap(), ticket());
        let (first, second) = text.split_at(70);
        assert_eq!(format!("  {}\n {}\n", first.to_lowercase(), second).parse::<Ticket>().unwrap(), ticket());
        assert!(
            text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()),
            "a small picture needs this"
        );
    }

    #[test]
    fn every_slip_of_one_character_is_noticed() {
        let text = ticket().to_string();
        for at in MARK.len()..text.len() {
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let slipped = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(slipped.parse::<Ticket>(), Err(TicketError::Damaged), "at {at}");
            assert!(text[..at].parse::<Ticket>().is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_ticket_in_a_log_shows_no_secret() {
        assert!(!format!("{:?}", ticket()).contains('4'.to_string().repeat(3).as_str()));
    }

    proptest! {
        #[test]
        fn any_text_is_a_ticket_or_an_error(text in "LEDGER1[A-Z2-7]{0,300}") {
            if let Ok(ticket) = text.parse::<Ticket>() {
                prop_assert_eq!(ticket.to_string(), text);
            }
        }
    }
}
