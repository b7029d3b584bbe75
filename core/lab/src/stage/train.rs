//! Fine-tunes a model on the rows of its tasks and languages.

use super::{Context, StageError, training};
use crate::plan::spec::{SliceRef, TaskRows, TrainWhat};
use mergelab_model::{Dataset, Device, LanguageModel};

pub(super) fn run(what: &TrainWhat, context: &mut Context<'_>) -> Result<(), StageError> {
    context.ledger.device.clone_from(&what.device);
    let train = pairs(&what.rows, |rows| &rows.train, context)?;
    let validation = pairs(&what.rows, |rows| &rows.validation, context)?;
    let device = Device::parse(&what.device)?;
    let mut model = LanguageModel::open(context.place(&what.base)?, device)?;
    if what.chat {
        model.wrap_prompts_as_chat()?;
    }
    let trained = training::train(
        &mut model,
        &Dataset::Pairs(train),
        (!validation.is_empty())
            .then_some(Dataset::Pairs(validation))
            .as_ref(),
        &what.recipe,
        what.seed,
        context,
    )?;
    if let Some(adapter) = trained.lora {
        adapter.save(&context.folder.join("adapter"))?;
    }
    Ok(())
}

/// Prompts and answers of all tasks and languages. The trainer shuffles them by its seed.
fn pairs(
    rows: &[TaskRows],
    slices: impl Fn(&TaskRows) -> &Vec<SliceRef>,
    context: &Context<'_>,
) -> Result<Vec<(String, String)>, StageError> {
    let mut pairs = Vec::new();
    for own in rows {
        for slice in slices(own) {
            let (_, prepared) = context.prepared(&own.task, slice)?;
            pairs.extend(
                prepared
                    .into_iter()
                    .map(|p| (p.request.prompt().to_owned(), p.answer)),
            );
        }
    }
    Ok(pairs)
}
