//! Merges experts into a model.

use super::{Context, StageError, StageProgress};
use crate::plan::spec::MergeWhat;
use mergelab_abi::{
    Kind,
    registry::{Origin, Place, Registry},
};
use mergelab_merge::{InputPath, MergeError, Model, Options, Recipe, Setting};
use serde_json::Value;

pub(super) fn run(what: &MergeWhat, context: &mut Context<'_>) -> Result<(), StageError> {
    let id = &what.plugin.id;
    let library = context.library(&what.plugin)?;
    let schema = library
        .plugins()
        .iter()
        .find(|p| p.kind == Kind::Method && p.id == *id)
        .map(|p| p.parameters.clone())
        .ok_or_else(|| StageError::Input(format!("the library has no merge method `{id}` now")))?;

    // The parameters are complete, so a preset would change nothing.
    let mut recipe = Recipe::new(id);
    recipe.seed = what.seed;
    recipe.base = Some(InputPath::new(context.place(&what.base)?));
    for expert in &what.experts {
        let place = context.place(&expert.key)?;
        recipe
            .models
            .push(Model::new(&expert.name, InputPath::new(place)));
    }
    for (name, value) in &what.params {
        let per_model = schema.get(name).is_some_and(|p| p.per_model);
        match value {
            Value::Array(values) if per_model => {
                for (model, value) in recipe.models.iter_mut().zip(values) {
                    model
                        .params
                        .insert(name.clone(), Setting::from(value.clone()));
                }
            }
            other => {
                recipe
                    .params
                    .insert(name.clone(), Setting::from(other.clone()));
            }
        }
    }

    let registry = Registry::search(&[Place {
        path: library.path().to_owned(),
        origin: Origin::CommandLine,
    }]);
    let progress = |p: mergelab_merge::Progress<'_>| {
        (context.progress)(StageProgress {
            done: p.tensors_done as u64,
            total: p.tensors as u64,
            note: "tensors".to_owned(),
        });
    };
    let options = Options {
        interrupt: Some(std::sync::Arc::clone(context.interrupt)),
        progress: Some(&progress),
        // The stage's key says what the inputs are.
        hash_inputs: false,
        ..Options::default()
    };
    let out = context.folder.join("model");
    mergelab_merge::run(&recipe, &registry, &out, &options).map_err(|error| match error {
        MergeError::Interrupted => StageError::Interrupted,
        other => StageError::Merge(Box::new(other)),
    })?;
    context.ledger.flops = crate::ledger::flops::merge(what.experts.len(), &out);
    context.ledger.plugin_hash = Some(what.plugin.hash.clone());
    Ok(())
}
