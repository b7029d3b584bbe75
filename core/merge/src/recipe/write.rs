//! A recipe as TOML or JSON, for records beside a result.

use super::{Compute, InputPath, Recipe, Settings, TokenizerSource};
use serde_json::{Map, Value, json};

impl Recipe {
    /// The recipe as a JSON object in the words of our TOML, whatever it was read from.
    pub fn to_json(&self) -> Value {
        let mut recipe = Map::new();
        recipe.insert("method".to_owned(), json!(self.method_name()));
        if let Some(base) = &self.base {
            recipe.insert("base".to_owned(), input(base));
        }
        recipe.insert("seed".to_owned(), json!(self.seed));
        let compute = match self.compute {
            Compute::In(working) => working.name(),
            Compute::Storage => "storage",
        };
        recipe.insert("compute".to_owned(), json!(compute));
        if let Some(dtype) = self.out_dtype {
            recipe.insert("out_dtype".to_owned(), json!(dtype.name()));
        }
        let tokenizer = match &self.tokenizer {
            TokenizerSource::Default => None,
            TokenizerSource::Base => Some("base".to_owned()),
            TokenizerSource::Path(path) => Some(path.to_string_lossy().into_owned()),
        };
        if let Some(tokenizer) = tokenizer {
            recipe.insert("tokenizer_source".to_owned(), json!(tokenizer));
        }
        recipe.insert("max_shard".to_owned(), json!(self.max_shard));
        let models = self.models.iter().map(|model| {
            let mut table = Map::new();
            table.insert("id".to_owned(), json!(model.id));
            let path = model.input.path.to_string_lossy();
            table.insert("path".to_owned(), json!(path));
            if let Some(adapter) = &model.input.adapter {
                table.insert("adapter".to_owned(), json!(adapter.to_string_lossy()));
            }
            if !model.params.is_empty() {
                table.insert("params".to_owned(), settings(&model.params));
            }
            Value::Object(table)
        });
        recipe.insert("models".to_owned(), models.collect());
        if !self.params.is_empty() {
            recipe.insert("params".to_owned(), settings(&self.params));
        }
        Value::Object(recipe)
    }

    /// The recipe in our TOML, whatever it was read from. Paths are as they were written.
    pub fn to_toml(&self) -> String {
        // Every value came from TOML, YAML or JSON without nulls, so there is nothing that TOML
        // cannot hold but a table's null set by hand, which is shown as JSON then.
        let json = self.to_json();
        toml::to_string(&json).unwrap_or_else(|_| json.to_string())
    }
}

/// A table: a path with a plus sign in it would be read back as two.
fn input(input: &InputPath) -> Value {
    let mut table = Map::new();
    table.insert("path".to_owned(), json!(input.path.to_string_lossy()));
    if let Some(adapter) = &input.adapter {
        table.insert("adapter".to_owned(), json!(adapter.to_string_lossy()));
    }
    Value::Object(table)
}

fn settings(settings: &Settings) -> Value {
    let entries = settings.iter().map(|(name, setting)| {
        (
            name.clone(),
            serde_json::to_value(setting).unwrap_or_default(),
        )
    });
    Value::Object(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_is_written_reads_back() {
        let yaml = "models:\n- model: a+l\n  parameters:\n    weight:\n    - {filter: mlp, \
                    value: [0, 0.5]}\n    - value: 1\n- model: b\nmerge_method: ties\n\
                    base_model: a\nparameters: {lambda: 0.5, normalize: false}\n\
                    dtype: bfloat16\ntokenizer_source: base\n";
        let recipe = Recipe::parse_mergekit(yaml, Path::new("a.yml")).unwrap();
        let text = recipe.to_toml();
        let again = Recipe::parse_toml(&text, Path::new("a.toml")).unwrap();
        assert_eq!(again.to_json(), recipe.to_json(), "{text}");
        assert_eq!(again.to_toml(), text);
    }
}
