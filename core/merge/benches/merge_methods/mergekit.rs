//! The same merges with mergekit.

use crate::checkpoints::Folders;
use crate::floor::Floors;
use crate::process::{self, Usage};
use crate::recipes::Recipe;
use crate::{Arguments, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `mergekit-yaml`, and what it takes to start.
pub(crate) struct Program {
    path: PathBuf,
    threads: usize,
    /// Seconds by the clock and of all processors.
    start: (f64, f64),
}

impl Program {
    /// Measures the start, after a first one that fills the page cache.
    pub(crate) fn new(path: PathBuf, threads: usize, runs: usize) -> Result<Self> {
        let mut program = Self {
            path,
            threads,
            start: (0.0, 0.0),
        };
        let mut starts = Vec::new();
        for run in 0..=runs.max(1) {
            let (usage, _) = process::run(program.command().arg("--help"))?;
            if run > 0 {
                starts.push(usage);
            }
        }
        program.start = (
            Usage::seconds(&starts).unwrap_or(f64::NAN),
            Usage::processor(&starts).unwrap_or(f64::NAN),
        );
        Ok(program)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.env("OMP_NUM_THREADS", self.threads.to_string());
        // Nothing is looked for outside of this machine.
        command.env("HF_HUB_OFFLINE", "1");
        command
    }

    /// Merges the file that mergelab merged.
    pub(crate) fn measure(
        &self,
        recipe: &Recipe,
        folders: &Folders,
        dir: &Path,
        arguments: &Arguments,
        floors: &mut Floors<'_>,
    ) -> Result<Value> {
        let floor = floors.of(recipe.inputs(folders))?;
        let file = recipe.write(folders, dir, &arguments.dtype)?;
        let out = dir.join("out-mergekit");
        let mut runs = Vec::new();
        for _ in 0..arguments.runs.max(1) {
            let mut command = self.command();
            command.arg(&file).arg(&out);
            command.args(["--lazy-unpickle", "--no-copy-tokenizer", "--quiet"]);
            command.args(["--num-threads", &self.threads.to_string()]);
            let (usage, _) = process::run(&mut command)?;
            runs.push(usage);
            std::fs::remove_dir_all(&out)?;
        }
        let (seconds, processor) = (Usage::seconds(&runs), Usage::processor(&runs));
        let merging = seconds.map(|s| s - self.start.0);
        let merging_processor = processor.map(|s| s - self.start.1);
        Ok(json!({
            "program": "mergekit",
            "recipe": recipe.name,
            "floor": floor.seconds(),
            "start": self.start.0,
            "merging": merging,
            "ratio": merging.map(|m| m / floor.seconds()),
            "process": seconds,
            "process_ratio": seconds.map(|s| s / floor.seconds()),
            "floor_processor": floor.processor,
            "merging_processor": merging_processor,
            "processor_ratio": merging_processor.map(|p| p / floor.processor),
            "processor": processor,
            "memory": Usage::memory(&runs),
        }))
    }
}
