//! `mergelab model info`: what a model is.

use super::count;
use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_checkpoint::Summary;
use serde::Serialize;
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

const EXAMPLES: &str = "\
Examples:
  mergelab model info models/base
  mergelab model info model.gguf --json
  mergelab model info models/large --no-hash";

/// Shows what a model is: architecture, parameters, storage formats, files, tokenizer, hash.
///
/// Reads Hugging Face folders, safetensors files and GGUF files. The hash of safetensors is of the
/// content: the same tensors in other shards have the same hash. That of GGUF is the file's BLAKE3.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A Hugging Face folder, a .safetensors file or a .gguf file.
    path: PathBuf,
    /// Leave out the hash, for which all weights are read.
    #[arg(long)]
    no_hash: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    path: &'a Path,
    #[serde(flatten)]
    summary: &'a Summary,
}

impl Arguments {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let summary = Summary::of(&self.path, !self.no_hash).map_err(Failure::refused)?;
        if self.json {
            output::json(&Report {
                path: &self.path,
                summary: &summary,
            })?;
        } else {
            output::text(&text(&summary))?;
        }
        Ok(Exit::Done)
    }
}

fn text(summary: &Summary) -> String {
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut add = |name: &str, value: String| rows.push([name.to_owned(), value]);
    let unknown = || "unknown".to_owned();
    add("format", summary.format.to_owned());
    let architecture = summary.architecture.clone();
    add("architecture", architecture.unwrap_or_else(unknown));
    let (parameters, tensors) = (count(summary.parameters), summary.tensors);
    add("parameters", format!("{parameters} in {tensors} tensors"));
    for (kind, parameters) in &summary.kinds {
        add(&format!("  {kind}"), count(*parameters));
    }
    for (dtype, stored) in &summary.dtypes {
        let (parameters, tensors) = (count(stored.parameters), stored.tensors);
        add(
            "stored as",
            format!("{dtype}: {parameters} in {tensors} tensors"),
        );
    }
    for file in &summary.files {
        let megabytes = file.bytes as f64 / 1e6;
        add("file", format!("{}, {megabytes:.1} MB", file.name));
    }
    let tied = match summary.tied_embeddings {
        Some(true) => "yes".to_owned(),
        Some(false) => "no".to_owned(),
        None => unknown(),
    };
    add("tied embeddings", tied);
    let tokenizer = summary.tokenizer.as_ref();
    let tokenizer = tokenizer.map(|t| format!("{}, {} tokens", t.kind, t.tokens));
    add("tokenizer", tokenizer.unwrap_or_else(|| "none".to_owned()));
    let mut text = output::table(&rows);
    if let Some(hash) = &summary.hash {
        // Alone on its line, to be copied.
        let _ = writeln!(text, "blake3  {hash}");
    }
    text
}
