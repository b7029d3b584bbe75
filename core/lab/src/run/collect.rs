//! Cells of finished stages, and their predictions.

use super::{Experiment, RunError};
use crate::{
    cell::Cell,
    plan::{PlannedCell, Purpose},
    stage::{CELL, PREDICTIONS},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The cells of these evaluations whose stage is done, in plan order.
pub(super) fn cells<'a>(
    experiment: &Experiment,
    planned: impl IntoIterator<Item = &'a PlannedCell>,
) -> Result<Vec<Cell>, RunError> {
    let mut cells = Vec::new();
    for planned in planned {
        let Some(folder) = artifact(experiment, planned.score) else {
            continue;
        };
        let path = folder.join(CELL);
        let problem = |message: String| RunError::File {
            path: path.clone(),
            message,
        };
        let text = fs::read(&path).map_err(|e| problem(e.to_string()))?;
        let mut cell: Cell = serde_json::from_slice(&text).map_err(|e| problem(e.to_string()))?;
        cell.model
            .clone_from(&experiment.plan.models[planned.model].label.name);
        cell.split.clone_from(&planned.split);
        cells.push(cell);
    }
    Ok(cells)
}

/// The evaluations of candidates, by round: each candidate's last round alone.
pub(super) fn last_rounds(experiment: &Experiment) -> Vec<Vec<&PlannedCell>> {
    let mut last: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let place = |cell: &PlannedCell| match cell.purpose {
        Purpose::Test => None,
        Purpose::Selection {
            selection,
            round,
            candidate,
        } => Some(((selection, candidate), round)),
    };
    for (own, round) in experiment.plan.cells.iter().filter_map(place) {
        let most = last.entry(own).or_insert(round);
        *most = round.max(*most);
    }
    let mut rounds: BTreeMap<usize, Vec<&PlannedCell>> = BTreeMap::new();
    for cell in &experiment.plan.cells {
        if let Some((own, round)) = place(cell)
            && last.get(&own) == Some(&round)
        {
            rounds.entry(round).or_default().push(cell);
        }
    }
    rounds.into_values().collect()
}

fn artifact(experiment: &Experiment, node: usize) -> Option<PathBuf> {
    let node = &experiment.plan.nodes[node];
    let kind = node.spec.what.kind();
    experiment
        .store
        .has(kind, &node.key)
        .then(|| experiment.store.artifact(kind, &node.key))
}

/// Copies predictions under names that people can read: `MODEL.TASK.LANGUAGE.jsonl`, with the split
/// before the ending where they served to choose a model. The folder is made anew, so that it has what this run's tables have and nothing else.
pub(super) fn predictions(experiment: &Experiment, folder: &Path) -> Result<(), RunError> {
    let fresh = folder.with_extension("new");
    let problem = |path: &Path| {
        let path = path.to_owned();
        move |e: std::io::Error| RunError::File {
            path,
            message: e.to_string(),
        }
    };
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(problem(&fresh))?;
    }
    fs::create_dir_all(&fresh).map_err(problem(&fresh))?;
    let test = experiment.plan.cells.iter();
    let test = test.filter(|c| c.purpose == Purpose::Test);
    for planned in test.chain(last_rounds(experiment).into_iter().flatten()) {
        let Some(artifact) = artifact(experiment, planned.score) else {
            continue;
        };
        let model = &experiment.plan.models[planned.model].label.name;
        let mut name = format!("{model}.{}.{}", planned.task, planned.language);
        if planned.purpose != Purpose::Test {
            name.push_str(&format!(".{}", planned.split));
        }
        let target = fresh.join(format!("{}.jsonl", file_name(&name)));
        fs::copy(artifact.join(PREDICTIONS), &target).map_err(problem(&target))?;
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(problem(folder))?;
    }
    fs::rename(&fresh, folder).map_err(problem(folder))
}

/// A name as a file's name: spaces become `_`, other signs that file systems dislike `-`.
pub(crate) fn file_name(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            ' ' => '_',
            c if c.is_alphanumeric() || "._-=@,+".contains(c) => c,
            _ => '-',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_become_file_names() {
        assert_eq!(
            super::file_name("ties density=0.5 seed=1.sentiment.de"),
            "ties_density=0.5_seed=1.sentiment.de"
        );
        assert_eq!(super::file_name("a/b:c"), "a-b-c");
    }
}
