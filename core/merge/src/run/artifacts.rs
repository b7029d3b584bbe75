//! What a method hands out beside the merged tensors.
//!
//! An artifact of one name is one checkpoint over all tensors, in `artifacts/NAME/` of the result.
//! Masks are stored as bytes of eight elements each, the first in the lowest bit; the file's
//! metadata has the tensors' shapes. Numbers go into the record.
//!
//! A tensor's artifacts are made right after it is merged, in the same session: what both need,
//! such as a decomposition, is computed once.

use super::recording::Recording;
use super::tensors::{Failure, Job};
use crate::error::MergeError;
use crate::plan::{Action, PlannedTensor};
use mergelab_abi::PluginError;
use mergelab_abi::method::{Artifact, ArtifactKind};
use mergelab_checkpoint::{ARTIFACTS, CheckpointWriter, DType, TensorSpec, WriterOptions};
use mergelab_tensor::SinkError;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Numbers by artifact and tensor.
pub(super) type Numbers = BTreeMap<String, BTreeMap<String, f64>>;

/// What one name holds.
#[derive(Default)]
struct Collection {
    specs: Vec<TensorSpec>,
    metadata: BTreeMap<String, String>,
}

/// Where artifacts go.
pub(super) struct Artifacts {
    writers: BTreeMap<String, CheckpointWriter>,
    numbers: Mutex<Numbers>,
}

impl Artifacts {
    /// Ends the files and returns the numbers.
    pub(super) fn finish(self) -> Result<Numbers, MergeError> {
        for writer in self.writers.into_values() {
            writer.finish(&[])?;
        }
        let numbers = self.numbers.into_inner();
        Ok(numbers.unwrap_or_else(PoisonError::into_inner))
    }
}

impl Job<'_> {
    /// Begins the files of the method's artifacts in `staging`, the folder that becomes the
    /// result. `None` for a method without any.
    pub(super) fn begin_artifacts(&self, staging: &Path) -> Result<Option<Artifacts>, MergeError> {
        let traits = self.plan.plugin.info.method.as_ref();
        if !traits.is_some_and(|traits| traits.artifacts) {
            return Ok(None);
        }
        let mut collections: BTreeMap<String, Collection> = BTreeMap::new();
        let declared = self.each_artifact(|recording, tensor, artifact| {
            let shape = recording.session.handle().shape(artifact.node);
            let shape =
                shape.map_err(|error| recording.failed(self, tensor, Failure::Plugin(error)))?;
            check(&artifact, &shape)
                .map_err(|error| recording.failed(self, tensor, Failure::Plugin(error)))?;
            Ok((artifact.name, artifact.kind, tensor.name.clone(), shape))
        })?;
        for (name, kind, tensor, shape) in declared {
            let (dtype, stored) = match kind {
                ArtifactKind::Number => continue,
                ArtifactKind::Values => (DType::F32, shape),
                ArtifactKind::Bits => {
                    let bits: usize = shape.iter().product();
                    let collection = collections.entry(name.clone()).or_default();
                    let written = format!("{shape:?}");
                    collection
                        .metadata
                        .insert(format!("shape.{tensor}"), written);
                    (DType::U8, vec![bits.div_ceil(8)])
                }
            };
            let collection = collections.entry(name).or_default();
            collection
                .specs
                .push(TensorSpec::new(tensor, dtype, stored));
        }
        let mut writers: BTreeMap<String, CheckpointWriter> = BTreeMap::new();
        if !collections.is_empty() {
            let folder = staging.join(ARTIFACTS);
            std::fs::create_dir_all(&folder).map_err(|source| MergeError::SideFile {
                path: folder.clone(),
                source,
            })?;
            for (name, collection) in collections {
                let options = WriterOptions {
                    metadata: collection.metadata,
                    ..WriterOptions::default()
                };
                let writer =
                    CheckpointWriter::create(folder.join(&name), collection.specs, options)?;
                writers.insert(name, writer);
            }
        }
        Ok(Some(Artifacts {
            writers,
            numbers: Mutex::default(),
        }))
    }

    /// Makes the artifacts of a tensor in the session that merged it.
    pub(super) fn make_artifacts(
        &self,
        artifacts: &Artifacts,
        recording: &Recording,
        tensor: &PlannedTensor,
        parameters: usize,
    ) -> Result<(), MergeError> {
        let made = recording.call(self, tensor, parameters, |method, group, host| {
            method.artifacts(group, host)
        })?;
        made.iter()
            .try_for_each(|artifact| self.artifact(artifacts, recording, tensor, artifact))
    }

    fn artifact(
        &self,
        artifacts: &Artifacts,
        recording: &Recording,
        tensor: &PlannedTensor,
        artifact: &Artifact,
    ) -> Result<(), MergeError> {
        let failed = |error| recording.failed(self, tensor, Failure::Engine(error));
        let session = &recording.session;
        if artifact.kind == ArtifactKind::Number {
            let number = session.number(artifact.node).map_err(failed)?;
            // Numbers are changed by adding one, so what a panicking thread left is whole.
            let numbers = artifacts.numbers.lock();
            let mut numbers = numbers.unwrap_or_else(PoisonError::into_inner);
            let of_name = numbers.entry(artifact.name.clone()).or_default();
            of_name.insert(tensor.name.clone(), number);
            return Ok(());
        }
        let Some(writer) = artifacts.writers.get(&artifact.name) else {
            let changed = format!(
                "it handed out `{}` for this tensor, and had not when it was asked first",
                artifact.name
            );
            let error = Failure::Plugin(PluginError::failed(changed));
            return Err(recording.failed(self, tensor, error));
        };
        let number = writer.index_of(&tensor.name)?;
        let values = |offset: usize, values: &[f32]| -> Result<(), SinkError> {
            Ok(writer.write_f32(number, offset, values)?)
        };
        // Ranges start at multiples of 16 elements, so no byte is shared by two of them.
        let bits = |offset: usize, values: &[f32]| -> Result<(), SinkError> {
            let bytes: Vec<u8> = values.chunks(8).map(packed).collect();
            Ok(writer.write_bytes(number, offset / 8, &bytes)?)
        };
        match artifact.kind {
            ArtifactKind::Bits => session.evaluate_and_keep(artifact.node, &bits),
            _ => session.evaluate_and_keep(artifact.node, &values),
        }
        .map_err(failed)
    }

    /// Lets the method record its artifacts for each tensor that is merged.
    fn each_artifact<T: Send>(
        &self,
        visit: impl Fn(&Recording, &PlannedTensor, Artifact) -> Result<T, MergeError> + Sync,
    ) -> Result<Vec<T>, MergeError> {
        let results: Vec<Result<Vec<T>, MergeError>> = self
            .plan
            .tensors()
            .par_iter()
            .map(|tensor| {
                let Action::Merge {
                    parameters,
                    working,
                } = tensor.action
                else {
                    return Ok(Vec::new());
                };
                self.interrupted()?;
                let recording = Recording::new(self, tensor, working);
                let made = recording.call(self, tensor, parameters, |method, group, host| {
                    method.artifacts(group, host)
                })?;
                made.into_iter()
                    .map(|artifact| visit(&recording, tensor, artifact))
                    .collect()
            })
            .collect();
        // The first error by name, whichever thread met one first.
        let all: Vec<Vec<T>> = results.into_iter().collect::<Result<_, _>>()?;
        Ok(all.into_iter().flatten().collect())
    }
}

/// Refuses names that are no file names, and numbers that are tensors.
fn check(artifact: &Artifact, shape: &[usize]) -> Result<(), PluginError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name = &artifact.name;
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(PluginError::failed(format!(
            "its artifact `{name}` cannot be a file: a name has letters, digits, `.`, `_` and `-`"
        )));
    }
    match (artifact.kind, shape) {
        (ArtifactKind::Number, []) => Ok(()),
        (ArtifactKind::Number, shape) => Err(PluginError::failed(format!(
            "its artifact `{name}` should be a number and has shape {shape:?}"
        ))),
        (_, []) => Err(PluginError::failed(format!(
            "its artifact `{name}` should be a tensor and is a number"
        ))),
        _ => Ok(()),
    }
}

fn packed(eight: &[f32]) -> u8 {
    let bit = |(place, value): (usize, &f32)| u8::from(*value != 0.0) << place;
    eight.iter().enumerate().map(bit).sum()
}

#[cfg(test)]
mod tests {
    use super::packed;

    #[test]
    fn the_first_element_is_the_lowest_bit() {
        assert_eq!(packed(&[1.0, 0.0, 0.0, 1.0]), 0b1001);
        assert_eq!(packed(&[1.0; 8]), 0xff);
    }
}
