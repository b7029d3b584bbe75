//! Which models and which places a view shows.

use super::{
    Options,
    error::WideError,
    results::{ResultRow, Results, field, number},
};
use crate::compare::ALL_LANGUAGES;
use mergelab_abi::suggest::hint;
use std::collections::{BTreeMap, BTreeSet};

/// Columns of `results.csv` that say where a value was measured; all others are about the model.
pub(super) const PLACES: [&str; 6] = [
    "task",
    "language",
    "metric",
    "metric_parameters",
    "measure",
    "dataset",
];

/// Where values are measured: what a column of the view is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) task: String,
    pub(super) metric: String,
    pub(super) metric_parameters: String,
    pub(super) measure: String,
    pub(super) language: String,
}

impl Place {
    pub(super) fn of(row: &ResultRow) -> Self {
        let text = |column| field(row, column).to_owned();
        Self {
            task: text("task"),
            metric: text("metric"),
            metric_parameters: text("metric_parameters"),
            measure: text("measure"),
            language: text("language"),
        }
    }

    /// Whether both are about one measure on one task.
    pub(super) fn same_measure(&self, other: &Self) -> bool {
        (
            &self.task,
            &self.metric,
            &self.metric_parameters,
            &self.measure,
        ) == (
            &other.task,
            &other.metric,
            &other.metric_parameters,
            &other.measure,
        )
    }
}

/// What a value is, beside the number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct About {
    pub(super) place: Place,
    pub(super) preset: String,
    pub(super) higher_is_better: bool,
    /// Names of the view's levels, such as task and language.
    pub(super) levels: Vec<String>,
    /// Fewest and most examples over the models.
    pub(super) n: (usize, usize),
}

/// What a view shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// Columns of `results.csv` that name the models.
    pub(super) names: Vec<String>,
    /// Columns of `results.csv` that name the places.
    pub(super) levels: Vec<String>,
    /// Whether models go across and places down.
    pub(super) transposed: bool,
    /// The models, each by one of its rows.
    pub(super) models: Vec<ResultRow>,
    pub(super) places: Vec<About>,
    /// Values by model and place.
    pub(super) values: BTreeMap<(String, Place), f64>,
}

/// Chooses rows and columns.
///
/// # Errors
/// Unknown names, a mixture of both kinds of columns, or several values for one field.
pub(super) fn layout(
    mut results: Results,
    tested: &[ResultRow],
    options: &Options,
) -> Result<Layout, WideError> {
    let [rows, cols] = [("--rows", &options.rows), ("--cols", &options.cols)].map(
        |(place, asked)| -> Result<Vec<String>, WideError> {
            asked
                .iter()
                .map(|name| results.column(place, name))
                .collect()
        },
    );
    let (rows, cols) = (rows?, cols?);
    if rows.iter().chain(&cols).any(|name| name == "split") {
        return Err(WideError::Layout(
            "a table is of one split, as tests are: choose it with --where split=NAME".to_owned(),
        ));
    }
    let is_place = |name: &String| PLACES.contains(&name.as_str());
    let (names, levels, transposed) = match (
        rows.iter().any(is_place),
        cols.iter().any(is_place),
        rows.iter().all(is_place),
        cols.iter().all(is_place),
    ) {
        (false, _, _, true) if !cols.is_empty() => (rows, cols, false),
        (_, false, true, _) if !rows.is_empty() => (cols, rows, true),
        _ => {
            return Err(WideError::Layout(format!(
                "one of --rows and --cols names models (model, method, role, a parameter, ...), the \
                 other where they were measured ({}): `--rows {} --cols {}` mixes them",
                PLACES.join(", "),
                options.rows.join(","),
                options.cols.join(",")
            )));
        }
    };
    filter(&mut results, &names, options)?;
    choose_measures(&mut results, tested, &levels, options)?;
    choose_languages(&mut results, &levels);
    refuse_several(&results, &levels)?;
    let mut layout = Layout {
        names,
        levels,
        transposed,
        models: Vec::new(),
        places: Vec::new(),
        values: BTreeMap::new(),
    };
    for row in results.rows {
        layout.add(row);
    }
    if layout.values.is_empty() {
        return Err(WideError::Empty(
            "all filters together leave none".to_owned(),
        ));
    }
    // By task and, in the order of the table, measure; the mean over languages last.
    let mut measures: Vec<String> = Vec::new();
    for about in &layout.places {
        if !measures.contains(&about.place.measure) {
            measures.push(about.place.measure.clone());
        }
    }
    layout.places.sort_by_key(|about| {
        let measure = measures.iter().position(|m| *m == about.place.measure);
        let mean = about.place.language == ALL_LANGUAGES;
        (about.place.task.clone(), measure, mean)
    });
    Ok(layout)
}

impl Layout {
    fn add(&mut self, row: ResultRow) {
        let place = Place::of(&row);
        let n = number(&row, "n").unwrap_or(0.0) as usize;
        match self.places.iter_mut().find(|about| about.place == place) {
            Some(about) => about.n = (about.n.0.min(n), about.n.1.max(n)),
            None => self.places.push(About {
                preset: field(&row, "preset").to_owned(),
                higher_is_better: field(&row, "higher_is_better") == "true",
                levels: self
                    .levels
                    .iter()
                    .map(|level| level_name(&row, level))
                    .collect(),
                n: (n, n),
                place: place.clone(),
            }),
        }
        let model = field(&row, "model").to_owned();
        if let Some(value) = number(&row, "value") {
            self.values.entry((model.clone(), place)).or_insert(value);
        }
        if !self
            .models
            .iter()
            .any(|known| field(known, "model") == model)
        {
            self.models.push(row);
        }
    }
}

fn level_name(row: &ResultRow, level: &str) -> String {
    match (level, field(row, level)) {
        ("language", ALL_LANGUAGES) => "mean".to_owned(),
        (_, name) => name.to_owned(),
    }
}

fn filter(results: &mut Results, names: &[String], options: &Options) -> Result<(), WideError> {
    for (column, values) in &options.filters {
        results.keep("--where", column, values)?;
    }
    let about = |column: &str| {
        let mut filters = options.filters.iter();
        filters.any(|(name, _)| name == column) || names.iter().any(|name| name == column)
    };
    // Means stand for their replicates.
    if !["replicate", "replicate_of"].iter().any(|c| about(c)) {
        results
            .rows
            .retain(|row| field(row, "replicate_of").is_empty());
    }
    // A candidate that was not chosen has values on the split that served to choose alone.
    if !["split", "selected"].iter().any(|c| about(c)) {
        results.rows.retain(|row| field(row, "selected") != "false");
    }
    if results.rows.is_empty() {
        return Err(WideError::Empty("--where leaves none".to_owned()));
    }
    // The tested split comes before what served to choose.
    let mut seen = BTreeSet::new();
    results
        .rows
        .retain(|row| seen.insert((field(row, "model").to_owned(), Place::of(row))));
    let splits: BTreeSet<&str> = results.rows.iter().map(|row| field(row, "split")).collect();
    if splits.len() > 1 {
        let names: Vec<&str> = splits.into_iter().collect();
        return Err(WideError::Layout(format!(
            "one table would have values of several splits ({}): choose one with --where split=NAME",
            names.join(", ")
        )));
    }
    Ok(())
}

/// Keeps the measures that were asked for; without any, each task's first tested one.
fn choose_measures(
    results: &mut Results,
    tested: &[ResultRow],
    levels: &[String],
    options: &Options,
) -> Result<(), WideError> {
    for (place, column, wanted) in [
        ("--metric", "metric", &options.metric),
        ("--measure", "measure", &options.measure),
    ] {
        if let Some(wanted) = wanted {
            results.keep(place, column, std::slice::from_ref(wanted))?;
        }
    }
    if options.measure.is_some() || levels.iter().any(|l| l == "measure") {
        return Ok(());
    }
    let tested: BTreeSet<Place> = tested.iter().map(measure_of).collect();
    let mut first: BTreeMap<String, Place> = BTreeMap::new();
    for only_tested in [true, false] {
        for row in &results.rows {
            let measure = measure_of(row);
            if !only_tested || tested.contains(&measure) {
                first.entry(measure.task.clone()).or_insert(measure);
            }
        }
    }
    results
        .rows
        .retain(|row| first[field(row, "task")] == measure_of(row));
    Ok(())
}

/// A measure on a task, whatever the language.
fn measure_of(row: &ResultRow) -> Place {
    Place {
        language: String::new(),
        ..Place::of(row)
    }
}

/// Where languages have no columns of their own, their mean counts, or the only one.
fn choose_languages(results: &mut Results, levels: &[String]) {
    let mut languages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in &results.rows {
        let known = languages.entry(field(row, "task").to_owned()).or_default();
        known.insert(field(row, "language").to_owned());
    }
    if levels.iter().any(|level| level == "language") {
        return;
    }
    results.rows.retain(|row| {
        let known = &languages[field(row, "task")];
        !known.contains(ALL_LANGUAGES) || field(row, "language") == ALL_LANGUAGES
    });
}

/// Refuses columns that would hold several values of one model.
fn refuse_several(results: &Results, levels: &[String]) -> Result<(), WideError> {
    for (column, way) in [
        (
            "task",
            "add `task` to --cols, or choose one with --where task=NAME",
        ),
        (
            "measure",
            "add `measure` to --cols, or choose one with --measure NAME",
        ),
        (
            "language",
            "add `language` to --cols, or choose one with --where language=CODE",
        ),
    ] {
        if levels.iter().any(|level| level == column) {
            continue;
        }
        let key = |row: &ResultRow| -> Vec<String> {
            levels
                .iter()
                .map(|level| field(row, level).to_owned())
                .collect()
        };
        let mut known: BTreeMap<Vec<String>, BTreeSet<&str>> = BTreeMap::new();
        for row in &results.rows {
            known
                .entry(key(row))
                .or_default()
                .insert(field(row, column));
        }
        if let Some(several) = known.values().find(|names| names.len() > 1) {
            let names: Vec<&str> = several.iter().copied().collect();
            return Err(WideError::Layout(format!(
                "one column would have several values of {column} ({}): {way}",
                names.join(", ")
            )));
        }
    }
    Ok(())
}

/// The nearest model, for errors.
pub(super) fn known_model(
    models: &[&str],
    place: &'static str,
    name: &str,
) -> Result<(), WideError> {
    if models.contains(&name) {
        return Ok(());
    }
    Err(WideError::Unknown {
        place,
        what: "model",
        name: name.to_owned(),
        hint: hint(name, models.iter().copied()),
    })
}
