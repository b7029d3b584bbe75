//! A GGUF file to a Hugging Face folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use super::architecture::{self, Architecture, Change, Role, Sizes};
use super::{GgufError, GgufFile, GgufTensor, tokenizer};
use crate::{
    CheckpointWriter, DType, ExtraFile, TensorSpec, WriterOptions, Written, set_torch_dtype,
};

/// Elements that a thread decodes at a time, in whole rows; more where a row is longer.
const TILE: usize = 1 << 18;

/// How a file is imported.
pub struct ImportOptions<'a> {
    /// The format of the weights: F32 keeps the decoded values as they are, BF16 and F16 round.
    pub dtype: DType,
    /// Whether an existing checkpoint folder is replaced.
    pub overwrite: bool,
    /// Ends the import when set; nothing is then written.
    pub interrupt: Option<&'a AtomicBool>,
    /// Told elements done and elements in all, from several threads.
    pub progress: Option<&'a (dyn Fn(u64, u64) + Sync)>,
}

impl Default for ImportOptions<'_> {
    fn default() -> Self {
        ImportOptions {
            dtype: DType::F32,
            overwrite: false,
            interrupt: None,
            progress: None,
        }
    }
}

/// What was imported.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The folder.
    pub written: Written,
    /// The Hugging Face class, such as `LlamaForCausalLM`.
    pub architecture: &'static str,
    /// Elements of all tensors.
    pub parameters: u64,
    /// Tensors of each storage format in the file, by name.
    pub formats: BTreeMap<&'static str, usize>,
    /// Kind and size of the tokenizer; `None` where the file has none.
    pub tokenizer: Option<(String, usize)>,
    /// What a reader should know, such as a guessed pre-tokenizer.
    pub notes: Vec<String>,
}

/// One tensor to be written.
struct Job<'a> {
    tensor: &'a GgufTensor,
    change: Change,
    name: String,
}

/// Decodes the model in the file `from` and writes it to the folder `out`: weights, `config.json`
/// and tokenizer.
///
/// The values are those that llama.cpp computes with, so what quantisation lost stays lost. The
/// result does not depend on the number of threads.
///
/// # Errors
/// A [`GgufError`]: a file that is corrupt, of an architecture, format or tokenizer that is not
/// imported, or an output that cannot be written. The output folder then does not exist.
pub fn import_gguf(
    from: &Path,
    out: &Path,
    options: &ImportOptions<'_>,
) -> Result<Imported, GgufError> {
    let file = GgufFile::open(from)?;
    let architecture = Architecture::of(&file)?;
    let mut config = serde_json::Value::Object(architecture::config(&file, architecture)?);
    let sizes = architecture::sizes(&file, architecture)?;
    let jobs = jobs(&file, architecture)?;
    check_whole(&file, architecture, sizes.layers)?;
    let tokenizer = tokenizer::rebuild(&file)?;
    let specs = jobs
        .iter()
        .map(|job| TensorSpec::new(&job.name, options.dtype, job.tensor.shape.clone()))
        .collect();
    let writer_options = WriterOptions {
        overwrite: options.overwrite,
        ..WriterOptions::default()
    };
    let writer = CheckpointWriter::create(out, specs, writer_options)?;
    write(&file, sizes, &jobs, &writer, options)?;

    set_torch_dtype(&mut config, options.dtype);
    let mut extra = vec![ExtraFile::new("config.json", format!("{config:#}\n"))];
    let mut notes = Vec::new();
    let tokenizer = match tokenizer {
        None => {
            notes.push("the file has no tokenizer".to_owned());
            None
        }
        Some(tokenizer) => {
            extra.extend(tokenizer.files);
            notes.extend(tokenizer.notes);
            let rows = config["vocab_size"].as_u64();
            if rows.is_some_and(|rows| rows < tokenizer.tokens as u64) {
                notes.push(format!(
                    "the tokenizer has {} tokens, the embedding fewer rows",
                    tokenizer.tokens
                ));
            }
            Some((tokenizer.kind, tokenizer.tokens))
        }
    };
    if interrupted(options) {
        return Err(GgufError::Interrupted);
    }
    let mut formats = BTreeMap::new();
    for tensor in file.tensors() {
        *formats.entry(tensor.kind.name()).or_insert(0) += 1;
    }
    Ok(Imported {
        written: writer.finish(&extra)?,
        architecture: architecture.classes().0,
        parameters: jobs.iter().map(|job| job.tensor.elements() as u64).sum(),
        formats,
        tokenizer,
        notes,
    })
}

fn interrupted(options: &ImportOptions<'_>) -> bool {
    let flag = options.interrupt;
    flag.is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// What is to be written, refused before anything is if a part of it cannot be.
fn jobs(file: &GgufFile, architecture: Architecture) -> Result<Vec<Job<'_>>, GgufError> {
    let mut jobs = Vec::new();
    for tensor in file.tensors() {
        let role = architecture::role(architecture, &tensor.name);
        let role = role.ok_or_else(|| GgufError::NoCounterpart {
            path: file.path().to_owned(),
            tensor: tensor.name.clone(),
            architecture: architecture.name().to_owned(),
        })?;
        let Role::Tensor { name, change } = role else {
            continue;
        };
        if !tensor.kind.is_decoded() {
            return Err(GgufError::UnsupportedType {
                path: file.path().to_owned(),
                tensor: tensor.name.clone(),
                kind: tensor.kind.name(),
            });
        }
        jobs.push(Job {
            tensor,
            change,
            name,
        });
    }
    jobs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(jobs)
}

/// Refuses a file that lacks the final norm, or whose layers do not all have the same tensors.
fn check_whole(file: &GgufFile, architecture: Architecture, layers: u64) -> Result<(), GgufError> {
    let mut parts: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    for tensor in file.tensors() {
        let place = tensor.name.strip_prefix("blk.");
        if let Some((layer, part)) = place.and_then(|place| place.split_once('.'))
            && let Ok(layer) = layer.parse()
        {
            parts.entry(layer).or_default().insert(part);
        }
    }
    let missing = |tensor: String| GgufError::MissingTensor {
        path: file.path().to_owned(),
        tensor,
    };
    if file.tensor("output_norm.weight").is_none() {
        return Err(missing("output_norm.weight".to_owned()));
    }
    let all: BTreeSet<&str> = parts.values().flatten().copied().collect();
    if all.is_empty() {
        return Err(missing("blk.0.attn_norm.weight".to_owned()));
    }
    for layer in 0..layers {
        let lacks = |part: &&&str| parts.get(&layer).is_none_or(|own| !own.contains(**part));
        if let Some(part) = all.iter().find(lacks) {
            return Err(missing(format!("blk.{layer}.{part}")));
        }
    }
    if let Some((layer, _)) = parts.last_key_value().filter(|(last, _)| **last >= layers) {
        let key = format!("{}.block_count", architecture.name());
        let reason = format!("is {layers}, but there are tensors of layer {layer}");
        return Err(file.metadata().bad(&key, reason));
    }
    Ok(())
}

/// A run of elements of one tensor, as long as the caches like it.
struct Tile<'a> {
    job: &'a Job<'a>,
    /// Its place in the writer's list.
    number: usize,
    /// Features of a head where the rows are interleaved, else 0.
    head: usize,
    rows: std::ops::Range<usize>,
}

fn write(
    file: &GgufFile,
    sizes: Sizes,
    jobs: &[Job<'_>],
    writer: &CheckpointWriter,
    options: &ImportOptions<'_>,
) -> Result<(), GgufError> {
    let mut tiles = Vec::new();
    for (number, job) in jobs.iter().enumerate() {
        // A vector whose elements are reordered is a matrix of one column.
        let width = row_width(job);
        let rows = job.tensor.elements() / width;
        let head = match job.change {
            Change::None | Change::OneMore => 0,
            Change::InterleavedQuery => head_features(file, job, rows, sizes.heads)?,
            Change::InterleavedKey => head_features(file, job, rows, sizes.key_value_heads)?,
        };
        let step = (TILE / width).max(1);
        tiles.extend((0..rows).step_by(step).map(|start| Tile {
            job,
            number,
            head,
            rows: start..rows.min(start + step),
        }));
    }
    let total = jobs.iter().map(|job| job.tensor.elements() as u64).sum();
    let done = AtomicU64::new(0);
    tiles
        .par_iter()
        .try_for_each_init(Vec::new, |buffer, tile| {
            if interrupted(options) {
                return Err(GgufError::Interrupted);
            }
            let width = row_width(tile.job);
            buffer.resize(tile.rows.len() * width, 0.0);
            tile.decode(file, width, buffer)?;
            writer.write_f32(tile.number, tile.rows.start * width, buffer)?;
            let count = buffer.len() as u64;
            let done = done.fetch_add(count, Ordering::Relaxed) + count;
            if let Some(progress) = options.progress {
                progress(done, total);
            }
            Ok(())
        })
}

fn row_width(job: &Job<'_>) -> usize {
    let interleaved = matches!(
        job.change,
        Change::InterleavedQuery | Change::InterleavedKey
    );
    match job.tensor.shape[..] {
        [_] if interleaved => 1,
        _ => job.tensor.row(),
    }
}

/// Features of a head of the projection, which must be a whole and even number.
fn head_features(
    file: &GgufFile,
    job: &Job<'_>,
    rows: usize,
    heads: u64,
) -> Result<usize, GgufError> {
    let heads = usize::try_from(heads).ok().filter(|heads| *heads > 0);
    let features = heads
        .filter(|heads| rows.is_multiple_of(*heads))
        .map(|heads| rows / heads)
        .filter(|features| features.is_multiple_of(2) && *features > 0);
    features.ok_or_else(|| {
        let place = format!("tensor {:?}", job.tensor.name);
        let reason = format!("its {rows} rows are not heads of an even number of features");
        GgufError::malformed(file.path(), place, reason)
    })
}

impl Tile<'_> {
    fn decode(&self, file: &GgufFile, width: usize, out: &mut [f32]) -> Result<(), GgufError> {
        let tensor = self.job.tensor;
        if self.head == 0 {
            file.read_f32(tensor, self.rows.start * width, out)?;
        } else {
            for (row, out) in self.rows.clone().zip(out.chunks_exact_mut(width)) {
                file.read_f32(tensor, interleaved(row, self.head) * width, out)?;
            }
        }
        if self.job.change == Change::OneMore {
            out.iter_mut().for_each(|value| *value -= 1.0);
        }
        Ok(())
    }
}

/// The row of a GGUF file that is row `row` of the Hugging Face model.
///
/// transformers rotates feature i of a head with feature i + n/2, llama.cpp feature 2i with
/// 2i + 1; so the halves of each head's rows are interleaved there.
fn interleaved(row: usize, head: usize) -> usize {
    let (start, feature) = (row / head * head, row % head);
    let (half, pair) = (feature / (head / 2), feature % (head / 2));
    start + 2 * pair + half
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_halves_of_a_head_are_interleaved() {
        let rows: Vec<usize> = (0..12).map(|row| super::interleaved(row, 6)).collect();
        assert_eq!(rows, [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
    }
}
