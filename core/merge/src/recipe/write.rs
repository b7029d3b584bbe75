//! A recipe as TOML or JSON, for records beside a result.

use super::{
    Compute, InputPath, Recipe, Rules, Settings, Slice, TokenRow, TokenizerRecipe, TokenizerSource,
};
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
        if self.rules == Rules::Mergekit {
            recipe.insert("rules".to_owned(), json!("mergekit"));
        }
        if let Some(template) = &self.chat_template {
            recipe.insert("chat_template".to_owned(), json!(template.written()));
        }
        let source = self.tokenizer_source();
        let short = TokenizerRecipe {
            source: self.tokenizer.source.clone(),
            at: self.tokenizer.at,
            ..TokenizerRecipe::default()
        };
        // Tables come last: a key after a table would belong to it.
        let mut long = None;
        if self.tokenizer != short {
            long = Some(self.tokenizer_table(source));
        } else if let Some(source) = source {
            recipe.insert("tokenizer_source".to_owned(), json!(source));
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
        if !self.modules.is_empty() {
            let modules = (0..self.modules.len()).map(|number| self.module(number));
            recipe.insert("modules".to_owned(), modules.collect());
        } else if !self.slices.is_empty() {
            let slices = self.slices.iter().map(|slice| self.slice(slice));
            recipe.insert("slices".to_owned(), slices.collect());
        }
        if let Some(tokenizer) = long {
            recipe.insert("tokenizer".to_owned(), tokenizer);
        }
        if !self.params.is_empty() {
            recipe.insert("params".to_owned(), settings(&self.params));
        }
        Value::Object(recipe)
    }

    fn tokenizer_source(&self) -> Option<String> {
        match &self.tokenizer.source {
            TokenizerSource::Default => None,
            TokenizerSource::Base => Some("base".to_owned()),
            TokenizerSource::Union => Some("union".to_owned()),
            TokenizerSource::Path(path) => Some(path.to_string_lossy().into_owned()),
        }
    }

    fn tokenizer_table(&self, source: Option<String>) -> Value {
        let mut table = Map::new();
        if let Some(source) = source {
            table.insert("source".to_owned(), json!(source));
        }
        if let Some(multiple) = self.tokenizer.pad_to_multiple_of {
            table.insert("pad_to_multiple_of".to_owned(), json!(multiple));
        }
        let tokens = self.tokenizer.tokens.iter().map(|rule| {
            let mut entry = Map::new();
            let row = rule.row.as_ref().map(|row| match row {
                TokenRow::Model(model) => input(model),
                TokenRow::Token { model, token } => {
                    json!({"kind": "model_token", "model": input(model), "token": token})
                }
                TokenRow::Id { model, id } => {
                    json!({"kind": "model_token", "model": input(model), "token_id": id})
                }
                TokenRow::Zero => json!({"kind": "zero"}),
            });
            entry.extend(row.map(|row| ("source".to_owned(), row)));
            if rule.force {
                entry.insert("force".to_owned(), json!(true));
            }
            (rule.token.clone(), Value::Object(entry))
        });
        let tokens: Map<String, Value> = tokens.collect();
        if !tokens.is_empty() {
            table.insert("tokens".to_owned(), Value::Object(tokens));
        }
        Value::Object(table)
    }

    fn module(&self, number: usize) -> Value {
        let mut table = Map::new();
        let module = &self.modules[number];
        table.insert("name".to_owned(), json!(module.name));
        let of_module = |slice: &&Slice| slice.module == Some(number);
        let slices: Vec<&Slice> = self.slices.iter().filter(of_module).collect();
        match slices[..] {
            [whole] if whole.is_whole() && whole.params.is_empty() => {
                table.insert("models".to_owned(), self.sources(whole));
            }
            _ => {
                let slices = slices.into_iter().map(|slice| self.slice(slice));
                table.insert("slices".to_owned(), slices.collect());
            }
        }
        if !module.params.is_empty() {
            table.insert("params".to_owned(), settings(&module.params));
        }
        Value::Object(table)
    }

    fn sources(&self, slice: &Slice) -> Value {
        let sources = slice.sources.iter().map(|source| {
            let id = self.models.get(source.model).map(|m| m.id.as_str());
            let mut table = Map::new();
            table.insert("model".to_owned(), json!(id));
            if let Some(layers) = &source.layers {
                table.insert("layers".to_owned(), json!([layers.start, layers.end]));
            }
            if !source.params.is_empty() {
                table.insert("params".to_owned(), settings(&source.params));
            }
            Value::Object(table)
        });
        sources.collect()
    }

    fn slice(&self, slice: &Slice) -> Value {
        let mut table = Map::new();
        table.insert("sources".to_owned(), self.sources(slice));
        if !slice.params.is_empty() {
            table.insert("params".to_owned(), settings(&slice.params));
        }
        Value::Object(table)
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
