//! Into the ledger: through the ledgerd that runs, or, where none does, by opening the home in this process.
//!
//! The home's lock keeps the two apart: if ledgerd starts in between, the opening is refused and says so. A block
//! is signed here with the person's key in either case; ledgerd never sees it.

mod still;

use crate::{
    agent_client::{AgentClient, with_query},
    context::Context,
    edits::Edits,
    error::{Hint, Result},
    keyring, output,
    progress::Progress,
    view::View,
    when,
};
use agent::wire::{
    Collected, EventCounts, Log, LogEntry, LogQuery, Merged, Proposal, Stored, VerifyLine, WireObject,
};
use anyhow::Context as _;
use base64::{Engine, engine::general_purpose::STANDARD};
use chunk::{Cutter, Manifest};
use ledger::{Meta, NewBlock};
use model::{Name, StatePath};
use serde_json::json;
use std::{
    io::{Read, Write},
    ops::ControlFlow,
};
use store::RefName;

/// Signs the changes as one block, brings it into main, and says so.
pub fn send(context: &Context, edits: &Edits<'_>, message: &str, said: &str) -> Result {
    let changes = edits.changes()?;
    let paths: Vec<&StatePath> = changes.iter().map(|change| &change.path).collect();
    if changes.is_empty() {
        let value = json!({"changed": [], "block": edits.view().head(), "height": edits.view().height()});
        return context.out.show("nothing to change: the ledger says so already\n", &value);
    }
    let merged = submit(context, edits.view(), sign(context, edits, message)?)?;
    let counted = output::count(paths.len(), "file changed", "files changed");
    let said = if said.is_empty() { &counted } else { said };
    let text = format!("{said}\nmain is {} at height {}\n", merged.block.short(), merged.height);
    context.out.show(&text, &json!({"changed": paths, "block": merged.block, "height": merged.height}))
}

fn sign(context: &Context, edits: &Edits<'_>, message: &str) -> Result<NewBlock> {
    let view = edits.view();
    let signer = keyring::signer(context, view)?;
    let author = signer.key.public().id();
    let own = view.objects().head(&RefName::writer(author))?;
    let meta = Meta { author, at: when::now(), subject: message.to_string(), dapp: None };
    let draft = ledger::document_block(view.objects(), view.head(), own, &edits.changes()?, meta).hint(
        || format!("{} cannot sign this change", signer.name),
        "ledgerctl policy who-may PATH shows who may write a path; --as PERSON signs with another's key",
    )?;
    if let Some(abandoned) = draft.abandoned() {
        eprintln!("note: an earlier change of {} is given up: {abandoned}", signer.name);
    }
    Ok(draft.sign(&signer.key)?)
}

fn submit(context: &Context, _view: &View, block: NewBlock) -> Result<Merged> {
    match AgentClient::find(&context.home)? {
        Some(agent) => agent.post("/v1/blocks", &proposal(&block)),
        None => still::propose(context, block),
    }
}

fn proposal(block: &NewBlock) -> Proposal {
    let object = |(id, object): (&model::ObjectId, &ledger::Object)| WireObject {
        id: *id,
        kind: kind(object.kind).to_string(),
        bytes: STANDARD.encode(&object.bytes),
    };
    Proposal { head: block.id, objects: block.objects.iter().map(object).collect() }
}

fn kind(kind: ledger::Kind) -> &'static str {
    match kind {
        ledger::Kind::Blob => "blob",
        ledger::Kind::Tree => "tree",
        ledger::Kind::Commit => "commit",
    }
}

/// Puts waiting events into a block.
pub fn flush(context: &Context) -> Result<Merged> {
    match AgentClient::find(&context.home)? {
        Some(agent) => agent.poke("/v1/flush"),
        None => still::flush(context),
    }
}

/// Events, newest last.
pub fn events(context: &Context, agent: Option<&AgentClient>, query: &LogQuery) -> Result<Vec<LogEntry>> {
    let Some(agent) = agent else { return still::events(context, query) };
    let pairs = [
        ("dapp", query.dapp.as_ref().map(ToString::to_string)),
        ("kind", query.kind.as_ref().map(ToString::to_string)),
        ("text", query.text.clone()),
        ("after", query.after.map(|after| after.to_string())),
        ("since", query.since.map(|since| since.0.to_string())),
        ("limit", query.limit.map(|limit| limit.to_string())),
    ];
    let log: Log = agent.get(&with_query("/v1/log", &pairs))?;
    Ok(log.events)
}

/// The counts of events and the node's name of a home where no ledgerd runs.
pub fn still_status(context: &Context) -> Result<(EventCounts, Name)> {
    still::status(context)
}

/// Cuts and keeps a file: its manifest, which is in no block yet.
pub fn store_file(
    context: &Context,
    from: Box<dyn Read + Send>,
    cutter: Cutter,
    progress: Progress,
) -> Result<Stored> {
    match AgentClient::find(&context.home)? {
        Some(agent) => {
            let path = with_query("/v1/chunks", &[("cutter", Some(cutter.to_string()))]);
            agent.upload(&path, from, progress)
        }
        None => still::store_file(context, from, cutter, progress),
    }
}

/// Writes a large file of the ledger, each chunk verified.
pub fn fetch_file(
    context: &Context,
    path: &StatePath,
    manifest: &Manifest,
    into: &mut dyn Write,
    progress: &mut Progress,
) -> Result {
    match AgentClient::find(&context.home)? {
        Some(agent) => {
            let path = with_query("/v1/chunks", &[("path", Some(path.to_string()))]);
            let mut check = Checked { into, hasher: chunk::FileHasher::new(), size: 0 };
            agent.download(&path, &mut check, progress)?;
            check.finish(manifest)
        }
        None => still::fetch_file(context, manifest, into, progress),
    }
}

/// What ledgerd sends is checked once more here: a socket that breaks off must not leave half a file.
struct Checked<'a> {
    into: &'a mut dyn Write,
    hasher: chunk::FileHasher,
    size: u64,
}

impl Write for Checked<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.into.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.into.flush()
    }
}

impl Checked<'_> {
    fn finish(self, manifest: &Manifest) -> Result {
        if self.size == manifest.size && self.hasher.finish() == manifest.hash {
            return Ok(());
        }
        Err(anyhow::anyhow!("{} of {} bytes came, or others", self.size, manifest.size)).hint(
            || "ledgerd did not send the whole file".to_string(),
            "ledgerctl blob verify shows damaged chunks; ledgerd's messages say what broke off",
        )
    }
}

/// What a look at every chunk found.
pub struct ChunksChecked {
    /// Chunks that are whole.
    pub good: u64,
    /// What is wrong, one line each.
    pub bad: Vec<String>,
}

/// Reads and checks every chunk.
pub fn verify_chunks(context: &Context) -> Result<ChunksChecked> {
    let Some(agent) = AgentClient::find(&context.home)? else { return still::verify_chunks(context) };
    let mut progress = Progress::of_things("chunks", None, context.out.json);
    let mut checked = None;
    agent.lines(hyper::Method::POST, "/v1/chunks/verify", |line| {
        match serde_json::from_str(line).context("ledgerd's answer is not what this ledgerctl expects")? {
            VerifyLine::Progress { done, .. } => progress.at(done),
            VerifyLine::Report { good, bad } => checked = Some(ChunksChecked { good, bad }),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    checked.context("ledgerd ended before all chunks were checked")
}

/// Removes chunks that no branch reaches.
pub fn collect_chunks(context: &Context) -> Result<Collected> {
    match AgentClient::find(&context.home)? {
        Some(agent) => agent.poke("/v1/chunks/gc"),
        None => still::collect_chunks(context),
    }
}
