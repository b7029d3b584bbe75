//! The training loop.

use std::ops::ControlFlow;
use std::time::Instant;

use burn::tensor::Tensor;

use super::batches;
use super::dataset::{Sequence, Sequences, batch};
use super::optimizer::{Moments, trainables};
use super::options::{Progress, TrainOptions, TrainReport};
use super::snapshot::{self, Best, State};
use crate::adapter::Adapters;
use crate::decoder::Decoder;
use crate::error::{ModelError, Result};
use crate::gradient::{Gradients, Pass};
use crate::kernels::Kernels;
use crate::random::CounterRng;

/// A run's callback.
pub(super) type Callback<'a> = &'a mut dyn FnMut(&Progress) -> ControlFlow<()>;

/// A training run on a device.
pub(super) struct Trainer<'a, B: Kernels> {
    pub(super) decoder: &'a mut Decoder<B>,
    pub(super) adapters: Option<Adapters<B>>,
    pub(super) train: Sequences,
    pub(super) validation: Option<Sequences>,
    pub(super) options: &'a TrainOptions,
    /// Names the run in its snapshots.
    pub(super) run: String,
}

impl<B: Kernels> Trainer<'_, B> {
    pub(super) fn run(&mut self, callback: Callback<'_>) -> Result<TrainReport> {
        let started = Instant::now();
        let options = self.options;
        let lengths: Vec<usize> = self.train.all.iter().map(|s| s.ids.len()).collect();
        let per_epoch = lengths
            .len()
            .div_ceil(options.batch_size)
            .div_ceil(options.accumulation);
        let total = per_epoch * options.epochs;
        let total = options.max_steps.map_or(total, |most| most.min(total));

        let mut state = State {
            run: self.run.clone(),
            ..State::default()
        };
        let mut best: Best<B> = None;
        let mut all = trainables(self.decoder, self.adapters.as_mut());
        let trainable_parameters = all.iter().map(|t| t.tensor.shape().num_elements()).sum();
        let mut moments = Moments::new(&all);
        if let Some(snapshot) = &options.snapshot
            && snapshot.resume
            && snapshot::exists(&snapshot.folder)
        {
            state = snapshot::read(
                &snapshot.folder,
                &self.run,
                &mut all,
                &mut moments,
                &mut best,
            )?;
        }
        drop(all);

        let mut epoch_batches = (usize::MAX, Vec::new());
        let (mut tokens, mut training_seconds) = (0, 0.0);
        let mut saved = Instant::now();
        let mut stopped = false;
        while state.step < total && !stopped {
            let step_started = Instant::now();
            let epoch = state.step / per_epoch;
            if epoch_batches.0 != epoch {
                let order = batches::epoch(&lengths, options.batch_size, options.seed, epoch);
                epoch_batches = (epoch, order);
            }
            let first = state.step % per_epoch * options.accumulation;
            let last = epoch_batches.1.len().min(first + options.accumulation);
            let (loss, gradients, read) = self.gradients(&epoch_batches.1[first..last], state.step);
            let share = options
                .schedule
                .share(state.step, options.warmup_steps, total);
            let learning_rate = options.learning_rate * share;
            let diverged = |loss| ModelError::Diverged {
                step: state.step + 1,
                loss,
                learning_rate,
            };
            if !loss.is_finite() {
                return Err(diverged(loss));
            }
            let mut all = trainables(self.decoder, self.adapters.as_mut());
            let norm = moments.update(&mut all, gradients, state.step + 1, learning_rate, options);
            drop(all);
            if !norm.is_finite() {
                return Err(diverged(norm));
            }
            state.step += 1;
            state.tokens += read;
            state.final_loss = loss;
            tokens += read;
            training_seconds += step_started.elapsed().as_secs_f64();

            let due = match options.validate_every {
                Some(every) => state.step.is_multiple_of(every),
                None => state.step.is_multiple_of(per_epoch),
            };
            let mut validation_loss = None;
            if due || state.step == total {
                validation_loss = self.validate();
                if let Some(loss) = validation_loss {
                    state.validation_loss = Some(loss);
                    if state.best_validation.is_none_or(|(least, _)| loss < least) {
                        state.best_validation = Some((loss, state.step));
                        best = options.keep_best.then(|| self.weights());
                    }
                }
            }
            let progress = Progress {
                step: state.step,
                total_steps: total,
                loss,
                learning_rate,
                gradient_norm: norm,
                tokens,
                tokens_per_second: tokens as f64 / training_seconds.max(1e-9),
                seconds: started.elapsed().as_secs_f64(),
                validation_loss,
            };
            stopped = callback(&progress).is_break();
            if let Some(snapshot) = &options.snapshot {
                let steps = snapshot
                    .every_steps
                    .is_some_and(|n| state.step.is_multiple_of(n.max(1)));
                let seconds = snapshot
                    .every_seconds
                    .is_some_and(|seconds| saved.elapsed().as_secs_f64() >= seconds);
                if steps || seconds || stopped || state.step == total {
                    let all = trainables(self.decoder, self.adapters.as_mut());
                    snapshot::write(&snapshot.folder, &state, &all, &moments, &best)?;
                    saved = Instant::now();
                }
            }
        }
        if let Some(best) = best {
            let all = trainables(self.decoder, self.adapters.as_mut());
            for (trainable, best) in all.into_iter().zip(best) {
                *trainable.tensor = best;
            }
        }
        Ok(TrainReport {
            steps: state.step,
            tokens: state.tokens,
            examples: self.train.all.len(),
            truncated_examples: self.train.truncated,
            mean_attended: self.train.mean_attended(),
            trainable_parameters,
            final_loss: state.final_loss,
            validation_loss: state.validation_loss,
            best_validation: state.best_validation,
            seconds: started.elapsed().as_secs_f64(),
            stopped: stopped && state.step < total,
        })
    }

    /// Mean loss and gradients over some batches, and the tokens read.
    fn gradients(&self, order: &[Vec<usize>], step: usize) -> (f64, Gradients<B>, usize) {
        let all = &self.train.all;
        let targets: usize = order
            .iter()
            .flatten()
            .map(|index| all[*index].ids.len() - all[*index].first_target)
            .sum();
        let scale = 1.0 / targets as f64;
        let mut gradients = Gradients::new(self.decoder.parameters.len());
        let (mut loss, mut read) = (0.0, 0);
        for (micro, indices) in order.iter().enumerate() {
            let sequences: Vec<&Sequence> = indices.iter().map(|index| &all[*index]).collect();
            read += sequences.iter().map(|s| s.ids.len() - 1).sum::<usize>();
            let path = [step as u64, micro as u64];
            let pass = Pass {
                decoder: self.decoder,
                adapters: self.adapters.as_ref(),
                dropout_key: CounterRng::new(self.options.seed, "pass", &path).bits(0),
            };
            loss += pass.run(&batch(&sequences), scale as f32, &mut gradients);
        }
        (loss * scale, gradients, read)
    }

    /// Mean loss on the validation data.
    fn validate(&self) -> Option<f64> {
        let validation = self.validation.as_ref()?;
        let merged;
        let decoder = match &self.adapters {
            Some(adapters) => {
                merged = merge(self.decoder, adapters);
                &merged
            }
            None => &*self.decoder,
        };
        let mut order: Vec<usize> = (0..validation.all.len()).collect();
        order.sort_by_key(|index| (validation.all[*index].ids.len(), *index));
        let (mut loss, mut targets) = (0.0, 0);
        for indices in order.chunks(self.options.batch_size) {
            let sequences: Vec<&Sequence> = indices
                .iter()
                .map(|index| &validation.all[*index])
                .collect();
            let batch = batch(&sequences);
            let hidden = decoder.read(&batch.ids, batch.sequences, None);
            let chunk = ((1 << 22) / decoder.config.vocab_size).max(1);
            for (rows, wanted) in batch.rows.chunks(chunk).zip(batch.targets.chunks(chunk)) {
                let logits = decoder.logits(&B::gather_rows(&hidden, rows));
                let found = B::target_log_probabilities(logits, wanted);
                loss -= found.iter().map(|(log, _)| f64::from(*log)).sum::<f64>();
            }
            targets += batch.targets.len();
        }
        Some(loss / targets as f64)
    }

    fn weights(&mut self) -> Vec<Tensor<B, 2>> {
        trainables(self.decoder, self.adapters.as_mut())
            .into_iter()
            .map(|trainable| trainable.tensor.clone())
            .collect()
    }
}

/// The decoder with the updates merged into its matrices.
pub(super) fn merge<B: Kernels>(decoder: &Decoder<B>, adapters: &Adapters<B>) -> Decoder<B> {
    let mut merged = decoder.clone();
    for (parameter, adapter) in adapters.iter() {
        let weight = merged.parameters[parameter].clone();
        merged.parameters[parameter] = weight + adapter.merged();
    }
    merged
}
