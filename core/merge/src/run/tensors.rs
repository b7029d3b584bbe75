//! Merging tensor by tensor.

use super::Progress;
use super::artifacts::Artifacts;
use super::recording::Recording;
use crate::error::MergeError;
use crate::inputs::Input;
use crate::plan::{Action, Plan, PlannedTensor};
use crate::source::{InputTensor, format};
use mergelab_abi::PluginError;
use mergelab_abi::working::Working;
use mergelab_checkpoint::{CheckpointWriter, WriteError};
use mergelab_tensor::{Format, Sink, SinkError};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Tensors are merged side by side until they have this many elements together, so that one is read
/// while thresholds of another are decided. A larger one is spread over all threads alone.
pub(super) const BATCH: usize = 1 << 24;

/// A merge that is running.
pub(super) struct Job<'a> {
    pub(super) plan: &'a Plan<'a>,
    /// How a tensor is evaluated beside others.
    pub(super) evaluation: mergelab_tensor::Options,
    /// Bytes that a tensor may take that is merged alone.
    pub(super) memory: u64,
    /// What the method's survey found out.
    pub(super) statistics: BTreeMap<String, f64>,
}

impl Job<'_> {
    /// Ends the merge when the flag is raised.
    pub(super) fn interrupted(&self) -> Result<(), MergeError> {
        match &self.evaluation.interrupt {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(MergeError::Interrupted),
            _ => Ok(()),
        }
    }

    /// Makes all tensors and tells how far it is.
    pub(super) fn tensors(
        &self,
        writer: &CheckpointWriter,
        artifacts: Option<&Artifacts>,
        tell: Option<&dyn Fn(Progress<'_>)>,
    ) -> Result<(), MergeError> {
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
                .map(|number| self.tensor(writer, artifacts, number))
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
    fn tensor(
        &self,
        writer: &CheckpointWriter,
        artifacts: Option<&Artifacts>,
        number: usize,
    ) -> Result<(), MergeError> {
        self.interrupted()?;
        let tensor = &self.plan.tensors()[number];
        match tensor.action {
            Action::Merge {
                parameters,
                working,
            } => {
                let recording = self.merge(writer, artifacts, number, parameters, working)?;
                match artifacts {
                    Some(to) => self.make_artifacts(to, &recording, tensor, parameters),
                    None => Ok(()),
                }
            }
            Action::Copy { .. } => self.copy(writer, number, tensor),
        }
    }

    fn merge(
        &self,
        writer: &CheckpointWriter,
        artifacts: Option<&Artifacts>,
        number: usize,
        parameters: usize,
        working: Working,
    ) -> Result<Recording, MergeError> {
        let tensor = &self.plan.tensors()[number];
        let recording = match tensor.elements() > BATCH {
            true => Recording::alone(self, tensor, working),
            false => Recording::new(self, tensor, working),
        };
        let session = &recording.session;
        let node = recording.call(self, tensor, parameters, |method, group, host| {
            method.merge(group, host)
        })?;
        let found = session
            .handle()
            .shape(node)
            .map_err(|error| recording.failed(self, tensor, Failure::Plugin(error)))?;
        let shape = recording.group.shape.as_slice();
        if found != shape {
            return Err(MergeError::Shape {
                method: self.plan.plugin.info.id.clone(),
                tensor: tensor.name.clone(),
                found,
                wanted: shape.to_vec(),
            });
        }
        let sink = TensorSink {
            writer,
            number,
            format: format(tensor.dtype),
        };
        let round_and_write = |offset: usize, values: &[f32]| {
            let mut values = values.to_vec();
            recording.rounded.round_all(&mut values);
            sink.write(offset, &values)
        };
        let sink: &dyn Sink = match recording.rounded {
            Working::F32 => &sink,
            _ => &round_and_write,
        };
        match artifacts {
            // They may need again what is computed here.
            Some(_) => session.evaluate_and_keep(node, sink),
            None => session.evaluate(node, sink),
        }
        .map_err(|error| recording.failed(self, tensor, Failure::Engine(error)))?;
        Ok(recording)
    }

    /// What went wrong with a tensor: an input's NaN first, since everything else follows from it.
    pub(super) fn explain(
        &self,
        tensor: &PlannedTensor,
        sources: &[Arc<InputTensor>],
        failure: Failure,
    ) -> MergeError {
        if matches!(
            failure,
            Failure::Engine(mergelab_tensor::Error::Interrupted)
        ) || self.interrupted().is_err()
        {
            return MergeError::Interrupted;
        }
        for source in sources {
            if let Some(bad) = source.find_non_finite(tensor.elements()) {
                return MergeError::NonFiniteInput {
                    tensor: source.tensor.clone(),
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
                                source: Box::new(bad),
                            }
                        }
                        other => MergeError::from(other),
                    },
                    Err(source) => MergeError::Engine {
                        tensor: tensor.name.clone(),
                        source: Box::new(mergelab_tensor::Error::Sink { offset, source }),
                    },
                }
            }
            Failure::Engine(source) => MergeError::Engine {
                tensor: tensor.name.clone(),
                source: Box::new(source),
            },
        }
    }

    fn copy(
        &self,
        writer: &CheckpointWriter,
        number: usize,
        tensor: &PlannedTensor,
    ) -> Result<(), MergeError> {
        let from = self.plan.origins(tensor).next();
        let (input, name) = from.unwrap_or((&self.plan.donor, &tensor.name));
        let unreadable = |source| MergeError::Checkpoint {
            role: input.role.clone(),
            source: Box::new(source),
        };
        let info = input.source.info(name).map_err(unreadable)?;
        if info.dtype == tensor.dtype
            && let Ok(bytes) = input.source.raw_bytes(name)
        {
            return match writer.write_bytes(number, 0, bytes) {
                Err(WriteError::NonFinite { element, .. }) => {
                    Err(self.copied_non_finite(name, input, element))
                }
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
                .read_f32(name, range, values)
                .map_err(unreadable)?;
            match writer.write_f32(number, start, values) {
                Err(WriteError::NonFinite { element, .. }) => {
                    return Err(self.copied_non_finite(name, input, element));
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn copied_non_finite(&self, tensor: &str, input: &Input, element: usize) -> MergeError {
        let mut value = [f32::NAN];
        // The value is for the message only; that it is not finite is known.
        let _ = input
            .source
            .read_f32(tensor, element..element + 1, &mut value);
        MergeError::NonFiniteInput {
            tensor: tensor.to_owned(),
            role: input.role.clone(),
            element,
            value: value[0],
        }
    }
}

/// A tensor of the result.
struct TensorSink<'a> {
    writer: &'a CheckpointWriter,
    number: usize,
    format: Option<Format>,
}

impl Sink for TensorSink<'_> {
    fn write(&self, offset: usize, elements: &[f32]) -> Result<(), SinkError> {
        Ok(self.writer.write_f32(self.number, offset, elements)?)
    }

    fn format(&self) -> Option<Format> {
        self.format
    }

    fn write_stored(&self, offset: usize, bytes: &[u8]) -> Result<(), SinkError> {
        Ok(self.writer.write_bytes(self.number, offset, bytes)?)
    }

    fn see_non_finite(&self, offset: usize, elements: &[f32]) -> Result<(), SinkError> {
        Ok(self.writer.check_finite(self.number, offset, elements)?)
    }
}

/// Elements converted at a time where a copy changes the format.
const COPY: usize = 1 << 16;

/// What ended the merge of one tensor.
pub(super) enum Failure {
    Plugin(PluginError),
    Engine(mergelab_tensor::Error),
}
