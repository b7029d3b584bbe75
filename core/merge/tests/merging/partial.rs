//! Tensors that only some inputs have, and output heads that only some store.

use crate::checkpoints::{Bench, numbers, read, values};
use mergelab_checkpoint::{CheckpointWriter, DType, TensorSpec, WriterOptions};
use mergelab_merge::{Linked, Plan};
use serde_json::{Value, json};
use std::fs;

type Tensors<'a> = Vec<(&'a str, &'a [usize], Vec<f32>)>;

fn write(bench: &Bench, name: &str, tensors: &Tensors<'_>) {
    bench.write(name, DType::F32, tensors, WriterOptions::default());
}

/// A base and models `a`, `b`, which all have `w`, and these have more.
fn bench(more: [&[&'static str]; 3]) -> Bench {
    let bench = Bench::new();
    for ((name, extra), seed) in ["base", "a", "b"].into_iter().zip(more).zip(1..) {
        let mut tensors: Tensors<'_> = vec![("w", &[2], numbers(seed, 2))];
        for (i, tensor) in extra.iter().enumerate() {
            tensors.push((tensor, &[3], numbers(seed * 10 + i as u64, 3)));
        }
        write(&bench, name, &tensors);
    }
    bench
}

const MODELS: &str = "[[models]]\npath = \"a\"\nweight = 0.5\n[[models]]\npath = \"b\"\n";

#[test]
fn mergekits_rules_merge_what_is_there() {
    let bench = bench([
        &["both", "mine", "one"],
        &["both", "one"],
        &["both", "stray"],
    ]);
    let recipe = format!("method = \"task_arithmetic\"\nbase = \"base\"\n{MODELS}");
    let error = bench.refused(&recipe);
    for wanted in [
        "2 tensors cannot be merged",
        "one: model `a` (a) has it, model `b` (b) lacks it (with `rules = \"mergekit\"`",
        "stray: the base has no such tensor, model `b` (b) has",
    ] {
        assert!(error.contains(wanted), "{error}\ndoes not say\n{wanted}");
    }
    let report = bench
        .merge(&format!("rules = \"mergekit\"\n{recipe}"), "out")
        .unwrap();
    assert_eq!((report.merged, report.copied), (3, 1));
    let notes = report.notes.join("\n");
    for wanted in [
        "1 of 4 tensors are not merged but copied from the base (base) (`mine`, for one)",
        "1 of 4 tensors are merged from those models only that have them (`one`, for one, from \
         model `a` (a))",
        "1 tensors of the inputs are not in the result (`stray`, for one: ",
    ] {
        assert!(notes.contains(wanted), "{notes}\ndo not say\n{wanted}");
    }
    let (base, a) = (
        read(&bench.path("base"), "one"),
        read(&bench.path("a"), "one"),
    );
    let wanted: Vec<f32> = base.iter().zip(a).map(|(b, a)| b + (a - b) * 0.5).collect();
    assert_eq!(read(&report.dir, "one"), wanted);
    assert_eq!(read(&report.dir, "mine"), read(&bench.path("base"), "mine"));
}

#[test]
fn a_mean_of_fewer_models_is_a_mean() {
    let bench = bench([&[], &["one"], &[]]);
    let recipe = format!("method = \"linear\"\nrules = \"mergekit\"\n{MODELS}");
    let report = bench.merge(&recipe, "out").unwrap();
    // Its weight is 0.5, and 0.5 is the sum of the weights.
    assert_eq!(read(&report.dir, "one"), read(&bench.path("a"), "one"));
}

#[test]
fn integers_of_the_base_alone_are_copied() {
    let bench = bench([&[], &[], &[]]);
    let specs = vec![
        TensorSpec::new("embeddings.position_ids", DType::I64, [1, 2]),
        TensorSpec::new("w", DType::F32, [2]),
    ];
    let options = WriterOptions::default();
    let writer = CheckpointWriter::create(bench.path("bert"), specs, options).unwrap();
    let ids: Vec<u8> = [0i64, 1].into_iter().flat_map(i64::to_le_bytes).collect();
    writer.write_bytes(0, 0, &ids).unwrap();
    writer.write_f32(1, 0, &numbers(4, 2)).unwrap();
    writer.finish(&[]).unwrap();
    for more in ["", "rules = \"mergekit\"\n"] {
        let recipe =
            format!("method = \"ties\"\nbase = \"bert\"\nout_dtype = \"bfloat16\"\n{more}{MODELS}");
        let out = format!("out{}", more.len());
        let report = bench.merge(&recipe, &out).unwrap();
        assert_eq!((report.merged, report.copied), (1, 1));
        assert!(
            report.notes[0].contains("copied from the base (bert) (`embeddings.position_ids`"),
            "{:?}",
            report.notes
        );
        let file = fs::read(report.files[0].clone()).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
        let view = tensors.tensor("embeddings.position_ids").unwrap();
        assert_eq!(
            (view.dtype(), view.data()),
            (safetensors::Dtype::I64, &ids[..])
        );
    }
}

#[test]
fn a_tied_head_takes_part_as_what_it_is() {
    let bench = Bench::new();
    bench.model("a", DType::F32, 1);
    write(&bench, "b", &values(2)[1..].to_vec());
    let config = |tied: Value| {
        let config = json!({"torch_dtype": "float32", "tie_word_embeddings": tied});
        fs::write(bench.path("b/config.json"), config.to_string()).unwrap();
    };
    let recipe = "method = \"linear\"\nbase = \"b\"\n[[models]]\npath = \"a\"\n\
                  [[models]]\npath = \"b\"\n";
    config(json!(true));
    let report = bench.merge(recipe, "out").unwrap();
    let note = "model `b` (b) has no `lm_head.weight` of its own";
    assert!(
        report.notes.iter().any(|n| n.starts_with(note)),
        "{:?}",
        report.notes
    );
    let head = read(&bench.path("a"), "lm_head.weight");
    let embedding = read(&bench.path("b"), "model.embed_tokens.weight");
    let found = read(&report.dir, "lm_head.weight");
    for ((found, a), b) in found.iter().zip(head).zip(embedding) {
        assert!((found - (a + b) / 2.0).abs() <= f32::EPSILON);
    }
    let written: Value =
        serde_json::from_slice(&fs::read(bench.path("out/config.json")).unwrap()).unwrap();
    assert_eq!(written["tie_word_embeddings"], false);
    // A model that says that it is not tied, and has no head, is broken.
    config(json!(false));
    let error = bench.refused(recipe);
    assert!(
        error.contains("lm_head.weight: model `a` (a) has it"),
        "{error}"
    );
}

#[test]
fn of_less_than_one_value_the_largest_is_kept_and_noted() {
    let bench = Bench::new();
    for (name, seed) in [("base", 1), ("a", 2)] {
        bench.model(name, DType::F32, seed);
    }
    let recipe = |method: &str| {
        format!("method = {method:?}\nbase = \"base\"\n[[models]]\npath = \"a\"\ndensity = 0.02\n")
    };
    let notes = |recipe: &str| {
        let recipe = bench.recipe(recipe);
        Plan::new(&recipe, &Linked).unwrap().notes().to_vec()
    };
    assert_eq!(
        notes(&recipe("ties@mergekit")),
        [
            "`density` = 0.02 of the 8 values of `model.norm.weight` is less than one: the largest \
             is kept"
        ]
    );
    let report = bench.merge(&recipe("ties@mergekit"), "out").unwrap();
    let of = |folder: &str| read(&bench.path(folder), "model.norm.weight");
    let (base, model, merged) = (of("base"), of("a"), read(&report.dir, "model.norm.weight"));
    let change = |place: usize| (model[place] - base[place]).abs();
    let largest = (0..8)
        .max_by(|&i, &j| change(i).total_cmp(&change(j)))
        .unwrap();
    for place in 0..8 {
        assert_eq!(merged[place] != base[place], place == largest, "{place}");
    }
    // A random mask keeps none, or some.
    assert_eq!(notes(&recipe("dare_ties")), [""; 0]);
}

#[test]
fn a_plan_can_be_read() {
    let bench = bench([&["mine"], &[], &[]]);
    let recipe = bench.recipe(&format!(
        "method = \"ties@mergekit\"\nbase = \"base\"\nout_dtype = \"bfloat16\"\n{MODELS}\
         [params]\nlambda = [{{ filter = \"w\", value = [0.5, 1.0] }}]\n"
    ));
    let plan = Plan::new(&recipe, &Linked).unwrap();
    let description = plan.describe();
    // Two bf16 and three; two f32 of three inputs and three of the base.
    assert_eq!((description.output_bytes, description.read_bytes), (10, 36));
    assert!(description.memory.tiles > 0);
    assert_eq!(description.memory.whole_tensor, 3 * 4 * 5);
    let text = description.to_string();
    for wanted in [
        "method      ties@mergekit\nbase        base\nmodels      a, b\nconfig from the base (base)\n\
         tensors     1 merged, 1 copied, 0 left out\nreads       36 B\nwrites      10 B\n",
        "note        1 of 2 tensors are not merged",
    ] {
        assert!(text.contains(wanted), "{text}");
    }
    let explained = plan.explain("w").unwrap().to_string();
    for line in [
        "w BF16 [2]: merged in float32\n  from base: w F32\n  from a: w F32\n  from b: w F32\n",
        "  weight of a = 0.5 (model a)\n",
        "  weight of b = 1.0 (default)\n",
        "  lambda = 1.0 (common parameters; filter \"w\"; gradient [0.5, 1.0] at 1.0000)\n",
        "  sign_vote = \"weighted\" (preset)\n",
    ] {
        assert!(
            explained.contains(line),
            "{explained}\ndoes not say\n{line}"
        );
    }
    let copied = plan.explain("mine").unwrap().to_string();
    assert_eq!(
        copied,
        "mine BF16 [3]: copied, as no other model has it\n  from base: mine F32\n"
    );
    assert!(plan.explain("nothing").is_none());
    let json = serde_json::to_value(&description).unwrap();
    assert_eq!(json["tensors"][0]["action"], "copy");
    assert_eq!(json["tensors"][1]["action"], "merge");
}
