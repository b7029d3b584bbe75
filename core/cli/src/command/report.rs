//! `mergelab report`: a run as one HTML file, and its figures.

use crate::{
    failure::{Exit, Failure},
    output,
};
use mergelab_report::Report;
use serde_json::json;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  mergelab report runs/quickstart
  mergelab report runs/quickstart --out quickstart.html
  mergelab report runs/quickstart --plots figures

The report needs no network and no other file: it can be mailed or put on a web page. It is made
from the run's folder alone; what the folder lacks is left out, and the report says so.";

/// Write a run's report: one HTML file with summary, figures, examples and recipes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The folder of a run, or its run.json.
    run: PathBuf,
    /// The report [default: report.html in the run's folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write each figure as SVG and as PNG to a folder, too.
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Print the paths of what was written as JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let report = Report::read(&self.run).map_err(Failure::refused)?;
        let out = self
            .out
            .unwrap_or_else(|| report.folder().join(mergelab_report::REPORT));
        report.write(&out).map_err(Failure::refused)?;
        let plots = match &self.plots {
            Some(folder) => report.plots(folder).map_err(Failure::refused)?,
            None => vec![],
        };
        if self.json {
            output::json(&json!({"report": out, "plots": plots}))?;
            return Ok(Exit::Done);
        }
        output::text(&format!("Report: {}\n", out.display()))?;
        if let Some(folder) = &self.plots {
            let figures = plots.len() / 2;
            output::text(&format!(
                "Figures: {figures} in {}, each as SVG and PNG\n",
                folder.display()
            ))?;
        }
        Ok(Exit::Done)
    }
}
