//! Runs that were made before, read back from their folders.
//!
//! | module | what it is |
//! |---|---|
//! | `folder` | finding a run's folder and reading its files |
//! | `stages` | what each stage was made from |
//! | [`since`] | what a plan would do that a run has not done, why, and at what cost |
//! | [`between`] | what moved from one run to another |

pub mod between;
mod folder;
pub mod since;
mod stages;

pub use folder::{Past, PastError, PastModel, PastPlugin, RunRecord};
pub use stages::{StageRecord, write_stages};
