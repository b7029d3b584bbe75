//! Why models could not be compared.

use mergelab_stats::StatsError;

use super::aggregate::SourceError;
use super::choice::Misfit;

/// Why models could not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A setting lies outside its range.
    #[error("the {setting} of the comparisons is {value}, expected {expected}")]
    Setting {
        /// The setting.
        setting: String,
        /// Its value.
        value: f64,
        /// The values allowed, in words.
        expected: &'static str,
    },
    /// A baseline is no model of the experiment.
    #[error("the baseline `{baseline}` is no model of this experiment.{hint}")]
    Baseline {
        /// The name given.
        baseline: String,
        /// The nearest name, or all names.
        hint: String,
    },
    /// A margin is declared for what is not measured.
    #[error(
        "a margin is declared for `{name}`, which is neither a tested measure nor a metric.{hint}"
    )]
    Margin {
        /// The name given.
        name: String,
        /// The nearest name, or all names.
        hint: String,
    },
    /// A test or an interval is asked for what is not measured.
    #[error(
        "a test or interval is asked for `{name}`, which is neither a tested measure nor a \
         metric.{hint}"
    )]
    Chosen {
        /// The name given.
        name: String,
        /// The nearest name, or all names.
        hint: String,
    },
    /// A test or an interval does not fit a measure.
    #[error(
        "the {what} `{chosen}` does not fit the measure `{measure}` on the task `{task}`, {shape}: \
         use one of {fitting}, or leave it out"
    )]
    Unfit {
        /// `test` or `interval`.
        what: &'static str,
        /// The one asked for.
        chosen: &'static str,
        /// The measure.
        measure: String,
        /// The task.
        task: String,
        /// What the measure is, in words.
        shape: &'static str,
        /// Those that fit.
        fitting: String,
    },
    /// Families of max-T hold more than one set of examples.
    #[error(
        "`max_t` exchanges models on one set of examples, so families must differ by `{key}`: add \
         it to `family`, leave `family` out, or correct by `holm`"
    )]
    MaxTFamily {
        /// What families do not differ by.
        key: &'static str,
    },
    /// Max-T with a test that exchanges nothing.
    #[error(
        "`max_t` corrects tests that exchange models, and `{test}` is none: correct by `holm`, or \
         leave out the test"
    )]
    MaxTTest {
        /// The test asked for.
        test: &'static str,
    },
    /// Scores of a model that the experiment does not have.
    #[error("there are scores of the model `{model}`, which is no model of this experiment.{hint}")]
    Model {
        /// The name.
        model: String,
        /// The nearest name, or all names.
        hint: String,
    },
    /// A comparison of nothing.
    #[error("a comparison needs a model with scores")]
    NoSystem,
    /// Two cells claim the same place.
    #[error("{place} is scored twice: keep one set of predictions")]
    Twice {
        /// Model, task and language.
        place: String,
    },
    /// One metric with the same parameters is in a cell twice.
    #[error("{place} holds the metric `{metric}` twice with the same parameters: list it once")]
    MetricTwice {
        /// Model, task and language.
        place: String,
        /// The metric.
        metric: String,
    },
    /// A cell is not as long as its list of examples.
    #[error("{place} has {expected} examples but {found} {what}: score it again")]
    Size {
        /// Model, task and language.
        place: String,
        /// What there is too much or too little of.
        what: String,
        /// How many examples there are.
        expected: usize,
        /// How many of the others there are.
        found: usize,
    },
    /// Two models did not answer the same examples.
    #[error(
        "{place} cannot be paired with the baseline `{baseline}`: {difference}. Score both on the \
         same examples"
    )]
    Examples {
        /// Model, task and language.
        place: String,
        /// The baseline.
        baseline: String,
        /// How the examples differ.
        difference: String,
    },
    /// Two models were not scored alike.
    #[error(
        "{place} and the baseline `{baseline}` are not scored alike by the metric `{metric}`: \
         {difference}. Score both again with one version of the metric"
    )]
    Scores {
        /// Model, task and language.
        place: String,
        /// The baseline.
        baseline: String,
        /// The metric.
        metric: String,
        /// What differs.
        difference: String,
    },
    /// A measure that says it is 0/1 is not.
    #[error(
        "the measure `{measure}` declares 0/1 scores, but {place} has {value} for the example \
         `{example}`: the metric must declare the shape `mean`"
    )]
    NotBinary {
        /// Model, task and language.
        place: String,
        /// The measure.
        measure: String,
        /// Id of the example.
        example: String,
        /// Its score.
        value: f64,
    },
    /// A metric could not be set up again.
    #[error("the metric `{metric}` could not be set up for {place}")]
    Metric {
        /// Model, task and language.
        place: String,
        /// The metric.
        metric: String,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// A metric is not the one that made the scores.
    #[error(
        "the metric `{metric}` no longer reports `{measure}` as it did when {place} was scored: \
         score it again"
    )]
    Changed {
        /// Model, task and language.
        place: String,
        /// The metric.
        metric: String,
        /// The measure.
        measure: String,
    },
    /// A statistic failed.
    #[error("`{measure}` of {place}")]
    Statistics {
        /// Model, task and language.
        place: String,
        /// The measure.
        measure: String,
        /// Why.
        #[source]
        source: StatsError,
    },
}

impl CompareError {
    /// The error about a choice that does not fit.
    pub(crate) fn unfit(misfit: Misfit, measure: &str, task: &str) -> Self {
        Self::Unfit {
            what: misfit.what,
            chosen: misfit.chosen,
            measure: measure.to_owned(),
            task: task.to_owned(),
            shape: misfit.shape,
            fitting: misfit.fitting,
        }
    }
}

/// The result of a statistic that some data have no value for: the reason goes into `notes`, every
/// other failure stays one.
pub(super) fn unless_undefined<T>(
    result: Result<T, StatsError>,
    notes: &mut Vec<String>,
) -> Result<Option<T>, StatsError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(
            error @ (StatsError::TooFew { .. }
            | StatsError::Undefined { .. }
            | StatsError::UndefinedResamples { .. }),
        ) => {
            let note = error.to_string();
            if !notes.contains(&note) {
                notes.push(note);
            }
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
