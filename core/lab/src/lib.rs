//! Experiments: manifest, plan, store, stages, tables.
//!
//! | module | what it does |
//! |---|---|
//! | [`manifest`] | reads the one TOML file that says what an experiment is; every error has a line |
//! | [`dataset`] | cards and rows |
//! | [`plan`] | from a manifest to a graph of stages, each with a content key |
//! | [`store`] | artifacts under their keys: whole or not there |
//! | [`shots`] | which examples are shown before prompts |
//! | [`stage`] | what each kind of stage does, in a process of its own |
//! | [`executor`] | starts stages, as many at a time as asked for |
//! | [`ledger`] | what each stage cost |
//! | [`savings`] | what experts and a merge cost beside one model trained on everything |
//! | [`orthogonality`] | task vectors joined with what a merge gains or loses |
//! | [`cell`], [`compare`], [`tables`] | scores, tests between models, CSV |
//! | [`wide`] | wide views of those tables, with marks |
//! | [`content`], [`replicate`] | hashes of artifacts; running one row of a table again |
//! | `reading` | how whole texts were read, as part of presets |
//! | [`past`] | runs that were made before: what is new since one, what moved between two |
//! | [`run`](mod@run) | all of it, from a manifest to tables |
#![forbid(unsafe_code)]

pub use mergelab_dataset as dataset;

pub mod cell;
pub mod compare;
pub mod content;
pub mod executor;
pub mod ledger;
pub mod manifest;
pub mod orthogonality;
pub mod past;
pub mod plan;
mod reading;
pub mod replicate;
pub mod run;
pub mod savings;
pub mod shots;
pub mod stage;
pub mod store;
pub mod tables;
pub mod wide;
