//! What each column of each table holds.

mod comparison;
mod costs;
mod orthogonality;
mod prompts;
mod rankings;
mod results;
mod savings;
mod selection;
mod significance;
mod vectors;

pub use comparison::COMPARISON;
pub use costs::COSTS;
pub use orthogonality::{CORRELATIONS, ORTHOGONALITY};
pub use prompts::PROMPTS;
pub use rankings::{CONFIDENCE_SETS, RANKINGS};
pub use results::RESULTS;
pub use savings::SAVINGS;
pub use selection::SELECTION;
pub use significance::SIGNIFICANCE;
pub use vectors::VECTORS;

/// Version of the tables' columns, in the first column of every row. It rises when a column
/// changes its meaning or goes; new columns alone do not raise it.
pub const VERSION: u64 = 1;

/// What a column's fields are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text. A leading `=`, `+`, `-` or `@` has an apostrophe before it.
    Text,
    /// Names with `;` between them.
    Names,
    /// JSON without white space.
    Json,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A number, text, `true`, `false` or JSON.
    Any,
}

impl Kind {
    /// The word in documentation.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Names => "names",
            Self::Json => "json",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Any => "any",
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    /// What its fields are.
    pub kind: Kind,
    /// What it says, with its unit.
    pub meaning: &'static str,
}

/// Stands for one column for each parameter that the manifest varies, in the order of their names.
pub const SWEPT: &str = "param_<name>";

const fn column(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column {
        name,
        kind,
        meaning,
    }
}

// Columns that several tables have.
const SCHEMA: Column = column("schema", Kind::Integer, "Version of these columns");
const EXPERIMENT: Column = column("experiment", Kind::Text, "Name of the experiment");
const TASK: Column = column("task", Kind::Text, "Name of the task");
const DATASET: Column = column(
    "dataset",
    Kind::Text,
    "Name of the dataset; several, with + between them, where language is all",
);
const LANGUAGE: Column = column(
    "language",
    Kind::Text,
    "Language of the examples; all for the unweighted mean over languages",
);
const METRIC: Column = column("metric", Kind::Text, "Id of the metric");
const METRIC_PARAMETERS: Column = column(
    "metric_parameters",
    Kind::Json,
    "Parameters of the metric as the manifest gives them",
);
const PRESET: Column = column(
    "preset",
    Kind::Text,
    "Exact definition that computed the values",
);
const MEASURE: Column = column("measure", Kind::Text, "Name of the value");
const SHAPE: Column = column(
    "shape",
    Kind::Text,
    "binary, mean or corpus: decides the test",
);
const HIGHER_IS_BETTER: Column = column(
    "higher_is_better",
    Kind::Boolean,
    "Whether a larger value is better",
);

/// The names of a table's columns, with one for each swept parameter.
pub(super) fn header(columns: &[Column], swept: &[&str]) -> Vec<String> {
    columns
        .iter()
        .flat_map(|column| {
            if column.name == SWEPT {
                swept.iter().map(|name| parameter(name)).collect()
            } else {
                vec![column.name.to_owned()]
            }
        })
        .collect()
}

/// The column of a swept parameter.
pub(super) fn parameter(name: &str) -> String {
    format!("param_{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_notes_come_last() {
        for table in [
            RESULTS,
            SIGNIFICANCE,
            RANKINGS,
            CONFIDENCE_SETS,
            SELECTION,
            PROMPTS,
            COSTS,
            SAVINGS,
            VECTORS,
            ORTHOGONALITY,
            CORRELATIONS,
            COMPARISON,
        ] {
            let names: BTreeSet<_> = table.iter().map(|c| c.name).collect();
            assert_eq!(names.len(), table.len());
            assert_eq!(table[0].name, "schema");
            assert_eq!(table[table.len() - 1].name, "note");
            assert!(table.iter().all(|c| !c.meaning.is_empty()));
        }
    }

    #[test]
    fn the_reference_lists_every_column() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/reference/tables.md"
        );
        let text = std::fs::read_to_string(file).unwrap();
        for table in [
            RESULTS,
            SIGNIFICANCE,
            RANKINGS,
            CONFIDENCE_SETS,
            COSTS,
            SAVINGS,
            VECTORS,
            ORTHOGONALITY,
            CORRELATIONS,
            COMPARISON,
        ] {
            let lines = table.iter().map(|c| {
                let (name, kind) = (c.name, c.kind.name());
                format!("| `{name}` | {kind} | {} |\n", c.meaning)
            });
            let whole: String = lines.collect();
            assert!(
                text.contains(&whole),
                "docs/reference/tables.md has not:\n{whole}"
            );
        }
    }

    #[test]
    fn every_swept_parameter_has_a_column() {
        let header = header(RESULTS, &["density", "lambda"]);
        let at = header.iter().position(|name| name == "parameters").unwrap();
        assert_eq!(
            header[at + 1..at + 4],
            ["param_density", "param_lambda", "seed"]
        );
    }
}
