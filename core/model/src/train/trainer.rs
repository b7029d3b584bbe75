//! The training loop.

use std::ops::ControlFlow;
use std::time::Instant;

use burn::tensor::{DType, Tensor};

use super::batches;
use super::dataset::{Sequence, Sequences, batch};
use super::optimizer::{Moments, trainables};
use super::options::{Precision, Progress, SnapshotOptions, TrainOptions, TrainReport};
use super::snapshot::{self, Best, State};
use crate::adapter::{Adapters, Dropout};
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
        let per_epoch = lengths.len().div_ceil(options.batch_size);
        let total = per_epoch * options.epochs;
        let total = options.max_steps.map_or(total, |most| most.min(total));
        let warmup = (options.warmup * total as f64).round() as usize;

        let mut state = State {
            run: self.run.clone(),
            ..State::default()
        };
        let mut best: Best<B> = None;
        let mut all = trainables(self.decoder, self.adapters.as_mut());
        let trainable_parameters = all.iter().map(|t| t.tensor.shape().num_elements()).sum();
        let mut moments = Moments::new(&all);
        let mut resumed_at = None;
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
            resumed_at = Some(state.step);
        }
        drop(all);

        let mut epoch_batches = (usize::MAX, Vec::new());
        let (mut tokens, mut training_seconds) = (0, 0.0);
        let mut save = Save::new();
        let mut stopped = false;
        let out_of_patience = |state: &State| {
            let limit = options.patience;
            limit.is_some_and(|limit| state.worse_validations >= limit)
        };
        while state.step < total && !stopped && !out_of_patience(&state) {
            let step_started = Instant::now();
            let epoch = state.step / per_epoch;
            if epoch_batches.0 != epoch {
                let (size, grouping) = (options.batch_size, options.grouping);
                let order = batches::epoch(&lengths, size, grouping, options.seed, epoch);
                epoch_batches = (epoch, order);
            }
            let examples = &epoch_batches.1[state.step % per_epoch];
            let (loss, gradients, read) =
                B::on_workers(|| self.gradients(examples, state.step, trainable_parameters));
            let share = options.schedule.share(state.step, warmup, total);
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
            let (step, held) = (state.step + 1, &mut moments);
            let norm =
                B::on_workers(|| held.update(&mut all, gradients, step, learning_rate, options));
            drop(all);
            if !norm.is_finite() {
                return Err(diverged(norm));
            }
            state.step += 1;
            state.tokens += read;
            state.final_loss = loss;
            tokens += read;
            let step_seconds = step_started.elapsed().as_secs_f64();
            training_seconds += step_seconds;
            state.training_seconds += step_seconds;

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
                        state.worse_validations = 0;
                        best = options.keep_best.then(|| self.weights());
                    } else {
                        state.worse_validations += 1;
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
                let last = stopped || state.step == total || out_of_patience(&state);
                if last || save.is_due(snapshot, state.step) {
                    let all = trainables(self.decoder, self.adapters.as_mut());
                    let started = Instant::now();
                    snapshot::write(&snapshot.folder, &state, &all, &moments, &best)?;
                    save.took(started);
                }
            }
        }
        let ended_early = state.step < total && out_of_patience(&state);
        if let Some(best) = best {
            let all = trainables(self.decoder, self.adapters.as_mut());
            for (trainable, best) in all.into_iter().zip(best) {
                *trainable.tensor = best;
            }
        }
        Ok(TrainReport {
            steps: state.step,
            tokens: state.tokens,
            tokens_per_second: state.tokens as f64 / state.training_seconds.max(1e-9),
            examples: self.train.all.len(),
            truncated_examples: self.train.truncated,
            mean_attended: self.train.mean_attended(),
            trainable_parameters,
            final_loss: state.final_loss,
            validation_loss: state.validation_loss,
            best_validation: state.best_validation,
            seconds: started.elapsed().as_secs_f64(),
            resumed_at,
            ended_early,
            stopped: stopped && state.step < total && !ended_early,
        })
    }

    /// Mean loss and gradients over the examples of a step, and the tokens read.
    fn gradients(
        &self,
        examples: &[usize],
        step: usize,
        trained: usize,
    ) -> (f64, Gradients<B>, usize) {
        let all = &self.train.all;
        let targets: usize = examples
            .iter()
            .map(|index| all[*index].ids.len() - all[*index].first_target)
            .sum();
        let scale = 1.0 / targets as f64;
        let (mut loss, mut read) = (0.0, 0);
        // The weights that are trained stay in f32; a step computes with copies.
        let cast = match self.options.precision {
            Precision::F32 => None,
            Precision::Bf16 => Some((
                self.decoder.cast(DType::BF16),
                self.adapters.as_ref().map(|a| a.cast(DType::BF16)),
            )),
        };
        let compute = |(first, indices, mut gradients): (usize, &[usize], Gradients<B>)| {
            let sequences: Vec<&Sequence> = indices.iter().map(|index| &all[*index]).collect();
            let batch = batch(&sequences);
            let pass = Pass {
                decoder: cast.as_ref().map_or(&*self.decoder, |(decoder, _)| decoder),
                adapters: match &cast {
                    Some((_, adapters)) => adapters.as_ref(),
                    None => self.adapters.as_ref(),
                },
                dropout: Dropout {
                    key: CounterRng::new(self.options.seed, "pass", &[step as u64]).bits(0),
                    first,
                    tokens: batch.ids.len() / sequences.len(),
                },
                checkpointing: self.options.checkpointing,
            };
            let loss = pass.run(&batch, scale as f32, &mut gradients);
            (loss, gradients)
        };
        let mut first = 0;
        // The gradient of each share, over the parts.
        let mut held: Vec<Gradients<B>> = Vec::new();
        for part in batches::parts(examples, self.options.accumulation) {
            let tokens: usize = part.iter().map(|index| all[*index].ids.len() - 1).sum();
            let count = batches::shares(tokens, trained, B::SHARES);
            let shares: Vec<&[usize]> = batches::parts(part, count).collect();
            let new = || Gradients::new(self.decoder.parameters.len());
            held.resize_with(held.len().max(shares.len()), new);
            let idle = held.split_off(shares.len());
            let work = shares.into_iter().zip(held).map(|(share, gradients)| {
                first += share.len();
                (first - share.len(), share, gradients)
            });
            let done = B::side_by_side(work.collect(), compute);
            let done = done.into_iter().map(|(share_loss, gradients)| {
                loss += share_loss;
                gradients
            });
            held = done.chain(idle).collect();
            read += tokens;
        }
        (loss * scale, Gradients::sum(held), read)
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

/// When the state is to be saved next.
struct Save {
    since: Instant,
    /// What the last save took; a guess before the first.
    seconds: f64,
}

impl Save {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            seconds: 0.02,
        }
    }

    fn is_due(&self, options: &SnapshotOptions, step: usize) -> bool {
        let steps = |every: usize| step.is_multiple_of(every.max(1));
        let share = |share: f64| self.seconds <= share * self.since.elapsed().as_secs_f64();
        options.every_steps.is_some_and(steps) || options.share_of_time.is_some_and(share)
    }

    fn took(&mut self, started: Instant) {
        self.seconds = started.elapsed().as_secs_f64();
        self.since = Instant::now();
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
