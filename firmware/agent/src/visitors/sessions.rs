//! Who is signed in: links that are good once and for minutes, sessions that are good for hours.
//!
//! Pure but for the lock, and in memory alone: when ledgerd ends, everybody is signed out. Time is what has elapsed
//! since ledgerd started, so a clock that is set makes no session older. There are only so many of each; the oldest
//! makes room.

use super::secret::{Secret, SecretHash};
use model::Name;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a link can be followed.
pub const LINK_LASTS: Duration = Duration::from_secs(5 * 60);
/// How long a session lasts.
pub const SESSION_LASTS: Duration = Duration::from_secs(12 * 3600);
const LINKS_MAX: usize = 16;
const SESSIONS_MAX: usize = 64;

/// Links and sessions.
#[derive(Default)]
pub struct Sessions(Mutex<Book>);

#[derive(Default)]
struct Book {
    links: Vec<Link>,
    sessions: Vec<Session>,
}

struct Link {
    secret: SecretHash,
    person: Name,
    /// The secret of the session that it begins.
    session: Secret,
    until: Duration,
}

struct Session {
    secret: SecretHash,
    person: Name,
    until: Duration,
}

impl Sessions {
    /// Makes a link, of which only the hash is told, that begins a session.
    pub fn make_link(&self, person: Name, link: SecretHash, session: Secret, now: Duration) {
        let mut book = self.at(now);
        if book.links.len() >= LINKS_MAX {
            book.links.remove(0);
        }
        book.links.push(Link { secret: link, person, session, until: now + LINK_LASTS });
    }

    /// Follows a link, for the first and last time: the secret of the session that begins.
    pub fn follow(&self, link: &Secret, now: Duration) -> Option<Secret> {
        let mut book = self.at(now);
        let hash = link.hash();
        let found = book.links.iter().position(|link| link.secret == hash)?;
        let Link { person, session, .. } = book.links.remove(found);
        if book.sessions.len() >= SESSIONS_MAX {
            book.sessions.remove(0);
        }
        book.sessions.push(Session { secret: session.hash(), person, until: now + SESSION_LASTS });
        Some(session)
    }

    /// Whose session it is.
    pub fn who(&self, session: &Secret, now: Duration) -> Option<Name> {
        let (book, hash) = (self.at(now), session.hash());
        book.sessions.iter().find(|session| session.secret == hash).map(|session| session.person.clone())
    }

    /// Ends a session.
    pub fn end(&self, session: &Secret, now: Duration) {
        let hash = session.hash();
        self.at(now).sessions.retain(|session| session.secret != hash);
    }

    /// What is still good.
    fn at(&self, now: Duration) -> MutexGuard<'_, Book> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.links.retain(|link| now < link.until);
        book.sessions.retain(|session| now < session.until);
        book
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    fn secret(n: u8) -> Secret {
        Secret::new([n; 32])
    }

    fn linked(link: u8, session: u8) -> Sessions {
        let sessions = Sessions::default();
        sessions.make_link("alice".parse().unwrap(), secret(link).hash(), secret(session), NOW);
        sessions
    }

    #[test]
    fn a_link_begins_one_session_and_only_once() {
        let sessions = linked(1, 2);
        assert_eq!(sessions.who(&secret(2), NOW), None, "nobody has followed it yet");
        assert_eq!(sessions.follow(&secret(2), NOW), None, "the session's secret is no link");
        assert_eq!(sessions.follow(&secret(1), NOW), Some(secret(2)));
        assert_eq!(sessions.follow(&secret(1), NOW), None);
        assert_eq!(sessions.who(&secret(2), NOW).unwrap().as_str(), "alice");
        assert_eq!(sessions.who(&secret(1), NOW), None, "the link's secret is no session");
        sessions.end(&secret(2), NOW);
        assert_eq!(sessions.who(&secret(2), NOW), None);
    }

    #[test]
    fn a_link_and_a_session_end_with_their_time() {
        assert_eq!(linked(1, 2).follow(&secret(1), NOW + LINK_LASTS), None);
        let sessions = linked(1, 2);
        sessions.follow(&secret(1), NOW);
        assert!(sessions.who(&secret(2), NOW + SESSION_LASTS - Duration::from_millis(1)).is_some());
        assert_eq!(sessions.who(&secret(2), NOW + SESSION_LASTS), None);
    }

    #[test]
    fn there_are_only_so_many_and_the_oldest_makes_room() {
        let sessions = Sessions::default();
        for n in 0..200 {
            sessions.make_link("alice".parse().unwrap(), secret(n).hash(), secret(n), NOW);
            assert!(n % 2 == 0 || sessions.follow(&secret(n), NOW).is_some());
        }
        assert_eq!(sessions.follow(&secret(0), NOW), None);
        assert_eq!(sessions.who(&secret(1), NOW), None);
        assert!(sessions.who(&secret(199), NOW).is_some());
        let book = sessions.at(NOW);
        assert!(book.links.len() <= LINKS_MAX && book.sessions.len() <= SESSIONS_MAX);
    }
}
