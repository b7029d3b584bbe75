//! `mergelab model diff`: what differs between two models.

use crate::{
    failure::{Exit, Failure},
    interrupt, output,
    progress::Elements,
};
use mergelab_checkpoint::{Checkpoint, Difference, TensorChange};
use std::{fmt::Write as _, path::Path, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  mergelab model diff models/base models/german
  mergelab model diff models/base models/german --all
  mergelab model diff merged-1 merged-2 --json

Exit codes:
  0    nothing differs
  1    something differs
  2    one of the models cannot be read";

/// Rows of the table without --all.
const SHOWN: usize = 20;

/// Shows what differs between two models: configuration, tensors, values.
///
/// Relative change is the norm of the difference over the norm of the first model's tensor. A
/// tensor stored in another format is listed as changed although its values may be the same.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A Hugging Face folder or a .safetensors file.
    a: PathBuf,
    /// The other one.
    b: PathBuf,
    /// Show all changed tensors, not the 20 with the largest relative change.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let open = |path: &Path| Checkpoint::open(path).map_err(Failure::refused);
        let (a, b) = (open(&self.a)?, open(&self.b)?);
        let interrupt = interrupt::flag()?;
        let bar = Elements::new();
        let result = Difference::between(&a, &b, &interrupt, &|done, total| bar.show(done, total));
        bar.finish();
        let Some(difference) = result.map_err(Failure::refused)? else {
            eprintln!("Interrupted.");
            return Ok(Exit::Interrupted);
        };
        if self.json {
            output::json(&difference)?;
        } else {
            output::text(&text(&difference, self.all))?;
        }
        Ok(match difference.is_empty() {
            true => Exit::Done,
            false => Exit::Failed,
        })
    }
}

fn text(difference: &Difference, all: bool) -> String {
    let mut text = String::new();
    if !difference.config.is_empty() {
        let head = ["CONFIG", "A", "B"].map(str::to_owned);
        let rows = difference.config.iter();
        let rows = rows.map(|row| [row.key.clone(), row.a.to_string(), row.b.to_string()]);
        let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
        text += &output::table(&rows);
        text.push('\n');
    }
    for (names, which) in [(&difference.only_in_a, "A"), (&difference.only_in_b, "B")] {
        for name in names {
            let _ = writeln!(text, "only in {which}: {name}");
        }
    }
    for change in &difference.shapes {
        let (a, b) = (&change.a, &change.b);
        let _ = writeln!(text, "shape: {} is {a:?} in A, {b:?} in B", change.tensor);
    }
    let mut changed: Vec<&TensorChange> = difference.changed.iter().collect();
    // What is not finite or was zero first; equal changes by name, as they come.
    let size = |change: &TensorChange| change.relative_change.unwrap_or(f64::INFINITY);
    changed.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let hidden = match all {
        true => 0,
        false => changed.len().saturating_sub(SHOWN),
    };
    changed.truncate(changed.len() - hidden);
    if !changed.is_empty() {
        let head = ["TENSOR", "DTYPE", "CHANGED", "RELATIVE", "MAX"].map(str::to_owned);
        let rows = changed.into_iter().map(row);
        let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
        text += &output::table(&rows);
    }
    if hidden > 0 {
        let _ = writeln!(
            text,
            "... and {hidden} more with smaller changes (--all shows them)"
        );
    }
    let (changed, identical) = (difference.changed.len(), difference.identical);
    let _ = writeln!(text, "{changed} tensors changed, {identical} identical");
    text
}

fn row(change: &TensorChange) -> [String; 5] {
    let dtype = match change.dtype_a == change.dtype_b {
        true => change.dtype_a.to_owned(),
        false => format!("{} to {}", change.dtype_a, change.dtype_b),
    };
    let share = 100.0 * change.differing as f64 / change.elements.max(1) as f64;
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3e}"));
    [
        change.tensor.clone(),
        dtype,
        format!("{share:.1} %"),
        number(change.relative_change),
        number(change.max_difference),
    ]
}
