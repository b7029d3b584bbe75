//! The configuration of the result: that of the donor, changed where the result differs.

use crate::inputs::Input;
use crate::plan::Plan;
use mergelab_checkpoint::{DType, set_torch_dtype};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Names of the number of layers.
const LAYER_COUNTS: [&str; 4] = ["num_hidden_layers", "n_layer", "n_layers", "num_layers"];

/// Lists with an entry for each layer.
const PER_LAYER: [&str; 5] = [
    "layer_types",
    "layers_block_type",
    "no_rope_layers",
    "attn_type_list",
    "block_types",
];

/// Ids of tokens that the model knows.
const TOKEN_IDS: [&str; 7] = [
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "unk_token_id",
    "sep_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
];

/// The `config.json` of the result.
pub(super) fn changed(plan: &Plan<'_>, config: &Value) -> Value {
    let mut config = special_tokens(plan, config).unwrap_or_else(|| config.clone());
    if let Some(dtype) = commonest_dtype(plan) {
        set_torch_dtype(&mut config, dtype);
    }
    if let Some(layers) = plan.layers() {
        set_layers(&mut config, "", &layers);
    }
    for (places, layers) in plan.module_layers() {
        set_module_layers(&mut config, places, &layers);
    }
    if let Some(vocabulary) = &plan.vocabulary {
        set(&mut config, "vocab_size", json!(vocabulary.rows));
    }
    if plan.is_untied() {
        set(&mut config, "tie_word_embeddings", json!(false));
    }
    config
}

/// The same JSON with the ids that its special tokens have in the vocabulary of the result. `None`
/// where they stay.
pub(super) fn special_tokens(plan: &Plan<'_>, config: &Value) -> Option<Value> {
    let vocabulary = plan.vocabulary.as_ref()?;
    let (old, new) = (&vocabulary.donor, &vocabulary.tokenizer);
    if old.differs_from(new).is_empty() {
        return None;
    }
    let names: BTreeMap<usize, &str> = old.tokens().into_iter().collect();
    let renumbered = |id: &Value| -> Value {
        let token = id
            .as_u64()
            .and_then(|id| names.get(&usize::try_from(id).ok()?));
        match token.and_then(|token| new.id(token)) {
            Some(id) => json!(id),
            // A token that the result does not have: its number is another one's now.
            None if token.is_some() => Value::Null,
            None => id.clone(),
        }
    };
    let mut config = config.clone();
    each_object(&mut config, &mut |object| {
        for key in TOKEN_IDS {
            match object.get_mut(key) {
                Some(Value::Array(ids)) => {
                    *ids = ids
                        .iter()
                        .map(renumbered)
                        .filter(|id| !id.is_null())
                        .collect();
                }
                Some(id @ Value::Number(_)) => *id = renumbered(id),
                _ => {}
            }
        }
    });
    Some(config)
}

/// The object and the configurations of parts in it, such as `text_config`.
fn each_object(config: &mut Value, change: &mut dyn FnMut(&mut Map<String, Value>)) {
    let Value::Object(object) = config else {
        return;
    };
    change(object);
    for (key, value) in object {
        if key.ends_with("_config") && key != "quantization_config" {
            each_object(value, change);
        }
    }
}

/// Sets a key wherever it is there, and adds it to the outermost object where it is nowhere.
fn set(config: &mut Value, key: &str, value: Value) {
    let mut found = false;
    each_object(config, &mut |object| {
        if let Some(old) = object.get_mut(key) {
            *old = value.clone();
            found = true;
        }
    });
    if let (false, Value::Object(object)) = (found, config) {
        object.insert(key.to_owned(), value);
    }
}

/// Sets the number of layers in the object at a place of the configuration, and in those inside of
/// it. Lists take the entry of each layer from the configuration that the layer comes from.
fn set_layers(config: &mut Value, place: &str, layers: &[(&Input, usize)]) {
    let Value::Object(object) = config else {
        return;
    };
    let count = LAYER_COUNTS.iter().find_map(|key| object.get(*key));
    if count.and_then(Value::as_u64).is_some() {
        for key in LAYER_COUNTS {
            if let Some(value) = object.get_mut(key) {
                *value = json!(layers.len());
            }
        }
        set_lists(object, place, layers);
    }
    for (key, value) in object {
        if key.ends_with("_config") && key != "quantization_config" {
            set_layers(value, &format!("{place}/{key}"), layers);
        }
    }
}

/// Sets the number of layers of one component, at the first of the places that the configuration
/// has.
fn set_module_layers(config: &mut Value, places: &[&str], layers: &[(&Input, usize)]) {
    let Some(place) = places.iter().find(|p| config.pointer(p).is_some()) else {
        return;
    };
    let Some((outer, key)) = place.rsplit_once('/') else {
        return;
    };
    if let Some(Value::Object(object)) = config.pointer_mut(outer) {
        object.insert(key.to_owned(), json!(layers.len()));
        set_lists(object, outer, layers);
    }
}

/// Takes the entries of lists with one for each layer from the configuration that the layer comes
/// from.
fn set_lists(object: &mut Map<String, Value>, place: &str, layers: &[(&Input, usize)]) {
    for key in PER_LAYER {
        let Some(list @ Value::Array(_)) = object.get_mut(key) else {
            continue;
        };
        let entries = layers.iter().map(|(input, layer)| {
            let theirs = input
                .checkpoint
                .config()?
                .pointer(&format!("{place}/{key}"))?;
            theirs.get(*layer).cloned()
        });
        // Where a configuration lacks an entry, a list of the wrong length would keep the
        // model from loading; without the list the model's default counts.
        match entries.collect() {
            Some(entries) => *list = Value::Array(entries),
            None => drop(object.remove(key)),
        }
    }
}

/// The format of most elements.
fn commonest_dtype(plan: &Plan<'_>) -> Option<DType> {
    let mut elements: BTreeMap<DType, usize> = BTreeMap::new();
    for tensor in plan.tensors().iter().filter(|t| t.dtype.is_float()) {
        *elements.entry(tensor.dtype).or_default() += tensor.elements();
    }
    elements
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(dtype, _)| dtype)
}
