//! Time and memory of whole merges, beside the time that reading and writing alone take.
//!
//! ```text
//! cargo bench -p mergelab-merge --bench merge_methods -- \
//!     --shapes qwen2.5-0.5b --models 5 --dir /tmp/merge-bench --method ties
//! ```
//!
//! Makes a base and models of any size (once; a folder that is there is used again), measures the
//! floor ([`floor`]), runs every recipe of [`recipes`] in a process of its own, and prints one
//! line for each. With mergekit at hand (`--mergekit`, or `mergekit-yaml` on the path) the same
//! files go through it in the same run. What its process takes longer than `mergekit-yaml --help`,
//! which imports as much, counts as merging.

mod checkpoints;
mod child;
mod floor;
mod mergekit;
mod process;
mod recipes;
mod shapes;

// Linked so that they register themselves.
use mergelab_method_arcee_fusion as _;
use mergelab_method_breadcrumbs as _;
use mergelab_method_breadcrumbs_ties as _;
use mergelab_method_consensus_ta as _;
use mergelab_method_dare_linear as _;
use mergelab_method_dare_ties as _;
use mergelab_method_della as _;
use mergelab_method_della_linear as _;
use mergelab_method_emr as _;
use mergelab_method_iso_c as _;
use mergelab_method_iso_cts as _;
use mergelab_method_karcher as _;
use mergelab_method_knots as _;
use mergelab_method_linear as _;
use mergelab_method_localize_and_stitch as _;
use mergelab_method_lora_svd as _;
use mergelab_method_model_stock as _;
use mergelab_method_multislerp as _;
use mergelab_method_nearswap as _;
use mergelab_method_nuslerp as _;
use mergelab_method_passthrough as _;
use mergelab_method_ram as _;
use mergelab_method_ramplus_tl as _;
use mergelab_method_sce as _;
use mergelab_method_slerp as _;
use mergelab_method_task_arithmetic as _;
use mergelab_method_ties as _;
use mergelab_method_tsv_m as _;
use mergelab_method_wudi as _;

use clap::Parser;
use mergelab_merge::{Linked, Methods as _};
use process::{Usage, median};
use recipes::Recipe;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Time and peak memory of every merge method.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// Shapes of the models: qwen2.5-0.5b, qwen2.5-1.5b, llama-7b, tiny.
    #[arg(long, default_value = "tiny")]
    shapes: String,
    /// Layers, where not all of the shape's.
    #[arg(long)]
    layers: Option<usize>,
    /// Models beside the base.
    #[arg(long, default_value_t = 5)]
    models: usize,
    /// Leave all weights zero, as holes of the files: shapes that would not fit on the disk.
    #[arg(long)]
    sparse: bool,
    /// Folder for checkpoints and results; they are kept.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Names of recipes, or of methods; all if absent.
    #[arg(long, num_args = 1..)]
    method: Vec<String>,
    /// Precision of the arithmetic; the output is bfloat16.
    #[arg(long, default_value = "float32")]
    dtype: String,
    /// Runs of each, of which the median counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Threads of merges and of the floor; all processors if absent.
    #[arg(long)]
    threads: Option<usize>,
    /// Sync outputs to the disk, as `mergelab merge` does.
    #[arg(long)]
    sync: bool,
    /// Leave out the hashes of the inputs.
    #[arg(long)]
    no_input_hashes: bool,
    /// Bytes of memory that a merge may take, such as 268435456.
    #[arg(long)]
    memory: Option<u64>,
    /// The program `mergekit-yaml`, if it is not on the path.
    #[arg(long)]
    mergekit: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Passed by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
    /// Merge this recipe instead, and print what it took.
    #[arg(long, hide = true)]
    child: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(recipe) = &arguments.child {
        return child::run(recipe, &arguments);
    }
    if !arguments.bench {
        // `cargo test --benches` only has to know that it starts.
        return Ok(());
    }
    let kept = tempfile::tempdir()?;
    let dir = arguments.dir.clone().unwrap_or_else(|| kept.path().into());
    std::fs::create_dir_all(&dir)?;
    let dir = dir.canonicalize()?;
    let shapes = shapes::of(&arguments.shapes, arguments.layers)?;
    let folders = checkpoints::make(&dir, &shapes, arguments.models, arguments.sparse)?;
    let threads = arguments
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mergekit = match arguments.mergekit.clone().or_else(process::mergekit) {
        Some(program) => Some(mergekit::Program::new(program, threads, arguments.runs)?),
        None => None,
    };

    let mut floors = floor::Floors::new(&folders, &dir, threads, arguments.runs);
    let mut rows = Vec::new();
    for recipe in recipes::ALL {
        let wanted = |name: &String| name == recipe.name || name == recipe.method;
        if !arguments.method.is_empty() && !arguments.method.iter().any(wanted) {
            continue;
        }
        if Linked.find(recipe.method).is_err() {
            eprintln!(
                "{}: left out, as the method `{}` is not linked into this program",
                recipe.name, recipe.method
            );
            continue;
        }
        let row = measure(recipe, &folders, &dir, &arguments, threads, &mut floors)?;
        if !arguments.json {
            print_row(&row, rows.is_empty());
        }
        rows.push(row);
        if let Some(program) = mergekit.as_ref().filter(|_| recipe.mergekit) {
            let row = program.measure(recipe, &folders, &dir, &arguments, &mut floors)?;
            if !arguments.json {
                print_row(&row, false);
            }
            rows.push(row);
        }
    }
    let result = json!({
        "shapes": arguments.shapes,
        "parameters": shapes.parameters(),
        "models": arguments.models,
        "dtype": arguments.dtype,
        "threads": threads,
        "sync": arguments.sync,
        "input_hashes": !arguments.no_input_hashes,
        "rows": rows,
    });
    if arguments.json {
        println!("{result:#}");
    } else {
        println!(
            "\n{} parameters, {} models, computed in {}, {threads} threads, inputs in the page \
             cache; outputs {}synced, inputs {}hashed.\nfloor: reading all inputs and writing \
             the output to the page cache. cpu: of all threads, which other \
             programs on the machine disturb less. process: from start to exit of the program. \
             memory: peak of anonymous pages, in MB. mergekit: merging is its process less its \
             start.",
            shapes.parameters(),
            arguments.models,
            arguments.dtype,
            if arguments.sync { "" } else { "not " },
            if arguments.no_input_hashes {
                "not "
            } else {
                ""
            },
        );
    }
    Ok(())
}

/// Merges with this program.
fn measure(
    recipe: &Recipe,
    folders: &checkpoints::Folders,
    dir: &Path,
    arguments: &Arguments,
    threads: usize,
    floors: &mut floor::Floors<'_>,
) -> Result<Value> {
    let floor = floors.of(recipe.inputs(folders))?;
    let file = recipe.write(folders, dir, &arguments.dtype)?;
    let mut runs = Vec::new();
    let mut reports = Vec::new();
    for _ in 0..arguments.runs.max(1) {
        let (usage, report) = child::start(&file, dir, arguments, threads)?;
        runs.push(usage);
        reports.push(report);
    }
    let phase = |name: &str| median(reports.iter().map(|r| r["phases"][name].as_f64()));
    let merging = phase("merging");
    let merging_processor = median(reports.iter().map(|r| r["processor"].as_f64()));
    Ok(json!({
        "program": "mergelab",
        "recipe": recipe.name,
        "floor": floor.seconds(),
        "floor_reading": floor.reading,
        "floor_writing": floor.writing,
        "merging": merging,
        "hashing": phase("hashing"),
        "syncing": phase("syncing"),
        "ratio": merging.map(|m| m / floor.seconds()),
        "process": Usage::seconds(&runs),
        "process_ratio": Usage::seconds(&runs).map(|s| s / floor.seconds()),
        "floor_processor": floor.processor,
        "merging_processor": merging_processor,
        "processor_ratio": merging_processor.map(|p| p / floor.processor),
        "processor": Usage::processor(&runs),
        "memory": Usage::memory(&runs),
    }))
}

/// Title, key in the row, digits after the point.
const COLUMNS: [(&str, &str, usize); 12] = [
    ("floor", "floor", 2),
    ("merging", "merging", 2),
    ("ratio", "ratio", 2),
    ("floor", "floor_processor", 2),
    ("merging", "merging_processor", 2),
    ("ratio", "processor_ratio", 2),
    ("hashing", "hashing", 2),
    ("syncing", "syncing", 2),
    ("process", "process", 2),
    ("ratio", "process_ratio", 2),
    ("cpu", "processor", 2),
    ("memory", "memory", 0),
];

fn print_row(row: &Value, first: bool) {
    if first {
        println!(
            "{:<9} {:<18} {:^23} {:^23} seconds",
            "", "", "seconds", "cpu seconds"
        );
        print!("{:<9} {:<18}", "program", "recipe");
        for (title, _, _) in COLUMNS {
            print!(" {title:>7}");
        }
        println!();
    }
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    print!("{:<9} {:<18}", text("program"), text("recipe"));
    for (_, key, digits) in COLUMNS {
        let scale = if key == "memory" { 1e-6 } else { 1.0 };
        match row[key].as_f64() {
            Some(x) => print!(" {:>7.digits$}", x * scale),
            None => print!(" {:>7}", "-"),
        }
    }
    println!();
}
