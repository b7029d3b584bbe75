//! What pretraining and fine-tuning share: options, snapshots, progress, the report.

use super::{Context, StageError, StageProgress};
use crate::{
    ledger::flops::{Size, Tokens},
    manifest::{Grouping, Precision, Recipe, Tuning},
    store::write_json,
};
use mergelab_model::{
    Dataset, LanguageModel, LoraOptions, Progress, Schedule, SnapshotOptions, TrainOptions, Trained,
};
use serde_json::json;
use std::{ops::ControlFlow, sync::atomic::Ordering};

/// Greatest share of the time that goes into saving the state. A kill costs at most as much work
/// as fits between two saves: fifty times what a save takes.
const SAVING_SHARE: f64 = 0.02;

/// A recipe as the trainer takes it.
fn options(recipe: &Recipe, seed: u64, context: &Context<'_>) -> TrainOptions {
    let lora = match &recipe.tuning {
        Tuning::Full => None,
        Tuning::Lora {
            rank,
            alpha,
            dropout,
            targets,
            rs_lora,
        } => {
            let mut lora = LoraOptions {
                rank: *rank,
                alpha: *alpha,
                dropout: *dropout,
                rs_lora: *rs_lora,
                ..LoraOptions::default()
            };
            if !targets.is_empty() {
                lora.targets.clone_from(targets);
            }
            Some(lora)
        }
    };
    TrainOptions {
        epochs: recipe.epochs,
        max_steps: recipe.max_steps,
        batch_size: recipe.batch_size,
        accumulation: recipe.accumulation,
        grouping: match recipe.grouping {
            Grouping::Length => mergelab_model::Grouping::Length,
            Grouping::None => mergelab_model::Grouping::Shuffled,
        },
        checkpointing: recipe.checkpointing,
        precision: match recipe.precision {
            Precision::F32 => mergelab_model::Precision::F32,
            Precision::Bf16 => mergelab_model::Precision::Bf16,
        },
        learning_rate: recipe.learning_rate,
        warmup: recipe.warmup,
        schedule: Schedule::Cosine {
            floor: recipe.final_share,
        },
        weight_decay: recipe.weight_decay,
        clip_norm: (recipe.clip > 0.0).then_some(recipe.clip),
        max_length: recipe.max_tokens,
        seed,
        lora,
        keep_best: recipe.keep_best,
        validate_every: recipe.validate_every,
        patience: recipe.patience,
        snapshot: Some(SnapshotOptions {
            folder: context.partial.clone(),
            every_steps: None,
            share_of_time: Some(SAVING_SHARE),
            resume: true,
        }),
        ..TrainOptions::default()
    }
}

/// Trains, saves the model under `model`, and writes `training.json`.
pub(super) fn train(
    model: &mut LanguageModel,
    train: &Dataset,
    validation: Option<&Dataset>,
    recipe: &Recipe,
    seed: u64,
    context: &mut Context<'_>,
) -> Result<Trained, StageError> {
    let options = options(recipe, seed, context);
    let mut losses: Vec<(usize, f64)> = Vec::new();
    let trained = model.train(train, validation, &options, |progress: &Progress| {
        (context.progress)(StageProgress {
            done: progress.step as u64,
            total: progress.total_steps as u64,
            note: format!(
                "loss {:.3}, {:.0} tokens/s",
                progress.loss, progress.tokens_per_second
            ),
        });
        losses.push((progress.step, progress.loss));
        if context.interrupt.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let report = &trained.report;
    if report.stopped {
        return Err(StageError::Interrupted);
    }
    context.ledger.tokens = report.tokens as u64;
    context.ledger.examples = (report.examples * recipe.epochs) as u64;
    let folder = context.folder.join("model");
    model.save(&folder)?;
    let tokens = Tokens {
        tokens: report.tokens as f64,
        attended: report.tokens as f64 * report.mean_attended,
    };
    let adapters = trained
        .lora
        .is_some()
        .then_some(report.trainable_parameters as u64);
    context.ledger.flops = Size::read(&folder).map(|size| size.training(tokens, adapters));
    // A curve of at most 200 points says enough.
    let stride = losses.len().div_ceil(200).max(1);
    let curve: Vec<&(usize, f64)> = losses.iter().step_by(stride).collect();
    write_json(
        &context.folder.join("training.json"),
        &json!({
            "steps": report.steps,
            "tokens": report.tokens,
            "tokens_per_second": report.tokens_per_second,
            "examples": report.examples,
            "truncated_examples": report.truncated_examples,
            "trainable_parameters": report.trainable_parameters,
            "final_loss": report.final_loss,
            "validation_loss": report.validation_loss,
            "best_validation": report.best_validation,
            "seconds": report.seconds,
            "resumed_at": report.resumed_at,
            "ended_early": report.ended_early,
            "losses": curve,
        }),
    )?;
    Ok(trained)
}
