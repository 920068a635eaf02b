//! `blob`: large files. The ledger holds a manifest at `PATH.manifest`; the bytes lie in chunks beside it.

mod casync;
mod cut;

use crate::{
    context::Context,
    edits::Edits,
    error::{Hint, Result, misused, refused},
    link,
    output::{self, Table},
    progress::Progress,
    view::View,
};
use agent::devices::chain;
use anyhow::Context as _;
use chunk::{Cutter, CutterError, Manifest};
use clap::{Args, Subcommand};
use model::StatePath;
use serde_json::json;
use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

const SUFFIX: &str = ".manifest";

/// Large files, kept in chunks
#[derive(Debug, Subcommand)]
pub enum Blob {
    Put(Put),
    Get(Get),
    Export(casync::Export),
    Import(casync::Import),
    /// List the files
    List,
    /// Read and check every chunk on this box
    Verify,
    /// Remove chunks that no branch reaches
    Gc,
    Cut(cut::Cut),
}

/// Put a file into the ledger
#[derive(Debug, Args)]
pub struct Put {
    /// The file; - is stdin
    file: PathBuf,
    /// Where it goes in the ledger, such as files/handbook.pdf
    path: StatePath,
    /// How to cut it: fastcdc:MIN:AVG:MAX, rabin:... or buzhash:..., in bytes
    #[arg(long, value_name = "SPEC", default_value_t, value_parser = cutter)]
    cutter: Cutter,
    /// What it is for; it becomes the block's first line
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
}

/// Get a file out of the ledger
#[derive(Debug, Args)]
pub struct Get {
    /// Where it is in the ledger, such as files/handbook.pdf
    path: StatePath,
    /// The file to write; - is stdout
    out: PathBuf,
}

impl Blob {
    pub(super) fn run(&self, context: &Context) -> Result {
        match self {
            Self::Put(it) => it.run(context),
            Self::Get(it) => it.run(context),
            Self::Export(it) => it.run(context),
            Self::Import(it) => it.run(context),
            Self::List => list(context),
            Self::Verify => verify(context),
            Self::Gc => gc(context),
            Self::Cut(it) => it.run(context),
        }
    }
}

/// A cutter, or all that is wrong with it: clap prints an error without its causes.
fn cutter(text: &str) -> Result<Cutter, String> {
    text.parse().map_err(|error: CutterError| chain(&error))
}

fn manifest_path(path: &StatePath) -> Result<StatePath> {
    if path.as_str().ends_with(SUFFIX) {
        return Ok(path.clone());
    }
    Ok(format!("{path}{SUFFIX}").parse()?)
}

impl Put {
    fn run(&self, context: &Context) -> Result {
        let into = Place { path: &self.path, cutter: self.cutter, message: self.message.as_deref() };
        into.keep(context, &self.file, || open(&self.file))
    }
}

/// Where a file goes in the ledger, and how.
struct Place<'a> {
    path: &'a StatePath,
    cutter: Cutter,
    message: Option<&'a str>,
}

impl Place<'_> {
    /// Cuts a file of about so many bytes, keeps its chunks, and proposes its manifest.
    fn keep(
        &self,
        context: &Context,
        from: &Path,
        open: impl FnOnce() -> Result<(Box<dyn Read + Send>, u64)>,
    ) -> Result {
        let (name, view) = (self.path, View::open(context)?);
        let path = manifest_path(name)?;
        view.must_be_allowed(context, &path)?;
        let (reader, size) = open()?;
        let progress = Progress::of_bytes("putting", size, context.out.json);
        let stored = link::store_file(context, reader, self.cutter, progress)
            .with_context(|| format!("cannot put {}", from.display()))?;
        let manifest = Manifest::parse(stored.manifest.as_bytes())?;
        let mut edits = Edits::new(&view);
        edits.put_bytes(path, stored.manifest.into_bytes());
        let chunks = output::count(manifest.chunks.len(), "chunk", "chunks");
        let said = format!("{name}: {} in {chunks}, {} new", output::bytes(manifest.size), stored.new_chunks);
        let message = self.message.map_or_else(|| format!("Put {name}"), str::to_string);
        link::send(context, &edits, &message, &said)
    }
}

fn open(file: &Path) -> Result<(Box<dyn Read + Send>, u64)> {
    if file == Path::new("-") {
        return Ok((Box::new(std::io::stdin()), 0));
    }
    let missing = || format!("cannot read {}", file.display());
    let opened = File::open(file).hint(missing, "name a file that is there and can be read")?;
    let metadata = opened.metadata().with_context(missing)?;
    if metadata.is_dir() {
        return Err(misused(
            format!("{} is a folder", file.display()),
            "put one file, such as a tar of the folder",
        ));
    }
    Ok((Box::new(opened), metadata.len()))
}

impl Get {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let path = manifest_path(&self.path)?;
        let manifest = manifest_at(&view, &path)?.ok_or_else(|| {
            refused(format!("{} is no large file of the ledger", self.path), "ledgerctl blob list shows them")
        })?;
        let mut progress = Progress::of_bytes("getting", manifest.size, context.out.json);
        if self.out == Path::new("-") {
            return link::fetch_file(context, &path, &manifest, &mut std::io::stdout().lock(), &mut progress);
        }
        self.to_file(context, &path, &manifest, &mut progress)?;
        let said = format!("{}: {}\n", self.out.display(), output::bytes(manifest.size));
        context.out.show(&said, &json!({"path": self.path, "file": self.out, "size": manifest.size}))
    }

    /// Written beside the file and renamed, so that a file of that name is always whole.
    fn to_file(
        &self,
        context: &Context,
        path: &StatePath,
        manifest: &Manifest,
        progress: &mut Progress,
    ) -> Result {
        let mut beside = self.out.clone().into_os_string();
        beside.push(".part");
        let beside = PathBuf::from(beside);
        let mut file =
            File::create(&beside).with_context(|| format!("cannot write {}", self.out.display()))?;
        let fetched = link::fetch_file(context, path, manifest, &mut file, progress)
            .and_then(|()| Ok(file.flush().and_then(|()| file.sync_all())?))
            .and_then(|()| Ok(std::fs::rename(&beside, &self.out)?));
        if fetched.is_err() {
            // Best effort: the error below is the one that matters.
            drop(std::fs::remove_file(&beside));
        }
        fetched.hint(
            || format!("cannot get {} into {}", self.path, self.out.display()),
            "ledgerctl blob verify tells which chunks are damaged or missing; putting the file again brings them back",
        )
    }
}

fn manifest_at(view: &View, path: &StatePath) -> Result<Option<Manifest>> {
    let Some(bytes) = view.bytes(path)? else { return Ok(None) };
    Manifest::parse(&bytes).map(Some).with_context(|| format!("{path} is damaged"))
}

fn list(context: &Context) -> Result {
    let view = View::open(context)?;
    let mut table = Table::new(&["FILE", "SIZE", "CHUNKS", "CUTTER"], "no large files yet");
    let mut list = Vec::new();
    for path in view.files("")?.into_iter().filter(|path| path.as_str().ends_with(SUFFIX)) {
        let Some(manifest) = manifest_at(&view, &path)? else { continue };
        let name = path.as_str().strip_suffix(SUFFIX).unwrap_or(path.as_str());
        let (chunks, cutter) = (manifest.chunks.len(), manifest.cutter.to_string());
        table.row([name.to_string(), output::bytes(manifest.size), chunks.to_string(), cutter.clone()]);
        list.push(json!({
            "path": name, "manifest": path, "size": manifest.size, "chunks": chunks, "cutter": cutter,
            "blake3": hex(&manifest.hash),
        }));
    }
    context.out.table(&table, &json!({ "files": list }))
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn verify(context: &Context) -> Result {
    let checked = link::verify_chunks(context)?;
    if checked.bad.is_empty() {
        let good = output::count(usize::try_from(checked.good)?, "chunk", "chunks");
        return context.out.show(&format!("good: {good}\n"), &json!({"good": checked.good, "bad": []}));
    }
    let what =
        output::count(checked.bad.len(), "chunk is damaged or missing", "chunks are damaged or missing");
    Err(refused(
        format!("{what}:\n  {}", checked.bad.join("\n  ")),
        "put the files again from a good copy: ledgerctl blob put; chunks that are whole are kept",
    ))
}

fn gc(context: &Context) -> Result {
    let collected = link::collect_chunks(context)?;
    let freed = output::bytes(collected.freed_bytes);
    let said = format!("{} chunks kept, {} removed, {freed} freed\n", collected.kept, collected.removed);
    context.out.show(&said, &serde_json::to_value(&collected)?)
}
