//! Running a merge.

use crate::error::MergeError;
use crate::inputs::{ContentHashes, Input};
use crate::methods::Methods;
use crate::plan::{Action, Plan, PlannedTensor};
use crate::provenance::{self, InputRecord, PluginRecord, RECORD_NAME};
use crate::recipe::Recipe;
use crate::side_files;
use crate::source::InputTensor;
use mergelab_abi::PluginError;
use mergelab_abi::method::{GroupInfo, Member};
use mergelab_abi::working::Working;
use mergelab_checkpoint::{
    Checkpoint, CheckpointWriter, ExtraFile, TensorSpec, WriteError, WriterOptions,
};
use mergelab_tensor::{Session, SinkError};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How a merge is run. None of it but `hash_inputs` changes a byte of the output.
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
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            overwrite: false,
            tile: mergelab_tensor::Options::default().tile,
            interrupt: None,
            progress: None,
            hash_inputs: true,
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
    /// The method.
    pub plugin: PluginRecord,
    /// The inputs.
    pub inputs: Vec<InputRecord>,
    /// What a user should know, in sentences.
    pub notes: Vec<String>,
}

/// Tensors are merged side by side until they have this many elements together. A larger one is
/// spread over all threads alone.
const BATCH: usize = 1 << 22;

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
                ..WriterOptions::default()
            },
        )?;
        let job = Job {
            plan: self,
            writer: &writer,
            evaluation: mergelab_tensor::Options {
                tile: options.tile,
                interrupt: options.interrupt.clone(),
            },
        };
        job.tensors(options.progress)?;

        let mut known = ContentHashes::new(options.hash_inputs);
        let inputs: Vec<InputRecord> = self
            .base
            .iter()
            .chain(&self.models)
            .map(|input| input.record(&mut known))
            .collect();
        job.interrupted()?;
        let hashes = written_hashes(writer.staging_dir())?;
        let record = provenance::record(self, &inputs, &hashes);
        files.push(ExtraFile::new(RECORD_NAME, record));
        files.push(ExtraFile::new("README.md", provenance::card(self, &inputs)));
        let written = writer.finish(&files)?;

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

    /// Stored bytes that a tensor is made from.
    fn bytes_of(&self, tensor: &PlannedTensor) -> u64 {
        let bytes = |input: &Input| {
            let info = input.source.info(&tensor.name);
            info.map_or(0, |i| (i.elements() * i.dtype.size()) as u64)
        };
        match tensor.action {
            Action::Merge { .. } => self.merged().map(bytes).sum(),
            Action::Copy { .. } => bytes(self.copied_from(&tensor.name)),
        }
    }
}

/// BLAKE3 of every tensor that was written, by name.
fn written_hashes(dir: &Path) -> Result<BTreeMap<String, String>, MergeError> {
    let io = |source| {
        MergeError::Write(WriteError::Io {
            action: "list",
            path: dir.to_owned(),
            source,
        })
    };
    let mut hashes = BTreeMap::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|e| e == "safetensors") {
            let file = Checkpoint::open(&path).map_err(WriteError::from)?;
            let of_file = file.tensor_hashes().into_iter();
            hashes.extend(of_file.map(|(name, hash)| (name, hash.to_string())));
        }
    }
    Ok(hashes)
}

/// A merge that is running.
struct Job<'a> {
    plan: &'a Plan<'a>,
    writer: &'a CheckpointWriter,
    evaluation: mergelab_tensor::Options,
}

impl Job<'_> {
    fn interrupted(&self) -> Result<(), MergeError> {
        match &self.evaluation.interrupt {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(MergeError::Interrupted),
            _ => Ok(()),
        }
    }

    fn tensors(&self, tell: Option<&dyn Fn(Progress<'_>)>) -> Result<(), MergeError> {
        let tensors = self.plan.tensors();
        let elements = tensors.iter().map(|t| t.elements() as u64).sum();
        let mut elements_done = 0;
        let mut start = 0;
        while start < tensors.len() {
            let mut end = start;
            let mut size = 0;
            while end < tensors.len() && (end == start || size + tensors[end].elements() <= BATCH) {
                size += tensors[end].elements();
                end += 1;
            }
            let results: Vec<Result<(), MergeError>> = (start..end)
                .into_par_iter()
                .map(|number| self.tensor(number))
                .collect();
            // The first error by name, whichever thread met one first.
            results.into_iter().collect::<Result<(), _>>()?;
            elements_done += size as u64;
            if let Some(tell) = tell {
                tell(Progress {
                    tensor: &tensors[end - 1].name,
                    tensors_done: end,
                    tensors: tensors.len(),
                    elements_done,
                    elements,
                });
            }
            start = end;
        }
        Ok(())
    }

    /// Makes tensor `number` of the plan, which has that number in the writer too.
    fn tensor(&self, number: usize) -> Result<(), MergeError> {
        self.interrupted()?;
        let tensor = &self.plan.tensors()[number];
        match tensor.action {
            Action::Merge {
                parameters,
                working,
            } => self.merge(number, tensor, parameters, working),
            Action::Copy { .. } => self.copy(number, tensor),
        }
    }

    fn merge(
        &self,
        number: usize,
        tensor: &PlannedTensor,
        parameters: usize,
        working: Working,
    ) -> Result<(), MergeError> {
        let session = Session::new(working, self.evaluation.clone());
        // A node of shape `[]` is a scalar of higher precision; a tensor of one element is none.
        let shape: &[usize] = if tensor.shape.is_empty() {
            &[1]
        } else {
            &tensor.shape
        };
        let mut sources = Vec::new();
        let mut member = |input: &Input| {
            let source = Arc::new(InputTensor {
                source: Arc::clone(&input.source),
                tensor: tensor.name.clone(),
                role: input.role.clone(),
            });
            sources.push(Arc::clone(&source));
            Member {
                id: input.id.clone(),
                node: session.input(shape, source),
                present: true,
            }
        };
        let base = self.plan.base.as_ref().filter(|_| self.plan.base_used);
        let group = GroupInfo {
            tensor: tensor.name.clone(),
            shape: shape.to_vec(),
            base: base.map(&mut member),
            models: self.plan.models.iter().map(&mut member).collect(),
            seed: self.plan.recipe.seed,
        };
        let failed = |error: Failure| self.explain(tensor, &sources, error);

        let method = &self.plan.instances[parameters].method;
        let node = catch_unwind(AssertUnwindSafe(|| method.merge(&group, session.handle())))
            .unwrap_or_else(|panic| Err(PluginError::from_panic(&*panic)))
            .map_err(|error| failed(Failure::Plugin(error)))?;
        let found = session
            .handle()
            .shape(node)
            .map_err(|error| failed(Failure::Plugin(error)))?;
        if found != shape {
            return Err(MergeError::Shape {
                method: self.plan.plugin.info.id.clone(),
                tensor: tensor.name.clone(),
                found,
                wanted: shape.to_vec(),
            });
        }
        let sink = |offset: usize, values: &[f32]| -> Result<(), SinkError> {
            Ok(self.writer.write_f32(number, offset, values)?)
        };
        session
            .evaluate(node, &sink)
            .map_err(|error| failed(Failure::Engine(error)))
    }

    /// What went wrong with a tensor: an input's NaN first, since everything else follows from it.
    fn explain(
        &self,
        tensor: &PlannedTensor,
        sources: &[Arc<InputTensor>],
        failure: Failure,
    ) -> MergeError {
        if matches!(failure, Failure::Engine(mergelab_tensor::Error::Interrupted))
            || self.interrupted().is_err()
        {
            return MergeError::Interrupted;
        }
        for source in sources {
            if let Some(bad) = source.find_non_finite(tensor.elements()) {
                return MergeError::NonFiniteInput {
                    tensor: tensor.name.clone(),
                    role: source.role.clone(),
                    element: bad.element,
                    value: bad.value,
                };
            }
        }
        let method = || self.plan.plugin.info.id.clone();
        match failure {
            Failure::Plugin(source) => MergeError::Plugin {
                method: method(),
                tensor: Some(tensor.name.clone()),
                source,
            },
            Failure::Engine(mergelab_tensor::Error::Sink { offset, source }) => {
                match source.downcast::<WriteError>() {
                    Ok(error) => match *error {
                        bad @ (WriteError::NonFinite { .. } | WriteError::Overflow { .. }) => {
                            MergeError::BadResult {
                                method: method(),
                                source: bad,
                            }
                        }
                        other => MergeError::Write(other),
                    },
                    Err(source) => MergeError::Engine {
                        tensor: tensor.name.clone(),
                        source: mergelab_tensor::Error::Sink { offset, source },
                    },
                }
            }
            Failure::Engine(source) => MergeError::Engine {
                tensor: tensor.name.clone(),
                source,
            },
        }
    }

    fn copy(&self, number: usize, tensor: &PlannedTensor) -> Result<(), MergeError> {
        let input = self.plan.copied_from(&tensor.name);
        let unreadable = |source| MergeError::Checkpoint {
            role: input.role.clone(),
            source,
        };
        let info = input.source.info(&tensor.name).map_err(unreadable)?;
        if info.dtype == tensor.dtype
            && let Ok(bytes) = input.source.raw_bytes(&tensor.name)
        {
            return match self.writer.write_bytes(number, 0, bytes) {
                Err(WriteError::NonFinite { element, .. }) => Err(self.copied_non_finite(
                    tensor,
                    input,
                    element,
                )),
                other => Ok(other?),
            };
        }
        let elements = tensor.elements();
        let mut buffer = vec![0.0; COPY.min(elements)];
        for start in (0..elements).step_by(COPY) {
            let values = &mut buffer[..COPY.min(elements - start)];
            let range = start..start + values.len();
            input
                .source
                .read_f32(&tensor.name, range, values)
                .map_err(unreadable)?;
            match self.writer.write_f32(number, start, values) {
                Err(WriteError::NonFinite { element, .. }) => {
                    return Err(self.copied_non_finite(tensor, input, element));
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn copied_non_finite(
        &self,
        tensor: &PlannedTensor,
        input: &Input,
        element: usize,
    ) -> MergeError {
        let mut value = [f32::NAN];
        // The value is for the message only; that it is not finite is known.
        let _ = input
            .source
            .read_f32(&tensor.name, element..element + 1, &mut value);
        MergeError::NonFiniteInput {
            tensor: tensor.name.clone(),
            role: input.role.clone(),
            element,
            value: value[0],
        }
    }
}

/// Elements converted at a time where a copy changes the format.
const COPY: usize = 1 << 16;

/// What ended the merge of one tensor.
enum Failure {
    Plugin(PluginError),
    Engine(mergelab_tensor::Error),
}
