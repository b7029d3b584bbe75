//! Why a statistic could not be computed.

/// What an [`Aggregate`](crate::Aggregate) reports when it fails, for instance because the plugin behind it did.
pub type AggregateError = Box<dyn std::error::Error + Send + Sync>;

/// A result whose error is a [`StatsError`].
pub type Result<T, E = StatsError> = std::result::Result<T, E>;

/// Why a statistic could not be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// There is nothing to compute on.
    #[error("{what} is empty: score at least one example before testing")]
    Empty {
        /// The empty input.
        what: &'static str,
    },
    /// There is something to compute on, but less than the formula needs.
    #[error("{what} needs at least {needed} {unit}, found {found}")]
    TooFew {
        /// The statistic that was asked for.
        what: &'static str,
        /// The smallest number it is defined for.
        needed: usize,
        /// What is counted: examples, clusters, p-values.
        unit: &'static str,
        /// How many there were.
        found: usize,
    },
    /// Two inputs that describe the same examples differ in length.
    #[error(
        "{left} has {left_length} entries but {right} has {right_length}: pair the two by example id first"
    )]
    Length {
        /// The first input.
        left: &'static str,
        /// Its length.
        left_length: usize,
        /// The second input.
        right: &'static str,
        /// Its length.
        right_length: usize,
    },
    /// The statistics of two systems do not describe the same layout.
    #[error(
        "system a has {a} sufficient statistics an example but system b has {b}: compare one metric at a time"
    )]
    Width {
        /// Width of the first system's rows.
        a: usize,
        /// Width of the second system's rows.
        b: usize,
    },
    /// Two systems assign the same examples to different clusters.
    #[error(
        "the two systems disagree on the cluster of example {example}: give both the same clusters in the same order"
    )]
    Clusters {
        /// The first example they disagree on.
        example: usize,
    },
    /// An input is NaN or infinite.
    #[error(
        "{what} is {value} at position {index}: score the example (for instance as 0) or drop it for every system"
    )]
    NotFinite {
        /// The input.
        what: &'static str,
        /// Where in the input.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A parameter lies outside its range.
    #[error("{name} is {value}, expected {expected}")]
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The values allowed, in words.
        expected: &'static str,
    },
    /// The formula has no value for this input.
    #[error("{what} is undefined: {why}")]
    Undefined {
        /// The statistic.
        what: &'static str,
        /// The reason.
        why: &'static str,
    },
    /// The metric has no value on so many resamples that those left would mislead.
    #[error(
        "the metric has no value on {undefined} of {resamples} resamples: the test set is too small for it"
    )]
    UndefinedResamples {
        /// Resamples on which the metric was NaN or infinite.
        undefined: usize,
        /// Resamples drawn.
        resamples: usize,
    },
    /// The metric itself failed.
    #[error("the metric could not aggregate its statistics")]
    Aggregate(#[source] AggregateError),
}

/// Errors unless every value is finite.
pub(crate) fn require_finite(what: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(StatsError::NotFinite {
            what,
            index,
            value: values[index],
        }),
        None => Ok(()),
    }
}

/// Errors unless `values` is finite and holds at least `needed` examples.
pub(crate) fn require_examples(what: &'static str, values: &[f64], needed: usize) -> Result<()> {
    if values.is_empty() {
        return Err(StatsError::Empty { what });
    }
    if values.len() < needed {
        return Err(StatsError::TooFew {
            what,
            needed,
            unit: "examples",
            found: values.len(),
        });
    }
    require_finite(what, values)
}

/// Errors unless `value` is strictly between 0 and 1.
pub(crate) fn require_fraction(name: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value < 1.0 {
        Ok(())
    } else {
        Err(StatsError::OutOfRange {
            name,
            value,
            expected: "a number strictly between 0 and 1",
        })
    }
}

/// Errors unless `value` is finite and above 0.
pub(crate) fn require_positive(name: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(StatsError::OutOfRange {
            name,
            value,
            expected: "a finite number above 0",
        })
    }
}

/// Errors unless at least one resample is asked for.
pub(crate) fn require_resamples(resamples: usize) -> Result<()> {
    if resamples > 0 {
        Ok(())
    } else {
        Err(StatsError::OutOfRange {
            name: "resamples",
            value: 0.0,
            expected: "1 or more (10,000 is customary)",
        })
    }
}
