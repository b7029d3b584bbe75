//! The view itself, before any format.

use super::{
    Options,
    baseline::{self, Test, Tests},
    best::{Standing, Standings, standings},
    caption,
    error::WideError,
    layout::{About, Layout, Place, known_model, layout},
    results::{self, ResultRow, field},
};
use crate::{compare::ALL_LANGUAGES, past::Past};
use mergelab_abi::registry::Registry;
use std::collections::{BTreeMap, BTreeSet};

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
    across: bool,
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

/// How many decimals numbers have.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    given: Option<usize>,
    /// Largest size of the values of each task and measure.
    largest: BTreeMap<(String, String), f64>,
}

impl Numbers {
    fn of(shown: &Layout, given: Option<usize>) -> Self {
        let mut largest: BTreeMap<(String, String), f64> = BTreeMap::new();
        for ((_, place), value) in &shown.values {
            let known = largest
                .entry((place.task.clone(), place.measure.clone()))
                .or_default();
            *known = known.max(value.abs());
        }
        Self { given, largest }
    }

    fn decimals(&self, place: &Place) -> usize {
        let key = (place.task.clone(), place.measure.clone());
        let largest = self.largest.get(&key).copied().unwrap_or(0.0);
        self.given.unwrap_or(if largest <= 1.0 { 3 } else { 2 })
    }

    fn print(&self, place: &Place, value: f64) -> String {
        let decimals = self.decimals(place);
        signed(&format!("{value:.decimals$}"))
    }

    fn print_difference(&self, place: &Place, value: f64) -> String {
        let decimals = self.decimals(place);
        signed(&format!("{value:+.decimals$}"))
    }
}

/// A number with a minus sign for its hyphen; zero has no sign.
fn signed(text: &str) -> String {
    let zero = text.chars().all(|c| !c.is_ascii_digit() || c == '0');
    if zero {
        text.trim_start_matches(['-', '+']).to_owned()
    } else {
        text.replace('-', "\u{2212}")
    }
}

/// What a view is built from.
pub(super) struct Build<'a> {
    pub(super) shown: &'a Layout,
    pub(super) standings: &'a Standings,
    pub(super) against: &'a Tests,
    pub(super) numbers: &'a Numbers,
    pub(super) baseline: Option<&'a str>,
    pub(super) options: &'a Options,
}

impl Build<'_> {
    /// The tests against the baseline that the view shows.
    pub(super) fn tests(&self) -> impl Iterator<Item = &Test> {
        let shown = |place: &Place| self.shown.places.iter().any(|a| a.place == *place);
        let model = |name: &str| {
            self.shown
                .models
                .iter()
                .any(|row| field(row, "model") == name)
        };
        self.against
            .iter()
            .filter(move |((name, place), _)| shown(place) && model(name))
            .map(|(_, test)| test)
    }

    fn view(&self, run: &Past) -> View {
        let columns = self.columns();
        let names = labels(&self.shown.models, &self.shown.names, self.baseline);
        let mut before = None;
        let mut rows = Vec::new();
        for (row, names) in self.shown.models.iter().zip(names) {
            let role = field(row, "role");
            let merge = role == "merge";
            let begins = before.is_some_and(|before| before != merge);
            before = Some(merge);
            let model = field(row, "model");
            rows.push(Row {
                names,
                cells: columns
                    .iter()
                    .map(|column| self.cell(model, column))
                    .collect(),
                begins,
            });
        }
        View {
            experiment: run.record.experiment.clone(),
            names: self.shown.names.clone(),
            levels: self.shown.levels.clone(),
            columns: columns.into_iter().map(|planned| planned.head).collect(),
            rows,
            caption: caption::sentences(self, run),
            notes: Vec::new(),
            decimals: self.options.decimals,
            across: false,
        }
    }

    /// Columns of a task stand together: values, their mean, the worst language, differences.
    fn columns(&self) -> Vec<Planned> {
        let mut columns: Vec<Planned> = Vec::new();
        for (i, about) in self.shown.places.iter().enumerate() {
            columns.push(Planned::new(about, Kind::Value, None, vec![about.clone()]));
            let next = self.shown.places.get(i + 1);
            if next.is_some_and(|next| next.place.same_measure(&about.place)) {
                continue;
            }
            let group: Vec<About> = self
                .shown
                .places
                .iter()
                .filter(|other| other.place.same_measure(&about.place))
                .cloned()
                .collect();
            let languages: Vec<About> = group
                .iter()
                .filter(|other| other.place.language != ALL_LANGUAGES)
                .cloned()
                .collect();
            if self.options.worst && languages.len() > 1 {
                columns.push(Planned::new(about, Kind::Worst, Some("worst"), languages));
            }
            if self.options.deltas.is_some() {
                // The mean alone where there is one: a difference for each value is too much.
                let last = vec![about.clone()];
                columns.push(Planned::new(about, Kind::Delta, Some("\u{394}"), last));
            }
        }
        columns
    }

    fn cell(&self, model: &str, column: &Planned) -> Cell {
        let key = |about: &About| (model.to_owned(), about.place.clone());
        let value = |about: &About| self.shown.values.get(&key(about)).copied();
        let empty = Cell {
            text: "\u{2013}".to_owned(),
            ..Cell::default()
        };
        let [first, ..] = &column.of[..] else {
            return empty;
        };
        match column.head.kind {
            Kind::Value => {
                let Some(value) = value(first) else {
                    return empty;
                };
                let standing = self.standings.of.get(&key(first));
                let test = self.against.get(&key(first));
                Cell {
                    value: Some(value),
                    text: self.numbers.print(&first.place, value),
                    best: standing == Some(&Standing::Best),
                    tied: standing == Some(&Standing::Tied),
                    significant: test.is_some_and(Test::significant),
                    equivalent: test.is_some_and(|test| test.equivalent),
                    language: None,
                }
            }
            Kind::Worst => {
                let all = column.of.iter().map(|about| Some((value(about)?, about)));
                let Some(mut all) = all.collect::<Option<Vec<_>>>() else {
                    return empty;
                };
                all.sort_by(|a, b| a.0.total_cmp(&b.0));
                if !first.higher_is_better {
                    all.reverse();
                }
                let (value, about) = all[0];
                Cell {
                    value: Some(value),
                    text: self.numbers.print(&about.place, value),
                    language: Some(about.place.language.clone()),
                    ..Cell::default()
                }
            }
            Kind::Delta => {
                let other = self.options.deltas.clone().unwrap_or_default();
                let reference = self.shown.values.get(&(other, first.place.clone()));
                let (Some(value), Some(reference)) = (value(first), reference) else {
                    return empty;
                };
                let difference = value - reference;
                Cell {
                    value: Some(difference),
                    text: self.numbers.print_difference(&first.place, difference),
                    ..Cell::default()
                }
            }
        }
    }
}

/// A column with the places that it is computed from.
struct Planned {
    head: Column,
    of: Vec<About>,
}

impl Planned {
    fn new(about: &About, kind: Kind, name: Option<&str>, of: Vec<About>) -> Self {
        let mut levels = about.levels.clone();
        if let (Some(name), Some(last)) = (name, levels.last_mut()) {
            // Beside columns of languages the name stands where they stand.
            if about.place.language == ALL_LANGUAGES && last == "mean" {
                *last = name.to_owned();
            } else {
                *last = format!("{last} {name}");
            }
        }
        Self {
            head: Column { levels, kind },
            of,
        }
    }
}

/// What names each model: the columns that were asked for, and what tells models apart that have
/// the same there.
fn labels(models: &[ResultRow], names: &[String], baseline: Option<&str>) -> Vec<Vec<String>> {
    let plain = |row: &ResultRow| -> Vec<String> {
        let name = |column: &String| match (column.as_str(), field(row, column)) {
            // Models that are not merged have no method.
            ("method", "") => field(row, "model").to_owned(),
            (_, text) => text.to_owned(),
        };
        names.iter().map(name).collect()
    };
    let mut labels: Vec<Vec<String>> = models.iter().map(plain).collect();
    for i in 0..labels.len() {
        let own = plain(&models[i]);
        let alike: Vec<&ResultRow> = models.iter().filter(|row| plain(row) == own).collect();
        if alike.len() == 1 {
            continue;
        }
        let differing: Vec<String> = models[i]
            .iter()
            .filter(|(column, _)| column.starts_with("param_") || *column == "seed")
            .filter(|(column, value)| alike.iter().any(|row| field(row, column) != value.as_str()))
            .filter(|(_, value)| !value.is_empty())
            .map(|(column, value)| format!("{}={value}", column.trim_start_matches("param_")))
            .collect();
        let told = match differing.is_empty() {
            true => field(&models[i], "model").to_owned(),
            false => differing.join(" "),
        };
        labels[i][0] = format!("{} {told}", labels[i][0]).trim().to_owned();
    }
    for i in 0..labels.len() {
        if labels.iter().filter(|other| **other == labels[i]).count() > 1 {
            labels[i][0] = field(&models[i], "model").to_owned();
        }
    }
    for (row, label) in models.iter().zip(&mut labels) {
        let model = field(row, "model");
        let replicates = field(row, "replicates").parse::<u64>().unwrap_or(1);
        let mut said = Vec::new();
        if replicates > 1 {
            said.push(format!("{replicates} seeds"));
        }
        if baseline == Some(model) {
            said.push("baseline".to_owned());
        }
        if !said.is_empty() {
            label[0] = format!("{} ({})", label[0], said.join(", "));
        }
    }
    labels
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
