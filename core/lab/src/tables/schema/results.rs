//! Columns of `results.csv`.

use super::Kind::{Any, Boolean, Float, Integer, Json, Names, Text};
use super::{
    Column, DATASET, EXPERIMENT, HIGHER_IS_BETTER, LANGUAGE, METRIC, METRIC_PARAMETERS, SCHEMA,
    SWEPT, TASK, column,
};

/// Columns of `results.csv`: one row per model, task, language, split and measure.
pub const RESULTS: &[Column] = &[
    SCHEMA,
    EXPERIMENT,
    column("model", Text, "Name of the model"),
    column(
        "role",
        Text,
        "trivial, base, expert, own_expert, combined, sequential, merge or served",
    ),
    column(
        "method",
        Text,
        "Merge method, with its preset: ties@mergekit",
    ),
    column(
        "parameters",
        Json,
        "All parameters of the method, defaults included; of a served model its address and how it is asked",
    ),
    column(
        SWEPT,
        Any,
        "Value of a parameter that the manifest varies; empty where the model has none",
    ),
    column(
        "seed",
        Integer,
        "Seed of the training or of the merge's random draws; empty for a mean over replicates",
    ),
    column(
        "replicate",
        Integer,
        "Which of the manifest's seeds this replicate was trained with; empty for other rows",
    ),
    column(
        "replicate_of",
        Text,
        "Name of the mean over replicates that it belongs to",
    ),
    column(
        "replicates",
        Integer,
        "Number of replicates whose mean the row is; 1 for a model",
    ),
    column("experts", Names, "Models that were merged"),
    column("languages", Names, "Languages of the training data"),
    TASK,
    DATASET,
    LANGUAGE,
    column("split", Text, "Split of the examples"),
    column(
        "selected",
        Boolean,
        "Whether a selection chose the model on this or another split; empty where there is none",
    ),
    METRIC,
    METRIC_PARAMETERS,
    column(
        "preset",
        Text,
        "Exact definition that computed the value: rouge/google@0.1.2",
    ),
    column("measure", Text, "Name of the value: f1_macro"),
    column(
        "shape",
        Text,
        "binary (mean of 0/1), mean (of scores) or corpus (of summed counts)",
    ),
    HIGHER_IS_BETTER,
    column("n", Integer, "Examples scored"),
    column(
        "n_truncated",
        Integer,
        "Examples whose prompt was cut to fit the context",
    ),
    column(
        "units",
        Integer,
        "Examples, clusters or items resampled as wholes",
    ),
    column("value", Float, "The value, in the measure's own unit"),
    column("ci_low", Float, "Lower end of the confidence interval"),
    column("ci_high", Float, "Upper end of the confidence interval"),
    column("ci_level", Float, "Coverage of the interval: 0.95"),
    column(
        "ci_method",
        Text,
        "wilson, student_t, clustered_t, macro_t, replicated_t, or bootstrap, cluster_bootstrap, joint_bootstrap, stratified_bootstrap, replicated_bootstrap (percentiles, or with _bca)",
    ),
    column("plugin_id", Text, "Id of the merge method's plugin"),
    column("plugin_version", Text, "Its version"),
    column("plugin_hash", Text, "BLAKE3 of its library"),
    column(
        "metric_plugin_version",
        Text,
        "Version of the metric's plugin",
    ),
    column("metric_plugin_hash", Text, "BLAKE3 of its library"),
    column(
        "model_key",
        Text,
        "Content key of the model in the store; empty for a mean over replicates",
    ),
    column(
        "cell_key",
        Text,
        "Content key of the predictions; empty where languages or replicates are averaged",
    ),
    column(
        "row",
        Text,
        "Name of the row, from model, task, language, split, metric and measure: mergelab replicate takes it",
    ),
    column(
        "note",
        Text,
        "Why a number is missing, and which model is served elsewhere",
    ),
];
