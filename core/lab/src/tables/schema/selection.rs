//! Columns of `selection.csv`.

use super::Kind::{Boolean, Float, Integer, Names, Text};
use super::{Column, EXPERIMENT, SCHEMA, column};

/// Columns of `selection.csv`: one row per selection, round and candidate.
pub const SELECTION: &[Column] = &[
    SCHEMA,
    EXPERIMENT,
    column(
        "selection",
        Text,
        "Name of the entry of the manifest, or its methods",
    ),
    column("split", Text, "Split that candidates were compared on"),
    column("round", Integer, "Round, from 1"),
    column(
        "rows",
        Integer,
        "Most rows per language; empty where all of them served",
    ),
    column("candidate", Text, "Name of the candidate"),
    column(
        "criteria",
        Names,
        "What counted: task/measure, each a mean over the task's languages",
    ),
    column("combine", Text, "How tasks were combined: mean or rank"),
    column(
        "score",
        Float,
        "Mean over tasks: of the measures, or of the ranks, of which less is better",
    ),
    column("rank", Integer, "Place in the round, ties broken by order"),
    column(
        "tied",
        Boolean,
        "Whether another candidate has the same score",
    ),
    column(
        "kept",
        Boolean,
        "Whether it went on, or was chosen in the last round",
    ),
    column("note", Text, "Why a number is missing"),
];
