//! Experiments from end to end, with a model small enough for a test: what it learns does not
//! matter here.

mod changes;
mod costs;
mod failures;
mod geometry;
mod maintenance;
mod merging;
mod refusals;
mod setting;
mod tables;
