//! `blob export` and `blob import`: a large file as the index and the store of chunks that casync and desync know.
//!
//! Export cuts by casync's own rule, so that the chunks are those that `casync make` would write, and are found again in
//! stores and seeds of theirs. Import reads a store that was cut by whatever rule and cuts the file anew by ours. Each chunk is
//! checked by its name on its way in either direction; the index is written last, so that one that is there is whole.

use super::{Place, SUFFIX, cutter, manifest_at, manifest_path};
use crate::{
    context::Context,
    error::{Hint, Result, misused, refused},
    link, output,
    progress::Progress,
    view::View,
};
use anyhow::Context as _;
use chunk::{
    Buzhash, Cutter, Manifest, SizesError, Stream,
    casync::{ChunkName, Index, MAX_INDEX_BYTES, chunk_name, pack, unpack},
};
use clap::{Args, ValueEnum};
use model::StatePath;
use serde_json::json;
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    thread,
};

/// casync's name for the store beside an index.
const STORE: &str = "default.castr";

/// How others keep chunks.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// An index (.caibx) and a store (.castr), of casync and desync
    Casync,
}

/// Write a file of the ledger as an index and a store of chunks that other programs read
#[derive(Debug, Args)]
pub struct Export {
    /// Where it is in the ledger, such as files/handbook.pdf
    path: StatePath,
    /// The folder for the index, which is named for the file, and for the store default.castr
    folder: PathBuf,
    /// What reads it
    #[arg(long, value_enum, default_value_t = Format::Casync)]
    format: Format,
    /// Sizes of the chunks in bytes, as casync takes them: [MIN:]AVG[:MAX]; 16384:65536:262144 if not given
    #[arg(long, value_name = "SIZES", value_parser = chunk_size)]
    chunk_size: Option<Buzhash>,
}

/// Put a file into the ledger that other programs keep as an index and a store of chunks
#[derive(Debug, Args)]
pub struct Import {
    /// The index, such as handbook.caibx
    index: PathBuf,
    /// Where it goes in the ledger, such as files/handbook.pdf
    path: StatePath,
    /// The store of its chunks; default.castr beside the index if not given
    #[arg(long, value_name = "FOLDER")]
    store: Option<PathBuf>,
    /// What wrote it
    #[arg(long, value_enum, default_value_t = Format::Casync)]
    format: Format,
    /// How to cut it: fastcdc:MIN:AVG:MAX, rabin:... or buzhash:..., in bytes
    #[arg(long, value_name = "SPEC", default_value_t, value_parser = cutter)]
    cutter: Cutter,
    /// What it is for; it becomes the block's first line
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
}

/// casync's rule: what is not said is a quarter and four times the average.
fn chunk_size(text: &str) -> Result<Buzhash, String> {
    let form = || format!("{text:?} is not [MIN:]AVG[:MAX] in bytes");
    let sizes: Vec<u32> =
        text.split(':').map(|size| size.parse().map_err(|_| form())).collect::<Result<_, _>>()?;
    match sizes[..] {
        [avg] => Buzhash::of_average(avg),
        [min, avg] => Buzhash::new(min, avg, avg.saturating_mul(4)),
        [min, avg, max] => Buzhash::new(min, avg, max),
        _ => return Err(form()),
    }
    .map_err(|error: SizesError| error.to_string())
}

impl Export {
    pub(super) fn run(&self, context: &Context) -> Result {
        let Format::Casync = self.format;
        let view = View::open(context)?;
        let path = manifest_path(&self.path)?;
        let manifest = manifest_at(&view, &path)?.ok_or_else(|| {
            refused(format!("{} is no large file of the ledger", self.path), "ledgerctl blob list shows them")
        })?;
        let store = self.folder.join(STORE);
        fs::create_dir_all(&store).with_context(|| format!("cannot make the folder {}", store.display()))?;
        let (index, fresh) = self.write_chunks(context, &path, &manifest, &store)?;
        let file = self.index_file();
        replace(&file, &index.to_bytes())?;
        let counted = output::count(index.chunks.len(), "chunk", "chunks");
        let said = format!(
            "{}: {} in {counted}, {fresh} new in {}\n",
            file.display(),
            output::bytes(manifest.size),
            store.display()
        );
        let value = json!({
            "path": self.path, "index": file, "store": store, "size": manifest.size,
            "chunks": index.chunks.len(), "new_chunks": fresh,
        });
        context.out.show(&said, &value)
    }

    /// Named as the file is.
    fn index_file(&self) -> PathBuf {
        let name = self.path.as_str().strip_suffix(SUFFIX).unwrap_or(self.path.as_str());
        let name = name.rsplit('/').next().unwrap_or(name);
        self.folder.join(format!("{name}.caibx"))
    }

    /// The file flows through a pipe: fetched on one side, cut and kept on the other.
    fn write_chunks(
        &self,
        context: &Context,
        path: &StatePath,
        manifest: &Manifest,
        store: &Path,
    ) -> Result<(Index, usize)> {
        let cutter = self.chunk_size.unwrap_or_else(Buzhash::usual);
        let mut progress = Progress::of_bytes("exporting", manifest.size, context.out.json);
        let (reader, mut writer) = io::pipe()?;
        thread::scope(|scope| {
            let written = scope.spawn(move || fill(store, cutter, reader));
            let fetched = link::fetch_file(context, path, manifest, &mut writer, &mut progress);
            drop(writer);
            // A store that cannot be written closes the pipe: its error comes first.
            let written = written.join().map_err(|_| anyhow::anyhow!("the cutter stopped"))??;
            fetched.hint(
                || format!("cannot export {}", self.path),
                "ledgerctl blob verify tells which chunks are damaged or missing",
            )?;
            Ok(written)
        })
    }
}

/// Cuts a file into a store. Answers with its index and how many chunks were new.
fn fill(store: &Path, cutter: Buzhash, reader: impl Read) -> Result<(Index, usize)> {
    let sizes = cutter.sizes();
    let sizes = [sizes.min(), sizes.avg(), sizes.max()].map(u64::from);
    let (mut index, mut fresh) = (Index { sizes, chunks: Vec::new() }, 0);
    for plain in Stream::new(Cutter::Buzhash(cutter), reader) {
        let plain = plain?;
        let (name, length) = (chunk_name(&plain), plain.len() as u32);
        let file = store.join(name.path());
        let there = fs::read(&file).is_ok_and(|packed| unpack(name, length, &packed).is_ok());
        if !there {
            let folder = file.parent().unwrap_or(store);
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            replace(&file, &pack(&plain)?)?;
            fresh += 1;
        }
        index.chunks.push((name, length));
    }
    Ok((index, fresh))
}

/// Written beside the file and renamed, so that a file of that name is always whole.
fn replace(file: &Path, bytes: &[u8]) -> Result {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".part");
    let write = || {
        let mut part = File::create(&beside)?;
        part.write_all(bytes)?;
        part.sync_all()?;
        fs::rename(&beside, file)
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

impl Import {
    pub(super) fn run(&self, context: &Context) -> Result {
        let Format::Casync = self.format;
        let into = Place { path: &self.path, cutter: self.cutter, message: self.message.as_deref() };
        into.keep(context, &self.index, || self.open())
    }

    fn open(&self) -> Result<(Box<dyn Read + Send>, u64)> {
        let index = read_index(&self.index)?;
        let store = self.store.clone().unwrap_or_else(|| self.index.with_file_name(STORE));
        if !store.is_dir() {
            return Err(misused(
                format!("{} is no folder", store.display()),
                "--store names the folder with the chunks of the index",
            ));
        }
        let size = index.size();
        Ok((Box::new(Stored { store, list: index.chunks.into_iter(), piece: Vec::new(), at: 0 }), size))
    }
}

fn read_index(file: &Path) -> Result<Index> {
    let what = || format!("cannot read the index {}", file.display());
    let mut bytes = Vec::new();
    let opened = File::open(file).hint(what, "name a file that is there and can be read")?;
    opened.take(MAX_INDEX_BYTES as u64 + 1).read_to_end(&mut bytes).with_context(what)?;
    Index::parse(&bytes)
        .hint(what, "an index of one file ends in .caibx; `casync make` and `desync make` write it")
}

/// A file read chunk by chunk out of a store, each by its name.
struct Stored {
    store: PathBuf,
    list: std::vec::IntoIter<(ChunkName, u32)>,
    piece: Vec<u8>,
    at: usize,
}

impl Stored {
    fn chunk(&self, name: ChunkName, length: u32) -> io::Result<Vec<u8>> {
        let packed = match fs::read(self.store.join(name.path())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::read(self.store.join(name.path_plain()))
            }
            read => read,
        };
        let packed = packed.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot read chunk {name} in {}: {error}", self.store.display()),
            )
        })?;
        unpack(name, length, &packed).map_err(io::Error::other)
    }
}

impl Read for Stored {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            let Some((name, length)) = self.list.next() else { return Ok(0) };
            self.piece = self.chunk(name, length)?;
            self.at = 0;
        }
        let read = (&self.piece[self.at..]).read(into)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_casync_reads_them() {
        let sizes =
            |text| chunk_size(text).map(|cutter| *cutter.sizes()).map(|it| (it.min(), it.avg(), it.max()));
        assert_eq!(sizes("65536"), Ok((16_384, 65_536, 262_144)));
        assert_eq!(sizes("1000:5000"), Ok((1000, 5000, 20_000)));
        assert_eq!(sizes("1000:5000:6000"), Ok((1000, 5000, 6000)));
        for bad in ["", "64k", "1:2:3:4", "-5", "100", "6000:5000", "99999999999"] {
            assert!(sizes(bad).is_err(), "{bad:?}");
        }
    }
}
