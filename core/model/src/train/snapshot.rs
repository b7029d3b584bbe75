//! The state of a training run on disk.

use std::path::Path;

use burn::tensor::Tensor;
use mergelab_checkpoint::{
    Checkpoint, CheckpointWriter, DType, ExtraFile, TensorSpec, WriterOptions,
};
use serde::{Deserialize, Serialize};

use super::optimizer::{Moments, Trainable};
use crate::error::{ModelError, Result};
use crate::kernels::{Kernels, host, tensor};

const FORMAT: u32 = 2;
const STATE_FILE: &str = "training_state.json";

/// What is not a tensor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) format: u32,
    /// Names the model, the data and the options of the run.
    pub(super) run: String,
    pub(super) step: usize,
    pub(super) tokens: usize,
    pub(super) final_loss: f64,
    pub(super) validation_loss: Option<f64>,
    pub(super) best_validation: Option<(f64, usize)>,
    /// Validations since the best one.
    pub(super) worse_validations: usize,
    /// Seconds spent on steps, over all calls.
    pub(super) training_seconds: f64,
}

/// Tensors of a run besides the trained ones: the best weights so far, if they are kept.
pub(super) type Best<B> = Option<Vec<Tensor<B, 2>>>;

/// Whether a state is in the folder.
pub(super) fn exists(folder: &Path) -> bool {
    folder.join(STATE_FILE).is_file()
}

/// Replaces the state in `folder`.
pub(super) fn write<B: Kernels>(
    folder: &Path,
    state: &State,
    trainables: &[Trainable<'_, B>],
    moments: &Moments<B>,
    best: &Best<B>,
) -> Result<()> {
    let mut named: Vec<(String, Tensor<B, 2>)> = Vec::new();
    for (index, trainable) in trainables.iter().enumerate() {
        let name = &trainable.name;
        named.push((format!("weight.{name}"), trainable.tensor.clone()));
        named.push((format!("first.{name}"), moments.first[index].clone()));
        named.push((format!("second.{name}"), moments.second[index].clone()));
        if let Some(best) = best {
            named.push((format!("best.{name}"), best[index].clone()));
        }
    }
    let specs = named
        .iter()
        .map(|(name, tensor)| TensorSpec::new(name, DType::F32, tensor.dims()))
        .collect();
    let options = WriterOptions {
        overwrite: true,
        ..WriterOptions::default()
    };
    let writer = CheckpointWriter::create(folder, specs, options)?;
    for (index, (_, tensor)) in named.into_iter().enumerate() {
        writer.write_f32(index, 0, &host(tensor))?;
    }
    let state = State {
        format: FORMAT,
        ..state.clone()
    };
    let json = serde_json::to_vec_pretty(&state).map_err(|error| ModelError::Resume {
        path: folder.to_path_buf(),
        reason: format!("cannot be written: {error}"),
    })?;
    writer.finish(&[ExtraFile::new(STATE_FILE, json)])?;
    Ok(())
}

/// Puts the state in `folder` in place of the run's own.
pub(super) fn read<B: Kernels>(
    folder: &Path,
    run: &str,
    trainables: &mut [Trainable<'_, B>],
    moments: &mut Moments<B>,
    best: &mut Best<B>,
) -> Result<State> {
    let fail = |reason: String| ModelError::Resume {
        path: folder.to_path_buf(),
        reason,
    };
    let path = folder.join(STATE_FILE);
    let bytes = std::fs::read(&path).map_err(ModelError::io(&path))?;
    let state: State = serde_json::from_slice(&bytes)
        .map_err(|error| fail(format!("{STATE_FILE} is damaged: {error}")))?;
    if state.format != FORMAT {
        return Err(fail(format!(
            "has format {}, this version reads {FORMAT}; train anew in another folder",
            state.format
        )));
    }
    if state.run != run {
        return Err(fail(
            "belongs to another run: its model, data or options differ; give another folder, or \
             turn `resume` off to replace it"
                .into(),
        ));
    }
    let checkpoint = Checkpoint::open(folder)?;
    let load = |kind: &str, name: &str, like: &Tensor<B, 2>| -> Result<Tensor<B, 2>> {
        let view = checkpoint.tensor(&format!("{kind}.{name}"))?;
        let shape = like.dims();
        if view.shape != shape {
            return Err(fail(format!(
                "tensor {kind}.{name} has shape {:?}, not {shape:?}",
                view.shape
            )));
        }
        Ok(tensor(view.to_f32()?, shape, &like.device()))
    };
    let mut best_found = Vec::new();
    for (index, trainable) in trainables.iter_mut().enumerate() {
        let name = &trainable.name;
        let weight = load("weight", name, trainable.tensor)?;
        moments.first[index] = load("first", name, trainable.tensor)?;
        moments.second[index] = load("second", name, trainable.tensor)?;
        if checkpoint.contains(&format!("best.{name}")) {
            best_found.push(load("best", name, trainable.tensor)?);
        }
        *trainable.tensor = weight;
    }
    *best = (best_found.len() == trainables.len()).then_some(best_found);
    Ok(state)
}
