//! Whether the agent answers: its status, asked at its own socket.
//!
//! Not at the page, whose address the settings choose. A word of HTTP is enough, so there is no library for it; busybox's wget,
//! linked statically as Debian has it, dies in glibc's lookup of the service's name.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// How long an agent that is well takes at most, also on a box that has much to do.
const PATIENCE: Duration = Duration::from_secs(5);
const QUESTION: &[u8] = b"GET /v1/status HTTP/1.1\r\nHost: ledger\r\nConnection: close\r\n\r\n";
const WELL: [&[u8]; 2] = [b"HTTP/1.0 200", b"HTTP/1.1 200"];

/// Asks the agent that listens there. An error says why it is not well.
pub fn answers(socket: &Path) -> io::Result<()> {
    let mut agent = UnixStream::connect(socket)?;
    agent.set_read_timeout(Some(PATIENCE))?;
    agent.set_write_timeout(Some(PATIENCE))?;
    agent.write_all(QUESTION)?;
    let mut begin = [0; WELL[0].len()];
    agent.read_exact(&mut begin)?;
    if WELL.contains(&begin.as_slice()) {
        Ok(())
    } else {
        Err(io::Error::other("it answers, but is not well"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::net::UnixListener, thread};

    /// What is made of an agent that says this.
    fn asked(name: &str, answer: &'static [u8]) -> io::Result<()> {
        let socket = std::env::temp_dir().join(format!("card-{name}-{}", std::process::id()));
        let listener = UnixListener::bind(&socket).unwrap();
        let agent = thread::spawn(move || {
            let (mut asking, _) = listener.accept().unwrap();
            let mut question = [0; QUESTION.len()];
            asking.read_exact(&mut question).unwrap();
            asking.write_all(answer).unwrap();
        });
        let result = answers(&socket);
        agent.join().unwrap();
        std::fs::remove_file(socket).unwrap();
        result
    }

    #[test]
    fn an_agent_that_gives_its_status_answers() {
        asked("well", b"HTTP/1.1 200 OK\r\n\r\n{}").unwrap();
    }

    #[test]
    fn one_that_refuses_or_says_nothing_does_not() {
        assert!(asked("sick", b"HTTP/1.1 503 Service Unavailable\r\n\r\n").is_err());
        assert!(asked("silent", b"").is_err());
        assert!(answers(Path::new("/nonexistent/admin.sock")).is_err());
    }
}
