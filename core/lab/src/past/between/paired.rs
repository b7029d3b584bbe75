//! Predictions of two runs, paired by example.

use super::{first, second};
use crate::{
    cell::Cell,
    past::{
        Past, PastError,
        predictions::{Line, file, lines, predictions, scored},
        results::{Place, ResultRow},
    },
};
use mergelab_abi::registry::Registry;
use std::collections::{BTreeMap, HashMap};

/// One model on one task in one language in both runs, with the examples that both have.
pub(super) struct Paired {
    pub(super) first: Cell,
    pub(super) second: Cell,
}

/// Reads both cells; `results` are those of the second run. `None`, with a note, where nothing in them can be tested.
///
/// # Errors
/// A file of predictions is damaged.
pub(super) fn paired(
    [a, b]: [&Past; 2],
    results: &BTreeMap<Place, ResultRow>,
    cell: [&str; 3],
    places: &[&Place],
    registry: &Registry,
    notes: &mut Vec<String>,
) -> Result<Option<Paired>, PastError> {
    let [model, task, language] = cell;
    let scored = match scored(b, results, [task, language], places, registry) {
        Ok(scored) => scored,
        Err(message) => {
            notes.push(format!("{task} in {language}: not tested, {message}"));
            return Ok(None);
        }
    };
    let name = file(model, task, language);
    if let Some(run) = [a, b].iter().find(|run| !predictions(run, &name).is_file()) {
        let path = predictions(run, &name);
        notes.push(format!(
            "{model} on {task} in {language}: not tested, there is no {}",
            path.display()
        ));
        return Ok(None);
    }
    let (lines_a, lines_b) = (lines(a, &name)?, lines(b, &name)?);
    let by_id: HashMap<&str, &Line> = lines_a.iter().map(|l| (l.id.as_str(), l)).collect();
    // An example whose reference changed is another example.
    let both: Vec<(&Line, &Line)> = lines_b
        .iter()
        .filter_map(|line| Some((*by_id.get(line.id.as_str())?, line)))
        .filter(|(own, other)| own.reference == other.reference)
        .collect();
    let fewer = both.len() < lines_a.len() || both.len() < lines_b.len();
    if both.is_empty() {
        notes.push(format!(
            "{task} in {language}: not tested, the runs have no example with the same id and \
             reference"
        ));
        return Ok(None);
    }
    if fewer {
        notes.push(format!(
            "{task} in {language}: tested on the {} examples that both runs have, of {} and {}",
            both.len(),
            lines_a.len(),
            lines_b.len()
        ));
    }
    let (own, other): (Vec<&Line>, Vec<&Line>) = both.into_iter().unzip();
    let cells = scored
        .cell(first(model), &own)
        .and_then(|first| Ok((first, scored.cell(second(model), &other)?)));
    match cells {
        Ok((first, second)) => Ok(Some(Paired { first, second })),
        Err(message) => {
            notes.push(format!(
                "{model} on {task} in {language}: not tested, {message}"
            ));
            Ok(None)
        }
    }
}
