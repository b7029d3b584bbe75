//! Columns of the comparison of two runs.

use super::Kind::{Boolean, Float, Integer, Text};
use super::{
    Column, DATASET, HIGHER_IS_BETTER, LANGUAGE, MEASURE, METRIC, METRIC_PARAMETERS, PRESET,
    SCHEMA, SHAPE, TASK, column,
};

/// Columns of what `mergelab compare RUN_A RUN_B --csv` writes: one row per model, task, language
/// and tested measure of both runs.
pub const COMPARISON: &[Column] = &[
    SCHEMA,
    column("run_a", Text, "The first run"),
    column("run_b", Text, "The second run"),
    column("model", Text, "Name of the model in both"),
    TASK,
    DATASET,
    LANGUAGE,
    METRIC,
    METRIC_PARAMETERS,
    PRESET,
    MEASURE,
    SHAPE,
    HIGHER_IS_BETTER,
    column("n", Integer, "Examples that both runs have"),
    column(
        "units",
        Integer,
        "Examples, clusters or items that the test exchanges as wholes",
    ),
    column(
        "b_value",
        Float,
        "Value in the second run, on these examples",
    ),
    column(
        "a_value",
        Float,
        "Value in the first run, on these examples",
    ),
    column(
        "difference",
        Float,
        "Second minus first, in the measure's own unit",
    ),
    column(
        "ci_low",
        Float,
        "Lower end of the difference's interval, not corrected for the family",
    ),
    column("ci_high", Float, "Upper end of the difference's interval"),
    column("ci_level", Float, "Coverage of the interval"),
    column("ci_method", Text, "As in significance.csv"),
    column("test", Text, "As in significance.csv"),
    column(
        "exact",
        Boolean,
        "Whether p_value is free of Monte-Carlo error",
    ),
    column(
        "resamples",
        Integer,
        "Exchanges and bootstrap resamples asked for; 0 where none are drawn",
    ),
    column("seed", Integer, "Seed of this row's draws"),
    column("p_value", Float, "Two-sided p-value"),
    column("p_adjusted", Float, "p_value corrected for the family"),
    column(
        "correction",
        Text,
        "holm, bh, by, max_t or none: what this row was corrected by",
    ),
    column(
        "family",
        Text,
        "What is corrected together: task/measure over models and languages, /all for means over languages",
    ),
    column("family_size", Integer, "Number of p-values in the family"),
    column("effect_name", Text, "cohen_h, cohen_dz or bootstrap_dz"),
    column(
        "effect",
        Float,
        "Effect size; above 0 where the second value is higher",
    ),
    column(
        "minimum_detectable_effect",
        Float,
        "Smallest true difference found with probability 0.8 at the uncorrected alpha",
    ),
    column("margin", Float, "Declared difference too small to matter"),
    column(
        "p_equivalence",
        Float,
        "p-value of: the difference is at least the margin",
    ),
    column(
        "within_margin",
        Boolean,
        "Whether the difference was shown to be within the margin",
    ),
    column("alpha", Float, "Level of the verdict"),
    column(
        "verdict",
        Text,
        "better or worse in the second run, equivalent or inconclusive",
    ),
    column(
        "only_b",
        Integer,
        "Examples that only the second run gets right, of 0/1 scores in one language",
    ),
    column(
        "only_a",
        Integer,
        "Examples that only the first run gets right",
    ),
    column(
        "identical",
        Boolean,
        "Whether both have the same statistics on every example",
    ),
    column(
        "non_inferiority_margin",
        Float,
        "Declared difference by which the second run may be worse",
    ),
    column(
        "p_non_inferiority",
        Float,
        "p-value of: the second run is worse by the margin or more",
    ),
    column(
        "non_inferior",
        Boolean,
        "Whether the second run was shown not to be worse by the margin; empty where none is declared",
    ),
    column("note", Text, "Why a number is missing"),
];
