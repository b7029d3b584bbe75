//! Candidates of selections: what their rounds evaluate, and what is evaluated of the chosen ones.

use super::{
    Builder, PlanError, Purpose,
    selection::{Candidate, Criterion, PendingCell, Selection},
    spec::SliceRef,
    tasks::PlannedTask,
};
use crate::{
    compare::canonical,
    manifest::{MergeGrid, Select},
};
use mergelab_abi::suggest::hint;
use std::collections::BTreeSet;

impl<'a> Builder<'a> {
    /// Plans the choice among the merges of an entry. `candidates` are names and models.
    pub(super) fn selection(
        &mut self,
        grid: &MergeGrid,
        select: &Select,
        candidates: Vec<(String, Vec<usize>)>,
    ) -> Result<(), PlanError> {
        let tasks = self.counted(select)?;
        self.check_split(select, &tasks)?;
        let criteria = tasks
            .iter()
            .map(|task| self.criterion(task, select))
            .collect::<Result<Vec<_>, _>>()?;
        let rounds = select.rounds(candidates.len());
        let selection = self.selections.len();
        let mut planned = Vec::new();
        for (number, (name, models)) in candidates.into_iter().enumerate() {
            let mut test: Vec<PendingCell> = Vec::new();
            let mut evaluated: Vec<Vec<PendingCell>> = Vec::new();
            for &model in &models {
                self.models[model].label.candidate = true;
                test.extend(self.tested(model, &self.models[model])?);
            }
            for (round, own) in rounds.iter().enumerate() {
                let purpose = Purpose::Selection {
                    selection,
                    round,
                    candidate: number,
                };
                let mut cells = Vec::new();
                for &model in &models {
                    for task in &tasks {
                        for language in &task.languages {
                            let rows = self.rows(task, select, language, own.rows)?;
                            let model_of = &self.models[model];
                            cells.push(self.cell(model, model_of, task, rows, purpose)?);
                        }
                    }
                }
                evaluated.push(cells);
            }
            planned.push(Candidate {
                name,
                models,
                rounds: evaluated,
                test,
            });
        }
        let methods: Vec<&str> = grid.methods.iter().map(|m| m.value.as_str()).collect();
        let name = match &grid.name {
            Some(name) => name.value.clone(),
            None => methods.join("+"),
        };
        if self.selections.iter().any(|s| s.name == name) {
            return Err(self
                .manifest
                .error(
                    select.span.clone(),
                    format!("there are two selections called `{name}`: give one entry a `name`."),
                )
                .into());
        }
        self.selections.push(Selection {
            name,
            split: select.split.value.clone(),
            combine: select.combine,
            criteria,
            candidates: planned,
            rounds,
            decided: Vec::new(),
        });
        Ok(())
    }

    /// The tasks that count.
    fn counted(&self, select: &Select) -> Result<Vec<&'a PlannedTask<'a>>, PlanError> {
        let own = || self.tasks.iter().filter(|task| task.prompt.is_none());
        let names = || own().map(|task| task.entry.name.as_str());
        let asked = select.tasks.iter().flatten();
        for name in asked.chain(select.measures.iter().map(|(task, _)| task)) {
            if !names().any(|n| n == name.value) {
                let message = format!(
                    "there is no task `{0}`.{1}",
                    name.value,
                    hint(&name.value, names())
                );
                return Err(self.manifest.error(name.span.clone(), message).into());
            }
        }
        let counts = |task: &&PlannedTask<'_>| {
            let own = |tasks: &Vec<crate::manifest::Located<String>>| {
                tasks.iter().any(|t| t.value == task.entry.name)
            };
            select.tasks.as_ref().is_none_or(own)
        };
        Ok(own().filter(counts).collect())
    }

    /// Refuses to choose on what is tested, and on what is not there.
    fn check_split(&self, select: &Select, counted: &[&PlannedTask<'_>]) -> Result<(), PlanError> {
        let split = &select.split;
        let refuse = |message: String| {
            Err(PlanError::from(
                self.manifest.error(split.span.clone(), message),
            ))
        };
        for own in counted {
            if !own.card.splits.contains_key(&split.value) {
                return refuse(format!(
                    "the dataset of the task `{}` has no split `{}` to choose on.",
                    own.entry.name, split.value
                ));
            }
            for tested in self.tasks {
                let same_file = own.card.source.path == tested.card.source.path;
                if same_file && tested.entry.split.value == split.value {
                    return refuse(format!(
                        "the selection would choose on the split `{}`, which `{}` is tested on: \
                         what is chosen would look better than it is. Choose on another split.",
                        split.value, tested.entry.name
                    ));
                }
                for language in own
                    .languages
                    .iter()
                    .filter(|l| tested.languages.contains(l))
                {
                    let hash = |task: &PlannedTask<'_>, split: &str| {
                        let (card, span) = (&task.card, &task.entry.dataset.span);
                        self.data
                            .slice(self.manifest, card, split, language, None, span)
                            .map(|(reference, _)| reference.hash)
                    };
                    if hash(own, &split.value)? == hash(tested, &tested.entry.split.value)? {
                        return refuse(format!(
                            "the {language} rows of the split `{}` are those that `{}` is tested \
                             on, under another name.",
                            split.value, tested.entry.name
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn criterion(&self, task: &PlannedTask<'_>, select: &Select) -> Result<Criterion, PlanError> {
        let all = || {
            let metrics = task.metrics.iter().zip(&task.measures);
            metrics.flat_map(|(metric, measures)| measures.iter().map(move |m| (metric, m)))
        };
        let asked = select
            .measures
            .iter()
            .find(|(t, _)| t.value == task.entry.name);
        let found = match asked {
            Some((_, name)) => all().find(|(_, m)| m.name == name.value),
            None => all().find(|(_, m)| m.tested),
        };
        let Some((metric, measure)) = found else {
            let (span, wanted) = match asked {
                Some((_, name)) => (name.span.clone(), name.value.as_str()),
                None => (task.entry.task.span.clone(), ""),
            };
            let known: BTreeSet<&str> = all().map(|(_, m)| m.name.as_str()).collect();
            let message = match asked {
                Some(_) => format!(
                    "the metrics of `{}` report no `{wanted}`.{}",
                    task.entry.name,
                    hint(wanted, known.iter().copied())
                ),
                None => format!(
                    "no measure of `{}` is tested: say which one counts in the selection's \
                     `measure`.",
                    task.entry.name
                ),
            };
            return Err(self.manifest.error(span, message).into());
        };
        Ok(Criterion {
            task: task.entry.name.clone(),
            languages: task.languages.clone(),
            metric: metric.plugin.id.clone(),
            metric_parameters: canonical(&metric.params),
            measure: measure.name.clone(),
            higher_is_better: measure.higher_is_better,
        })
    }

    /// Rows of a round. Where it would have all of them, it has what a round without a limit has.
    fn rows(
        &self,
        task: &PlannedTask<'_>,
        select: &Select,
        language: &str,
        limit: Option<usize>,
    ) -> Result<SliceRef, PlanError> {
        let slice = |limit| {
            let split = &select.split.value;
            task.slice(self.manifest, self.data, split, language, limit)
        };
        let all = slice(select.rows)?;
        let some = slice(limit)?;
        Ok(if some.hash == all.hash { all } else { some })
    }
}
