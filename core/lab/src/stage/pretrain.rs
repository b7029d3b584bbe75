//! Trains a vocabulary and a small decoder from scratch.

use super::{Context, StageError, training::train};
use crate::plan::spec::{PretrainWhat, SliceRef};
use mergelab_model::{Dataset, Device, LanguageModel, ModelConfig, train_bpe};

/// Tokens that fill up batches, begin texts and end them.
const SPECIAL_TOKENS: [&str; 3] = ["<pad>", "<s>", "</s>"];

pub(super) fn run(what: &PretrainWhat, context: &mut Context<'_>) -> Result<(), StageError> {
    context.ledger.device.clone_from(&what.device);
    let device = Device::parse(&what.device)?;
    let texts = texts(&what.train, &what.field, context)?;
    let validation = texts_or_none(&what.validation, &what.field, context)?;
    let tokenizer = train_bpe(&texts, what.vocabulary, &SPECIAL_TOKENS)?;
    let mut config = ModelConfig::new(
        tokenizer.vocab_size(),
        what.hidden_size,
        what.intermediate_size,
        what.layers,
        what.heads,
        what.context,
    )?;
    config.num_key_value_heads = what.key_value_heads;
    let mut model = LanguageModel::init(config, Some(tokenizer), what.seed, device)?;
    train(
        &mut model,
        &Dataset::Texts(texts),
        validation.map(Dataset::Texts).as_ref(),
        &what.recipe,
        what.seed,
        context,
    )?;
    Ok(())
}

fn texts(
    slices: &[SliceRef],
    field: &str,
    context: &Context<'_>,
) -> Result<Vec<String>, StageError> {
    let mut texts = Vec::new();
    for slice in slices {
        for example in context.rows(slice)? {
            let text = example.row.get(field).and_then(|v| v.as_str());
            let text = text.ok_or_else(|| {
                StageError::Input(format!(
                    "the row with id `{}` of {} has no text under `{field}`",
                    example.id, slice.dataset
                ))
            })?;
            texts.push(text.to_owned());
        }
    }
    Ok(texts)
}

fn texts_or_none(
    slices: &[SliceRef],
    field: &str,
    context: &Context<'_>,
) -> Result<Option<Vec<String>>, StageError> {
    if slices.is_empty() {
        return Ok(None);
    }
    texts(slices, field, context).map(Some)
}
