//! Columns of `orthogonality.csv` and `correlations.csv`, which say what it explains.

use super::Kind::{Float, Integer, Text};
use super::{
    Column, EXPERIMENT, HIGHER_IS_BETTER, MEASURE, METRIC, METRIC_PARAMETERS, PRESET, SCHEMA, TASK,
    column,
};

/// Columns of `orthogonality.csv`: one row per merge, merged expert, and task, language of the
/// expert and tested measure.
pub const ORTHOGONALITY: &[Column] = &[
    SCHEMA,
    EXPERIMENT,
    column("merge", Text, "Name of the merge"),
    column("method", Text, "Merge method, with its preset"),
    column("expert", Text, "Name of the expert"),
    TASK,
    column("dataset", Text, "Name of the dataset"),
    column(
        "language",
        Text,
        "Language of the examples, one of the expert's",
    ),
    METRIC,
    METRIC_PARAMETERS,
    PRESET,
    MEASURE,
    HIGHER_IS_BETTER,
    column("n", Integer, "Examples scored"),
    column("merge_value", Float, "Value of the merge"),
    column("expert_value", Float, "Value of the expert"),
    column("base_value", Float, "Value of the base"),
    column(
        "versus_expert",
        Float,
        "merge_value minus expert_value, with its sign changed where lower is better: above 0 the merge gains",
    ),
    column(
        "versus_base",
        Float,
        "merge_value minus base_value, with its sign changed where lower is better",
    ),
    column(
        "mean_cosine",
        Float,
        "Mean cosine of the expert's task vector with the other merged experts', whole model",
    ),
    column(
        "mean_sign_conflict",
        Float,
        "Mean share of entries with differing signs, whole model",
    ),
    column(
        "mean_overlap_top10",
        Float,
        "Mean overlap of the largest tenth of the entries of each tensor, whole model",
    ),
    column(
        "relative_norm",
        Float,
        "Norm of the expert's task vector over the norm of the base",
    ),
    column(
        "replicates",
        Integer,
        "Replicates that the geometry is the mean of",
    ),
    column("note", Text, "Why a number is missing"),
];

/// Columns of `correlations.csv`: one row per merge, task, tested measure, predictor and outcome.
pub const CORRELATIONS: &[Column] = &[
    SCHEMA,
    EXPERIMENT,
    column("merge", Text, "Name of the merge"),
    TASK,
    METRIC,
    METRIC_PARAMETERS,
    PRESET,
    MEASURE,
    column("predictor", Text, "mean_cosine or mean_sign_conflict"),
    column("outcome", Text, "versus_expert or versus_base"),
    column("n", Integer, "Points: languages with their experts"),
    column("pearson", Float, "Pearson's r"),
    column("pearson_low", Float, "Lower end of its interval"),
    column("pearson_high", Float, "Upper end of its interval"),
    column("spearman", Float, "Spearman's rho"),
    column("spearman_low", Float, "Lower end of its interval"),
    column("spearman_high", Float, "Upper end of its interval"),
    column("ci_level", Float, "Coverage of the intervals"),
    column(
        "ci_method",
        Text,
        "bootstrap (percentiles), resampling languages; empty where there are fewer than 5",
    ),
    column("note", Text, "How much so few points say"),
];
