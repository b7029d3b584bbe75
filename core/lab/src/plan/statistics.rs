//! What `[statistics]` asks for must exist in the tasks' metrics, and fit them.

use super::{Builder, PlanError, tasks::PlannedTask};
use crate::{
    compare::{Chosen, CompareError, FEWEST_TRAININGS, check_chosen, check_margin, picked},
    manifest::Span,
};
use mergelab_abi::metric::Measure;
use std::collections::BTreeSet;

impl Builder<'_> {
    /// Refuses margins and choices of what no task measures, and tests and intervals that do not fit
    /// a measure, at their place in the manifest. Whether examples are clustered is known where the
    /// rows are here; what only clusters rule out is refused when they are.
    pub(super) fn check_statistics(&self) -> Result<(), PlanError> {
        let settings = &self.manifest.statistics;
        let spans = &self.manifest.statistics_spans;
        let tested = self.tasks.iter().flat_map(|task| tested_of(task));
        let names: BTreeSet<&str> = tested
            .flat_map(|(metric, measure)| [metric, measure.name.as_str()])
            .collect();
        let refuse = |span: &Span, error: CompareError| {
            let mut message = error.to_string();
            if !message.ends_with(['.', '?']) {
                message.push('.');
            }
            PlanError::from(self.manifest.error(span.clone(), message))
        };
        if settings.dominance && self.manifest.seeds.len() < FEWEST_TRAININGS {
            let message = format!(
                "`dominance` orders models by their trainings, and fewer than {FEWEST_TRAININGS} say \
                 nothing: list as many `seeds` at the top level, or leave it out."
            );
            return Err(self.manifest.error(spans.dominance.clone(), message).into());
        }
        for (name, span) in &spans.margins {
            check_margin(name, &names).map_err(|e| refuse(span, e))?;
        }
        for (choice, spans) in settings.tests.iter().zip(&spans.tests) {
            if let Some(name) = &choice.measure {
                check_chosen(name, &names).map_err(|e| refuse(&spans.measure, e))?;
            }
        }
        if settings.tests.is_empty() {
            return Ok(());
        }
        for task in self.tasks {
            let clustered = self.clustered(task)?;
            for (metric, measure) in tested_of(task) {
                let [test, interval] = picked(&settings.tests, task.name(), &measure.name, metric);
                let choices = [
                    test.map(|number| {
                        let test = settings.tests[number].test;
                        (
                            &spans.tests[number].test,
                            Chosen {
                                test,
                                interval: None,
                            },
                        )
                    }),
                    interval.map(|number| {
                        let interval = settings.tests[number].interval;
                        (
                            &spans.tests[number].interval,
                            Chosen {
                                test: None,
                                interval,
                            },
                        )
                    }),
                ];
                for (span, chosen) in choices.into_iter().flatten() {
                    if let Some(misfit) = chosen.misfit(measure.shape, clustered) {
                        let error = CompareError::unfit(misfit, &measure.name, task.name());
                        return Err(refuse(span, error));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether some cluster of some language holds more than one of the tested rows.
    fn clustered(&self, task: &PlannedTask<'_>) -> Result<bool, PlanError> {
        let split = &task.entry.split.value;
        for language in &task.languages {
            let (_, slice) = self.data.slice(
                self.manifest,
                &task.card,
                split,
                language,
                task.entry.rows,
                &task.entry.dataset.span,
            )?;
            // Rows without a cluster undo those of the others, as in scoring.
            let clusters = slice
                .examples
                .iter()
                .map(|example| example.cluster.as_ref());
            let distinct: Option<BTreeSet<&String>> = clusters.collect();
            if distinct.is_some_and(|distinct| distinct.len() < slice.examples.len()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The tested measures of a task, each with the id of its metric.
fn tested_of<'a>(task: &'a PlannedTask<'_>) -> impl Iterator<Item = (&'a str, &'a Measure)> {
    let metrics = task.metrics.iter().zip(&task.measures);
    metrics
        .flat_map(|(metric, measures)| measures.iter().map(|m| (metric.plugin.id.as_str(), m)))
        .filter(|(_, measure)| measure.tested)
}
