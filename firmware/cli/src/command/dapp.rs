//! `dapp`: applications. Publishing puts the image into chunks, and its manifest of rights with the list of
//! chunks into one block: a box never sees one without the other.

use super::propose::read_file;
use crate::{
    agent_client::AgentClient,
    context::Context,
    edits::Edits,
    error::{Hint, Result, misused, refused},
    link,
    output::{self, Table},
    progress::Progress,
    view::View,
    when,
};
use agent::wire::Dapps;
use anyhow::Context as _;
use chunk::{Cutter, Manifest as Chunks};
use clap::{Args, Subcommand};
use container::image::{Platform, Source};
use dapp::Manifest;
use model::{Document, Name, StatePath};
use serde_json::json;
use std::{
    io::{Seek, Write},
    path::{Path, PathBuf},
};

/// Applications
#[derive(Debug, Subcommand)]
pub enum Dapp {
    Publish(Publish),
    /// List the applications of the ledger
    List,
    /// Show the applications that run on this box
    Status,
    Remove(Remove),
}

/// Put an application into the ledger
///
/// SOURCE is a folder with dapp.toml and a static program, or an OCI image layout of any builder (folder or tar). In a
/// layout, dapp.toml lies beside index.json, or is named with --manifest.
#[derive(Debug, Args)]
pub struct Publish {
    /// The folder or tar
    source: PathBuf,
    /// Under this name [default: the name in dapp.toml]
    #[arg(long)]
    name: Option<Name>,
    /// The list of rights [default: dapp.toml in SOURCE, or beside it if it is a tar]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

/// Take an application out of the ledger
#[derive(Debug, Args)]
pub struct Remove {
    /// The application
    name: Name,
}

impl Dapp {
    pub(super) fn run(&self, context: &Context) -> Result {
        match self {
            Self::Publish(it) => it.run(context),
            Self::List => list(context),
            Self::Status => status(context),
            Self::Remove(it) => it.run(context),
        }
    }
}

impl Publish {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let (document, name) = self.rights()?;
        let folder: StatePath = format!("dapps/{name}").parse()?;
        let image_path = folder.join("image.manifest")?;
        view.must_be_allowed(context, &image_path)?;
        let image = self.image()?;
        let size = image.metadata()?.len();
        let progress = Progress::of_bytes("publishing", size, context.out.json);
        let stored = link::store_file(context, Box::new(image), Cutter::default(), progress)
            .with_context(|| format!("cannot keep the image of {name}"))?;
        let chunks = Chunks::parse(stored.manifest.as_bytes())?;
        let mut edits = Edits::new(&view);
        edits.put_document(folder.join("dapp.toml")?, document);
        edits.put_bytes(image_path, stored.manifest.into_bytes());
        let counted = output::count(chunks.chunks.len(), "chunk", "chunks");
        let size = output::bytes(chunks.size);
        let said = format!("{name}: {size} in {counted}, {} new", stored.new_chunks);
        link::send(context, &edits, &format!("Publish {name}"), &said)
    }

    /// The list of rights, checked, and the name.
    fn rights(&self) -> Result<(Document, Name)> {
        let file = self.manifest.clone().unwrap_or_else(|| self.usual_manifest());
        let bytes = read_file(&file).hint(
            || "a dapp needs its list of rights".into(),
            "write dapp.toml, or name it with --manifest",
        )?;
        let rights =
            Manifest::parse(&bytes).with_context(|| format!("{} is not a dapp's", file.display()))?;
        if let Some(name) = self.name.as_ref().filter(|name| **name != rights.name) {
            let what = format!("{} says that the dapp is {}, not {name}", file.display(), rights.name);
            return Err(misused(what, "let the two names agree: the dapp's documents lie below its name"));
        }
        Ok((Document::parse(&bytes)?, rights.name))
    }

    fn usual_manifest(&self) -> PathBuf {
        if self.source.is_dir() {
            return self.source.join("dapp.toml");
        }
        self.source.parent().unwrap_or(Path::new(".")).join("dapp.toml")
    }

    /// The image as one tar, in a temporary file that has no name.
    fn image(&self) -> Result<std::fs::File> {
        let named = || format!("{} cannot be published", self.source.display());
        let builder = "look at it with its builder's tools, or build it again; nothing was published";
        let source = Source::open(&self.source, &Platform::host()).hint(named, builder)?;
        let mut file = std::io::BufWriter::new(temporary()?);
        source.write(&mut file).hint(named, builder)?;
        file.flush()?;
        let mut file = file.into_inner()?;
        file.rewind()?;
        Ok(file)
    }
}

/// A file that is gone when it is closed.
fn temporary() -> Result<std::fs::File> {
    let folder = std::env::temp_dir();
    tempfile::tempfile_in(&folder).hint(
        || format!("cannot make a temporary file in {}", folder.display()),
        "TMPDIR names a folder with room for the image",
    )
}

fn list(context: &Context) -> Result {
    let view = View::open(context)?;
    let mut table = Table::new(&["DAPP", "VERSION", "IMAGE", "ABOUT"], "no dapps yet");
    let mut list = Vec::new();
    for path in view.files("dapps")?.iter().filter(|path| path.as_str().ends_with("/dapp.toml")) {
        let name = path.parts().nth(1).unwrap_or_default().to_string();
        let rights = Manifest::parse(&view.bytes(path)?.unwrap_or_default())
            .with_context(|| format!("{path} is damaged"))?;
        let image = view.bytes(&format!("dapps/{name}/image.manifest").parse()?)?;
        let size = image.as_deref().and_then(|text| Chunks::parse(text).ok()).map(|image| image.size);
        let shown = size.map_or_else(|| "none".to_string(), output::bytes);
        table.row([name.clone(), rights.version.clone(), shown, rights.about.clone()]);
        list.push(json!({
            "dapp": name, "version": rights.version, "about": rights.about, "image_bytes": size,
            "rights": rights,
        }));
    }
    context.out.table(&table, &json!({ "dapps": list }))
}

fn status(context: &Context) -> Result {
    let Some(agent) = AgentClient::find(&context.home)? else {
        return Err(refused(
            "no ledgerd runs here, so no dapp does",
            "ledgerctl dapp list shows what the ledger has",
        ));
    };
    let dapps: Dapps = agent.get("/v1/dapps")?;
    let zone = View::open(context)?.zone();
    let mut table = Table::new(&["DAPP", "VERSION", "STATE", "SINCE", "STARTS", "WHY"], "no dapps yet");
    for dapp in &dapps.dapps {
        let (since, why) = (when::show(dapp.since, &zone), dapp.reason.clone().unwrap_or_default());
        let (name, starts) = (dapp.name.to_string(), dapp.starts.to_string());
        table.row([name, dapp.version.clone(), dapp.state.clone(), since, starts, why]);
    }
    context.out.table(&table, &serde_json::to_value(&dapps)?)
}

impl Remove {
    fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let files = view.files(&format!("dapps/{}", self.name))?;
        if files.is_empty() {
            return Err(refused(
                format!("no such dapp: {}", self.name),
                "ledgerctl dapp list shows what there is",
            ));
        }
        let mut edits = Edits::new(&view);
        for file in files {
            edits.delete(file)?;
        }
        let said = format!("{} is taken out; its documents below {0}/ stay", self.name);
        link::send(context, &edits, &format!("Remove {}", self.name), &said)
    }
}
