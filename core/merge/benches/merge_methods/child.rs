//! One merge in a process of its own.

use crate::{Arguments, Result, process};
use mergelab_merge::{Linked, Options, Recipe};
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::Path;
use std::process::Command;

/// Starts this program again, to merge one recipe.
pub(crate) fn start(
    recipe: &Path,
    dir: &Path,
    arguments: &Arguments,
    threads: usize,
) -> Result<(process::Usage, Value)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--child").arg(recipe).arg("--dir").arg(dir);
    command.args(["--threads", &threads.to_string()]);
    for (given, flag) in [
        (arguments.sync, "--sync"),
        (arguments.no_input_hashes, "--no-input-hashes"),
    ] {
        if given {
            command.arg(flag);
        }
    }
    if let Some(memory) = arguments.memory {
        command.args(["--memory", &memory.to_string()]);
    }
    let (usage, printed) = process::run(&mut command)?;
    std::fs::remove_dir_all(dir.join("out"))?;
    Ok((usage, serde_json::from_str(&printed)?))
}

/// Merges, and prints the time that each phase took.
pub(crate) fn run(recipe: &Path, arguments: &Arguments) -> Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads.unwrap_or(0))
        .build_global()?;
    let recipe = Recipe::read(recipe)?;
    let out = arguments
        .dir
        .as_deref()
        .unwrap_or(Path::new("."))
        .join("out");
    // After the last tensor, what merging took.
    let processor = Cell::new(0.0);
    let options = Options {
        overwrite: true,
        hash_inputs: !arguments.no_input_hashes,
        sync: arguments.sync,
        memory: arguments.memory.unwrap_or(Options::default().memory),
        progress: Some(&|_| processor.set(process::own_processor())),
        ..Options::default()
    };
    let report = mergelab_merge::run(&recipe, &Linked, &out, &options)?;
    println!(
        "{}",
        json!({"phases": report.phases, "processor": processor.get()})
    );
    Ok(())
}
