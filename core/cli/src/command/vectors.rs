//! `mergelab vectors`: the geometry of task vectors, as a table.

use crate::{
    failure::{Exit, Failure},
    interrupt, output,
    progress::Elements,
};
use mergelab_vectors::{Inputs, Options, Row, VectorError, analyse};
use std::{io::Write as _, path::Path, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  mergelab vectors models/base models/german models/french --out geometry/
  mergelab vectors models/base adapters/german adapters/french > vectors.csv
  mergelab vectors models/base models/german --no-ranks --json

Columns of the table:
  scope, place  what the number is about: the whole model, a layer, a kind of module, a tensor
  quantity      norm, relative_norm, cosine, sign_conflict, overlap_top1, overlap_top10,
                overlap_top20, effective_rank, stable_rank
  model, other  the model, and the other one of a pair
  value         empty where it is not defined
  null_low,     the band that 95 of 100 pairs of independent random vectors lie in
  null_high
  entries       entries that the number was computed from";

/// Compares task vectors, the differences of models and their base.
///
/// Norms, cosines, sign conflicts, overlaps of the largest entries and effective ranks, of the
/// whole model, each layer, each kind of module and each tensor. A model is a folder, a LoRA
/// adapter's folder, or CHECKPOINT+ADAPTER; adapters on the base are computed from their factors.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The base of all models: a Hugging Face folder or a .safetensors file.
    base: PathBuf,
    /// The models.
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<String>,
    /// The folder to write vectors.csv to, or - for standard output.
    #[arg(long, value_name = "DIR", default_value = "-")]
    out: PathBuf,
    /// Leave out effective and stable ranks, which take most of the time.
    #[arg(long)]
    no_ranks: bool,
    /// Print the rows as JSON instead of CSV.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let inputs = Inputs::open(&self.base, &self.models).map_err(Failure::refused)?;
        let interrupt = interrupt::flag()?;
        let bar = Elements::new();
        let progress = |done, total| bar.show(done, total);
        let options = Options {
            skip_ranks: self.no_ranks,
            interrupt: Some(&interrupt),
            progress: Some(&progress),
        };
        let result = analyse(&inputs, &options);
        bar.finish();
        let analysis = match result {
            Ok(analysis) => analysis,
            Err(VectorError::Interrupted) => {
                eprintln!("Interrupted. Nothing was written.");
                return Ok(Exit::Interrupted);
            }
            Err(error) => return Err(Failure::refused(error)),
        };
        for note in &analysis.notes {
            eprintln!("note: {note}");
        }
        if self.out != Path::new("-") {
            let path = write(&self.out, &table(&analysis.rows)?)?;
            eprintln!("{}: {} rows", path.display(), analysis.rows.len());
        }
        if self.json {
            output::json(&analysis.rows)?;
        } else if self.out == Path::new("-") {
            let text = table(&analysis.rows)?;
            output::text(&String::from_utf8_lossy(&text))?;
        }
        Ok(Exit::Done)
    }
}

fn table(rows: &[Row]) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(Failure::internal)?;
    }
    writer.into_inner().map_err(Failure::internal)
}

/// Writes the table beside its final name first, so that it is whole or not there.
fn write(dir: &Path, table: &[u8]) -> Result<PathBuf, Failure> {
    let path = dir.join("vectors.csv");
    let temporary = dir.join(format!(".vectors.csv.tmp-{}", std::process::id()));
    let written = std::fs::create_dir_all(dir).and_then(|()| {
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(table)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)
    });
    if let Err(error) = written {
        let _ = std::fs::remove_file(&temporary);
        let path = path.display();
        return Err(Failure::refused(format!(
            "{path} cannot be written: {error}"
        )));
    }
    Ok(path)
}
