//! Columns of `vectors.csv`.

use super::Kind::{Float, Integer, Text};
use super::{Column, EXPERIMENT, SCHEMA, column};

/// Columns of `vectors.csv`: one row per number about a task vector or a pair of them.
pub const VECTORS: &[Column] = &[
    SCHEMA,
    EXPERIMENT,
    column("scope", Text, "model, layer or module"),
    column(
        "place",
        Text,
        "Number of the layer or kind of module; empty for the whole model",
    ),
    column(
        "quantity",
        Text,
        "norm, relative_norm, cosine, sign_conflict, overlap_top1, overlap_top10 or overlap_top20",
    ),
    column("model", Text, "The expert"),
    column("other", Text, "The other expert of a pair; empty otherwise"),
    column("value", Float, "The number; empty where it is not defined"),
    column(
        "null_low",
        Float,
        "Where 95 of 100 pairs of independent random vectors lie above",
    ),
    column(
        "null_high",
        Float,
        "Where 95 of 100 pairs of independent random vectors lie below",
    ),
    column("entries", Integer, "Entries that it was computed from"),
    column("model_key", Text, "Content key of the expert in the store"),
    column("other_key", Text, "Content key of the other expert"),
    column("note", Text, "Why a number is missing"),
];
