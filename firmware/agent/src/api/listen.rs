//! Sockets with a limit: at most so many connections at a time, the next one waits to be accepted.
//!
//! Each dapp has a socket of its own, so one that opens connections without end starves itself alone.

use axum::{Router, serve::Listener};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    io,
    path::Path,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixListener,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};

/// A listener that accepts when there is room.
pub struct Limited<L> {
    inner: L,
    room: Arc<Semaphore>,
}

/// A connection that takes up room until it is dropped.
pub struct Counted<T> {
    inner: T,
    _room: OwnedSemaphorePermit,
}

impl<L> Limited<L> {
    /// At most `connections` at a time.
    pub fn new(inner: L, connections: usize) -> Self {
        Self { inner, room: Arc::new(Semaphore::new(connections)) }
    }
}

impl<L: Listener> Listener for Limited<L> {
    type Io = Counted<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let room = self.room.clone().acquire_owned().await.expect("because the semaphore is never closed");
        let (inner, address) = self.inner.accept().await;
        (Counted { inner, _room: room }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Listens at `path`, taking the place of a socket that a dead process left there.
pub fn unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    Ok(listener)
}

/// Serves until `stopping` turns true and the last answer is given; dropping it closes every connection at once.
/// With `patience` a connection is closed that has not sent its next request's headers after so long. Without, one
/// may be kept idle: a dapp's first order after a quiet night shall not find it closed.
pub async fn serve<L: Listener>(
    mut listener: L,
    router: Router,
    patience: Option<Duration>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            (io, _) = listener.accept() => {
                connections.spawn(converse(io, router.clone(), patience, stopping.clone()));
            }
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stopping) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// One connection, from its first request to its last answer.
async fn converse<T>(io: T, router: Router, patience: Option<Duration>, mut stopping: watch::Receiver<bool>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience);
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Returns when ledgerd stops, also if whoever could say so is gone.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _said = stopping.wait_for(|stopping| *stopping).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixStream,
        time::{sleep, timeout},
    };

    const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: ledger\r\n";
    const LONG: Duration = Duration::from_secs(10);

    struct Served {
        path: std::path::PathBuf,
        stop: watch::Sender<bool>,
        server: tokio::task::JoinHandle<()>,
        _folder: tempfile::TempDir,
    }

    fn served(patience: Option<Duration>) -> Served {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let slow = async || {
            sleep(Duration::from_millis(100)).await;
            "done"
        };
        let listener = Limited::new(unix(&path, 0o600).unwrap(), 1);
        let (stop, stopping) = watch::channel(false);
        let server = tokio::spawn(serve(listener, Router::new().route("/", get(slow)), patience, stopping));
        Served { path, stop, server, _folder: folder }
    }

    async fn rest(stream: &mut UnixStream) -> String {
        let mut text = String::new();
        timeout(LONG, stream.read_to_string(&mut text)).await.unwrap().unwrap();
        text
    }

    #[tokio::test]
    async fn who_never_ends_a_request_makes_room_for_others() {
        let served = served(Some(Duration::from_millis(200)));
        let mut loris = UnixStream::connect(&served.path).await.unwrap();
        loris.write_all(ASK).await.unwrap();
        let mut other = UnixStream::connect(&served.path).await.unwrap();
        other.write_all(&[ASK, b"connection: close\r\n\r\n"].concat()).await.unwrap();
        assert!(rest(&mut other).await.ends_with("done"));
        assert!(!rest(&mut loris).await.contains("200 OK"));
    }

    #[tokio::test]
    async fn an_answer_under_way_is_finished_before_the_stop() {
        let served = served(None);
        let mut asker = UnixStream::connect(&served.path).await.unwrap();
        asker.write_all(&[ASK, b"\r\n"].concat()).await.unwrap();
        sleep(Duration::from_millis(30)).await;
        served.stop.send_replace(true);
        assert!(rest(&mut asker).await.ends_with("done"));
        timeout(LONG, served.server).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_server_that_is_dropped_leaves_no_connection_open() {
        let served = served(None);
        let mut idle = UnixStream::connect(&served.path).await.unwrap();
        idle.write_all(ASK).await.unwrap();
        sleep(Duration::from_millis(30)).await;
        served.server.abort();
        assert_eq!(rest(&mut idle).await, "");
    }
}
