//! How good each model is, and which differences between models the examples support.
//!
//! [`values`] gives each model's value with its confidence interval. [`comparisons`] tests every
//! model against each declared baseline on the same examples. Which test and which interval is
//! decided by the measure's shape:
//!
//! | shape | test | interval | effect size | equivalence |
//! |---|---|---|---|---|
//! | `binary` | exact McNemar | Tango | Cohen's h | Tango's score test |
//! | `binary`, clustered | sign flip of clusters | cluster bootstrap | Cohen's h | clustered t |
//! | `mean` | sign flip | paired bootstrap | d_z | paired t |
//! | `mean`, clustered | sign flip of clusters | cluster bootstrap | d_z | clustered t |
//! | `corpus` | approximate randomisation | paired bootstrap | standardised by the bootstrap | bootstrap |
//!
//! Clusters count as such where one of them holds more than one example. Where a task has several
//! languages, each measure has a further row with the language [`ALL_LANGUAGES`]: the unweighted
//! mean of its values over the languages. Examples that share a cluster, or an id where there are
//! no clusters, across languages are translations of one item and are exchanged and resampled
//! together.
//!
//! Models that were trained several times have one value and one comparison: the mean over their
//! replicates, with an interval over examples and replicates.
//!
//! The settings can ask for another test or interval ([`Choice`]). It must fit the measure. For means
//! over languages and replicates it is a test of what each item adds to the mean; where it has no
//! meaning there another one is used. The row names what was used.
//!
//! The same cells, settings and seed give the same rows, whatever the number of threads.

mod aggregate;
mod canonical;
mod choice;
mod chosen;
mod comparison;
mod confidence_sets;
mod declared;
mod dominance;
mod error;
mod family;
#[cfg(test)]
pub(crate) mod fixture;
mod grid;
mod jobs;
mod macro_average;
mod max_t;
mod names;
mod over_items;
mod paired;
mod pairs;
mod part;
mod point;
mod rankings;
mod registry;
mod replicated;
mod row;
mod settings;
mod stream;
#[cfg(test)]
mod tests;
mod value;

pub use aggregate::{MetricSource, SourceError};
pub use canonical::canonical;
pub use choice::{Choice, IntervalChoice, TestChoice};
pub(crate) use choice::{Chosen, Fits, picked};
pub use comparison::{Comparison, comparisons};
pub use confidence_sets::{Membership, confidence_sets};
pub(crate) use declared::{check_chosen, check_margin};
pub use dominance::FEWEST_TRAININGS;
pub use error::CompareError;
pub use names::{CiMethod, EffectSize, Test};
pub use pairs::pairs;
pub use point::{Point, points};
pub use rankings::{ALL_TASKS, RankedModel, Ranking, rankings};
pub use registry::RegistryMetrics;
pub use settings::{Correction, FamilyKey, Settings};
pub use value::{Value, values};

/// The language of rows that average over all languages of a task.
pub const ALL_LANGUAGES: &str = "all";
