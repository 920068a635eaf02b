//! `blob cut`: where a cutter cuts, and nothing else; to compare with other programs.

use super::{cutter, open};
use crate::{context::Context, error::Result};
use anyhow::Context as _;
use chunk::{Cutter, Stream};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Print where a cutter cuts a file: `offset,size`, one line a chunk
#[derive(Debug, Args)]
pub struct Cut {
    /// fastcdc:MIN:AVG:MAX, rabin:... or buzhash:..., in bytes
    #[arg(long, value_name = "SPEC", default_value_t, value_parser = cutter)]
    cutter: Cutter,
    /// The file; - is stdin
    file: PathBuf,
}

impl Cut {
    pub(super) fn run(&self, context: &Context) -> Result {
        let (reader, _) = open(&self.file)?;
        let mut offset = 0;
        let (mut text, mut list) = (String::new(), Vec::new());
        for piece in Stream::new(self.cutter, reader) {
            let size = piece.with_context(|| format!("cannot read {}", self.file.display()))?.len();
            text += &format!("{offset},{size}\n");
            list.push(json!({"offset": offset, "size": size}));
            offset += size;
        }
        context.out.show(&text, &json!({"cutter": self.cutter.to_string(), "chunks": list}))
    }
}
