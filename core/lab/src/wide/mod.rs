//! Wide views of a run's long tables: models down, tasks and languages across, with marks that say
//! which differences are real.
//!
//! | module | what it is |
//! |---|---|
//! | `results` | the rows of `results.csv` |
//! | `layout` | which rows and columns a view has |
//! | `best` | who is not shown to be worse than the best of a column |
//! | `baseline` | who differs from the baseline |
//! | `caption` | what the marks mean: tests, correction, alpha, n |
//! | `labels` | what names the rows |
//! | `number` | numbers as they are printed |
//! | `build` | the view from the values, standings and tests that it shows |
//! | `view` | the view itself, before any format |
//! | `csv`, `markdown`, `latex`, `html` | its formats |

mod baseline;
mod best;
mod build;
mod caption;
mod csv;
mod error;
mod html;
mod labels;
mod latex;
mod layout;
mod markdown;
mod number;
mod results;
#[cfg(test)]
mod tests;
mod view;

pub use error::WideError;
pub use view::{Cell, Column, Kind, Row, View, view};

/// What to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// What rows are named by.
    pub rows: Vec<String>,
    /// What columns are named by.
    pub cols: Vec<String>,
    /// Which rows of `results.csv` count: a column and the values that it may have.
    pub filters: Vec<(String, Vec<String>)>,
    /// Id of the metric; every task's first tested measure counts where neither it nor a measure is
    /// given.
    pub metric: Option<String>,
    /// Name of the measure.
    pub measure: Option<String>,
    /// The model that † and ≈ compare with; the run's first baseline where none is given.
    pub baseline: Option<String>,
    /// The model that differences are shown to.
    pub deltas: Option<String>,
    /// Whether there is a column with the worst language of each task.
    pub worst: bool,
    /// Decimals of printed numbers.
    pub decimals: Option<usize>,
}

/// How a view is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Values at full precision, marks in columns of their own.
    Csv,
    /// A table of GitHub Markdown, with its legend below.
    Markdown,
    /// A `table` with the rules of the package booktabs.
    Latex,
    /// A page of its own.
    Html,
}

impl View {
    /// The view as text.
    ///
    /// # Errors
    /// CSV that cannot be written.
    pub fn write(&self, format: Format) -> Result<String, WideError> {
        Ok(match format {
            Format::Csv => csv::write(self)?,
            Format::Markdown => markdown::write(self),
            Format::Latex => latex::write(self),
            Format::Html => html::write(self),
        })
    }
}
