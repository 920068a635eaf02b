//! Large files over the admin API: streamed in, streamed out, looked through, collected. In bounded memory.

use super::{
    admin::Asking,
    body::Ask,
    refused::Refused,
    stream::{self, Framing, Gone},
};
use crate::{
    blobs::{BlobError, Blobs},
    devices::chain,
    wire,
};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use chunk::Cutter;
use dapp::wire::ErrorCode;
use futures_util::StreamExt;
use model::{ChunkId, StatePath};
use serde::Deserialize;
use std::io::{self, Read, Write};
use tokio::sync::mpsc;

/// How many pieces of a body wait for the disk, or of the disk for a body.
const PIECES: usize = 8;
/// How many bytes of a file are sent at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The query of `PUT /v1/chunks`.
#[derive(Deserialize)]
pub struct HowToCut {
    cutter: Option<String>,
}

/// The query of `GET /v1/chunks`.
#[derive(Deserialize)]
pub struct Which {
    path: StatePath,
}

/// `PUT /v1/chunks?cutter=`: the body is the file.
pub async fn put(
    State(services): Asking,
    Ask(query): Ask<HowToCut>,
    request: Request,
) -> Result<Json<wire::Stored>, Refused> {
    let cutter = match query.cutter {
        Some(text) => text.parse().map_err(|error: chunk::CutterError| Refused::bad(chain(&error)))?,
        None => Cutter::default(),
    };
    let (sender, receiver) = mpsc::channel(PIECES);
    let blobs = services.blobs.clone();
    let stored = tokio::task::spawn_blocking(move || blobs.put(Pieces::new(receiver), cutter));
    let mut pieces = request.into_body().into_data_stream();
    while let Some(piece) = pieces.next().await {
        // The receiver has gone if the disk failed; what it says comes below.
        if sender.send(piece.map_err(io::Error::other)).await.is_err() {
            break;
        }
    }
    drop(sender);
    let (manifest, new_chunks) = done(stored.await)?;
    Ok(Json(wire::Stored { manifest: manifest.to_text(), new_chunks }))
}

/// `GET /v1/chunks?path=`: the file itself.
pub async fn get(State(services): Asking, Ask(query): Ask<Which>) -> Result<Response, Refused> {
    let view = services.keeper.view();
    let Some(id) = view.manifests.get(&query.path).copied() else {
        let message = format!("main has no manifest {}", query.path);
        return Err(
            Refused::new(ErrorCode::Unknown, message).hint("`ledgerctl blob list` names those it has")
        );
    };
    let blobs = services.blobs.clone();
    let manifest = done(
        tokio::task::spawn_blocking({
            let blobs = blobs.clone();
            move || blobs.manifest(&id)
        })
        .await,
    )?;
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let sent = blobs.write(&manifest, io::BufWriter::with_capacity(PIECE_BYTES, Sender(sender.clone())));
        if let Err(error) = sent {
            tracing::warn!(error = %chain(&error), "a file could not be sent to its end");
            // The body breaks off: its reader must not take a part for the whole.
            drop(sender.blocking_send(Err(io::Error::other("the file is damaged here"))));
        }
    });
    let body = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    Ok(([(CONTENT_TYPE, "application/octet-stream")], Body::from_stream(body)).into_response())
}

/// `PUT /v1/chunks/{id}`: the body is the chunk.
pub async fn put_one(
    State(services): Asking,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<wire::Done>, Refused> {
    let id = name(&id)?;
    if chunk::chunk_id(&body) != id {
        return Err(Refused::bad(format!("these {} bytes are not the chunk {id}", body.len())));
    }
    let blobs = services.blobs.clone();
    done(tokio::task::spawn_blocking(move || blobs.put_chunk(&body)).await)?;
    Ok(Json(wire::Done {}))
}

/// `GET /v1/chunks/{id}`: the chunk's bytes.
pub async fn get_one(State(services): Asking, Path(id): Path<String>) -> Result<Response, Refused> {
    let id = name(&id)?;
    let blobs = services.blobs.clone();
    let bytes = done(tokio::task::spawn_blocking(move || Ok(blobs.chunk(&id))).await)?;
    let bytes = bytes.ok_or_else(|| {
        Refused::new(ErrorCode::Unknown, format!("the chunk {id} is not on this box, or damaged"))
    })?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

fn name(id: &str) -> Result<ChunkId, Refused> {
    id.parse().map_err(|_| Refused::bad("a chunk's name is 64 hex digits"))
}

/// `POST /v1/chunks/verify`.
pub async fn verify(State(services): Asking, headers: HeaderMap) -> Response {
    let (stopping, blobs) = (services.stopping.clone(), services.blobs.clone());
    stream::answer(Framing::wanted(&headers), stopping, |mut lines| async move {
        let (sender, mut receiver) = mpsc::channel(PIECES);
        tokio::task::spawn_blocking(move || look_through(&blobs, &sender));
        while let Some(line) = lines.wait(receiver.recv()).await? {
            lines.send(&line).await?;
        }
        Ok::<(), Gone>(())
    })
}

fn look_through(blobs: &Blobs, sender: &mpsc::Sender<wire::VerifyLine>) {
    let of = blobs.bytes();
    let found = blobs.verify(&mut |done| {
        // A reader that is slow or gone misses a number.
        drop(sender.try_send(wire::VerifyLine::Progress { done, of }));
    });
    let report = match found {
        Ok(looked) => wire::VerifyLine::Report { good: looked.good, bad: looked.bad },
        Err(error) => wire::VerifyLine::Report { good: 0, bad: vec![chain(&error)] },
    };
    drop(sender.blocking_send(report));
}

/// `POST /v1/chunks/gc`.
pub async fn gc(State(services): Asking) -> Result<Json<wire::Collected>, Refused> {
    let blobs = services.blobs.clone();
    let report = done(tokio::task::spawn_blocking(move || blobs.collect()).await)?;
    Ok(Json(wire::Collected { kept: report.kept, removed: report.removed, freed_bytes: report.freed_bytes }))
}

fn done<T>(result: Result<Result<T, BlobError>, tokio::task::JoinError>) -> Result<T, Refused> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.is_full() => {
            Err(Refused::new(ErrorCode::DiskFull, chain(&error)).hint("make room on the disk"))
        }
        Ok(Err(error)) => Err(Refused::new(ErrorCode::Failed, chain(&error))),
        Err(error) => Err(Refused::new(ErrorCode::Failed, error.to_string())),
    }
}

/// The pieces of a body as a reader, for a thread that may block.
struct Pieces {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Pieces {
    fn new(receiver: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self { receiver, piece: Bytes::new() }
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.piece.len());
        into[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// A body as a writer, for a thread that may block.
struct Sender(mpsc::Sender<io::Result<Bytes>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
