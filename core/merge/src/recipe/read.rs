//! Our TOML.

use super::{
    Compute, InputPath, MAX_SHARD, Model, Recipe, RecipeError, Setting, Settings, TokenizerSource,
};
use crate::document::{Document, Entry, Node, Raw, get, read_toml};
use mergelab_abi::suggest::hint;
use mergelab_abi::working::Working;
use serde_json::Value;
use std::path::{Path, PathBuf};

const KEYS: [&str; 9] = [
    "method",
    "base",
    "models",
    "params",
    "seed",
    "compute",
    "out_dtype",
    "tokenizer_source",
    "max_shard",
];

/// Keys of a `[[models]]` entry that are no parameters.
pub(crate) const MODEL_KEYS: [&str; 4] = ["id", "path", "adapter", "params"];

impl Recipe {
    /// Reads a recipe in our TOML. `file` is for messages, and relative paths start in its folder.
    ///
    /// # Errors
    /// What is wrong, with file, line and column. Parameters are checked later, by
    /// [`Plan::new`](crate::Plan::new), since only the method knows them.
    pub fn parse_toml(text: &str, file: &Path) -> Result<Self, RecipeError> {
        let document = Document { file };
        let root = read_toml(text, file)?;
        let entries = document.table("the recipe", &root)?;
        document.check_keys("a recipe", entries, &KEYS)?;

        let method = get(entries, "method").ok_or_else(|| {
            document.error(
                root.at,
                "there is no `method`: name a merge method, such as method = \"ties\"",
            )
        })?;
        let mut recipe = Recipe::new(document.text("method", method)?);
        recipe.file = Some(file.to_owned());
        recipe.root = file.parent().unwrap_or(Path::new("")).to_owned();
        recipe.method_at = method.at;
        recipe.base = get(entries, "base")
            .map(|node| input(document, "base", node))
            .transpose()?;

        let models = get(entries, "models").ok_or_else(|| {
            document.error(
                root.at,
                "there are no models: write one [[models]] table for each",
            )
        })?;
        for node in document.list("models", models)? {
            let model = read_model(document, node, recipe.base.as_ref())?;
            recipe.models.push(model);
        }
        if recipe.models.is_empty() {
            return Err(document.error(models.at, "`models` is empty: name at least one model"));
        }
        recipe.check_ids()?;

        if let Some(node) = get(entries, "params") {
            recipe.params = settings(document, document.table("params", node)?)?;
        }
        if let Some(node) = get(entries, "seed") {
            recipe.seed = match &node.raw {
                Raw::Scalar(Value::Number(n)) if n.as_u64().is_some() => {
                    n.as_u64().unwrap_or_default()
                }
                _ => {
                    return Err(document.error(node.at, "`seed` takes a whole number from 0 up"));
                }
            };
        }
        if let Some(node) = get(entries, "compute") {
            recipe.compute = match document.text("compute", node)? {
                "storage" => Compute::Storage,
                _ => Compute::In(dtype(document, "compute", node, &["storage"])?),
            };
        }
        recipe.out_dtype = get(entries, "out_dtype")
            .map(|node| dtype(document, "out_dtype", node, &[]))
            .transpose()?;
        if let Some(node) = get(entries, "tokenizer_source") {
            recipe.tokenizer = match document.text("tokenizer_source", node)? {
                "base" if recipe.base.is_none() => {
                    return Err(document.error(
                        node.at,
                        "`tokenizer_source` is \"base\" and there is no `base`: name a folder",
                    ));
                }
                "base" => TokenizerSource::Base,
                path => TokenizerSource::Path(PathBuf::from(path)),
            };
        }
        recipe.max_shard = match get(entries, "max_shard") {
            None => MAX_SHARD,
            Some(node) => bytes(&node.to_json()).ok_or_else(|| {
                document.error(
                    node.at,
                    "`max_shard` takes a size such as \"5GB\" or \"500MB\", or a number of bytes",
                )
            })?,
        };
        Ok(recipe)
    }
}

/// A path, `path+adapter`, or a table with both.
fn input(document: Document<'_>, name: &str, node: &Node) -> Result<InputPath, RecipeError> {
    let Raw::Table(entries) = &node.raw else {
        return Ok(InputPath::parse(document.text(name, node)?));
    };
    document.check_keys(&format!("`{name}`"), entries, &["path", "adapter"])?;
    let path = get(entries, "path")
        .ok_or_else(|| document.error(node.at, format!("`{name}` has no `path`")))?;
    let adapter = get(entries, "adapter")
        .map(|n| document.text("adapter", n))
        .transpose()?;
    Ok(InputPath {
        path: document.text("path", path)?.into(),
        adapter: adapter.map(PathBuf::from),
    })
}

fn read_model(
    document: Document<'_>,
    node: &Node,
    base: Option<&InputPath>,
) -> Result<Model, RecipeError> {
    let entries = document.table("models", node)?;
    let adapter = get(entries, "adapter")
        .map(|n| document.text("adapter", n))
        .transpose()?
        .map(PathBuf::from);
    let input = match (get(entries, "path"), adapter) {
        (Some(path), None) => InputPath::parse(document.text("path", path)?),
        (Some(path), adapter) => InputPath {
            path: document.text("path", path)?.into(),
            adapter,
        },
        (None, Some(adapter)) => match base {
            Some(InputPath {
                path,
                adapter: None,
            }) => InputPath::with_adapter(path, adapter),
            _ => {
                return Err(document.error(
                    node.at,
                    "this model has an `adapter`, no `path`, and there is no plain `base` to put \
                     it on: give the `path` of the checkpoint that it belongs to",
                ));
            }
        },
        (None, None) => {
            // A misspelt `path` would be taken for a parameter.
            let near = entries
                .iter()
                .find(|e| mergelab_abi::suggest::nearest(&e.key, ["path"]).is_some());
            let at = near.map_or(node.at, |e| e.at);
            let hint = near.map_or(String::new(), |e| {
                format!(" Did you mean `path` where `{}` stands?", e.key)
            });
            return Err(document.error(at, format!("this model has no `path`.{hint}")));
        }
    };
    let inline: Vec<Entry> = entries
        .iter()
        .filter(|e| !MODEL_KEYS.contains(&e.key.as_str()))
        .cloned()
        .collect();
    let mut params = settings(document, &inline)?;
    if let Some(node) = get(entries, "params") {
        let table = document.table("params", node)?;
        for (name, setting) in settings(document, table)? {
            let at = setting.at;
            if params.insert(name.clone(), setting).is_some() {
                return Err(document.error(at, format!("`{name}` is given twice to this model")));
            }
        }
    }
    let id = match get(entries, "id") {
        Some(node) => document.text("id", node)?.to_owned(),
        None => input.name(),
    };
    Ok(Model {
        id,
        input,
        params,
        at: node.at,
    })
}

/// Parameter values by name. Where a setting stands is where its name does.
pub(super) fn settings(document: Document<'_>, entries: &[Entry]) -> Result<Settings, RecipeError> {
    let mut settings = Settings::new();
    for entry in entries {
        let mut setting = Setting::read(document, &entry.key, &entry.value)?;
        setting.at = entry.at;
        settings.insert(entry.key.clone(), setting);
    }
    Ok(settings)
}

pub(super) fn dtype(
    document: Document<'_>,
    name: &str,
    node: &Node,
    also: &[&str],
) -> Result<Working, RecipeError> {
    let text = document.text(name, node)?;
    text.parse::<Working>().map_err(|_| {
        let names = Working::ALL.iter().map(|w| w.name());
        let known: Vec<&str> = names.chain(also.iter().copied()).collect();
        document.error(
            node.at,
            format!(
                "`{name}` = \"{text}\" is not one of {}.{}",
                known.join(", "),
                hint(text, known.iter().copied())
                    .strip_prefix(" Did")
                    .map(|rest| format!(" Did{rest}"))
                    .unwrap_or_default()
            ),
        )
    })
}

/// A number of bytes, or one with a unit: KB, MB, GB are powers of 1000, KiB, MiB, GiB of 1024.
fn bytes(value: &Value) -> Option<u64> {
    if let Some(number) = value.as_u64() {
        return (number > 0).then_some(number);
    }
    let text = value.as_str()?.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit: f64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number * unit;
    (1.0..9e18).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(text: &str) -> Result<Recipe, String> {
        Recipe::parse_toml(text, Path::new("dir/merge.toml")).map_err(|e| e.to_string())
    }

    #[test]
    fn everything_is_read() {
        let recipe = parse(
            "method = \"ties@mergekit\"\nbase = { path = \"b\", adapter = \"l\" }\nseed = 3\n\
             compute = \"bfloat16\"\nout_dtype = \"float16\"\ntokenizer_source = \"tok\"\n\
             max_shard = \"1.5MB\"\n[[models]]\npath = \"x/de\"\nweight = 0.5\n\
             density = [0.1, 0.2]\n[[models]]\nid = \"f\"\npath = \"c+a\"\n\
             params.weight = [{ filter = \"mlp\", value = [0.3, 1] }, 2]\n[params]\nlambda = 1\n",
        )
        .unwrap();
        assert_eq!(recipe.method_name(), "ties@mergekit");
        assert_eq!(recipe.root, Path::new("dir"));
        assert_eq!(recipe.base, Some(InputPath::with_adapter("b", "l")));
        assert_eq!((recipe.seed, recipe.max_shard), (3, 1_500_000));
        assert_eq!(recipe.compute, Compute::In(Working::Bf16));
        assert_eq!(recipe.out_dtype, Some(Working::F16));
        assert_eq!(recipe.tokenizer, TokenizerSource::Path("tok".into()));
        assert_eq!(recipe.models[0].id, "de");
        let density = &recipe.models[0].params["density"];
        assert_eq!((density.at.line, density.at.column), (11, 1));
        assert_eq!(density.resolve("t", 1.0), Some(json!(0.2)));
        assert_eq!(recipe.models[1].input, InputPath::with_adapter("c", "a"));
        let weight = &recipe.models[1].params["weight"];
        assert_eq!(weight.resolve("a.mlp.b", 1.0), Some(json!(1.0)));
        assert_eq!(weight.resolve("a.attn.b", 1.0), Some(json!(2)));
        assert_eq!(recipe.params["lambda"].resolve("t", 0.0), Some(json!(1)));
    }

    #[test]
    fn adapters_go_on_the_base() {
        let recipe = parse(
            "method = \"ties\"\nbase = \"b\"\n[[models]]\nadapter = \"a/de\"\n\
             [[models]]\nadapter = \"a/fr\"\n",
        )
        .unwrap();
        assert_eq!(recipe.models[1].input, InputPath::with_adapter("b", "a/fr"));
        assert_eq!(recipe.models[1].id, "fr");
    }

    #[test]
    fn errors_say_where_and_what() {
        let models = "[[models]]\npath = \"a\"\n";
        for (text, wanted) in [
            (
                "method = \"ties\"\n",
                "dir/merge.toml:1:1: there are no models",
            ),
            (models, "dir/merge.toml:1:1: there is no `method`"),
            (
                "metod = \"ties\"\n",
                "dir/merge.toml:1:1: `metod` is no key of a recipe. Did you mean `method`?",
            ),
            (
                "method = 3\n",
                "dir/merge.toml:1:10: `method` takes a text, not a number",
            ),
            (
                "method = \"t\"\nmodels = []\n",
                "dir/merge.toml:2:10: `models` is empty",
            ),
            (
                "method = \"t\"\n[[models]]\npth = \"a\"\n",
                "dir/merge.toml:3:1: this model has no `path`. Did you mean `path` where `pth`",
            ),
            (
                "method = \"t\"\n[[models]]\nadapter = \"a\"\n",
                "dir/merge.toml:2:1: this model has an `adapter`",
            ),
            (
                "method = \"t\"\n[[models]]\npath = \"a\"\n[[models]]\npath = \"x/a\"\n",
                "dir/merge.toml:4:1: two models are called `a` (the other one is in line 2)",
            ),
            (
                "method = \"t\"\nout_dtype = \"bfloat61\"\n[[models]]\npath = \"a\"\n",
                "dir/merge.toml:2:13: `out_dtype` = \"bfloat61\" is not one of float32, bfloat16, \
                 float16. Did you mean `bfloat16`?",
            ),
            (
                "method = \"t\"\nseed = -1\n[[models]]\npath = \"a\"\n",
                "dir/merge.toml:2:8: `seed` takes a whole number",
            ),
            (
                "method = \"t\"\nmax_shard = \"5 parsecs\"\n[[models]]\npath = \"a\"\n",
                "dir/merge.toml:2:13: `max_shard` takes a size",
            ),
            (
                "method = \"t\"\ntokenizer_source = \"base\"\n[[models]]\npath = \"a\"\n",
                "dir/merge.toml:2:20: `tokenizer_source` is \"base\"",
            ),
            (
                "method = \"t\"\n[[models]]\npath = \"a\"\nw = { value = 1, filter = \"m\" }\n",
                "dir/merge.toml:4:5: put the alternatives of `w` into a list",
            ),
            (
                "method = \"t\"\n[[models]]\npath = \"a\"\nw = [{ value = 1, fliter = \"m\" }]\n",
                "dir/merge.toml:4:19: `fliter` is no key of an alternative. Did you mean `filter`?",
            ),
            (
                "method = \"t\"\n[[models]]\npath = \"a\"\nw = []\n",
                "dir/merge.toml:4:5: `w` is an empty list",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(wanted), "{error}\nis not\n{wanted}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (value, wanted) in [
            (json!("5GB"), Some(5_000_000_000)),
            (json!("2 MiB"), Some(2_097_152)),
            (json!("10"), Some(10)),
            (json!(7), Some(7)),
            (json!(0), None),
            (json!("0GB"), None),
            (json!("GB"), None),
        ] {
            assert_eq!(bytes(&value), wanted, "{value}");
        }
    }
}
