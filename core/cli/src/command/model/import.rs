//! `mergelab model import`: a GGUF file to a Hugging Face folder.

use super::count;
use crate::{
    failure::{Exit, Failure},
    interrupt, output,
    progress::Elements,
};
use mergelab_checkpoint::{DType, GgufError, ImportOptions, Imported, import_gguf};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

const EXAMPLES: &str = "\
Examples:
  mergelab model import SmolLM2-135M-Instruct.Q4_1.gguf models/smollm2
  mergelab model import gemma.gguf models/gemma --dtype bfloat16 --json";

/// Turns a GGUF file into a Hugging Face folder: weights, configuration and tokenizer.
///
/// Reads F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL and
/// IQ4_XS, of the architectures llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3 and phi3. The
/// weights are the values that llama.cpp computes with: what quantisation lost stays lost. Experts
/// that are to be merged should all start from the same imported base.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The GGUF file.
    file: PathBuf,
    /// The folder to write.
    out: PathBuf,
    /// How the weights are stored: float32 keeps the values as they are, the others round.
    #[arg(long, default_value = "float32", value_parser = ["float32", "bfloat16", "float16"])]
    dtype: String,
    /// Replace a model that is there.
    #[arg(long)]
    overwrite: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    dir: &'a Path,
    architecture: &'static str,
    parameters: u64,
    tensors: usize,
    dtype: &'a str,
    /// Tensors of each storage format in the GGUF file.
    formats: &'a BTreeMap<&'static str, usize>,
    tokenizer: Option<Tokenizer<'a>>,
    content_hash: String,
    notes: &'a [String],
    seconds: f64,
}

#[derive(Serialize)]
struct Tokenizer<'a> {
    kind: &'a str,
    tokens: usize,
}

impl Arguments {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let dtype: DType = self.dtype.parse().map_err(Failure::refused)?;
        let interrupt = interrupt::flag()?;
        let bar = Elements::new();
        let progress = |done, total| bar.show(done, total);
        let options = ImportOptions {
            dtype,
            overwrite: self.overwrite,
            interrupt: Some(&interrupt),
            progress: Some(&progress),
        };
        let start = Instant::now();
        let result = import_gguf(&self.file, &self.out, &options);
        bar.finish();
        let imported = match result {
            Ok(imported) => imported,
            Err(GgufError::Interrupted) => {
                eprintln!("Interrupted. Nothing was written.");
                return Ok(Exit::Interrupted);
            }
            Err(error) => return Err(Failure::refused(error)),
        };
        let seconds = start.elapsed().as_secs_f64();
        self.report(&imported, seconds)?;
        Ok(Exit::Done)
    }

    fn report(&self, imported: &Imported, seconds: f64) -> Result<(), Failure> {
        for note in &imported.notes {
            eprintln!("note: {note}");
        }
        let tensors = imported.written.tensor_hashes.len();
        let tokenizer = imported.tokenizer.as_ref();
        if self.json {
            return output::json(&Report {
                dir: &imported.written.dir,
                architecture: imported.architecture,
                parameters: imported.parameters,
                tensors,
                dtype: &self.dtype,
                formats: &imported.formats,
                tokenizer: tokenizer.map(|(kind, tokens)| Tokenizer {
                    kind,
                    tokens: *tokens,
                }),
                content_hash: imported.written.content_hash.to_string(),
                notes: &imported.notes,
                seconds,
            });
        }
        let tokens = match tokenizer {
            Some((kind, tokens)) => format!("tokenizer {kind} with {tokens} tokens"),
            None => "no tokenizer".to_owned(),
        };
        let dir = imported.written.dir.display();
        let (class, parameters) = (imported.architecture, count(imported.parameters));
        output::text(&format!(
            "{dir}: {class}, {parameters} parameters in {tensors} tensors, {tokens}, \
             {seconds:.2} s\n"
        ))
    }
}
