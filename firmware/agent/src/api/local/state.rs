//! Documents: read, listed, watched, written.

use super::{Asking, Caller, not_granted};
use crate::{
    api::{
        body::{Ask, Body},
        refused::Refused,
        stream::{self, Framing, Gone, Lines},
    },
    view::{Difference, Entry, View},
    wire::Standing,
};
use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use dapp::wire::{
    DocumentChange, DocumentQuery, DocumentsRequest, DocumentsWritten, ErrorCode, JsonDocument,
    StateDocument, StateQuery, WatchQuery, Written, from_json,
};
use ledger::Change;
use model::{BlockId, StatePath};
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};

/// A document without a copy of it.
#[derive(Serialize)]
struct Shown<'a> {
    path: &'a StatePath,
    document: &'a JsonDocument,
}

/// What a folder holds, without a copy of it.
#[derive(Serialize)]
pub struct Folder<'a> {
    block: BlockId,
    documents: Vec<Shown<'a>>,
}

/// A line of a watch, without a copy of the documents.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Line<'a> {
    Snapshot { block: BlockId, documents: Vec<Shown<'a>> },
    Change { block: BlockId, changed: Vec<Shown<'a>>, removed: &'a [StatePath] },
}

fn shown<'a>((path, entry): (&'a StatePath, &'a Arc<Entry>)) -> Shown<'a> {
    Shown { path, document: &entry.document }
}

fn parse(path: &str) -> Result<StatePath, Refused> {
    path.parse().map_err(|error: model::PathError| Refused::bad(error.to_string()))
}

fn may_watch(caller: &Caller, folder: &StatePath) -> Result<(), Refused> {
    if caller.manifest.may_watch(folder) {
        return Ok(());
    }
    let line = format!("add \"{folder}/**\" to `reads` in dapp.toml");
    Err(not_granted(format!("the manifest of {} grants nothing in {folder}", caller.name()), line))
}

/// `GET /v1/state/{path}`.
pub async fn document(
    State(caller): Asking,
    Path(path): Path<String>,
    Ask(query): Ask<DocumentQuery>,
) -> Result<Json<StateDocument>, Refused> {
    let path = parse(&path)?;
    if !caller.manifest.may_read(&path) {
        let line = format!("add \"{path}\" to `reads` in dapp.toml");
        return Err(not_granted(format!("the manifest of {} does not grant {path}", caller.name()), line));
    }
    let view = caller.services.keeper.view();
    let Some(entry) = view.of(query.state).get(&path) else {
        return Err(Refused::new(ErrorCode::Unknown, format!("there is no document {path}")));
    };
    Ok(Json(StateDocument { path, block: view.head, document: entry.document.clone() }))
}

/// `GET /v1/state?folder=`.
pub async fn folder(State(caller): Asking, Ask(query): Ask<StateQuery>) -> Result<Response, Refused> {
    may_watch(&caller, &query.folder)?;
    let view = caller.services.keeper.view();
    let granted = view.within(query.state, &query.folder).filter(|(path, _)| caller.manifest.may_read(path));
    let folder = Folder { block: view.head, documents: granted.map(shown).collect() };
    Ok(axum::response::IntoResponse::into_response(Json(folder)))
}

/// `GET /v1/watch?folder=`.
pub async fn watch(
    State(caller): Asking,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let query = WatchQuery::parse(query.as_deref().unwrap_or_default())
        .map_err(|error| Refused::bad(error.to_string()))?;
    query.folders.iter().try_for_each(|folder| may_watch(&caller, folder))?;
    let room = caller.stream()?;
    let stopping = caller.services.stopping.clone();
    Ok(stream::answer(Framing::wanted(&headers), stopping, |lines| async move {
        let _room = room;
        follow(lines, &caller, &query).await
    }))
}

async fn follow(mut lines: Lines, caller: &Caller, query: &WatchQuery) -> Result<(), Gone> {
    let mut views = caller.services.keeper.views();
    let wanted = |path: &StatePath| {
        query.folders.iter().any(|folder| path.is_within(folder.as_str())) && caller.manifest.may_read(path)
    };
    let mut sent: Arc<View> = views.borrow_and_update().clone();
    let documents = sent.of(query.state).iter().filter(|(path, _)| wanted(path)).map(shown).collect();
    lines.send(&Line::Snapshot { block: sent.head, documents }).await?;
    loop {
        lines.wait(views.changed()).await?.map_err(|_| Gone)?;
        let view = views.borrow_and_update().clone();
        let difference = Difference::between(sent.of(query.state), view.of(query.state), wanted);
        if !difference.is_empty() {
            let changed = difference.changed.iter().map(|(path, entry)| shown((path, entry))).collect();
            let removed = &difference.removed;
            lines.send(&Line::Change { block: view.head, changed, removed }).await?;
        }
        sent = view;
    }
}

/// `POST /v1/documents`.
pub async fn write(
    State(caller): Asking,
    Body(request): Body<DocumentsRequest>,
) -> Result<Json<DocumentsWritten>, Refused> {
    check(&caller, &request)?;
    let changes = request.changes.into_iter().map(change).collect::<Result<Vec<_>, _>>()?;
    let keeper = &caller.services.keeper;
    let merged = keeper.write_documents(caller.name().clone(), request.message, changes).await?;
    let state = match merged.state {
        Standing::Final => Written::Final,
        _ => Written::Waiting,
    };
    Ok(Json(DocumentsWritten { block: merged.block, height: merged.height, state }))
}

fn check(caller: &Caller, request: &DocumentsRequest) -> Result<(), Refused> {
    let subject = request.message.trim();
    if subject.is_empty() || subject.len() > 200 || subject.chars().any(char::is_control) {
        return Err(Refused::bad("`message` must be one line of 1 to 200 bytes that says why"));
    }
    if request.changes.is_empty() {
        return Err(Refused::bad("`changes` is empty"));
    }
    let mut seen = BTreeSet::new();
    for path in request.changes.iter().map(DocumentChange::path) {
        if !seen.insert(path) {
            return Err(Refused::bad(format!("{path} is changed twice")));
        }
        if !path.is_document() {
            return Err(Refused::bad(format!("{path} is no document: its name must end in .toml")));
        }
        if !caller.manifest.may_write(path) {
            let line = format!("add \"{path}\" to `writes` in dapp.toml");
            let message = format!("the manifest of {} does not grant writing {path}", caller.name());
            return Err(not_granted(message, line));
        }
    }
    Ok(())
}

fn change(change: DocumentChange) -> Result<Change, Refused> {
    match change {
        DocumentChange::Delete { path } => Ok(Change { path, content: None }),
        DocumentChange::Write { path, document } => {
            let text = from_json(&document).and_then(|document| document.to_canonical());
            let text = text.map_err(|error| Refused::bad(format!("{path}: {error}")))?;
            Ok(Change { path, content: Some(text.into_bytes()) })
        }
    }
}
