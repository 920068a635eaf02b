//! `image publish`: from a file to a release that boxes can take.
//!
//! First all that can be refused without moving a byte; then the parts and the deltas become chunks on this box; then document, manifests
//! and signature enter the ledger in one block. Whatever breaks off before that leaves nothing but chunks, which the next `blob gc` takes.

mod source;

use crate::{
    context::Context,
    edits::Edits,
    error::{Hint, Result, refused},
    keyring,
    link::{self, Shelf},
    output,
    progress::Progress,
    release::{self, Cut, Known, Older, Standing},
    view::View,
    when,
};
use clap::{Args, ValueEnum};
use model::{Document, Name, StatePath};
use source::Source;
use std::path::PathBuf;
use update::{DeltaOffer, Kind, Release, Version};

/// Publish a release
///
/// FILE is update.tar of `cargo xtask image` (a system), an OCI image layout (--kind dapp) or any other file (--kind disk). The release is signed with your key if
/// the policy names you as a signer of the channel; boxes take it as soon as enough have signed (ledgerctl image approve).
#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub struct Publish {
    /// The file
    file: PathBuf,
    /// What it is
    #[arg(long, value_enum, default_value_t)]
    kind: KindWord,
    /// The board it is for [default: of a system the one it was built for, else all]; may be repeated
    #[arg(long, value_name = "BOARD")]
    board: Vec<Name>,
    /// Its name [default: of a system its board, else the file's name up to the first dot]
    #[arg(long, value_name = "NAME")]
    image: Option<Name>,
    /// The line of releases that it belongs to, such as stable
    #[arg(long, value_name = "CHANNEL")]
    channel: Name,
    /// Its version, such as 1.4.0; newer than all of the channel
    #[arg(long, value_name = "VERSION")]
    version: Version,
    /// The oldest version from which a box may go to it
    #[arg(long, value_name = "VERSION")]
    from: Option<Version>,
    /// Once a box knows of it, the box never goes back below this version
    #[arg(long, value_name = "VERSION")]
    floor: Option<Version>,
    /// What is new, for people
    #[arg(long, value_name = "TEXT", conflicts_with = "notes_file")]
    notes: Option<String>,
    /// A file that says what is new
    #[arg(long, value_name = "FILE")]
    notes_file: Option<PathBuf>,
    /// To which share of the boxes when: "10% now, 100% at 3 days" [default: all at once]
    #[arg(long, value_name = "STEPS")]
    rollout: Option<String>,
    /// No box begins any more once it failed on so many
    #[arg(long, value_name = "BOXES", requires = "rollout")]
    hold: Option<u32>,
    /// Make deltas against so many older releases
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    deltas: usize,
}

/// Kinds of images, as they are written at the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum KindWord {
    /// The operating system of a box
    #[default]
    System,
    /// The image of a dapp
    Dapp,
    /// Any other file
    Disk,
}

impl From<KindWord> for Kind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::System => Self::System,
            KindWord::Dapp => Self::Dapp,
            KindWord::Disk => Self::Disk,
        }
    }
}

impl Publish {
    pub(super) fn run(&self, context: &Context) -> Result {
        let view = View::open(context)?;
        let (need, signers) = release::authority(&view, &self.channel)?;
        let source = source::open(self.kind.into(), &self.file, &self.board, self.image.as_ref())?;
        let mut draft = self.draft(&view, &source)?;
        let folder = draft.folder()?;
        view.must_be_allowed(context, &folder.join("release.toml")?)?;
        let older = self.older(&view, &draft)?;
        source.parts.iter().try_for_each(release::Raw::check)?;
        let cuts = self.keep(context, &view, source, &older, &mut draft)?;
        let text = draft.to_text()?;
        let mut edits = Edits::new(&view);
        put(&mut edits, &folder, &text, &cuts)?;
        let signer = keyring::signer(context, &view)?;
        let (key, mut approvals) = (signer.key.public(), Vec::new());
        if signers.iter().any(|one| one.keys.contains(&key)) {
            let approval = update::sign(text.as_bytes(), &signer.key)?;
            let path = release::signature_path(&folder, &key.id())?;
            edits.table(&path, &[])?.insert("signature".into(), approval.signature.clone().into());
            approvals.push(approval);
        }
        let approvals: Vec<_> = approvals.iter().collect();
        let standing = Standing::count(need, &signers, text.as_bytes(), &approvals);
        let message = format!("Publish {} {} {}", draft.image, draft.channel, draft.version);
        link::send(context, &edits, &message, &said(&draft, &cuts, &standing))
    }

    /// The document but for parts and deltas, refused if it could never be one of the channel.
    fn draft(&self, view: &View, source: &Source) -> Result<Release> {
        let now = when::now();
        let rollout = self
            .rollout
            .as_ref()
            .map(|text| release::rollout(text, self.hold, now, &view.zone()))
            .transpose()?;
        let draft = Release {
            kind: self.kind.into(),
            image: source.image.clone(),
            channel: self.channel.clone(),
            version: self.version.clone(),
            boards: source.boards.clone(),
            from: self.from.clone(),
            floor: self.floor.clone(),
            made: now,
            notes: self.notes()?,
            parts: source.parts.iter().map(release::Raw::to_come).collect(),
            deltas: Vec::new(),
            rollout,
        };
        draft.to_text().hint(
            || format!("{} cannot be released so", self.file.display()),
            "put the options right; nothing was published",
        )?;
        Ok(draft)
    }

    fn notes(&self) -> Result<String> {
        let text = match (&self.notes, &self.notes_file) {
            (Some(text), _) => text.clone(),
            (None, Some(file)) => std::fs::read_to_string(file)
                .hint(|| format!("cannot read {}", file.display()), "the notes are a text file in UTF-8")?,
            (None, None) => String::new(),
        };
        Ok(text.trim_end().to_owned())
    }

    /// The releases of the channel, the newest last; refused if this one is not newer.
    fn older(&self, view: &View, draft: &Release) -> Result<Vec<Known>> {
        let (image, channel) = (&draft.image, &draft.channel);
        let older = release::of_image(view, image, channel)?;
        let path = draft.folder()?.join("release.toml")?;
        if view.bytes(&path)?.is_some() {
            return Err(refused(
                format!("the version {} of {image} in the channel {channel} is used already", self.version),
                "a version is used once: give the release a newer one",
            ));
        }
        match older.last().map(|known| &known.release.version) {
            Some(newest) if *newest >= self.version => Err(refused(
                format!(
                    "{} is not newer than {newest}, the newest of {image} in the channel {channel}",
                    self.version
                ),
                "in a channel versions only rise: give the release a newer one, or use another channel",
            )),
            _ => Ok(older),
        }
    }

    /// Cuts the parts, makes the deltas, and writes both into the document.
    fn keep(
        &self,
        context: &Context,
        view: &View,
        source: Source,
        older: &[Known],
        draft: &mut Release,
    ) -> Result<Vec<Cut>> {
        let shelf = link::shelf(context)?;
        let cuts: Vec<Cut> =
            source.parts.into_iter().map(|raw| release::cut(&shelf, raw)).collect::<Result<_>>()?;
        draft.parts = cuts.iter().map(|cut| cut.part.clone()).collect();
        for cut in &cuts {
            let mut progress = Progress::of_things("segments of deltas made", context.out.json);
            let old =
                older.iter().rev().filter_map(|known| old_part(&shelf, view, known, cut)).take(self.deltas);
            draft.deltas.extend(release::offers(&shelf, cut, old, &mut progress)?);
        }
        Ok(cuts)
    }
}

/// The part of the same name of an older release; none if it has none, or if its chunks are not here.
fn old_part(shelf: &Shelf<'_>, view: &View, known: &Known, cut: &Cut) -> Option<Older> {
    let part = known.release.part(&cut.part.name)?;
    let read = || {
        let manifest = known.manifest(view, part)?;
        let path = release::manifest_path(&known.folder, &part.name)?;
        let bytes = shelf.file(&path, &manifest)?;
        Ok::<_, anyhow::Error>(Older { version: known.release.version.clone(), manifest, bytes })
    };
    if part.size > release::MAX_DELTA_PART_BYTES {
        return None;
    }
    read()
        .inspect_err(|_| {
            eprintln!(
                "note: no delta of {} from {}: its chunks are not on this box",
                part.name, known.release.version
            );
        })
        .ok()
}

/// Document and manifests.
fn put(edits: &mut Edits<'_>, folder: &StatePath, text: &str, cuts: &[Cut]) -> Result {
    edits.put_document(folder.join("release.toml")?, Document::parse(text.as_bytes())?);
    for cut in cuts {
        edits.put_bytes(release::manifest_path(folder, &cut.part.name)?, cut.text.clone().into_bytes());
    }
    Ok(())
}

fn said(release: &Release, cuts: &[Cut], standing: &Standing) -> String {
    let mut text = format!("{} {} {}\n", release.image, release.channel, release.version);
    for cut in cuts {
        let chunks = output::count(cut.manifest.chunks.len(), "chunk", "chunks");
        let (name, size) = (&cut.part.name, output::bytes(cut.part.size));
        text += &format!("  {name}: {size} in {chunks}, {} new\n", cut.new_chunks);
        for offer in release.deltas.iter().filter(|offer| offer.part == *name) {
            text += &format!("    {}\n", delta_text(offer));
        }
    }
    text += &standing.text();
    if !standing.is_approved() {
        let (image, channel, version) = (&release.image, &release.channel, &release.version);
        text += &format!("\nto sign it: ledgerctl image approve {image} {channel} {version} --as PERSON");
    }
    text
}

/// `from 1.3.0: 2.3 MiB`, or `packed: 23.0 MiB`.
pub(super) fn delta_text(offer: &DeltaOffer) -> String {
    let bytes = output::bytes(offer.bytes);
    match &offer.from {
        Some(from) => format!("from {from}: {bytes}"),
        None => format!("from nothing: {bytes}"),
    }
}
