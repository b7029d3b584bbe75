//! Columns of `rankings.csv` and `confidence_sets.csv`.

use super::Kind::{Boolean, Float, Integer, Names, Text};
use super::{Column, EXPERIMENT, MEASURE, METRIC, METRIC_PARAMETERS, SCHEMA, TASK, column};

/// Columns of `rankings.csv`: one row per ranking and model. A ranking is over all pairs of task and
/// language, or over the languages of one task.
pub const RANKINGS: &[Column] = &[
    SCHEMA,
    EXPERIMENT,
    column(
        "task",
        Text,
        "Task whose languages are the blocks; all for pairs of task and language",
    ),
    column(
        "measures",
        Names,
        "What each task is ranked by, its first tested measure: task/measure",
    ),
    column("blocks", Integer, "Blocks that models are ranked in"),
    column("models", Integer, "Models with a value in every block"),
    column("model", Text, "Name of the model"),
    column(
        "average_rank",
        Float,
        "Mean rank over the blocks, 1 being best; empty where the model has no value in some block",
    ),
    column(
        "friedman_chi_squared",
        Float,
        "Friedman's statistic, corrected for ties",
    ),
    column(
        "friedman_p",
        Float,
        "p-value of: all models have the same mean rank, by Iman and Davenport's F",
    ),
    column(
        "cliques",
        Names,
        "Numbers of the groups of models, next to each other in rank, of which no two differ by Wilcoxon's test under Holm's correction",
    ),
    column(
        "critical_difference",
        Float,
        "Average ranks farther apart than this differ by Nemenyi's test",
    ),
    column(
        "nemenyi_cliques",
        Names,
        "Numbers of the groups of models of which no two are farther apart than that",
    ),
    column("alpha", Float, "Level of cliques and critical difference"),
    column(
        "note",
        Text,
        "Why a number is missing, or what to keep in mind",
    ),
];

/// Columns of `confidence_sets.csv`: one row per task, language, tested measure and model.
pub const CONFIDENCE_SETS: &[Column] = &[
    SCHEMA,
    EXPERIMENT,
    TASK,
    column("dataset", Text, "Name of the dataset"),
    column("language", Text, "Language of the examples"),
    METRIC,
    METRIC_PARAMETERS,
    MEASURE,
    column("n", Integer, "Examples that all models answered"),
    column("models", Integer, "Models compared"),
    column("model", Text, "Name of the model"),
    column("value", Float, "The value, in the measure's own unit"),
    column(
        "p_value",
        Float,
        "Largest level at which the model confidence set leaves the model out",
    ),
    column(
        "in_set",
        Boolean,
        "Whether the model may be the best: the set holds the best with probability 1 - alpha",
    ),
    column("alpha", Float, "One minus that probability"),
    column("resamples", Integer, "Bootstrap resamples"),
    column("seed", Integer, "Seed of their draws"),
    column("note", Text, "Why a number is missing"),
];
