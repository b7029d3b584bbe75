//! How a plan grows: a decided round of a selection adds the next one, or the test of what was
//! chosen.

use super::{Plan, PlanError, Purpose};
use crate::{
    cell::Cell,
    compare::{MetricSource, points},
    stage::CELL,
    store::Store,
};
use std::collections::{BTreeMap, BTreeSet};

/// A decided round of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Index of the selection.
    pub selection: usize,
    /// The round.
    pub round: usize,
}

impl Plan {
    /// Adds the first round of every selection.
    pub(super) fn begin(&mut self, store: &Store) {
        for selection in 0..self.selections.len() {
            self.add_round(selection, store);
        }
    }

    /// Decides every round whose evaluations are all done or failed, and adds what follows from it,
    /// as far as the store goes. `failure` tells why a stage failed. Stages are only ever added, so
    /// indices stay what they were.
    ///
    /// # Errors
    /// Scores in the store that cannot be read, or a metric that fails.
    pub fn grow(
        &mut self,
        store: &Store,
        source: &dyn MetricSource,
        failure: &dyn Fn(usize) -> Option<String>,
    ) -> Result<Vec<Growth>, PlanError> {
        let mut grown = Vec::new();
        // Round by round, so that the order does not depend on which selection was ready first.
        loop {
            let before = grown.len();
            for selection in 0..self.selections.len() {
                if !self.selections[selection].finished()
                    && self.decide(selection, store, source, failure)?
                {
                    let round = self.selections[selection].decided.len() - 1;
                    grown.push(Growth { selection, round });
                    self.follow(selection, store);
                }
            }
            if grown.len() == before {
                return Ok(grown);
            }
        }
    }

    fn decide(
        &mut self,
        index: usize,
        store: &Store,
        source: &dyn MetricSource,
        failure: &dyn Fn(usize) -> Option<String>,
    ) -> Result<bool, PlanError> {
        let selection = &self.selections[index];
        let mut failed: BTreeMap<usize, String> = BTreeMap::new();
        let mut cells = Vec::new();
        let mut seen = BTreeSet::new();
        for planned in &self.cells {
            let Purpose::Selection {
                selection,
                round,
                candidate,
            } = planned.purpose
            else {
                continue;
            };
            if selection != index || round != self.selections[index].decided.len() {
                continue;
            }
            let node = &self.nodes[planned.score];
            if !store.has(node.spec.what.kind(), &node.key) {
                match failure(planned.score) {
                    Some(why) => {
                        failed.entry(candidate).or_insert(why);
                        continue;
                    }
                    None => return Ok(false),
                }
            }
            let path = store.artifact(node.spec.what.kind(), &node.key).join(CELL);
            let mut cell: Cell = read(&path)?;
            let name = &self.models[planned.model].label.name;
            cell.model.clone_from(name);
            if seen.insert((name.clone(), cell.task.clone(), cell.language.clone())) {
                cells.push(cell);
            }
        }
        let points = points(&cells, source)?;
        let name = |model: usize| self.models[model].label.name.clone();
        let standings = selection.judge(&points, &failed, &name);
        self.selections[index].decided.push(standings);
        Ok(true)
    }

    /// What follows the round that was decided last.
    fn follow(&mut self, index: usize, store: &Store) {
        if !self.selections[index].finished() {
            self.add_round(index, store);
            return;
        }
        let selection = &self.selections[index];
        let chosen: BTreeSet<usize> = selection.alive().into_iter().collect();
        let mut test = Vec::new();
        for (number, candidate) in selection.candidates.iter().enumerate() {
            let selected = chosen.contains(&number);
            for &model in &candidate.models {
                self.models[model].label.selected = Some(selected);
            }
            if selected {
                test.extend(candidate.test.iter().cloned());
            }
        }
        for cell in &test {
            self.add(cell, store);
        }
    }

    fn add_round(&mut self, index: usize, store: &Store) {
        let selection = &self.selections[index];
        let round = selection.decided.len();
        let cells: Vec<_> = selection
            .alive()
            .into_iter()
            .flat_map(|candidate| {
                selection.candidates[candidate].rounds[round]
                    .iter()
                    .cloned()
            })
            .collect();
        for cell in &cells {
            self.add(cell, store);
        }
    }

    /// Evaluations that will follow selections which are not decided: those of the chosen ones on
    /// the tested split, and those of later rounds.
    pub fn later(&self) -> usize {
        let open = self.selections.iter().filter(|s| !s.finished());
        open.map(|s| {
            let first = &s.candidates[0];
            let rounds = s.rounds.iter().enumerate().skip(s.decided.len());
            let mut cells = 0;
            for (number, round) in rounds {
                cells += match s.rounds.get(number + 1) {
                    Some(_) => round.keep * first.rounds[number + 1].len(),
                    None => round.keep.min(s.candidates.len()) * first.test.len(),
                };
            }
            cells
        })
        .sum()
    }
}

fn read(path: &std::path::Path) -> Result<Cell, PlanError> {
    let problem = |message: String| PlanError::File {
        path: path.to_owned(),
        message,
    };
    let text = std::fs::read(path).map_err(|e| problem(e.to_string()))?;
    serde_json::from_slice(&text).map_err(|e| problem(e.to_string()))
}
