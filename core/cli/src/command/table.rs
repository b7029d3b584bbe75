//! `mergelab table`: wide views of a run's results.

use crate::{
    failure::{Exit, Failure},
    output,
};
use clap::ValueEnum;
use mergelab_abi::registry::{Registry, search_places};
use mergelab_lab::{
    past::Past,
    wide::{self, Options, view},
};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  mergelab table runs/quickstart
  mergelab table runs/quickstart --rows method --cols task,language --format latex --out table.tex
  mergelab table runs/quickstart --cols task --deltas combined --worst
  mergelab table runs/quickstart --cols language --where task=sentiment --measure accuracy
  mergelab table runs/quickstart --rows task,language --cols model --where role=merge,combined
  mergelab table runs/quickstart --format csv > wide.csv

Marks: bold is the best of a column and all that are not shown to be worse than it; † differs from the
baseline; ≈ shown to differ from it by less than the declared margin. The caption says which tests,
which correction, at which level, on how many examples. Tests that significance.csv does not have are
made from the run's predictions.";

/// How the view is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Values at full precision, marks in columns of their own.
    Csv,
    /// A table of GitHub Markdown.
    Md,
    /// A table for LaTeX with booktabs.
    Latex,
    /// A page of its own.
    Html,
}

impl From<Format> for wide::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Md => Self::Markdown,
            Format::Latex => Self::Latex,
            Format::Html => Self::Html,
        }
    }
}

/// Show a run's results as a wide table: models down, tasks and languages across.
///
/// Names are columns of results.csv. One of --rows and --cols names models, the other where they
/// were measured. Replicates are shown as their mean; --where replicate_of=NAME shows each.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The run: its folder, or the run.json in it.
    run: PathBuf,
    /// Columns of results.csv that rows are named by, with commas between them: model, method,
    /// role, a parameter that is varied.
    #[arg(
        long,
        value_name = "COLUMNS",
        value_delimiter = ',',
        default_value = "model"
    )]
    rows: Vec<String>,
    /// Columns of results.csv that columns are named by: task, language, measure, metric.
    #[arg(
        long,
        value_name = "COLUMNS",
        value_delimiter = ',',
        default_value = "task,language"
    )]
    cols: Vec<String>,
    /// Keep the rows of results.csv with one of these values. May be repeated.
    #[arg(long = "where", value_name = "COLUMN=VALUE,...", value_parser = filter)]
    filters: Vec<(String, Vec<String>)>,
    /// Id of the metric. Without it and --measure each task's first tested measure is shown.
    #[arg(long, value_name = "ID")]
    metric: Option<String>,
    /// Name of the measure.
    #[arg(long, value_name = "NAME")]
    measure: Option<String>,
    /// The model that † and ≈ compare with [default: the run's first baseline]
    #[arg(long, value_name = "MODEL")]
    baseline: Option<String>,
    /// Add columns with the difference to this model: of each task's mean where languages have
    /// columns.
    #[arg(long, value_name = "MODEL")]
    deltas: Option<String>,
    /// Add a column with the worst language of each task.
    #[arg(long)]
    worst: bool,
    /// Decimals [default: 3 where values are at most 1, else 2; all of them in CSV]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=12))]
    decimals: Option<u8>,
    /// How to write the table.
    #[arg(long, value_enum, default_value_t = Format::Md)]
    format: Format,
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn filter(text: &str) -> Result<(String, Vec<String>), String> {
    let (column, values) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is not COLUMN=VALUE, such as task=sentiment"))?;
    let values = values.split(',').map(str::to_owned).collect();
    Ok((column.to_owned(), values))
}

impl Arguments {
    pub(crate) fn run(self, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        let past = Past::open(&self.run).map_err(Failure::refused)?;
        let registry = Registry::search(&search_places(plugins, &[]));
        let view = view(
            &past,
            &registry,
            &Options {
                rows: self.rows,
                cols: self.cols,
                filters: self.filters,
                metric: self.metric,
                measure: self.measure,
                baseline: self.baseline,
                deltas: self.deltas,
                worst: self.worst,
                decimals: self.decimals.map(usize::from),
            },
        )
        .map_err(Failure::refused)?;
        let text = view.write(self.format.into()).map_err(Failure::refused)?;
        match &self.out {
            Some(path) => output::file(path, &text)?,
            None => output::text(&text)?,
        }
        for note in &view.notes {
            eprintln!("Not tested: {note}");
        }
        if matches!(self.format, Format::Csv) {
            // CSV has no place for it.
            eprintln!("{}", view.caption.join("\n"));
        }
        Ok(Exit::Done)
    }
}
