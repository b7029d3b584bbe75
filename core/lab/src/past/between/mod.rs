//! What moved from one run to another.

mod paired;
mod settings;

use super::{
    Past, PastError,
    results::{self, Place, ResultRow},
};
use crate::{
    cell::{Cell, ModelLabel},
    compare::{ALL_LANGUAGES, CompareError, Comparison, RegistryMetrics, pairs},
};
use mergelab_abi::{registry::Registry, suggest::hint};
use paired::{Paired, paired};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What moved from one run to another.
#[derive(Debug, Clone, Serialize)]
pub struct Between {
    /// What differs in manifest, plugins, versions and models, each in words.
    pub settings: Vec<String>,
    /// Models that the first run alone has.
    pub only_a: Vec<String>,
    /// Models that the second run alone has.
    pub only_b: Vec<String>,
    /// Cells of model, task and language whose predictions are the same artifact in both.
    pub unchanged: usize,
    /// Tests of the cells of the others, the second run against the first.
    pub rows: Vec<Comparison>,
    /// What could not be tested, and why.
    pub notes: Vec<String>,
}

/// Why two runs cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BetweenError {
    /// A run cannot be read.
    #[error(transparent)]
    Past(#[from] PastError),
    /// The runs have nothing in common.
    #[error("the runs share no model, task, language and measure. {a}. {b}.{hint}")]
    NothingShared {
        /// What the first has.
        a: String,
        /// What the second has.
        b: String,
        /// A model of the second whose name is like one of the first.
        hint: String,
    },
    /// Models cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
}

/// Compares the models, tasks and languages that both runs have, on the examples that both have,
/// with the second run's settings of the statistics.
///
/// # Errors
/// The runs share nothing, or a file of theirs cannot be read.
pub fn between(a: &Past, b: &Past, registry: &Registry) -> Result<Between, BetweenError> {
    let (results_a, results_b) = (results::read(a)?, results::read(b)?);
    let shared: BTreeSet<&Place> = results_a
        .keys()
        .filter(|place| results_b.contains_key(place) && place.language != ALL_LANGUAGES)
        .collect();
    if shared.is_empty() {
        return Err(nothing_shared(a, b, &results_a, &results_b));
    }
    let mut notes = Vec::new();
    // A mean over replicates has no predictions of its own.
    let predicted = |place: &Place| {
        !results_a[place].cell_key.is_empty() && !results_b[place].cell_key.is_empty()
    };
    let (shared, means): (BTreeSet<&Place>, BTreeSet<&Place>) =
        shared.into_iter().partition(|place| predicted(place));
    for model in means
        .iter()
        .map(|place| &place.model)
        .collect::<BTreeSet<_>>()
    {
        notes.push(format!(
            "{model}: a mean over replicates, which is not tested; its replicates are"
        ));
    }
    // Cells, each with the measures that are defined alike.
    let mut cells: BTreeMap<[&str; 3], Vec<&Place>> = BTreeMap::new();
    for place in shared {
        let (own, other) = (&results_a[place], &results_b[place]);
        if own.preset == other.preset {
            let cell = [&*place.model, &*place.task, &*place.language];
            cells.entry(cell).or_default().push(place);
        } else {
            notes.push(format!(
                "{place}: not tested, the runs scored it by other definitions ({}, then {})",
                own.preset, other.preset
            ));
        }
    }
    let same = |[model, task, _]: &[&str; 3]| {
        let all = cells
            .iter()
            .filter(|(c, _)| c[0] == *model && c[1] == *task);
        all.flat_map(|(_, places)| places)
            .all(|place| results_a[*place].cell_key == results_b[*place].cell_key)
    };
    let moved: Vec<_> = cells.iter().filter(|(cell, _)| !same(cell)).collect();
    let unchanged = cells.len() - moved.len();

    let mut pairs_of_cells: Vec<Cell> = Vec::new();
    let mut models: Vec<&str> = Vec::new();
    for (cell, places) in moved {
        match paired([a, b], &results_b, *cell, places, registry, &mut notes)? {
            None => {}
            Some(Paired { first, second }) => {
                if !models.contains(&cell[0]) {
                    models.push(cell[0]);
                }
                pairs_of_cells.extend([first, second]);
            }
        }
    }
    notes.sort();
    notes.dedup();
    // Runs that share a model may have it in other roles; the tests look at its name alone.
    let named = |name: String, run: &Past, model: &str| {
        let label = run.record.models.iter().find(|m| m.name == model);
        label.map(|label| ModelLabel {
            name,
            replicates: Vec::new(),
            ..label.clone()
        })
    };
    let labels: Vec<[ModelLabel; 2]> = models
        .iter()
        .filter_map(|m| Some([named(second(m), b, m)?, named(first(m), a, m)?]))
        .collect();
    let names: Vec<[&ModelLabel; 2]> = labels.iter().map(|[b, a]| [b, a]).collect();
    let source = RegistryMetrics(registry);
    let mut rows = pairs(&pairs_of_cells, &names, &source, &b.record.statistics)?;
    for row in &mut rows {
        for name in [&mut row.model, &mut row.baseline] {
            name.truncate(name.len() - SUFFIX);
        }
    }
    let only = |own: &Past, other: &Past| -> Vec<String> {
        let names = own.record.models.iter().map(|m| &m.name);
        names
            .filter(|name| !other.record.models.iter().any(|m| m.name == **name))
            .cloned()
            .collect()
    };
    Ok(Between {
        settings: settings::differences(a, b),
        only_a: only(a, b),
        only_b: only(b, a),
        unchanged,
        rows,
        notes,
    })
}

/// Bytes that tell the runs of one model apart.
const SUFFIX: usize = 4;

fn first(model: &str) -> String {
    format!("{model} (A)")
}

fn second(model: &str) -> String {
    format!("{model} (B)")
}

fn nothing_shared(
    a: &Past,
    b: &Past,
    results_a: &BTreeMap<Place, ResultRow>,
    results_b: &BTreeMap<Place, ResultRow>,
) -> BetweenError {
    let says = |which: &str, run: &Past, results: &BTreeMap<Place, ResultRow>| {
        let set = |of: &dyn Fn(&Place) -> &String| {
            let names: BTreeSet<&String> = results.keys().map(of).collect();
            let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
            match names.len() {
                0 => "none".to_owned(),
                1..=12 => names.join(", "),
                n => format!("{} and {} more", names[..12].join(", "), n - 12),
            }
        };
        format!(
            "{which} ({}) has the models {} and the tasks {}",
            run.folder.display(),
            set(&|place| &place.model),
            set(&|place| &place.task)
        )
    };
    let known = || results_a.keys().map(|place| place.model.as_str());
    let hint = match results_b.keys().next() {
        Some(place) if !known().any(|name| name == place.model) => hint(&place.model, known()),
        _ => String::new(),
    };
    BetweenError::NothingShared {
        a: says("The first", a, results_a),
        b: says("the second", b, results_b),
        hint,
    }
}
