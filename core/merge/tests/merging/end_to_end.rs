//! What comes out of whole merges.

use crate::checkpoints::{Bench, TENSORS, bytes, numbers, read, rounded};
use mergelab_checkpoint::{Checkpoint, DType, WriterOptions};
use mergelab_merge::{Action, Linked, MergeError, Options, Plan, run};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const TWO: &str = "method = \"linear\"\n[[models]]\npath = \"a\"\nweight = 0.25\n\
                   [[models]]\npath = \"b\"\nweight = 0.75\n";

#[test]
fn linear_is_the_weighted_mean_and_other_tools_read_it() {
    let bench = Bench::new();
    bench.model("a", DType::F32, 1);
    bench.model("b", DType::F32, 2);
    let report = bench.merge(TWO, "out").unwrap();
    assert_eq!((report.merged, report.copied), (6, 0));
    assert_eq!(report.bytes_read, 2 * report.bytes_written);

    // The safetensors crate, which is what Python's loader is made of.
    let file = std::fs::read(bench.path("out/model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    assert_eq!(tensors.len(), TENSORS.len());
    for (name, shape) in TENSORS {
        let view = tensors.tensor(name).unwrap();
        assert_eq!(
            (view.dtype(), view.shape()),
            (safetensors::Dtype::F32, shape)
        );
        let found = view.data().as_chunks::<4>().0.iter();
        let (a, b) = (read(&bench.path("a"), name), read(&bench.path("b"), name));
        for ((found, a), b) in found.zip(a).zip(b) {
            // The weights are exact and sum to 1; products and sum round once each.
            let wanted = 0.25 * f64::from(a) + 0.75 * f64::from(b);
            let found = f64::from(f32::from_le_bytes(*found));
            assert!((found - wanted).abs() <= 2.0 * f64::from(f32::EPSILON));
        }
    }
}

#[test]
fn shards_and_storage_formats_do_not_change_values() {
    let bench = Bench::new();
    for (dtype, name) in [(DType::F32, "f"), (DType::BF16, "b"), (DType::F16, "h")] {
        bench.model(&format!("{name}1"), dtype, 1);
        bench.model(&format!("{name}2"), dtype, 2);
        bench.sharded(&format!("{name}1s"), dtype, 1);
        bench.sharded(&format!("{name}2s"), dtype, 2);
        let recipe = |ending: &str, more: &str| {
            format!(
                "method = \"task_arithmetic\"\nbase = \"{name}1{ending}\"\n{more}\
                 [[models]]\npath = \"{name}2{ending}\"\nweight = 0.3\n"
            )
        };
        let whole = bench
            .merge(&recipe("", ""), &format!("{name}-whole"))
            .unwrap();
        let parts = bench
            .merge(&recipe("s", "max_shard = 300\n"), &format!("{name}-parts"))
            .unwrap();
        assert_eq!(whole.content_hash, parts.content_hash);
        assert_eq!(whole.files.len(), 1);
        assert!(parts.files.len() > 3);
        assert!(
            bench
                .path(&format!("{name}-parts/model.safetensors.index.json"))
                .is_file()
        );
        for (tensor, _) in TENSORS {
            let (base, model) = (
                read(&bench.path(&format!("{name}1")), tensor),
                read(&bench.path(&format!("{name}2")), tensor),
            );
            // f32 arithmetic on what is stored, rounded to the format once at the end.
            let wanted = base.iter().zip(&model).map(|(b, m)| b + (m - b) * 0.3);
            let wanted = rounded(dtype, wanted.collect());
            assert_eq!(read(&whole.dir, tensor), wanted, "{dtype} {tensor}");
        }
    }
}

#[test]
fn formats_mix_and_the_output_can_have_another() {
    let bench = Bench::new();
    bench.model("base", DType::BF16, 1);
    bench.model("x", DType::F16, 2);
    bench.model("y", DType::F32, 3);
    let recipe = |more: &str| {
        format!(
            "method = \"ties\"\nbase = \"base\"\n{more}[[models]]\npath = \"x\"\n\
             [[models]]\npath = \"y\"\n"
        )
    };
    bench.merge(&recipe(""), "like-base").unwrap();
    bench
        .merge(&recipe("out_dtype = \"float32\"\n"), "wide")
        .unwrap();
    let (narrow, wide) = (bench.path("like-base"), bench.path("wide"));
    for (name, _) in TENSORS {
        let narrow_view = Checkpoint::open(&narrow).unwrap();
        assert_eq!(narrow_view.tensor(name).unwrap().dtype, DType::BF16);
        let wanted = rounded(DType::BF16, read(&wide, name));
        assert_eq!(read(&narrow, name), wanted);
    }
    let config = |dir: &std::path::Path| Checkpoint::open(dir).unwrap().config().unwrap().clone();
    assert_eq!(config(&narrow)["torch_dtype"], "bfloat16");
    assert_eq!(config(&wide)["torch_dtype"], "float32");
    assert_eq!(config(&wide)["architectures"][0], "LlamaForCausalLM");
}

#[test]
fn an_adapter_is_the_same_as_the_dense_model() {
    let bench = Bench::new();
    bench.model("base", DType::F32, 1);
    bench.adapter("de", 50);
    bench.adapter("fr", 60);
    let lora = "method = \"ties\"\nbase = \"base\"\nparams.density = 0.4\n\
                [[models]]\nadapter = \"de\"\n[[models]]\nadapter = \"fr\"\n";
    let report = bench.merge(lora, "from-adapters").unwrap();
    assert!(report.inputs[1].adapter_hash.is_some());

    // Dense models made by the merge itself: one model with weight 1.
    for name in ["de", "fr"] {
        let recipe =
            format!("method = \"linear\"\n[[models]]\npath = \"base\"\nadapter = \"{name}\"\n");
        bench.merge(&recipe, &format!("{name}-dense")).unwrap();
        let changed = "model.layers.1.mlp.up_proj.weight";
        assert_ne!(
            read(&bench.path(&format!("{name}-dense")), changed),
            read(&bench.path("base"), changed)
        );
    }
    let dense = "method = \"ties\"\nbase = \"base\"\nparams.density = 0.4\n\
                 [[models]]\npath = \"de-dense\"\n[[models]]\npath = \"fr-dense\"\n";
    let dense = bench.merge(dense, "from-dense").unwrap();
    assert_eq!(report.content_hash, dense.content_hash);
}

#[test]
fn threads_and_tiles_do_not_change_a_byte() {
    let bench = Bench::new();
    bench.model("base", DType::F32, 1);
    for (name, seed) in [("a", 2), ("b", 3), ("c", 4)] {
        bench.model(name, DType::BF16, seed);
    }
    let recipe = bench.recipe(
        "method = \"dare_ties\"\nbase = \"base\"\nseed = 11\nmax_shard = 700\n\
         params.density = 0.6\n[[models]]\npath = \"a\"\n[[models]]\npath = \"b\"\n\
         [[models]]\npath = \"c\"\n",
    );
    let merge = |threads: usize, tile: usize| {
        let out = bench.path(&format!("out-{threads}-{tile}"));
        let pool = rayon_pool(threads);
        pool.install(|| {
            let options = Options {
                tile,
                ..Options::default()
            };
            run(&recipe, &Linked, &out, &options).unwrap();
        });
        bytes(&out)
    };
    let wanted = merge(1, 2048);
    assert!(wanted.len() > 5);
    assert_eq!(merge(4, 2048), wanted);
    assert_eq!(merge(3, 16), wanted);
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap()
}

#[test]
fn filters_and_gradients_reach_the_method() {
    let bench = Bench::new();
    bench.model("base", DType::F32, 1);
    bench.model("a", DType::F32, 2);
    let recipe = bench.recipe(
        "method = \"task_arithmetic\"\nbase = \"base\"\n[[models]]\npath = \"a\"\n\
         weight = [{ filter = \"mlp\", value = [0.25, 0.5] }, { filter = \"attn\", value = 0.75 }]\n\
         [params]\nweight = [0.0, 1.0]\n",
    );
    let plan = Plan::new(&recipe, &Linked).unwrap();
    let weight = |name: &str| {
        let tensor = plan.tensors().iter().find(|t| t.name == name).unwrap();
        let Action::Merge { parameters, .. } = tensor.action else {
            panic!("{name} is merged");
        };
        plan.parameters(parameters).unwrap()["weight"][0]
            .as_f64()
            .unwrap()
    };
    assert_eq!(weight("model.layers.0.mlp.up_proj.weight"), 0.25);
    assert_eq!(weight("model.layers.1.mlp.up_proj.weight"), 0.5);
    assert_eq!(weight("model.layers.0.self_attn.q_proj.weight"), 0.75);
    // Before the layers: the first number of the common gradient; after them: the last one.
    assert_eq!(weight("model.embed_tokens.weight"), 0.0);
    assert_eq!(weight("lm_head.weight"), 1.0);

    bench.run(&recipe, "out").unwrap();
    let (base, out) = (bench.path("base"), bench.path("out"));
    let embedding = "model.embed_tokens.weight";
    assert_eq!(read(&out, embedding), read(&base, embedding));
    let name = "model.layers.1.mlp.up_proj.weight";
    let model = read(&bench.path("a"), name);
    for ((found, base), model) in read(&out, name).iter().zip(read(&base, name)).zip(model) {
        assert_eq!(*found, base + (model - base) * 0.5);
    }
}

#[test]
fn tensors_of_the_base_alone_are_copied_and_listed() {
    let bench = Bench::new();
    let tensors = |extra: bool, seed: u64| {
        let mut tensors = vec![("w", &[4usize][..], numbers(seed, 4))];
        if extra {
            tensors.push(("extra.bias", &[3][..], numbers(9, 3)));
        }
        tensors.push(("none", &[0][..], Vec::new()));
        tensors
    };
    let options = WriterOptions::default;
    bench.write("base", DType::F32, &tensors(true, 1), options());
    bench.write("a", DType::F32, &tensors(false, 2), options());
    let report = bench
        .merge(
            "method = \"ties\"\nbase = \"base\"\nout_dtype = \"bfloat16\"\n\
             [[models]]\npath = \"a\"\n",
            "out",
        )
        .unwrap();
    assert_eq!((report.merged, report.copied), (1, 2));
    assert!(report.notes[0].starts_with("2 of 3 tensors are not merged but copied from the base"));
    let wanted = rounded(DType::BF16, numbers(9, 3));
    assert_eq!(read(&report.dir, "extra.bias"), wanted);
}

#[test]
fn a_mergekit_file_gives_what_the_preset_gives() {
    let bench = Bench::new();
    bench.model("base", DType::BF16, 1);
    bench.model("a", DType::BF16, 2);
    bench.model("b", DType::BF16, 3);
    let path = |name: &str| bench.path(name).display().to_string();
    let yaml = format!(
        "models:\n  - model: {base}\n  - model: {a}\n    parameters: {{weight: 0.5, density: 0.5}}\n\
         \x20 - model: {b}\n    parameters: {{weight: 0.4}}\nmerge_method: ties\n\
         base_model: {base}\nparameters: {{int8_mask: true}}\ndtype: bfloat16\n",
        base = path("base"),
        a = path("a"),
        b = path("b"),
    );
    let file = bench.path("m.yml");
    std::fs::write(&file, yaml).unwrap();
    let recipe = mergelab_merge::Recipe::read(&file).unwrap();
    let theirs = bench.run(&recipe, "theirs").unwrap();
    assert_eq!(theirs.notes.len(), 2, "{:?}", theirs.notes);
    let ours = bench
        .merge(
            "method = \"ties@mergekit\"\nbase = \"base\"\ncompute = \"bfloat16\"\n\
             [[models]]\npath = \"a\"\nweight = 0.5\ndensity = 0.5\n\
             [[models]]\npath = \"b\"\nweight = 0.4\n",
            "ours",
        )
        .unwrap();
    assert_eq!(theirs.content_hash, ours.content_hash);
    let paper = bench
        .merge(
            "method = \"ties\"\nbase = \"base\"\n[[models]]\npath = \"a\"\nweight = 0.5\n\
             density = 0.5\n[[models]]\npath = \"b\"\nweight = 0.4\n",
            "paper",
        )
        .unwrap();
    assert_ne!(theirs.content_hash, paper.content_hash);
}

#[test]
fn seeds_change_random_masks_and_nothing_else_does() {
    let bench = Bench::new();
    bench.model("base", DType::F32, 1);
    bench.model("a", DType::F32, 2);
    let merge = |seed: u64, out: &str| {
        let recipe = format!(
            "method = \"dare_linear\"\nbase = \"base\"\nseed = {seed}\n[[models]]\npath = \"a\"\n"
        );
        bench.merge(&recipe, out).unwrap().content_hash
    };
    let first = merge(1, "one");
    assert_eq!(merge(1, "again"), first);
    assert_ne!(merge(2, "two"), first);
}

#[test]
fn an_interrupt_leaves_nothing() {
    let bench = Bench::new();
    bench.model("a", DType::F32, 1);
    bench.model("b", DType::F32, 2);
    let before = bench.listing();
    let options = Options {
        interrupt: Some(Arc::new(AtomicBool::new(true))),
        ..Options::default()
    };
    let result = run(&bench.recipe(TWO), &Linked, &bench.path("out"), &options);
    assert!(matches!(result, Err(MergeError::Interrupted)));
    assert_eq!(bench.listing(), before);
}

#[test]
fn progress_ends_with_everything_done() {
    let bench = Bench::new();
    bench.model("a", DType::F32, 1);
    bench.model("b", DType::F32, 2);
    let seen = RefCell::new(Vec::new());
    let note = |p: mergelab_merge::Progress<'_>| {
        seen.borrow_mut()
            .push((p.tensors_done, p.tensors, p.elements_done, p.elements));
    };
    let options = Options {
        progress: Some(&note),
        ..Options::default()
    };
    let report = run(&bench.recipe(TWO), &Linked, &bench.path("out"), &options).unwrap();
    let last = (6, 6, report.elements, report.elements);
    assert_eq!(seen.borrow().last(), Some(&last));
}

#[test]
fn outputs_are_replaced_only_when_asked_and_never_when_they_are_inputs() {
    let bench = Bench::new();
    bench.model("a", DType::F32, 1);
    bench.model("b", DType::F32, 2);
    bench.merge(TWO, "out").unwrap();
    let before = bytes(&bench.path("out"));
    let error = bench.merge(TWO, "out").unwrap_err().to_string();
    assert!(error.contains("exists and is not empty"), "{error}");
    let options = Options {
        overwrite: true,
        ..Options::default()
    };
    let recipe = bench.recipe(TWO);
    run(&recipe, &Linked, &bench.path("out"), &options).unwrap();
    assert_eq!(bytes(&bench.path("out")), before);
    let error = run(&recipe, &Linked, &bench.path("b"), &options).unwrap_err();
    assert!(matches!(error, MergeError::OutputIsInput { .. }), "{error}");
}

/// mergekit's sums in float16 are infinite here, and their ratio is no number.
#[test]
fn sums_beyond_float16_do_not_spoil_a_rescaled_merge() {
    let bench = Bench::new();
    let shape: &[usize] = &[64, 64];
    let zeros = vec![0.0; 4096];
    // The magnitudes add up to about 98,000; the largest float16 is 65,504.
    let values: Vec<f32> = (0..4096).map(|i| f32::from((i % 3) as u8 * 24)).collect();
    for (name, values) in [("base", zeros), ("a", values)] {
        bench.write(
            name,
            DType::F32,
            &[("w", shape, values)],
            Default::default(),
        );
    }
    let merged = |rescale: &str, out: &str| {
        let text = format!(
            "method = \"dare_linear\"\nbase = \"base\"\ncompute = \"float16\"\n\
             params.density = 0.5\nparams.rescale = \"{rescale}\"\n[[models]]\npath = \"a\"\n"
        );
        read(&bench.merge(&text, out).unwrap().dir, "w")
    };
    let sum = |values: &[f32]| values.iter().map(|x| f64::from(*x)).sum::<f64>();
    let kept = merged("l1", "l1");
    assert!(kept.iter().all(|x| x.is_finite()));
    // The sum stays, but for the rounding of the ratio and of each value to 11 bits.
    assert!((sum(&kept) / 98_280.0 - 1.0).abs() < 1e-3, "{}", sum(&kept));
}
