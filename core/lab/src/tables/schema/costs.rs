//! Columns of `costs.csv`.

use super::Kind::{Boolean, Float, Integer, Text};
use super::{Column, EXPERIMENT, SCHEMA, column};

/// Columns of `costs.csv`: one row per stage.
pub const COSTS: &[Column] = &[
    SCHEMA,
    EXPERIMENT,
    column("stage", Text, "Kind of the stage: train, merge, score"),
    column("name", Text, "What it makes"),
    column("key", Text, "Content key of its artifact in the store"),
    column(
        "cached",
        Boolean,
        "Whether the artifact was there before this run, which then cost nothing",
    ),
    column(
        "wall_seconds",
        Float,
        "Seconds from the start of the stage's process to the end of its work, over all its processes",
    ),
    column(
        "cpu_seconds",
        Float,
        "Processor seconds over all threads and processes",
    ),
    column("device_seconds", Float, "Seconds on an accelerator"),
    column("peak_memory", Integer, "Largest resident memory, in bytes"),
    column("bytes", Integer, "Size of the artifact, in bytes"),
    column(
        "tokens",
        Integer,
        "Tokens trained on, or read and generated",
    ),
    column("examples", Integer, "Examples processed"),
    column(
        "tokens_per_second",
        Float,
        "tokens over wall_seconds; empty where the stage has no tokens",
    ),
    column("flops", Float, "Floating-point operations, estimated"),
    column(
        "energy_joules",
        Float,
        "Joules of the machine's processors and memory, and of the stage's GPU, while it ran",
    ),
    column(
        "energy_of",
        Text,
        "What energy_joules counts: packages of processors, memory, GPU",
    ),
    column(
        "processes",
        Integer,
        "Processes that it took: above 1 where a training was stopped and went on",
    ),
    column("threads", Integer, "Threads that the stage could use"),
    column(
        "jobs",
        Integer,
        "Stages that ran beside it at most, itself included",
    ),
    column(
        "device",
        Text,
        "Device: flex, cuda:0; endpoint for a server",
    ),
    column("started_at", Integer, "Start, in seconds since 1970"),
    column(
        "plugin_hash",
        Text,
        "BLAKE3 of the plugin library that it used",
    ),
    column("mergelab", Text, "Version of mergelab"),
    column("note", Text, "Why a number is missing"),
];
