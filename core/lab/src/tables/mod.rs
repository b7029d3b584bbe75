//! The tables that an experiment leaves: CSV files for programs, a summary for people.
//!
//! | file | one row per |
//! |---|---|
//! | `results.csv` | model, task, language, split and measure |
//! | `significance.csv` | model, baseline, task, language and tested measure |
//! | `rankings.csv` | ranking over tasks and languages, and model |
//! | `confidence_sets.csv` | task, language, tested measure and model |
//! | `selection.csv` | selection, round and candidate |
//! | `prompts.csv` | model, task with several prompts, language and measure |
//! | `costs.csv` | stage |
//! | `savings.csv` | merge method, formula, language or workers, what counts, and unit |
//! | `vectors.csv` | number about a task vector or a pair of them |
//! | `orthogonality.csv` | merge, expert, task, language and tested measure |
//! | `correlations.csv` | merge, task, tested measure, predictor and outcome |
//!
//! [`package`] describes them for programs. [`schema`] says what each column holds. Rows come in an order that depends on names alone, and
//! numbers are the shortest decimals that read back as the same double, so two runs of one
//! experiment differ only where their results do. A number that does not exist is an empty field,
//! and the last column, `note`, says why.

mod comparison;
mod costs;
mod field;
mod layout;
mod orthogonality;
pub mod package;
mod prompts;
mod rankings;
mod results;
mod savings;
pub mod schema;
mod selection;
mod served;
mod significance;
mod summary;
mod vectors;
mod write;

pub use comparison::{comparison, comparison_in_columns};
pub(crate) use costs::ENDPOINT;
pub use costs::{StageCost, costs};
pub(crate) use field::neutral;
pub use layout::Format;
pub use orthogonality::{correlations, orthogonality};
pub use package::write_package;
pub use prompts::{Prompts, prompts};
pub use rankings::{confidence_sets, rankings};
pub use results::{results, row_id};
pub use savings::{savings, savings_in_words};
pub use selection::{outcome, selection};
pub use significance::significance;
pub use summary::summary;
pub use vectors::vectors;
pub use write::{Table, TableError};

use crate::cell::ModelLabel;

/// The experiment that tables are about.
#[derive(Debug, Clone, Copy)]
pub struct Experiment<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its models, in the order in which tables list them.
    pub models: &'a [ModelLabel],
}

impl<'a> Experiment<'a> {
    /// A model and its place in the order.
    fn model(&self, name: &str) -> Result<(usize, &'a ModelLabel), TableError> {
        let known = self.models.iter().map(|model| model.name.as_str());
        self.models
            .iter()
            .enumerate()
            .find(|(_, model)| model.name == name)
            .ok_or_else(|| TableError::Model {
                model: name.to_owned(),
                hint: mergelab_abi::suggest::hint(name, known),
            })
    }
}
