//! What experts and a merge cost beside one model trained on everything.
//!
//! Every number is a sum of what stages cost when they ran, whichever run that was: a cached stage
//! counts like any other. The base is common to both ways and counts for neither.
//!
//! | formula | the merged way | the combined way |
//! |---|---|---|
//! | `initial_sequential` | sum of the experts | combined |
//! | `initial_parallel_lpt` | makespan of the experts on k workers | combined |
//! | `update_language` | sum of the experts that learn the language | combined |
//! | `add_language` | sum of the experts that learn the language | combined on all languages |
//!
//! What is added to both is in [`Includes`]. A makespan is that of the schedule that gives each
//! training, the longest first, to the worker that is free first (Graham 1969, "Bounds on
//! multiprocessing timing anomalies": at most 4/3 - 1/(3k) times the best one). One training is not
//! split over workers.
//!
//! | module | what it is |
//! |---|---|
//! | `amounts` | seconds, tokens, operations, joules, and adding them |
//! | `gather` | which stages belong to which part |
//! | `schedule` | the makespan |
//! | `formulas` | the table above |

mod amounts;
mod formulas;
mod gather;
mod schedule;

pub use amounts::{Amounts, Unit};
pub use formulas::{Formula, Includes, Saving, savings};
pub use gather::{Expert, Merge, Parts, Replicate, replicates};
pub use schedule::makespan;
