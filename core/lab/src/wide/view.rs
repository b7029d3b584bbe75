//! The view itself, before any format.

use super::{
    Options,
    baseline::{self, Tests},
    best::standings,
    build::Build,
    error::WideError,
    layout::{Place, known_model, layout},
    number::Numbers,
    results::{self, field},
};
use crate::past::Past;
use mergelab_abi::registry::Registry;
use std::collections::BTreeSet;

/// A wide view of a run's results.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Name of the experiment.
    pub experiment: String,
    /// Heads of the columns that name the rows.
    pub names: Vec<String>,
    /// What the levels of the other columns' heads are.
    pub levels: Vec<String>,
    /// The other columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// What the values are and what the marks mean, sentence by sentence.
    pub caption: Vec<String>,
    /// What could not be tested, and why.
    pub notes: Vec<String>,
    /// Decimals that were asked for.
    pub decimals: Option<usize>,
    /// Whether models go across.
    pub(super) across: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its head, from the widest level to the narrowest, such as task and language.
    pub levels: Vec<String>,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Values.
    Value,
    /// Differences to a model.
    Delta,
    /// The worst language's value.
    Worst,
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What names it.
    pub names: Vec<String>,
    /// Its cells, one a column.
    pub cells: Vec<Cell>,
    /// Whether another kind of row begins here, such as merges after trained models.
    pub begins: bool,
}

/// A field.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    /// The value; none where the model was not evaluated.
    pub value: Option<f64>,
    /// The value as it is printed.
    pub text: String,
    /// Whether it is the best of its column, as printed.
    pub best: bool,
    /// Whether it is not shown to be worse than the best.
    pub tied: bool,
    /// Whether it differs from the baseline.
    pub significant: bool,
    /// Whether it was shown to differ from the baseline by less than the margin.
    pub equivalent: bool,
    /// The language, where the column holds each row's worst one.
    pub language: Option<String>,
}

impl Cell {
    /// Whether it is set in bold.
    pub fn bold(&self) -> bool {
        self.best || self.tied
    }
}

/// Makes a view of a run.
///
/// # Errors
/// Unknown names, columns that would hold several values, or files that cannot be read.
pub fn view(run: &Past, registry: &Registry, options: &Options) -> Result<View, WideError> {
    let results = results::read(run, "results.csv")?;
    let tested = results::read(run, "significance.csv")?.rows;
    let shown = layout(results, &tested, options)?;
    let models: Vec<String> = shown
        .models
        .iter()
        .map(|row| field(row, "model").to_owned())
        .collect();
    let all: Vec<&str> = run.record.models.iter().map(|m| &*m.name).collect();
    let baseline = options
        .baseline
        .clone()
        .or_else(|| run.record.statistics.baselines.first().cloned());
    if let Some(name) = &options.baseline {
        known_model(&all, "--baseline", name)?;
    }
    if let Some(name) = &options.deltas {
        let names: Vec<&str> = models.iter().map(String::as_str).collect();
        known_model(&names, "--deltas", name)?;
    }
    let mut notes = BTreeSet::new();
    let mut cells = |tasks: &BTreeSet<String>| {
        let (cells, missing) = crate::past::cells(run, tasks, registry)?;
        notes.extend(missing);
        Ok(cells)
    };
    let mut table = baseline::of_table(&tested);
    if let Some(name) = &baseline
        && !table.contains_key(name)
        && models.len() > 1
    {
        let tasks = shown.places.iter().map(|about| about.place.task.clone());
        let own = cells(&tasks.collect())?;
        table.insert(name.clone(), baseline::of_cells(run, name, &own, registry)?);
    }
    let numbers = Numbers::of(&shown, options.decimals);
    let printed = |model: &str, place: &Place| {
        let value = *shown.values.get(&(model.to_owned(), place.clone()))?;
        Some((value, numbers.print(place, value)))
    };
    let standings = standings(
        run,
        &shown.places,
        &models,
        &printed,
        &table,
        &mut cells,
        registry,
    )?;
    let empty = Tests::new();
    let against = baseline.as_ref().and_then(|name| table.get(name));
    let build = Build {
        shown: &shown,
        standings: &standings,
        against: against.unwrap_or(&empty),
        numbers: &numbers,
        baseline: baseline.as_deref(),
        options,
    };
    let mut view = build.view(run);
    view.notes = notes.into_iter().collect();
    Ok(if shown.transposed {
        view.transposed()
    } else {
        view
    })
}

impl View {
    /// Whether columns of this kind have marks.
    pub(super) fn marked(&self, kind: Kind) -> bool {
        self.across || kind == Kind::Value
    }

    /// The view with rows and columns exchanged.
    fn transposed(self) -> Self {
        let depth = self.columns.first().map_or(0, |column| column.levels.len());
        let head = |row: &Row| Column {
            levels: row.names.clone(),
            kind: Kind::Value,
        };
        let mut before: Option<&str> = None;
        let mut rows = Vec::new();
        for (i, column) in self.columns.iter().enumerate() {
            let first = column.levels.first().map_or("", String::as_str);
            let begins = depth > 1 && before.is_some_and(|before| before != first);
            before = Some(first);
            rows.push(Row {
                names: column.levels.clone(),
                cells: self.rows.iter().map(|row| row.cells[i].clone()).collect(),
                begins,
            });
        }
        Self {
            columns: self.rows.iter().map(head).collect(),
            names: self.levels.clone(),
            levels: self.names.clone(),
            across: true,
            rows,
            ..self
        }
    }
}
