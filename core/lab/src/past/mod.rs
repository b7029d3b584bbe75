//! Runs that were made before, read back from their folders.
//!
//! | module | what it is |
//! |---|---|
//! | `folder` | finding a run's folder and reading its files |
//! | `places` | where its inputs lay |
//! | `results`, `predictions` | the rows of its table, and cells from what it predicted |
//! | `stages` | what each stage was made from |
//! | [`since`] | what a plan would do that a run has not done, why, and at what cost |
//! | [`between`] | what moved from one run to another |

pub mod between;
mod folder;
mod places;
mod predictions;
mod results;
pub mod since;
mod stages;

pub use folder::{Past, PastError, PastModel, PastPlugin, RunRecord};
pub use places::{Places, write_places};
pub(crate) use predictions::{cells, file as prediction_file};
pub(crate) use results::{Fields, table};
pub use stages::{StageRecord, write_stages};
