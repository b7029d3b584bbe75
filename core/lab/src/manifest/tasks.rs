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
    pub(super) fn read_all(root: &Reader<'_>) -> Result<Vec<Self>, ManifestError> {
        let mut entries: Vec<Self> = Vec::new();
        for reader in root.tables("tasks")? {
            let entry = Self::read(&reader)?;
            if entries.iter().any(|e| e.name == entry.name) {
                return Err(reader.error(
                    reader.span_of("name"),
                    format!("there are two tasks called `{}`: set `name`.", entry.name),
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
        };
        reader.finish()?;
        Ok(entry)
    }
}

/// A number of rows to learn from, of which there must be one.
fn positive(reader: &Reader<'_>, key: &str) -> Result<Option<usize>, ManifestError> {
    match reader.whole(key)? {
        Some(0) => Err(reader.error(reader.span_of(key), format!("`{key}` cannot be 0."))),
        rows => Ok(rows.map(|n| n as usize)),
    }
}
