//! Training: all weights or low-rank updates, on pairs or on plain texts.

mod batches;
mod dataset;
mod lora;
mod optimizer;
mod options;
mod schedule;
mod snapshot;
#[cfg(all(test, feature = "flex"))]
mod tests;
mod trainer;

use std::ops::ControlFlow;

use crate::adapter::Adapters;
use crate::decoder::Decoder;
use crate::error::{ModelError, Result};
use crate::kernels::{Kernels, host};
use crate::model::{LanguageModel, with_decoder};
use dataset::Sequences;
use trainer::{Callback, Trainer, merge};

pub use dataset::Dataset;
pub use lora::LoraWeights;
pub use options::{Grouping, Precision, Progress, SnapshotOptions, TrainOptions, TrainReport};
pub use schedule::Schedule;

/// The outcome of a training run.
#[derive(Clone, Debug)]
pub struct Trained {
    /// What was done.
    pub report: TrainReport,
    /// The low-rank updates, if [`TrainOptions::lora`] asked for them. They are also merged into
    /// the model.
    pub lora: Option<LoraWeights>,
}

impl LanguageModel {
    /// Trains the model in place. `progress` is called after each step and may end the run.
    ///
    /// On the CPU the same model, data and options give the same weights, to the byte, whatever
    /// the number of threads, and whether the run was interrupted and resumed or not.
    ///
    /// # Errors
    /// If an option makes no sense, the data is empty, the loss is no longer finite, or a
    /// snapshot cannot be written or does not belong to this run. The model may have been trained
    /// in part then.
    pub fn train(
        &mut self,
        train: &Dataset,
        validation: Option<&Dataset>,
        options: &TrainOptions,
        mut progress: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Trained> {
        options.check(self.config().max_position_embeddings)?;
        if options.precision == Precision::Bf16 && !self.device().computes_in_bf16() {
            return Err(ModelError::option(
                "precision",
                format!(
                    "the device \"{}\" does not compute in bf16; set it to \"f32\", or train on a \
                     GPU that does, such as \"cuda:0\"",
                    self.device()
                ),
            ));
        }
        let train = train.sequences("the training data", self, options)?;
        let validation = validation
            .map(|data| data.sequences("the validation data", self, options))
            .transpose()?;
        if options.patience.is_some() && validation.is_none() {
            return Err(ModelError::option(
                "patience",
                "needs validation data to tell when the loss no longer falls",
            ));
        }
        let run = RunData {
            train,
            validation,
            options,
        };
        with_decoder!(&mut self.decoder, decoder => train_on(decoder, run, &mut progress))
    }
}

struct RunData<'a> {
    train: Sequences,
    validation: Option<Sequences>,
    options: &'a TrainOptions,
}

fn train_on<B: Kernels>(
    decoder: &mut Decoder<B>,
    data: RunData<'_>,
    callback: Callback<'_>,
) -> Result<Trained> {
    let options = data.options;
    let adapters = match &options.lora {
        Some(lora) => Some(Adapters::new(
            &decoder.config,
            lora,
            options.seed,
            &decoder.device,
        )?),
        None => None,
    };
    let run = match &options.snapshot {
        Some(_) => fingerprint(decoder, &data),
        None => String::new(),
    };
    let mut trainer = Trainer {
        decoder,
        adapters,
        train: data.train,
        validation: data.validation,
        options,
        run,
    };
    let report = trainer.run(callback)?;
    let lora = match (&trainer.adapters, &options.lora) {
        (Some(adapters), Some(lora)) => {
            let config = trainer.decoder.config.clone();
            let weights = LoraWeights::new(&config, lora, adapters);
            *trainer.decoder = merge(trainer.decoder, adapters);
            Some(weights)
        }
        _ => None,
    };
    Ok(Trained { report, lora })
}

/// Names a run by what decides its result: weights, data and options.
fn fingerprint<B: Kernels>(decoder: &Decoder<B>, data: &RunData<'_>) -> String {
    let mut hasher = blake3::Hasher::new();
    for parameter in &decoder.parameters {
        for value in host(parameter.clone()) {
            hasher.update(&value.to_le_bytes());
        }
    }
    for sequences in [Some(&data.train), data.validation.as_ref()] {
        for sequence in sequences.iter().flat_map(|sequences| &sequences.all) {
            hasher.update(&(sequence.ids.len() as u64).to_le_bytes());
            hasher.update(&(sequence.first_target as u64).to_le_bytes());
            for id in &sequence.ids {
                hasher.update(&id.to_le_bytes());
            }
        }
        hasher.update(b"end");
    }
    // Where and how often the state is saved does not bear on the result.
    let options = TrainOptions {
        snapshot: None,
        ..data.options.clone()
    };
    hasher.update(format!("{options:?}").as_bytes());
    hasher.finalize().to_hex().to_string()
}
