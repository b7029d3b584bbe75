//! The tables of a run: what a row is, what tells rows apart, what they refer to.

use crate::tables::schema::{
    CONFIDENCE_SETS, CORRELATIONS, COSTS, Column, ORTHOGONALITY, PROMPTS, RANKINGS, RESULTS,
    SAVINGS, SELECTION, SIGNIFICANCE, SWEPT, VECTORS,
};

/// A table of a run.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// Its file.
    pub file: &'static str,
    /// What a row is about.
    pub row: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// Columns that are never empty and together tell rows apart; none where what tells them apart
    /// may be empty.
    pub key: &'static [&'static str],
    /// Rows of other tables that its rows are about.
    pub references: &'static [Reference],
}

/// A column whose values, where there are any, are found in another table.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    /// The column.
    pub column: &'static str,
    /// The other table's file.
    pub table: &'static str,
    /// The column there.
    pub there: &'static str,
}

const fn reference(column: &'static str, table: &'static str, there: &'static str) -> Reference {
    Reference {
        column,
        table,
        there,
    }
}

/// All tables that a run may leave.
pub const TABLES: &[Described] = &[
    Described {
        file: "results.csv",
        row: "model, task, language, split and measure",
        columns: RESULTS,
        key: &["row"],
        references: &[reference("cell_key", "costs.csv", "key")],
    },
    Described {
        file: "significance.csv",
        row: "model, baseline, task, language and tested measure",
        columns: SIGNIFICANCE,
        key: &[],
        references: &[
            reference("model", "results.csv", "model"),
            reference("baseline", "results.csv", "model"),
        ],
    },
    Described {
        file: "rankings.csv",
        row: "ranking over tasks and languages, and model",
        columns: RANKINGS,
        key: &[],
        references: &[reference("model", "results.csv", "model")],
    },
    Described {
        file: "confidence_sets.csv",
        row: "task, language, tested measure and model",
        columns: CONFIDENCE_SETS,
        key: &[],
        references: &[reference("model", "results.csv", "model")],
    },
    Described {
        file: "selection.csv",
        row: "selection, round and candidate",
        columns: SELECTION,
        key: &["selection", "round", "candidate"],
        references: &[],
    },
    Described {
        file: "prompts.csv",
        row: "model, task with several prompts, language and measure",
        columns: PROMPTS,
        key: &[],
        references: &[reference("model", "results.csv", "model")],
    },
    Described {
        file: "costs.csv",
        row: "stage",
        columns: COSTS,
        key: &["key"],
        references: &[],
    },
    Described {
        file: "savings.csv",
        row: "merge method, formula, language or workers, what counts, and unit",
        columns: SAVINGS,
        key: &[],
        references: &[],
    },
    Described {
        file: "vectors.csv",
        row: "number about a task vector or a pair of them",
        columns: VECTORS,
        key: &[],
        references: &[],
    },
    Described {
        file: "orthogonality.csv",
        row: "merge, expert, task, language and tested measure",
        columns: ORTHOGONALITY,
        key: &[],
        references: &[reference("merge", "results.csv", "model")],
    },
    Described {
        file: "correlations.csv",
        row: "merge, task, tested measure, predictor and outcome",
        columns: CORRELATIONS,
        key: &[],
        references: &[reference("merge", "results.csv", "model")],
    },
];

impl Described {
    /// Its name: the file's without the ending.
    pub fn name(&self) -> &'static str {
        self.file.trim_end_matches(".csv")
    }

    /// The column that a column of the file is an instance of.
    pub(super) fn column(&self, header: &str) -> Option<&'static Column> {
        let exact = self.columns.iter().find(|column| column.name == header);
        exact.or_else(|| {
            let swept = self.columns.iter().find(|column| column.name == SWEPT)?;
            header.starts_with("param_").then_some(swept)
        })
    }

    /// Whether every row has something in a column.
    pub(super) fn always(&self, column: &str) -> bool {
        ["schema", "experiment"].contains(&column) || self.key.contains(&column)
    }
}
