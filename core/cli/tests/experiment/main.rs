//! Experiments from end to end, with a model small enough for a test: what it learns does not
//! matter here.

mod baselines;
mod changes;
mod costs;
mod endpoints;
mod evaluation;
mod failures;
mod geometry;
mod hub;
mod maintenance;
mod merging;
mod missing;
mod own_expert;
mod package;
mod probabilities;
mod refusals;
mod replicates;
mod replicating;
mod report;
mod rows;
mod selection;
mod setting;
mod shots_sent;
mod tables;
mod wide;
