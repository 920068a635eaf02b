//! Who comes to the page and to the git repository behind it: sessions of people, and tokens for git.
//!
//! A box has no passwords. Whoever may open the admin socket (root of the box, or ledgerd's user) asks for a link or a
//! token there, with secrets that ledgerctl has drawn; here they are known by their hashes. A session acts with the
//! person's key that lies in the home, and is worth nothing any more once the ledger revokes that key.

mod access;
mod acting;
mod secret;
mod sessions;

pub use access::{Access, AccessError, TOKENS_MAX};
pub use acting::{ActError, key_of, may_write, write};
pub use secret::{Secret, SecretError, SecretHash};
pub use sessions::{LINK_LASTS, SESSION_LASTS, Sessions};

use crate::{git::Held, home::Home};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::OnceLock,
};

/// What the page knows of those who come.
pub struct Visitors {
    /// Who is signed in.
    pub sessions: Sessions,
    /// Who may clone.
    pub access: Access,
    /// What is being cloned.
    pub held: Held,
    page: OnceLock<SocketAddr>,
}

impl Visitors {
    /// Nobody is signed in; tokens are as they were.
    pub fn open(home: &Home) -> Self {
        let held = Held::new(home.ledger_folder().join("objects/pack"));
        Self { sessions: Sessions::default(), access: Access::open(home), held, page: OnceLock::new() }
    }

    /// The page is served there.
    pub fn page_is_at(&self, address: SocketAddr) {
        // Where it was served first counts.
        let _first = self.page.set(address);
    }

    /// An address of the page that this machine's browser can open; none if no page is served.
    pub fn page(&self) -> Option<SocketAddr> {
        let address = *self.page.get()?;
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Some(SocketAddr::new(ip, address.port()))
    }
}
