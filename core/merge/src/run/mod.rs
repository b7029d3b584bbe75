//! Running a merge.

mod artifacts;
mod memory;
mod recording;
mod rehearsal;
mod space;
mod survey;
mod tensors;

use crate::error::MergeError;
use crate::inputs::ContentHashes;
use crate::methods::Methods;
use crate::plan::{Action, Plan, PlannedTensor};
use crate::provenance::{self, InputRecord, PluginRecord, RECORD_NAME};
use crate::recipe::Recipe;
use crate::side_files;
use mergelab_checkpoint::{CheckpointWriter, ExtraFile, TensorSpec, WriterOptions};
use mergelab_tensor::Evaluator;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use tensors::Job;

pub use memory::{Memory, TensorMemory};
pub use rehearsal::Rehearsal;
pub use space::Space;

/// How a merge is run. None of it but `hash_inputs` and `evaluator` changes a byte of the output.
pub struct Options<'a> {
    /// Whether a checkpoint at the output path is replaced.
    pub overwrite: bool,
    /// Elements of a tile ([`mergelab_tensor::Options::tile`]).
    pub tile: usize,
    /// When this becomes true, the merge ends with [`MergeError::Interrupted`].
    pub interrupt: Option<Arc<AtomicBool>>,
    /// Told after each few tensors.
    pub progress: Option<&'a dyn Fn(Progress<'_>)>,
    /// Whether the records hold content hashes of the inputs, which take a pass over their bytes.
    pub hash_inputs: bool,
    /// Bytes of memory that the merge may take, mapped files not counted, beside a fixed few
    /// megabytes for each thread. With little, it takes more passes over a tensor. What
    /// operations on whole matrices take comes on top ([`Plan::memory`]).
    pub memory: u64,
    /// Whether the result is on the disk before it gets its name
    /// ([`WriterOptions::sync`]).
    pub sync: bool,
    /// What computes in place of the engine ([`mergelab_tensor::Options::evaluator`]). The records
    /// name it.
    pub evaluator: Option<Arc<dyn Evaluator>>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            overwrite: false,
            tile: mergelab_tensor::Options::default().tile,
            interrupt: None,
            progress: None,
            hash_inputs: true,
            memory: 1 << 30,
            sync: true,
            evaluator: None,
        }
    }
}

/// How far a merge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The tensor that was done last.
    pub tensor: &'a str,
    /// Tensors done.
    pub tensors_done: usize,
    /// All tensors.
    pub tensors: usize,
    /// Elements done.
    pub elements_done: u64,
    /// Elements of all tensors.
    pub elements: u64,
}

/// Seconds of each phase of a merge.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Phases {
    /// Reading, computing and writing.
    pub merging: f64,
    /// Hashing inputs and results, as far as it is not done while merging.
    pub hashing: f64,
    /// Waiting until the disk has everything.
    pub syncing: f64,
}

/// What a merge did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The folder.
    pub dir: PathBuf,
    /// The safetensors files in it.
    pub files: Vec<PathBuf>,
    /// Content hash of the result, in hex ([`mergelab_checkpoint::content_hash`]).
    pub content_hash: String,
    /// Tensors that the method merged.
    pub merged: usize,
    /// Tensors that were copied.
    pub copied: usize,
    /// Elements of all tensors of the result.
    pub elements: u64,
    /// Stored bytes of all tensors that were merged or copied, adapters not counted.
    pub bytes_read: u64,
    /// Bytes of all tensors of the result.
    pub bytes_written: u64,
    /// Wall time, hashing and writing included.
    pub seconds: f64,
    /// What part of it went where.
    pub phases: Phases,
    /// The method.
    pub plugin: PluginRecord,
    /// The inputs.
    pub inputs: Vec<InputRecord>,
    /// What a user should know, in sentences.
    pub notes: Vec<String>,
}

/// Merges what `recipe` says into a Hugging Face folder at `out`.
///
/// Runs on the rayon pool that it is called in; the bytes of the result do not depend on it.
/// Everything is written to a temporary folder beside `out` that takes its name at the end.
///
/// # Errors
/// A [`MergeError`] that says what was wrong, where, and what to do; then there is nothing at
/// `out` that was not there before.
pub fn run(
    recipe: &Recipe,
    methods: &dyn Methods,
    out: &Path,
    options: &Options<'_>,
) -> Result<Report, MergeError> {
    Plan::new(recipe, methods)?.run(out, options)
}

impl Plan<'_> {
    /// Does what is planned; see [`run`](fn@run).
    ///
    /// # Errors
    /// As [`run`](fn@run).
    pub fn run(&self, out: &Path, options: &Options<'_>) -> Result<Report, MergeError> {
        let start = Instant::now();
        self.check_output(out)?;
        self.check_space(out)?;
        if options.evaluator.is_none() {
            self.check_memory(options.memory)?;
        }
        let mut files = side_files::read(self)?;
        let specs: Vec<TensorSpec> = self
            .tensors()
            .iter()
            .map(|t| TensorSpec::new(&t.name, t.dtype, t.shape.clone()))
            .collect();
        let writer = CheckpointWriter::create(
            out,
            specs,
            WriterOptions {
                max_shard_bytes: self.recipe.max_shard,
                overwrite: options.overwrite,
                sync: options.sync,
                ..WriterOptions::default()
            },
        )?;
        let mut job = Job {
            plan: self,
            evaluation: mergelab_tensor::Options {
                tile: options.tile,
                // Each thread may be at a tensor of its own.
                memory: options.memory / rayon::current_num_threads().max(1) as u64,
                interrupt: options.interrupt.clone(),
                evaluator: options.evaluator.clone(),
            },
            memory: options.memory,
            statistics: BTreeMap::new(),
        };
        let merging = Instant::now();
        job.survey()?;
        let artifacts = job.begin_artifacts(writer.staging_dir())?;
        job.tensors(&writer, artifacts.as_ref(), options.progress)?;
        let numbers = match artifacts {
            Some(artifacts) => artifacts.finish()?,
            None => artifacts::Numbers::new(),
        };
        let merging = merging.elapsed().as_secs_f64();

        let hashing = Instant::now();
        // The disk works while the processors hash.
        let (synced, inputs) = std::thread::scope(|scope| {
            let syncing = scope.spawn(|| writer.sync());
            let mut known = ContentHashes::new(options.hash_inputs);
            let inputs: Vec<InputRecord> = self
                .base
                .iter()
                .chain(&self.models)
                .map(|input| input.record(&mut known))
                .collect();
            let synced = syncing.join();
            // A panic there says nothing about the files; `finish` syncs them in any case.
            (synced.unwrap_or(Ok(())), inputs)
        });
        synced?;
        job.interrupted()?;
        let statistics = job.statistics;
        let written = writer.finish_with(|hashes| {
            let hashes = hashes
                .iter()
                .map(|(name, hash)| (name.clone(), hash.to_string()))
                .collect();
            let device = options.evaluator.as_ref().map(|e| e.name());
            let record = provenance::record(
                self,
                &inputs,
                &hashes,
                &statistics,
                &numbers,
                device.as_deref(),
            );
            files.push(ExtraFile::new(RECORD_NAME, record));
            files.push(ExtraFile::new("README.md", provenance::card(self, &inputs)));
            files
        })?;
        let hashing = hashing.elapsed().as_secs_f64() - written.syncing;

        let merged = |t: &&PlannedTensor| matches!(t.action, Action::Merge { .. });
        let merged = self.tensors().iter().filter(merged).count();
        Ok(Report {
            dir: written.dir,
            files: written.files,
            content_hash: written.content_hash.to_string(),
            merged,
            copied: self.tensors().len() - merged,
            elements: self.tensors().iter().map(|t| t.elements() as u64).sum(),
            bytes_read: self.tensors().iter().map(|t| self.bytes_of(t)).sum(),
            bytes_written: written.total_bytes,
            seconds: start.elapsed().as_secs_f64(),
            phases: Phases {
                merging,
                hashing,
                syncing: written.syncing,
            },
            plugin: PluginRecord::of(self),
            inputs,
            notes: self.notes().to_vec(),
        })
    }

    /// Replacing a folder while it is read would pull the ground from under the mapped files.
    fn check_output(&self, out: &Path) -> Result<(), MergeError> {
        let Ok(out) = out.canonicalize() else {
            return Ok(());
        };
        for input in self.base.iter().chain(&self.models) {
            let adapter = input.written.adapter.as_ref();
            let folders = [
                Some(input.checkpoint.dir().to_owned()),
                adapter.map(|a| self.recipe.root.join(a)),
            ];
            for folder in folders.into_iter().flatten() {
                if folder.canonicalize().is_ok_and(|f| f.starts_with(&out)) {
                    return Err(MergeError::OutputIsInput {
                        out,
                        role: input.role.clone(),
                    });
                }
            }
        }
        Ok(())
    }
}
