//! Columns of `prompts.csv`.

use super::Kind::{Float, Integer, Text};
use super::{Column, EXPERIMENT, LANGUAGE, METRIC, METRIC_PARAMETERS, SCHEMA, column};

/// Columns of `prompts.csv`: one row per model, task with several prompts, language and measure.
pub const PROMPTS: &[Column] = &[
    SCHEMA,
    EXPERIMENT,
    column("model", Text, "Name of the model"),
    column(
        "role",
        Text,
        "trivial, base, expert, own_expert, combined, sequential or merge",
    ),
    column(
        "task",
        Text,
        "Name of the task; its prompts are this name and TASK@PROMPT",
    ),
    LANGUAGE,
    METRIC,
    METRIC_PARAMETERS,
    column("measure", Text, "Name of the value: f1_macro"),
    column("prompts", Integer, "Prompts with a value"),
    column("mean", Float, "Mean over prompts"),
    column(
        "sd",
        Float,
        "Standard deviation over prompts, with prompts - 1 below the sum",
    ),
    column("min", Float, "Smallest value"),
    column("max", Float, "Largest value"),
    column(
        "prompt_min",
        Text,
        "Task name of the smallest value's prompt",
    ),
    column(
        "prompt_max",
        Text,
        "Task name of the largest value's prompt",
    ),
    column("note", Text, "Why a number is missing"),
];
