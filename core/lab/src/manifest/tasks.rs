//! Tasks and their metrics: `[[tasks]]`.

use super::{
    reader::{Reader, TextOrTable},
    source::{Located, ManifestError},
};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// One task on one dataset.
#[derive(Debug, Clone)]
pub struct TaskEntry {
    /// Its name in tables; the plugin's id where absent.
    pub name: String,
    /// Id of the task plugin.
    pub task: Located<String>,
    /// Card of the dataset.
    pub dataset: Located<PathBuf>,
    /// Languages that are evaluated; the dataset's where absent.
    pub languages: Option<Vec<Located<String>>>,
    /// Parameters of the plugin.
    pub params: Located<Map<String, Value>>,
    /// Metrics; the plugin's own choice where empty.
    pub metrics: Vec<MetricEntry>,
    /// The split that is evaluated.
    pub split: Located<String>,
    /// Most rows per language that are evaluated.
    pub rows: Option<usize>,
    /// Most rows per language that a training reads; the recipe's `rows` bounds them too.
    pub train_rows: Option<usize>,
    /// Most rows per language that a training is validated on.
    pub validation_rows: Option<usize>,
    /// Examples shown before every prompt; none where absent.
    pub shots: Option<ShotsEntry>,
    /// Other prompts that the same rows are evaluated with.
    pub prompts: Vec<PromptEntry>,
}

/// Examples shown before every prompt of a task.
#[derive(Debug, Clone)]
pub struct ShotsEntry {
    /// How many.
    pub count: Located<usize>,
    /// The split that they are chosen from.
    pub split: Located<String>,
    /// Seed of their choice; the experiment's where absent.
    pub seed: Option<u64>,
}

/// Another prompt of a task.
#[derive(Debug, Clone)]
pub struct PromptEntry {
    /// Its name, unique in the task.
    pub name: Located<String>,
    /// Parameters of the plugin in place of the task's own.
    pub params: Located<Map<String, Value>>,
}

/// One metric with its parameters.
#[derive(Debug, Clone)]
pub struct MetricEntry {
    /// Id of the metric plugin.
    pub metric: Located<String>,
    /// Its parameters.
    pub params: Located<Map<String, Value>>,
}

impl TaskEntry {
    /// What tables call the task with another prompt.
    pub fn with_prompt(&self, prompt: &PromptEntry) -> String {
        format!("{}@{}", self.name, prompt.name.value)
    }

    pub(super) fn read_all(root: &Reader<'_>) -> Result<Vec<Self>, ManifestError> {
        let mut entries: Vec<Self> = Vec::new();
        for reader in root.tables("tasks")? {
            let entry = Self::read(&reader)?;
            let names = |entry: &Self| -> Vec<String> {
                let prompts = entry.prompts.iter().map(|p| entry.with_prompt(p));
                [entry.name.clone()].into_iter().chain(prompts).collect()
            };
            let taken: Vec<String> = entries.iter().flat_map(names).collect();
            if let Some(name) = names(&entry).into_iter().find(|name| taken.contains(name)) {
                return Err(reader.error(
                    reader.span_of("name"),
                    format!("there are two tasks called `{name}`: set `name`."),
                ));
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(root.missing("tasks"));
        }
        Ok(entries)
    }

    fn read(reader: &Reader<'_>) -> Result<Self, ManifestError> {
        let task = reader.required_text("task")?;
        let dataset = reader.required_text("dataset")?;
        let split = reader.text("split")?.unwrap_or(Located {
            value: "test".to_owned(),
            span: reader.span(),
        });
        let mut metrics = Vec::new();
        for item in reader.texts_or_tables("metrics")? {
            metrics.push(match item {
                TextOrTable::Text(metric) => MetricEntry {
                    params: Located {
                        value: Map::new(),
                        span: metric.span.clone(),
                    },
                    metric,
                },
                TextOrTable::Table(table) => {
                    let metric = table.required_text("metric")?;
                    let params = table
                        .rest()?
                        .into_iter()
                        .map(|(k, v)| (k.value, v.value))
                        .collect();
                    MetricEntry {
                        metric,
                        params: Located {
                            value: params,
                            span: table.span(),
                        },
                    }
                }
            });
        }
        let entry = Self {
            name: reader
                .text("name")?
                .map_or_else(|| task.value.clone(), |n| n.value),
            task,
            dataset: Located {
                value: reader.file().resolve(&dataset.value),
                span: dataset.span,
            },
            languages: reader.texts("languages")?,
            params: reader.json_table("params")?,
            metrics,
            split,
            rows: reader.whole("rows")?.map(|n| n as usize),
            train_rows: positive(reader, "train_rows")?,
            validation_rows: positive(reader, "validation_rows")?,
            shots: ShotsEntry::read(reader)?,
            prompts: PromptEntry::read_all(reader)?,
        };
        reader.finish()?;
        Ok(entry)
    }
}

impl ShotsEntry {
    fn read(reader: &Reader<'_>) -> Result<Option<Self>, ManifestError> {
        let count = reader.whole("shots")?.map(|count| Located {
            value: count as usize,
            span: reader.span_of("shots"),
        });
        let split = reader.text("shots_split")?;
        let seed = reader.whole("shots_seed")?;
        let Some(count) = count.filter(|count| count.value > 0) else {
            for (key, given) in [
                ("shots_split", split.is_some()),
                ("shots_seed", seed.is_some()),
            ] {
                if given {
                    let message = format!("`{key}` has no meaning without `shots`.");
                    return Err(reader.error(reader.span_of(key), message));
                }
            }
            return Ok(None);
        };
        let split = split.unwrap_or(Located {
            value: "train".to_owned(),
            span: count.span.clone(),
        });
        Ok(Some(Self { count, split, seed }))
    }
}

impl PromptEntry {
    fn read_all(reader: &Reader<'_>) -> Result<Vec<Self>, ManifestError> {
        let mut prompts: Vec<Self> = Vec::new();
        for table in reader.tables("prompts")? {
            let name = table.required_text("name")?;
            let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
            if name.value.is_empty() || !name.value.chars().all(fits) {
                return Err(table.error(
                    name.span,
                    "the `name` of a prompt has letters, digits, `-`, `_` and `.` only.",
                ));
            }
            if prompts.iter().any(|p| p.name.value == name.value) {
                let message = format!("there are two prompts called `{}`.", name.value);
                return Err(table.error(name.span, message));
            }
            let params = table.json_table("params")?;
            if params.value.is_empty() {
                let message = format!(
                    "the prompt `{}` changes nothing: give it `params`, such as \
                     `params = {{ prompt = {{ \"*\" = \"...\" }} }}`.",
                    name.value
                );
                return Err(table.error(name.span, message));
            }
            table.finish()?;
            prompts.push(Self { name, params });
        }
        Ok(prompts)
    }
}

/// A number of rows to learn from, of which there must be one.
fn positive(reader: &Reader<'_>, key: &str) -> Result<Option<usize>, ManifestError> {
    match reader.whole(key)? {
        Some(0) => Err(reader.error(reader.span_of(key), format!("`{key}` cannot be 0."))),
        rows => Ok(rows.map(|n| n as usize)),
    }
}
