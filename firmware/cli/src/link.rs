//! Into the ledger: through the ledgerd that runs, or, where none does, by opening the home in this process.
//!
//! The store's lock keeps the two apart. While somebody holds it and no ledgerd answers, one of them is starting
//! or another ledgerctl is at work: both are waited for. A block is signed here with the person's key in either
//! case; ledgerd never sees it.

mod branches;
mod cloning;
mod rotating;
mod shelf;
mod standing;
mod still;
mod waiting;

pub use branches::{begin_branch, follow, join};
pub use cloning::{add_git_token, git_access, revoke_git_token, serve_git};
pub use rotating::rotate_node;
pub use shelf::{Shelf, shelf};
pub use standing::proposals;

use crate::{
    agent_client::{AgentClient, with_query},
    context::Context,
    edits::Edits,
    error::{Hint, Result, refused},
    keyring::{self, Signer},
    output,
    progress::Progress,
    view::View,
    when,
};
use agent::{
    blobs::Looked,
    core::Core,
    line::own_end,
    replay::Replayed,
    wire::{Collected, Log, LogEntry, LogQuery, Merged, Proposal, Stored, VerifyLine, WireObject},
};
use anyhow::Context as _;
use base64::{Engine, engine::general_purpose::STANDARD};
use chunk::{Cutter, Manifest};
use ledger::{Change, Meta, NewBlock};
use model::StatePath;
use serde_json::json;
use std::{
    collections::BTreeSet,
    io::{Read, Write},
    ops::ControlFlow,
    thread,
    time::{Duration, Instant},
};

/// How long a ledgerd that starts, or another ledgerctl, is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// The way into the ledger.
pub enum Way {
    /// The ledgerd that runs.
    Agent(AgentClient),
    /// The home itself, opened and locked.
    Still(Box<Core>),
}

/// Finds the ledgerd of the home, or opens the home.
pub fn way(context: &Context) -> Result<Way> {
    let begun = Instant::now();
    loop {
        if let Some(agent) = AgentClient::find(&context.home)? {
            return Ok(Way::Agent(agent));
        }
        match still::open(context) {
            Ok(core) => return Ok(Way::Still(Box::new(core))),
            Err(error) if error.is_held() && begun.elapsed() < PATIENCE => thread::sleep(PAUSE),
            Err(error) => return Err(still::explain(context, error)),
        }
    }
}

/// Signs the changes as one block, brings it into main, and says so.
pub fn send(context: &Context, edits: &Edits<'_>, message: &str, said: &str) -> Result {
    let changes = edits.changes()?;
    let paths: Vec<&StatePath> = changes.iter().map(|change| &change.path).collect();
    if changes.is_empty() {
        let value = json!({"changed": [], "block": edits.view().head(), "height": edits.view().height()});
        return context.out.show("nothing to change: the ledger says so already\n", &value);
    }
    let signer = keyring::signer(context, edits.view())?;
    let turn = keyring::turn(context, &signer.name)?;
    let newest = View::open(context)?;
    refuse_stale(edits.view(), &newest, &paths)?;
    let merged = submit(context, sign(&newest, &changes, edits.whole(), &signer, message)?)?;
    drop(turn);
    let counted = output::count(paths.len(), "file changed", "files changed");
    let said = if said.is_empty() { &counted } else { said };
    let text = format!("{said}\n{}", standing::text(newest.branch(), &merged));
    let (block, height, state) = (merged.block, merged.height, merged.state);
    context.out.show(&text, &json!({"changed": paths, "block": block, "height": height, "state": state}))
}

/// A file that somebody changed since it was read here must not be written over.
fn refuse_stale(read: &View, newest: &View, paths: &[&StatePath]) -> Result {
    for path in paths {
        if read.state().id_of(path)? != newest.state().id_of(path)? {
            return Err(refused(
                format!("{path} was changed meanwhile"),
                "nothing was written: run the command again",
            ));
        }
    }
    Ok(())
}

fn sign(
    view: &View,
    changes: &[Change],
    whole: &BTreeSet<StatePath>,
    signer: &Signer,
    message: &str,
) -> Result<NewBlock> {
    let author = signer.key.public().id();
    let own = own_end(view.objects(), &author)?;
    let changes = waiting::beside(view, own, author, changes, whole)?;
    let meta = Meta { author, at: when::now(), subject: message.to_string(), dapp: None };
    let draft = ledger::document_block(view.objects(), view.head(), own, &changes, meta).hint(
        || format!("{} cannot sign this change", signer.name),
        "ledgerctl policy who-may PATH shows who may write a path; --as PERSON signs with another's key",
    )?;
    if let Some(abandoned) = draft.abandoned() {
        eprintln!("note: an earlier change of {} is given up: {abandoned}", signer.name);
    }
    Ok(draft.sign(&signer.key)?)
}

fn submit(context: &Context, block: NewBlock) -> Result<Merged> {
    match way(context)? {
        Way::Agent(agent) => standing::settle(&agent, agent.post("/v1/blocks", &proposal(&block))?),
        Way::Still(mut core) => standing::good(still::submit(context, &mut core, block)?),
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
    match way(context)? {
        Way::Agent(agent) => agent.poke("/v1/flush"),
        Way::Still(mut core) => Ok(core.flush()?),
    }
}

/// Events, newest last.
pub fn events(way: &Way, query: &LogQuery) -> Result<Vec<LogEntry>> {
    let agent = match way {
        Way::Agent(agent) => agent,
        Way::Still(core) => return Ok(core.log(query)?),
    };
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

/// Cuts and keeps a file: its manifest, which is in no block yet.
pub fn store_file(
    context: &Context,
    from: Box<dyn Read + Send>,
    cutter: Cutter,
    progress: Progress,
) -> Result<Stored> {
    match way(context)? {
        Way::Agent(agent) => {
            let path = with_query("/v1/chunks", &[("cutter", Some(cutter.to_string()))]);
            agent.upload(&path, from, progress)
        }
        Way::Still(core) => still::store_file(context, &core, from, cutter, progress),
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
    match way(context)? {
        Way::Agent(agent) => {
            let path = with_query("/v1/chunks", &[("path", Some(path.to_string()))]);
            let mut check = Checked { into, hasher: chunk::FileHasher::new(), size: 0 };
            agent.download(&path, &mut check, progress)?;
            check.finish(manifest)
        }
        Way::Still(core) => still::fetch_file(context, &core, manifest, into, progress),
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

/// Reads and checks every chunk.
pub fn verify_chunks(context: &Context) -> Result<Looked> {
    let agent = match way(context)? {
        Way::Agent(agent) => agent,
        Way::Still(core) => return still::verify_chunks(context, &core),
    };
    let (mut progress, mut checked) = (None, None);
    agent.lines(hyper::Method::POST, "/v1/chunks/verify", |line| {
        match serde_json::from_str(line).context("ledgerd's answer is not what this ledgerctl expects")? {
            VerifyLine::Progress { done, of } => {
                let begin = || Progress::of_bytes("verifying", of, context.out.json);
                progress.get_or_insert_with(begin).at(done);
            }
            VerifyLine::Report { good, bad } => checked = Some(Looked { good, bad }),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    checked.context("ledgerd ended before all chunks were checked")
}

/// Makes a merge of main again, and asks its judges again.
pub fn replay(context: &Context, height: u64) -> Result<Replayed> {
    match way(context)? {
        Way::Agent(agent) => agent.poke(&format!("/v1/replay/{height}")),
        Way::Still(core) => still::replay(context, &core, height),
    }
}

/// Removes chunks that no branch reaches.
pub fn collect_chunks(context: &Context) -> Result<Collected> {
    match way(context)? {
        Way::Agent(agent) => agent.poke("/v1/chunks/gc"),
        Way::Still(core) => still::collect_chunks(context, &core),
    }
}
