//! mergekit's YAML.
//!
//! A file gives mergekit's numbers (0.1.4), wherever they do not depend on chance: the preset
//! `mergekit` of the method where it has one, arithmetic in `dtype`, weights rounded to it. Where
//! mergekit's behaviour is an accident, this is what happens instead:
//!
//! | mergekit | here |
//! |---|---|
//! | unknown keys and parameters are ignored | refused, with the nearest known name |
//! | parameters out of range are taken | refused before anything is written |
//! | a missing `weight` ends the run with an error | 1, the methods' default |
//! | parameters that a method declares and never uses (`int8_mask`; `density` and `rescale` of `task_arithmetic`) | passed over, and noted in the report |
//! | the base listed among the models is left out of the voters of task-vector methods, and votes in `linear` | the same |
//! | `linear` with a base that is not listed ends with an error | the base gives configuration and tokenizer |
//! | without `dtype` each model is computed in its own dtype | in that of the base's tensor, or of the first model's |
//! | tensors that only some models have are left out, embeddings of other sizes are cut | refused, with the names of tensors and models |
//! | without a base, the model that gives configuration and tokenizer is drawn by chance | the first one |
//! | adapters are merged into the base's dtype first | added in f32 |
//! | a gradient gives embeddings and the output head its first number | the same |
//! | a random seed unless one is given | 0 unless one is given; masks differ from mergekit's |
//! | `slices`, `modules`, `tokenizer`, `chat_template`, `tokenizer_source: union` | refused by name |
//!
//! Relative paths start in the working folder, as in mergekit; names of models on the Hugging Face
//! Hub are not downloaded. A model's id is what the file calls it.

use super::TokenizerSource;
use super::read::{dtype, settings};
use super::{Compute, InputPath, Model, Recipe, RecipeError, SettingValue, Settings};
use crate::document::{Document, Entry, Node, Raw, get, read_yaml};
use mergelab_abi::suggest::nearest;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Keys of mergekit's files that are read.
const KEYS: [&str; 7] = [
    "merge_method",
    "models",
    "base_model",
    "parameters",
    "dtype",
    "out_dtype",
    "tokenizer_source",
];

/// Keys that mergekit has and that are refused, with the reason.
const UNSUPPORTED: [(&str, &str); 4] = [
    (
        "slices",
        "assembling a model from layers of others is not supported: use `models`",
    ),
    (
        "modules",
        "models of several modules are not supported: use `models`",
    ),
    (
        "tokenizer",
        "building a new vocabulary is not supported: use `tokenizer_source: base`, or a path",
    ),
    (
        "chat_template",
        "the template comes with the tokenizer: leave the key out and change the output's \
         tokenizer_config.json",
    ),
];

/// Parameters that mergekit takes and that change nothing: (method, parameter), `*` for any.
const WITHOUT_EFFECT: [(&str, &str); 3] = [
    ("*", "int8_mask"),
    ("task_arithmetic", "density"),
    ("task_arithmetic", "rescale"),
];

impl Recipe {
    /// Reads a mergekit YAML. `file` is for messages.
    ///
    /// # Errors
    /// What is wrong or not supported, with file, line and column.
    pub fn parse_mergekit(text: &str, file: &Path) -> Result<Self, RecipeError> {
        let document = Document { file };
        let root = read_yaml(text, file)?;
        let entries = document.table("the file", &root)?;
        check_keys(document, entries)?;

        let method = get(entries, "merge_method")
            .ok_or_else(|| document.error(root.at, "there is no `merge_method`"))?;
        let mut recipe = Recipe::new("");
        recipe.file = Some(file.to_owned());
        recipe.method = document.text("merge_method", method)?.to_owned();
        recipe.method_at = method.at;
        recipe.preset = Some("mergekit".to_owned());
        recipe.preset_may_lack = true;
        recipe.base = get(entries, "base_model")
            .map(|node| reference(document, "base_model", node))
            .transpose()?;

        let models = get(entries, "models")
            .ok_or_else(|| document.error(root.at, "there are no `models`"))?;
        for node in document.list("models", models)? {
            let table = document.table("models", node)?;
            document.check_keys("a model", table, &["model", "parameters"])?;
            let named = get(table, "model")
                .ok_or_else(|| document.error(node.at, "this entry has no `model`"))?;
            let input = reference(document, "model", named)?;
            let mut params = Settings::new();
            if let Some(node) = parameters(table) {
                params = translate(document, node, &mut recipe)?;
            }
            recipe.models.push(Model {
                id: input.to_string(),
                input,
                params,
                at: node.at,
            });
        }
        if recipe.models.is_empty() {
            return Err(document.error(models.at, "`models` is empty: name at least one model"));
        }
        number_copies(&mut recipe.models);
        if let Some(node) = parameters(entries) {
            recipe.params = translate(document, node, &mut recipe)?;
        }

        let read_dtype = |key: &str| {
            let node = get(entries, key).filter(|n| !is_null(n));
            node.map(|n| dtype(document, key, n, &[])).transpose()
        };
        let computed = read_dtype("dtype")?;
        recipe.compute = computed.map_or(Compute::Storage, Compute::In);
        recipe.out_dtype = read_dtype("out_dtype")?.or(computed);
        if let Some(node) = get(entries, "tokenizer_source").filter(|n| !is_null(n)) {
            recipe.tokenizer = match document.text("tokenizer_source", node)? {
                "union" => {
                    return Err(document.error(
                        node.at,
                        "`tokenizer_source: union` builds a new vocabulary, which is not \
                         supported: use `base` or a path",
                    ));
                }
                "base" if recipe.base.is_some() => TokenizerSource::Base,
                "base" => TokenizerSource::Default,
                path => TokenizerSource::Path(PathBuf::from(path)),
            };
        }
        Ok(recipe)
    }
}

fn is_null(node: &Node) -> bool {
    matches!(node.raw, Raw::Scalar(Value::Null))
}

fn parameters(entries: &[Entry]) -> Option<&Node> {
    get(entries, "parameters").filter(|n| !is_null(n))
}

fn check_keys(document: Document<'_>, entries: &[Entry]) -> Result<(), RecipeError> {
    for entry in entries {
        let key = entry.key.as_str();
        if KEYS.contains(&key) {
            continue;
        }
        if let Some((_, reason)) = UNSUPPORTED.iter().find(|(name, _)| *name == key) {
            return Err(document.error(entry.at, format!("`{key}`: {reason}")));
        }
        let mut known: Vec<&str> = KEYS.to_vec();
        // What is not supported is not proposed, unless it is what was meant.
        if nearest(key, KEYS).is_none() {
            known.extend(UNSUPPORTED.map(|(name, _)| name));
        }
        return Err(document.unknown_key("a mergekit file", entry, &known));
    }
    Ok(())
}

/// A model: `path`, `path+adapter`, or mergekit's long form of both.
fn reference(document: Document<'_>, name: &str, node: &Node) -> Result<InputPath, RecipeError> {
    let Raw::Table(entries) = &node.raw else {
        return Ok(InputPath::parse(document.text(name, node)?));
    };
    document.check_keys(&format!("`{name}`"), entries, &["model", "lora"])?;
    let path = |key: &str| -> Result<Option<PathBuf>, RecipeError> {
        match get(entries, key).filter(|n| !is_null(n)) {
            None => Ok(None),
            Some(node) => match &node.raw {
                Raw::Table(inner) => {
                    document.check_keys(&format!("`{key}`"), inner, &["path"])?;
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
    if let Some(rescale) = translated.get_mut("rescale") {
        for alternative in &mut rescale.alternatives {
            // mergekit can only switch its one kind of rescaling on or off.
            if let SettingValue::Plain(Value::Bool(on)) = alternative.value {
                alternative.value = SettingValue::Plain(json!(if on { "l1" } else { "none" }));
            }
        }
    }
    Ok(translated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mergelab_abi::working::Working;

    fn parse(text: &str) -> Result<Recipe, String> {
        Recipe::parse_mergekit(text, Path::new("m.yml")).map_err(|e| e.to_string())
    }

    const TIES: &str = "\
models:
  - model: base
  - model: a
    parameters:
      density: 0.5
      weight:
        - filter: mlp
          value: [0, 0.5]
        - value: 1
  - model: b+lora
    parameters: {weight: 0.3}
merge_method: ties
base_model: base
parameters:
  normalize: true
  int8_mask: true
  rescale: true
dtype: bfloat16
tokenizer_source: base
";

    #[test]
    fn a_ties_file_is_read() {
        let recipe = parse(TIES).unwrap();
        assert_eq!(recipe.method_name(), "ties@mergekit");
        assert!(recipe.preset_may_lack);
        assert_eq!(recipe.root, Path::new(""));
        assert_eq!(recipe.base, Some(InputPath::new("base")));
        let ids: Vec<_> = recipe.models.iter().map(|m| m.id.as_str()).collect();
        assert_eq!(ids, ["base", "a", "b+lora"]);
        assert_eq!(recipe.models[2].input, InputPath::with_adapter("b", "lora"));
        let weight = &recipe.models[1].params["weight"];
        assert_eq!(weight.at.line, 6);
        assert_eq!(weight.resolve("l.mlp.w", 0.5), Some(json!(0.25)));
        assert_eq!(weight.resolve("l.attn.w", 0.5), Some(json!(1)));
        let names: Vec<_> = recipe.params.keys().map(String::as_str).collect();
        assert_eq!(names, ["normalize", "rescale"]);
        assert_eq!(
            recipe.params["rescale"].resolve("t", 0.0),
            Some(json!("l1"))
        );
        assert_eq!(recipe.notes.len(), 1);
        assert_eq!(recipe.compute, Compute::In(Working::Bf16));
        assert_eq!(recipe.out_dtype, Some(Working::Bf16));
        assert_eq!(recipe.tokenizer, TokenizerSource::Base);
    }

    #[test]
    fn without_dtype_the_storage_decides() {
        let recipe = parse("models: [{model: a}]\nmerge_method: linear\nout_dtype: float16\n");
        let recipe = recipe.unwrap();
        assert_eq!(recipe.compute, Compute::Storage);
        assert_eq!(recipe.out_dtype, Some(Working::F16));
    }

    #[test]
    fn long_forms_and_copies() {
        let recipe = parse(
            "merge_method: linear\nmodels:\n- model: {model: {path: a}, lora: {path: l}}\n\
             - model: a+l\n",
        )
        .unwrap();
        assert_eq!(recipe.models[0].input, recipe.models[1].input);
        assert_eq!(recipe.models[1].id, "a+l#2");
    }

    #[test]
    fn errors_say_where_and_what() {
        let head = "merge_method: ties\nmodels:\n- model: a\n";
        for (text, wanted) in [
            (
                format!("{head}paramters: {{}}\n"),
                "m.yml:4:1: `paramters` is no key of a mergekit file. Did you mean `parameters`?",
            ),
            (
                format!("{head}slices: []\n"),
                "m.yml:4:1: `slices`: assembling",
            ),
            (
                format!("{head}tokenizer_source: union\n"),
                "m.yml:4:19: `tokenizer_source: union`",
            ),
            (
                format!("{head}  paramters: 1\n"),
                "m.yml:4:3: `paramters` is no key of a model. Did you mean `parameters`?",
            ),
            (
                format!("{head}dtype: int64\n"),
                "m.yml:4:8: `dtype` = \"int64\" is not one of",
            ),
            (
                "models: []\n".to_owned(),
                "m.yml:1:1: there is no `merge_method`",
            ),
            (
                format!("{head}parameters:\n  t: {{value: 1, filter: mlp}}\n"),
                "m.yml:5:",
            ),
            (
                "- a\n".to_owned(),
                "m.yml:1:1: `the file` takes a table, not a list",
            ),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.starts_with(wanted), "{error}\nis not\n{wanted}");
        }
    }
}
