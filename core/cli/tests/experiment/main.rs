//! Experiments from end to end, with a model small enough for a test: what it learns does not
//! matter here.

mod baselines;
mod changes;
mod costs;
mod failures;
mod geometry;
mod maintenance;
mod merging;
mod missing;
mod refusals;
mod replicates;
mod report;
mod selection;
mod setting;
mod tables;
