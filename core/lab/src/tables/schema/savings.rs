//! Columns of `savings.csv`.

use super::Kind::{Float, Integer, Text};
use super::{Column, EXPERIMENT, SCHEMA, column};

/// Columns of `savings.csv`: one row per merge method, formula, language or workers, what counts
/// beside training, and unit.
pub const SAVINGS: &[Column] = &[
    SCHEMA,
    EXPERIMENT,
    column("scenario", Text, "initial, update or add"),
    column(
        "formula",
        Text,
        "initial_sequential, initial_parallel_lpt, update_language or add_language",
    ),
    column("method", Text, "Merge method, with its preset"),
    column(
        "language",
        Text,
        "Language that is updated or added; all for the mean over languages; empty for first trainings",
    ),
    column(
        "workers",
        Integer,
        "Workers that train experts at the same time",
    ),
    column(
        "includes",
        Text,
        "training, then +merge, +evaluation and +search as they count too",
    ),
    column(
        "unit",
        Text,
        "wall_seconds, cpu_seconds, device_seconds, tokens, flops or energy_joules",
    ),
    column(
        "merged",
        Float,
        "Cost of experts and merge, the mean over replicates",
    ),
    column(
        "combined",
        Float,
        "Cost of the combined model, the mean over replicates",
    ),
    column("saving", Float, "combined minus merged"),
    column(
        "saving_low",
        Float,
        "Lower end of its interval over replicates",
    ),
    column("saving_high", Float, "Upper end of its interval"),
    column(
        "ratio",
        Float,
        "merged over combined, the mean over replicates; below 1 where merging costs less",
    ),
    column(
        "ratio_low",
        Float,
        "Lower end of its interval over replicates",
    ),
    column("ratio_high", Float, "Upper end of its interval"),
    column("ci_level", Float, "Coverage of the intervals"),
    column("ci_method", Text, "student_t"),
    column("replicates", Integer, "Replicates"),
    column(
        "candidates",
        Integer,
        "Settings of the method's parameters that the search tried",
    ),
    column(
        "note",
        Text,
        "Why a number is missing, and how it was measured",
    ),
];
