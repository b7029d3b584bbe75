//! Every model against every baseline.

use mergelab_abi::metric::Measure;
use mergelab_stats::Verdict;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::aggregate::MetricSource;
use super::declared::check_names;
use super::error::CompareError;
use super::family::decide;
use super::grid::Grid;
use super::jobs::add_jobs;
use super::max_t;
use super::names::{CiMethod, EffectSize, Test};
use super::row::row;
use super::settings::{Correction, Settings};
use crate::cell::{Cell, ModelLabel};

/// One model against one baseline by one measure on one task in one language, or over all its
/// languages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Name of the baseline.
    pub baseline: String,
    /// Name of the model.
    pub model: String,
    /// Name of the task.
    pub task: String,
    /// Name of the dataset; several, with `+` between them, where languages are averaged.
    pub dataset: String,
    /// Language of the examples, or [`ALL_LANGUAGES`](super::ALL_LANGUAGES).
    pub language: String,
    /// Id of the metric.
    pub metric: String,
    /// The metric's parameters, as [`canonical`](super::canonical) JSON.
    pub metric_parameters: String,
    /// The measure.
    pub measure: Measure,
    /// Number of examples that both models answered.
    pub n: usize,
    /// Number of examples, clusters or items that the test exchanges as wholes.
    pub units: usize,
    /// The model's value.
    pub model_value: Option<f64>,
    /// The baseline's value.
    pub baseline_value: Option<f64>,
    /// Model minus baseline, in the measure's own unit.
    pub difference: Option<f64>,
    /// Lower end of the difference's confidence interval. Not corrected for the family.
    pub ci_low: Option<f64>,
    /// Upper end of the difference's confidence interval.
    pub ci_high: Option<f64>,
    /// Coverage of the interval.
    pub ci_level: f64,
    /// How the interval was computed.
    pub ci_method: Option<CiMethod>,
    /// The test.
    pub test: Test,
    /// Whether the p-value is free of Monte-Carlo error.
    pub exact: bool,
    /// Resamples asked for.
    pub resamples: usize,
    /// Seed of this comparison's draws, which follows from the experiment's and the names.
    pub seed: u64,
    /// Two-sided p-value.
    pub p_value: Option<f64>,
    /// The p-value corrected for the family.
    pub p_adjusted: Option<f64>,
    /// How it was corrected.
    pub correction: Correction,
    /// What is corrected together: `<baseline>/<task>/<measure>` over models and languages where the
    /// settings declare no other families, with `/all` behind it for averages over languages.
    pub family: String,
    /// Number of p-values in the family.
    pub family_size: usize,
    /// Which effect size follows.
    pub effect_name: Option<EffectSize>,
    /// Effect size, above 0 where the model's value is higher.
    pub effect: Option<f64>,
    /// Smallest true difference that this test would find at the uncorrected alpha with probability
    /// 0.8.
    pub detectable: Option<f64>,
    /// Declared difference that would be too small to matter.
    pub margin: Option<f64>,
    /// p-value of "the difference is at least the margin".
    pub p_equivalence: Option<f64>,
    /// Level of the verdict's tests.
    pub alpha: f64,
    /// Whether a margin was declared and the difference was shown to be within it.
    pub within_margin: bool,
    /// What can be said.
    #[serde(with = "VerdictWords")]
    pub verdict: Verdict,
    /// Examples that only the model gets right, of 0/1 scores in one language.
    pub only_model: Option<u64>,
    /// Examples that only the baseline gets right.
    pub only_baseline: Option<u64>,
    /// Whether both have the same statistics on every example.
    pub identical: bool,
    /// Declared difference by which the model may be worse.
    #[serde(default)]
    pub inferiority_margin: Option<f64>,
    /// p-value of "the model is worse by that or more".
    #[serde(default)]
    pub p_non_inferior: Option<f64>,
    /// Whether that was refuted. None where no margin is declared.
    #[serde(default)]
    pub non_inferior: Option<bool>,
    /// Upper bound of how far the model is from being ahead of the baseline at every quantile of
    /// their trainings, 0 to 1. None where it was not asked for or trainings are few.
    #[serde(default)]
    pub aso_model: Option<f64>,
    /// The same of the baseline against the model.
    #[serde(default)]
    pub aso_baseline: Option<f64>,
    /// Why a number is missing, or what else was used than was asked for.
    pub note: String,
}

/// Lets a verdict be read back.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Verdict", rename_all = "snake_case")]
enum VerdictWords {
    Better,
    Worse,
    Equivalent,
    Inconclusive,
}

/// Tests every model against every declared baseline, by every tested measure, where both have
/// scores; and on the mean over languages where both have scores in all languages of a task that
/// has several.
///
/// Rows are in the order of the baselines as declared, then of `labels`, then by task, language and
/// measure.
///
/// # Errors
/// Settings out of range or that name what does not exist, models that did not answer the same
/// examples or were not scored alike, or a metric that fails.
pub fn comparisons(
    cells: &[Cell],
    labels: &[ModelLabel],
    source: &dyn MetricSource,
    settings: &Settings,
) -> Result<Vec<Comparison>, CompareError> {
    settings.check()?;
    let grid = Grid::new(cells)?;
    check_names(&grid, labels, settings)?;
    let mut jobs = Vec::new();
    for baseline in &settings.baselines {
        let Some(against) = labels.iter().find(|label| label.name == *baseline) else {
            continue;
        };
        let tested = |label: &&ModelLabel| label.name != *baseline && label.replicate_of.is_none();
        for label in labels.iter().filter(tested) {
            for (name, task) in &grid.tasks {
                add_jobs(&mut jobs, name, task, [label, against])?;
            }
        }
    }
    let (mut rows, undecided): (Vec<_>, Vec<_>) = jobs
        .par_iter()
        .map(|job| row(job, source, settings))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .unzip();
    let corrected = max_t::p_values(&jobs, &rows, source, settings)?;
    decide(&mut rows, &undecided, &corrected, settings)?;
    Ok(rows)
}
