//! What a merge may take decides how many passes it makes and not one byte of the result, and
//! bounds what it takes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

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
use mergelab_method_karcher as _;
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

use mergelab_checkpoint::{CheckpointWriter, DType, ExtraFile, TensorSpec, WriterOptions};
use mergelab_merge::{Linked, Options, Plan, Recipe, run};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Methods, their parameters and how many models they take. Each is merged in f32 and, with the
/// preset that imitates mergekit, in bf16.
const METHODS: [(&str, &str, usize); 26] = [
    ("linear", "weight = 0.4", 2),
    ("task_arithmetic", "weight = 0.4", 2),
    ("ties", "density = 0.4", 2),
    ("ties", "density = 0.4\nscope = \"model\"", 2),
    ("dare_linear", "density = 0.4\nrescale = \"l1\"", 2),
    ("dare_ties", "density = 0.4\nrescale = \"l2\"", 2),
    ("breadcrumbs", "density = 0.8\ngamma = 0.1", 2),
    ("breadcrumbs_ties", "density = 0.8\ngamma = 0.1", 2),
    ("della", "density = 0.5\nepsilon = 0.3", 2),
    ("della", "density = 0.5\nepsilon = 0.3\nrescale = \"l1\"", 2),
    (
        "della_linear",
        "density = 0.5\nepsilon = 0.3\nrescale = \"linf\"",
        2,
    ),
    ("sce", "select_topk = 0.3", 2),
    ("model_stock", "", 2),
    ("model_stock", "filter_wise = true", 2),
    ("slerp", "t = 0.3", 1),
    ("nuslerp", "per = \"row\"", 2),
    ("nuslerp", "per = \"column\"", 2),
    ("multislerp", "", 2),
    ("karcher", "", 2),
    ("nearswap", "t = 0.001", 1),
    ("arcee_fusion", "", 1),
    ("ram", "", 2),
    ("ramplus_tl", "scope = \"tensor\"", 2),
    ("consensus_ta", "", 2),
    ("emr", "", 2),
    (
        "localize_and_stitch",
        "scope = \"tensor\"\ndensity = 0.3",
        2,
    ),
];

/// Methods that have no preset `mergekit`.
const OURS: [&str; 3] = ["consensus_ta", "emr", "localize_and_stitch"];

/// Numbers in [-1, 1), the same on every machine (Knuth's MMIX congruential generator).
fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

/// A base and two models that differ from it a little, in bf16.
fn checkpoints(dir: &Path, shape: &[usize]) {
    let count = shape.iter().product();
    let base = numbers(1, count);
    for (name, seed) in [("base", 0), ("a", 2), ("b", 3)] {
        let mut values = base.clone();
        if seed > 0 {
            let changes = numbers(seed, count);
            for (x, change) in values.iter_mut().zip(changes) {
                // Some are large and many are lost in the rounding to bf16.
                *x += change * change * change * 0.05;
            }
        }
        let specs = ["layers.0.w", "norm"].map(|tensor| match tensor {
            "norm" => TensorSpec::new(tensor, DType::BF16, [shape[1]]),
            _ => TensorSpec::new(tensor, DType::BF16, shape),
        });
        let options = WriterOptions {
            sync: false,
            ..WriterOptions::default()
        };
        let writer = CheckpointWriter::create(dir.join(name), specs.into(), options).unwrap();
        writer.write_f32(0, 0, &values).unwrap();
        writer.write_f32(1, 0, &values[..shape[1]]).unwrap();
        let config = ExtraFile::new("config.json", r#"{"architectures": ["LlamaForCausalLM"]}"#);
        writer.finish(&[config]).unwrap();
    }
}

/// A recipe for each method, in f32 and in bf16.
fn recipes(dir: &Path) -> Vec<(String, Recipe)> {
    let mut recipes = Vec::new();
    for (method, params, count) in METHODS {
        for (compute, preset) in [("float32", ""), ("bfloat16", "@mergekit")] {
            if !preset.is_empty() && OURS.contains(&method) {
                continue;
            }
            let base = match method {
                "linear" | "nuslerp" | "multislerp" | "karcher" | "passthrough" => "",
                _ => "base = \"base\"\n",
            };
            let models: String = ["a", "b"][..count]
                .iter()
                .map(|name| format!("[[models]]\npath = \"{name}\"\n"))
                .collect();
            let text = format!(
                "method = \"{method}{preset}\"\n{base}compute = \"{compute}\"\nseed = 5\n\
                 [params]\n{params}\n{models}"
            );
            let recipe = Recipe::parse_toml(&text, &dir.join("merge.toml")).unwrap();
            recipes.push((text, recipe));
        }
    }
    recipes
}

/// Merges, and gives the file of the result.
fn merge(recipe: &Recipe, out: &Path, memory: u64) -> PathBuf {
    let options = Options {
        memory,
        overwrite: true,
        hash_inputs: false,
        sync: false,
        ..Options::default()
    };
    let report = run(recipe, &Linked, out, &options).unwrap_or_else(|error| panic!("{error}"));
    report.files[0].clone()
}

/// Both tests look at the memory of the whole process, or fill it.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn memory_does_not_change_a_byte_of_any_method() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    // Rows that end inside chunks, which are what a band has at least.
    checkpoints(dir.path(), &[131, 1219]);
    for (text, recipe) in recipes(dir.path()) {
        let bytes = |memory: u64| {
            let file = merge(&recipe, &dir.path().join("out"), memory);
            std::fs::read(file).unwrap()
        };
        let plenty = bytes(1 << 30);
        for little in [1 << 20, 0] {
            assert!(
                bytes(little) == plenty,
                "{little} bytes change the result of\n{text}"
            );
        }
    }
}

/// Anonymous pages of this process, in bytes.
#[cfg(target_os = "linux")]
fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:"));
    let kilobytes = line.unwrap().trim().strip_suffix(" kB").unwrap().trim();
    kilobytes.parse::<u64>().unwrap() << 10
}

/// The most that a merge adds to the anonymous pages of this process.
#[cfg(target_os = "linux")]
fn peak(merge: impl FnOnce()) -> u64 {
    use std::sync::atomic::{AtomicBool, Ordering};
    let (before, over) = (anonymous(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(anonymous());
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            most
        });
        merge();
        over.store(true, Ordering::Relaxed);
        watch.join().unwrap().saturating_sub(before)
    })
}

#[test]
#[cfg(target_os = "linux")]
fn tensors_larger_than_the_memory_are_merged_in_it() {
    /// What is allowed, and what two threads take beside it: buffers for tiles, for ranking rows
    /// and for counting.
    const ALLOWED: u64 = 1 << 20;
    const BESIDE: u64 = 14 << 20;
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    // 16 MiB in f32; a method that holds its inputs or a few results would hold several times that.
    let shape = [2048, 2048];
    checkpoints(dir.path(), &shape);
    let two = rayon::ThreadPoolBuilder::new().num_threads(2).build();
    let two = two.unwrap();
    for (text, recipe) in recipes(dir.path()) {
        // Those that once held tensors, and one of each other kind of pass.
        let hungry = [
            "della\"",
            "karcher@",
            "multislerp@",
            "arcee_fusion",
            "ties\"",
        ];
        if !hungry
            .iter()
            .any(|name| text.contains(&format!("method = \"{name}")))
        {
            continue;
        }
        let out = dir.path().join("out");
        let taken = peak(|| drop(two.install(|| merge(&recipe, &out, ALLOWED))));
        assert!(
            taken <= ALLOWED + BESIDE,
            "{:.1} MiB of anonymous pages for\n{text}",
            taken as f64 / f64::from(1 << 20)
        );
    }
}

#[test]
fn rows_that_do_not_fit_are_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    checkpoints(dir.path(), &[2, 300_000]);
    let text = "method = \"della\"\nbase = \"base\"\n[[models]]\npath = \"a\"\n";
    let recipe = Recipe::parse_toml(text, &dir.path().join("merge.toml")).unwrap();
    let out = dir.path().join("out");
    let options = |memory| Options {
        memory,
        overwrite: true,
        sync: false,
        ..Options::default()
    };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    one.unwrap().install(|| {
        let error = run(&recipe, &Linked, &out, &options(1 << 20)).unwrap_err();
        let message = error.to_string();
        assert_eq!(
            message,
            "tensor `layers.0.w`: the method `della` ranks each row as a whole, which takes 22 MiB \
             of memory here, and the merge may take 1 MiB: allow it at least `--memory 22MiB`, or \
             choose a method that drops entries without ranks, such as dare_ties"
        );
        assert!(!out.exists());
        let description = Plan::new(&recipe, &Linked).unwrap().describe();
        let rows = description.memory.method.rows.unwrap();
        assert_eq!(
            (rows.tensor.as_str(), rows.bytes),
            ("layers.0.w", 22_800_000)
        );
        run(&recipe, &Linked, &out, &options(22_800_000)).unwrap();
    });
}

#[test]
fn what_matrices_take_is_told() {
    let dir = tempfile::tempdir().unwrap();
    checkpoints(dir.path(), &[300, 500]);
    let text = "method = \"lora_svd\"\nbase = \"base\"\nparams.rank = 4\nparams.dense = true\n\
                [[models]]\npath = \"a\"\n";
    let recipe = Recipe::parse_toml(text, &dir.path().join("merge.toml")).unwrap();
    let plan = Plan::new(&recipe, &Linked).unwrap();
    let matrices = plan.describe().memory.method.matrices.unwrap();
    assert_eq!(matrices.tensor, "layers.0.w");
    // The matrix in f32, and in f64 twice with its factors.
    let least = 4 * 300 * 500 + 8 * (2 * 300 * 500 + 800 * 300);
    assert!(matrices.bytes >= least, "{} bytes", matrices.bytes);
    assert!(matrices.bytes < 2 * least, "{} bytes", matrices.bytes);
}
