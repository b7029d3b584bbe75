//! mergekit's YAML.
//!
//! A file gives mergekit's numbers (0.1.4), wherever they do not depend on chance: the preset
//! `mergekit` of the method where it has one, arithmetic in `dtype`, weights rounded to it, and
//! [`Rules::Mergekit`]. Where mergekit's behaviour is an accident, this is what happens instead:
//!
//! | mergekit | here |
//! |---|---|
//! | a parameter's filters are compared with the name that the tensor has in the input, for values that each model has, and in the result for others | the same |
//! | unknown keys and parameters are ignored | refused, with the nearest known name |
//! | parameters out of range are taken | refused before anything is written |
//! | a missing `weight` ends the run with an error | 1, the methods' default |
//! | parameters that a method declares and never uses (`int8_mask`; `density` and `rescale` of `task_arithmetic`) | passed over, and noted in the report |
//! | the base listed among the models is left out of the voters of task-vector methods, and votes in `linear` | the same |
//! | `karcher` averages the base in as a model, listed or not | the same |
//! | `linear` with a base that is not listed ends with an error | the base gives configuration and tokenizer |
//! | a slice that does not list the base ends with an error | the base's layers of the same numbers are its base, if all sources have the same |
//! | without `dtype` inputs of different dtypes are computed, and stored, in the one that torch promotes them to (0.1.5; 0.1.4 took the base's in task-vector methods) | the same: f32 |
//! | tensors that only some models have are left out, or merged from those that have them | merged from those that have them, else copied from the base, else left out; noted |
//! | without a tokenizer source, embeddings of other sizes are cut | refused |
//! | without a base, the model that gives configuration and tokenizer is drawn by chance | the first one |
//! | adapters are merged into the base's dtype first | added in f32 |
//! | a slice can have a `base_model` of its own | accepted where all have the same |
//! | a gradient gives embeddings and the output head its first number | the same |
//! | tokens that a union adds are found in a text only literally | pieces of a BPE vocabulary keep their merges |
//! | new tokens of a union are numbered by chance | in the order of the models and of their ids there |
//! | `kind: zero` ends the run with an error, as does a token without `source` | zeros; the rule for tokens that are not listed |
//! | `num_hidden_layers` is the only key of config.json that follows the slices | lists with an entry per layer, such as `layer_types`, follow too |
//! | a random seed unless one is given | 0 unless one is given; masks differ from mergekit's |
//! | modules that are not listed are left out of the result | the same, noted |
//!
//! `out_shard_size` (bytes, or text such as `5GB`) and `random_seed`, options of mergekit's
//! command, may stand in the file, and so may options that change nothing in the result, such as
//! `lazy_unpickle`, which are noted and passed over.
//!
//! Relative paths start in the working folder, as in mergekit; models of the Hugging Face Hub are
//! written as `hf://org/name@revision`. A model's id is what the file calls it.

use super::modules::{self, Module};
use super::read::{bytes, dtype, settings};
use super::slices::{self, Slice, SliceSource, Words};
use super::{
    ChatTemplate, Compute, InputPath, Model, Recipe, RecipeError, Rules, SettingValue, Settings,
    TokenizerRecipe, TokenizerSource, tokenizer,
};
use crate::document::{Document, Entry, Node, Raw, get, read_yaml};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Keys of mergekit's files, and of its command line where they belong to the merge.
const KEYS: [&str; 14] = [
    "merge_method",
    "models",
    "slices",
    "modules",
    "base_model",
    "parameters",
    "dtype",
    "out_dtype",
    "tokenizer_source",
    "tokenizer",
    "chat_template",
    "out_shard_size",
    "random_seed",
    "name",
];

/// Options of mergekit's command that change nothing in the result, which some files have.
const OPTIONS: [&str; 17] = [
    "allow_crimes",
    "async_write",
    "clone_tensors",
    "copy_tokenizer",
    "cuda",
    "device",
    "gpu_rich",
    "lazy_unpickle",
    "lora_merge_cache",
    "low_cpu_memory",
    "multi_gpu",
    "num_threads",
    "quiet",
    "read_to_gpu",
    "safe_serialization",
    "transformers_cache",
    "write_model_card",
];

/// Parameters that mergekit takes and that change nothing: (method, parameter), `*` for any.
const WITHOUT_EFFECT: [(&str, &str); 3] = [
    ("*", "int8_mask"),
    ("task_arithmetic", "density"),
    ("task_arithmetic", "rescale"),
];

/// Parameters of mergekit's methods that are true or false.
const TRUTH_VALUES: [&str; 6] = [
    "normalize",
    "rescale",
    "normalize_weights",
    "filter_wise",
    "nuslerp_row_wise",
    "nuslerp_flatten",
];

/// Its words for slices and for the models of a module.
const WORDS: Words = Words {
    layers: "layer_range",
    params: "parameters",
    inline: false,
    more: Some("base_model"),
};

/// Methods that take the base as one model more, whether it is listed or not.
const BASE_IS_A_MODEL: [&str; 1] = ["karcher"];

impl Recipe {
    /// Reads a mergekit YAML. `file` is for messages.
    ///
    /// # Errors
    /// What is wrong or not supported, with file, line and column.
    pub fn parse_mergekit(text: &str, file: &Path) -> Result<Self, RecipeError> {
        let document = Document { file };
        let root = read_yaml(text, file)?;
        let entries = document.table("the file", &root)?;
        let (options, entries): (Vec<Entry>, Vec<Entry>) = entries
            .iter()
            .cloned()
            .partition(|entry| OPTIONS.contains(&entry.key.as_str()));
        let entries = &entries[..];
        document.check_keys("a mergekit file", entries, &KEYS)?;

        let method = get(entries, "merge_method")
            .ok_or_else(|| document.error(root.at, "there is no `merge_method`"))?;
        let mut recipe = Recipe::new("");
        recipe.file = Some(file.to_owned());
        recipe.method = document.text("merge_method", method)?.to_owned();
        recipe.method_at = method.at;
        recipe.preset = Some("mergekit".to_owned());
        recipe.preset_may_lack = true;
        recipe.rules = Rules::Mergekit;
        recipe.notes.extend(options.iter().map(|option| {
            let name = &option.key;
            format!("`{name}` is an option of mergekit's command, changes nothing here and was passed over")
        }));
        recipe.base = given(entries, "base_model")
            .map(|node| reference(document, "base_model", node))
            .transpose()?;
        if let Some(node) = given(entries, "parameters") {
            recipe.params = translate(document, node, &mut recipe)?;
        }
        body(document, &root, entries, &mut recipe)?;
        if let Some(base) = recipe.base.clone()
            && BASE_IS_A_MODEL.contains(&recipe.method.as_str())
            && recipe.slices.is_empty()
            && recipe.models.iter().all(|m| m.input != base)
        {
            recipe.notes.push(format!(
                "mergekit's {} takes the base as one model more",
                recipe.method
            ));
            recipe.models.push(Model::new(base.to_string(), base));
        }
        number_copies(&mut recipe.models);

        let read_dtype = |key: &str| {
            let node = given(entries, key);
            node.map(|n| dtype(document, key, n, &[])).transpose()
        };
        let computed = read_dtype("dtype")?;
        recipe.compute = computed.map_or(Compute::Storage, Compute::In);
        recipe.out_dtype = read_dtype("out_dtype")?.or(computed);
        recipe.tokenizer = read_tokenizer(document, entries)?;
        recipe.chat_template = given(entries, "chat_template")
            .map(|node| ChatTemplate::read(document, node))
            .transpose()?;
        if let Some(node) = given(entries, "out_shard_size") {
            recipe.max_shard = bytes(&node.to_json()).ok_or_else(|| {
                let message = "`out_shard_size` takes bytes, or a size such as 5GB or 500MB";
                document.error(node.at, message)
            })?;
        }
        if let Some(node) = given(entries, "random_seed") {
            recipe.seed = node.to_json().as_u64().ok_or_else(|| {
                document.error(node.at, "`random_seed` takes a whole number from 0 up")
            })?;
        }
        Ok(recipe)
    }
}

/// Reads what is merged: `models`, `slices`, or both inside of `modules`.
fn body(
    document: Document<'_>,
    node: &Node,
    entries: &[Entry],
    recipe: &mut Recipe,
) -> Result<(), RecipeError> {
    let mut found = ["models", "slices", "modules"]
        .into_iter()
        .filter_map(|key| entries.iter().find(|e| e.key == key && !is_null(&e.value)));
    let (Some(entry), None) = (found.next(), found.next()) else {
        let message = if entries
            .iter()
            .any(|e| e.key == "models" || e.key == "slices")
        {
            "`models`, `slices` and `modules` exclude one another: write one of them"
        } else {
            "there are no `models` and no `slices`"
        };
        return Err(document.error(node.at, message));
    };
    match entry.key.as_str() {
        "models" => models(document, &entry.value, recipe),
        "slices" => {
            recipe.slices = read_slices(document, &entry.value, recipe)?;
            Ok(())
        }
        _ => modules(document, &entry.value, recipe),
    }
}

fn models(document: Document<'_>, node: &Node, recipe: &mut Recipe) -> Result<(), RecipeError> {
    for node in document.list("models", node)? {
        let table = document.table("models", node)?;
        document.check_keys("a model", table, &["model", "parameters"])?;
        let named = get(table, "model")
            .ok_or_else(|| document.error(node.at, "this entry has no `model`"))?;
        let input = reference(document, "model", named)?;
        let mut params = Settings::new();
        if let Some(node) = given(table, "parameters") {
            params = translate(document, node, recipe)?;
        }
        recipe.models.push(Model {
            id: input.to_string(),
            input,
            params,
            at: node.at,
        });
    }
    if recipe.models.is_empty() {
        return Err(document.error(node.at, "`models` is empty: name at least one model"));
    }
    Ok(())
}

fn read_slices(
    document: Document<'_>,
    node: &Node,
    recipe: &mut Recipe,
) -> Result<Vec<Slice>, RecipeError> {
    for slice in document.list("slices", node)? {
        let entries = document.table("slices", slice)?;
        let Some(node) = given(entries, "base_model") else {
            continue;
        };
        let base = reference(document, "base_model", node)?;
        match &recipe.base {
            None => recipe.base = Some(base),
            Some(other) if *other == base => {}
            Some(other) => {
                let message = format!(
                    "this slice has the base {base}, and {other} is the base of other layers: one \
                     merge has one base"
                );
                return Err(document.error(node.at, message));
            }
        }
    }
    let mut models = std::mem::take(&mut recipe.models);
    let find = |node: &Node, before: &[SliceSource]| {
        let input = reference(document, "model", node)?;
        let mut model = Model::new(input.to_string(), input);
        model.at = node.at;
        Ok(slices::find_or_add(&mut models, model, before))
    };
    let read = slices::read(document, node, &WORDS, find, |node| {
        translate(document, node, recipe)
    })?;
    recipe.models = models;
    Ok(read)
}

/// `modules: {NAME: {slices | models, parameters}}`.
///
/// A model of one component has one module, `default`, and this is the same without the wrapping.
fn modules(document: Document<'_>, node: &Node, recipe: &mut Recipe) -> Result<(), RecipeError> {
    let table = document.table("modules", node)?;
    let Some(first) = table.first() else {
        return Err(document.error(node.at, "`modules` is empty: write `models` instead"));
    };
    for module in table {
        let entries = document.table(&module.key, &module.value)?;
        document.check_keys("a module", entries, &["models", "slices", "parameters"])?;
    }
    if table.len() == 1 && first.key == "default" {
        let entries = document.table(&first.key, &first.value)?;
        if let Some(node) = given(entries, "parameters") {
            for (name, mut setting) in translate(document, node, recipe)? {
                // The module's values come first, those of the file where none of them fits.
                if let Some(common) = recipe.params.remove(&name) {
                    setting.alternatives.extend(common.alternatives);
                }
                recipe.params.insert(name, setting);
            }
        }
        return body(document, &first.value, entries, recipe);
    }
    for (number, module) in table.iter().enumerate() {
        let entries = document.table(&module.key, &module.value)?;
        let mut params = Settings::new();
        if let Some(node) = given(entries, "parameters") {
            params = translate(document, node, recipe)?;
        }
        let read = match (given(entries, "models"), given(entries, "slices")) {
            (Some(list), None) => vec![whole_module(document, &module.value, list, recipe)?],
            (None, Some(list)) => read_slices(document, list, recipe)?,
            _ => {
                let message = format!("`{}` takes either `models` or `slices`", module.key);
                return Err(document.error(module.at, message));
            }
        };
        modules::add(&mut recipe.slices, read, number);
        recipe.modules.push(Module {
            name: module.key.clone(),
            params,
            at: module.at,
        });
    }
    Ok(())
}

/// The models of a module, which are one slice of all its layers.
fn whole_module(
    document: Document<'_>,
    module: &Node,
    list: &Node,
    recipe: &mut Recipe,
) -> Result<Slice, RecipeError> {
    let mut models = std::mem::take(&mut recipe.models);
    let find = |node: &Node, before: &[SliceSource]| {
        let input = reference(document, "model", node)?;
        let mut model = Model::new(input.to_string(), input);
        model.at = node.at;
        Ok(slices::find_or_add(&mut models, model, before))
    };
    let mut read = modules::whole(document, module, list, &WORDS, find, |node| {
        translate(document, node, recipe)
    })?;
    if let Some(base) = recipe.base.clone()
        && BASE_IS_A_MODEL.contains(&recipe.method.as_str())
        && read.sources.iter().all(|s| models[s.model].input != base)
    {
        let model = Model::new(base.to_string(), base);
        read.sources.push(SliceSource {
            model: slices::find_or_add(&mut models, model, &read.sources),
            layers: None,
            params: Settings::new(),
            at: list.at,
        });
    }
    recipe.models = models;
    Ok(read)
}

/// `tokenizer`, or the short form `tokenizer_source`.
fn read_tokenizer(
    document: Document<'_>,
    entries: &[Entry],
) -> Result<TokenizerRecipe, RecipeError> {
    let model = |node: &Node| reference(document, "model", node);
    match (
        given(entries, "tokenizer_source"),
        given(entries, "tokenizer"),
    ) {
        (None, None) => Ok(TokenizerRecipe::default()),
        (Some(node), None) => Ok(TokenizerRecipe {
            source: match &node.raw {
                // A model in its long form.
                Raw::Table(_) => TokenizerSource::Path(model(node)?.path),
                _ => tokenizer::source(document, "tokenizer_source", node)?,
            },
            at: node.at,
            ..TokenizerRecipe::default()
        }),
        (None, Some(node)) => tokenizer::read(document, node, &model),
        (Some(node), Some(_)) => Err(document.error(
            node.at,
            "`tokenizer_source` and `tokenizer` exclude each other: write one of them",
        )),
    }
}

fn is_null(node: &Node) -> bool {
    matches!(node.raw, Raw::Scalar(Value::Null))
}

/// The value of a key that is there and not null.
fn given<'n>(entries: &'n [Entry], key: &str) -> Option<&'n Node> {
    get(entries, key).filter(|n| !is_null(n))
}

/// A model: `path`, `path+adapter`, or mergekit's long form of both.
fn reference(document: Document<'_>, name: &str, node: &Node) -> Result<InputPath, RecipeError> {
    let Raw::Table(entries) = &node.raw else {
        return Ok(InputPath::parse(document.text(name, node)?));
    };
    let what = format!("`{name}`");
    let entries = local(document, &what, entries, &["model", "lora"])?;
    let path = |key: &str| -> Result<Option<PathBuf>, RecipeError> {
        match given(entries, key) {
            None => Ok(None),
            Some(node) => match &node.raw {
                Raw::Table(inner) => {
                    let inner = local(document, &format!("`{key}`"), inner, &["path"])?;
                    let path = get(inner, "path")
                        .ok_or_else(|| document.error(node.at, format!("`{key}` has no `path`")))?;
                    Ok(Some(document.text("path", path)?.into()))
                }
                _ => Ok(Some(document.text(key, node)?.into())),
            },
        }
    };
    Ok(InputPath {
        path: path("model")?
            .ok_or_else(|| document.error(node.at, format!("`{name}` has no `model`")))?,
        adapter: path("lora")?,
    })
}

/// The keys of a reference, without those that mergekit writes as null for a local model.
fn local<'n>(
    document: Document<'_>,
    what: &str,
    entries: &'n [Entry],
    known: &[&str],
) -> Result<&'n [Entry], RecipeError> {
    for entry in entries {
        let of_hub = ["revision", "override_architecture"].contains(&entry.key.as_str());
        if of_hub && is_null(&entry.value) {
            continue;
        }
        if of_hub {
            let message = format!(
                "`{}` has no effect on a local folder: leave it out. A model of the Hugging Face Hub is \
                 written as hf://org/name, or hf://org/name@revision",
                entry.key
            );
            return Err(document.error(entry.at, message));
        }
        if !known.contains(&entry.key.as_str()) {
            return Err(document.unknown_key(what, entry, known));
        }
    }
    Ok(entries)
}

/// A model that is listed twice takes part twice; masks need two names.
fn number_copies(models: &mut [Model]) {
    for i in 1..models.len() {
        let (before, rest) = models.split_at_mut(i);
        let copies = before.iter().filter(|m| m.input == rest[0].input).count();
        if copies > 0 {
            rest[0].id = format!("{}#{}", rest[0].id, copies + 1);
        }
    }
}

/// Parameters in the words of our methods.
fn translate(
    document: Document<'_>,
    node: &Node,
    recipe: &mut Recipe,
) -> Result<Settings, RecipeError> {
    let mut translated = settings(document, document.table("parameters", node)?)?;
    for (method, parameter) in WITHOUT_EFFECT {
        if (method == "*" || method == recipe.method) && translated.remove(parameter).is_some() {
            let note = format!(
                "`{parameter}` changes nothing in mergekit's {} and was passed over",
                recipe.method
            );
            if !recipe.notes.contains(&note) {
                recipe.notes.push(note);
            }
        }
    }
    for (name, setting) in &mut translated {
        let truth = TRUTH_VALUES.contains(&name.as_str());
        for value in setting.alternatives.iter_mut().map(|a| &mut a.value) {
            match value {
                // mergekit turns texts into numbers: Python reads 1e-5 as a text.
                SettingValue::Plain(Value::String(text)) if !truth => {
                    if let Ok(number) = text.trim().parse::<f64>() {
                        *value = SettingValue::Plain(json!(number));
                    }
                }
                SettingValue::Plain(Value::Array(items)) if !truth => {
                    let number = |item: &Value| match item {
                        Value::String(text) => text.trim().parse::<f64>().ok(),
                        other => other.as_f64(),
                    };
                    if let Some(points) = items.iter().map(number).collect() {
                        *value = SettingValue::Gradient(points);
                    }
                }
                // Its values are numbers, and files write 1.0 for true.
                SettingValue::Plain(Value::Number(number)) if truth => {
                    *value = SettingValue::Plain(json!(number.as_f64() != Some(0.0)));
                }
                SettingValue::Gradient(points) if truth => {
                    let values: Vec<bool> = points.iter().map(|point| *point != 0.0).collect();
                    *value = SettingValue::Plain(json!(values));
                }
                _ => {}
            }
            // It can only switch its one kind of rescaling on or off.
            if name == "rescale"
                && let SettingValue::Plain(value) = value
            {
                let word = |value: &Value| match value {
                    Value::Bool(on) => json!(if *on { "l1" } else { "none" }),
                    other => other.clone(),
                };
                *value = match &*value {
                    Value::Array(values) => values.iter().map(word).collect(),
                    one => word(one),
                };
            }
        }
    }
    Ok(translated)
}

#[cfg(test)]
mod tests;
