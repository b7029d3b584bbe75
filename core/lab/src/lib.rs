//! Experiments: manifest, plan, store, stages, tables.
#![forbid(unsafe_code)]

pub mod cell;
