//! Compares the task vectors of experts.

use super::{Context, StageError, StageProgress};
use crate::{plan::spec::VectorsWhat, store::write_file};
use mergelab_vectors::{Inputs, Options, VectorError, analyse};
use std::path::Path;

/// Name of the file with one row per number.
pub(crate) const VECTORS: &str = "vectors.csv";

pub(super) fn run(what: &VectorsWhat, context: &mut Context<'_>) -> Result<(), StageError> {
    let mut models = Vec::new();
    for expert in &what.experts {
        let place = best_form(context.place(&expert.key)?);
        models.push((expert.name.as_str(), place));
    }
    let inputs = Inputs::open_named(context.place(&what.base)?, &models).map_err(failed)?;
    let progress = |done, total| {
        (context.progress)(StageProgress {
            done,
            total,
            note: "tensors".to_owned(),
        });
    };
    let options = Options {
        // They take most of the time, and `mergelab vectors` gives them.
        skip_ranks: true,
        interrupt: Some(context.interrupt),
        progress: Some(&progress),
    };
    let analysis = analyse(&inputs, &options).map_err(failed)?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let table = analysis
        .rows
        .iter()
        .try_for_each(|row| writer.serialize(row))
        .and_then(|()| writer.into_inner().map_err(|e| e.into_error().into()))
        .map_err(|e| StageError::Input(format!("the table cannot be written: {e}")))?;
    write_file(&context.folder.join(VECTORS), &table)?;
    Ok(())
}

/// The adapter beside a trained model, from whose factors the vector is computed without rounding,
/// or else the model.
fn best_form(model: &Path) -> String {
    let adapter = model.with_file_name("adapter");
    let has_adapter = adapter.join("adapter_config.json").is_file();
    let best = if has_adapter { &adapter } else { model };
    best.to_string_lossy().into_owned()
}

fn failed(error: VectorError) -> StageError {
    match error {
        VectorError::Interrupted => StageError::Interrupted,
        other => StageError::Vectors(Box::new(other)),
    }
}
