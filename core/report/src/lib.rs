//! Reports of experiments: one HTML file with everything in it, and its figures as SVG and PNG.
//!
//! A report is made from a run's folder alone, so it can be made again later and elsewhere. What a
//! run lacks is left out, and the report says so. The same folder gives the same bytes.
//!
//! | module | what it is |
//! |---|---|
//! | `run` | what the folder says |
//! | `figure` | what its tables say, as inputs of plots and as the tables behind them |
//! | `plot` | plots as SVG and PNG, from plain inputs |
//! | `words` | the summary, made from the numbers by rules |
//! | `examples` | prompts and answers, made small |
//! | `page` | the HTML |
#![forbid(unsafe_code)]

mod examples;
mod figure;
mod page;
mod plot;
mod run;
mod words;
mod write;

pub use run::ReportError;
pub use write::{REPORT, Report, write_beside};
