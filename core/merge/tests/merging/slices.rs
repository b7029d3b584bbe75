//! Results put together from ranges of layers.

use crate::checkpoints::{Bench, numbers, read};
use mergelab_checkpoint::{Checkpoint, DType, WriterOptions};
use mergelab_merge::{Linked, Plan, Recipe};
use serde_json::json;

/// A model of `layers` layers with a weight and a norm each.
fn model(bench: &Bench, name: &str, layers: usize, seed: u64) {
    let mut tensors: Vec<(String, Vec<usize>)> = vec![
        ("model.embed_tokens.weight".to_owned(), vec![12, 2]),
        ("model.norm.weight".to_owned(), vec![2]),
        ("lm_head.weight".to_owned(), vec![12, 2]),
    ];
    for i in 0..layers {
        tensors.push((format!("model.layers.{i}.mlp.weight"), vec![2, 2]));
        tensors.push((format!("model.layers.{i}.norm.weight"), vec![2]));
    }
    let tensors: Vec<(&str, &[usize], Vec<f32>)> = tensors
        .iter()
        .zip(0..)
        .map(|((name, shape), i)| {
            let count = shape.iter().product();
            (
                name.as_str(),
                shape.as_slice(),
                numbers(seed * 100 + i, count),
            )
        })
        .collect();
    let path = bench.write(name, DType::F32, &tensors, WriterOptions::default());
    let kinds: Vec<String> = (0..layers).map(|i| format!("{name}{i}")).collect();
    let config = json!({
        "torch_dtype": "float32",
        "num_hidden_layers": layers,
        "layer_types": kinds,
        "text_config": {"num_hidden_layers": layers, "other": layers},
    });
    std::fs::write(path.join("config.json"), config.to_string()).unwrap();
}

fn bench() -> Bench {
    let bench = Bench::new();
    model(&bench, "base", 4, 1);
    model(&bench, "a", 4, 2);
    model(&bench, "b", 6, 3);
    bench
}

const MODELS: &str = "[[models]]\npath = \"a\"\n[[models]]\npath = \"b\"\n";

#[test]
fn layers_repeat_and_the_configuration_follows() {
    let bench = bench();
    let recipe = format!(
        "method = \"linear\"\n{MODELS}\
         [[slices]]\nsources = [{{ model = \"a\", layers = [0, 3] }}]\n\
         [[slices]]\nsources = [{{ model = \"a\", layers = [1, 3] }}]\n\
         [[slices]]\nsources = [{{ model = \"b\", layers = [5, 6] }}]\n"
    );
    let report = bench.merge(&recipe, "out").unwrap();
    let out = bench.path("out");
    let layers = [("a", 0), ("a", 1), ("a", 2), ("a", 1), ("a", 2), ("b", 5)];
    for (i, (from, layer)) in layers.into_iter().enumerate() {
        for part in ["mlp", "norm"] {
            assert_eq!(
                read(&out, &format!("model.layers.{i}.{part}.weight")),
                read(
                    &bench.path(from),
                    &format!("model.layers.{layer}.{part}.weight")
                )
            );
        }
    }
    // What is before the layers comes from the first slice, what is after them from the last one.
    for (tensor, from) in [
        ("model.embed_tokens.weight", "a"),
        ("model.norm.weight", "b"),
        ("lm_head.weight", "b"),
    ] {
        assert_eq!(read(&out, tensor), read(&bench.path(from), tensor));
    }
    let out = Checkpoint::open(&report.dir).unwrap();
    assert_eq!(out.names().len(), 15);
    let config = out.config().unwrap();
    assert_eq!(config["num_hidden_layers"], 6);
    assert_eq!(
        config["text_config"],
        json!({"num_hidden_layers": 6, "other": 4})
    );
    let kinds = json!(["a0", "a1", "a2", "a1", "a2", "b5"]);
    assert_eq!(config["layer_types"], kinds);
    assert_eq!(report.bytes_read, report.bytes_written);
}

#[test]
fn lists_with_an_entry_per_layer_follow() {
    let bench = bench();
    let recipe = "method = \"linear\"\n[[models]]\npath = \"a\"\n\
                  [[slices]]\nsources = [{ model = \"a\", layers = [2, 4] }]\n\
                  [[slices]]\nsources = [{ model = \"a\", layers = [1, 3] }]\n";
    let report = bench.merge(recipe, "out").unwrap();
    let out = Checkpoint::open(&report.dir).unwrap();
    assert_eq!(
        out.config().unwrap()["layer_types"],
        json!(["a2", "a3", "a1", "a2"])
    );
}

#[test]
fn values_are_looked_for_from_the_inside_outwards() {
    let bench = bench();
    let recipe = bench.recipe(&format!(
        "method = \"linear\"\n[params]\nnormalize = false\nweight = 2.0\n\
         [[models]]\npath = \"a\"\nparams.weight = [{{ filter = \"norm\", value = 4.0 }}]\n\
         [[models]]\npath = \"b\"\n\
         [[slices]]\nparams.weight = [{{ filter = \"mlp\", value = [8.0, 16.0] }}]\n\
         sources = [{{ model = \"a\", layers = [0, 3] }}, {}]\n\
         [[slices]]\nsources = [{{ model = \"b\", layers = [0, 1] }}]\n",
        "{ model = \"b\", layers = [3, 6], weight = [{ filter = \"mlp\", value = 0.5 }] }"
    ));
    let report = bench.run(&recipe, "out").unwrap();
    let weights = |tensor: &str| {
        let plan = Plan::new(&recipe, &Linked).unwrap();
        let explained = serde_json::to_value(plan.explain(tensor).unwrap()).unwrap();
        let parameters = explained["parameters"].as_array().unwrap().clone();
        let weight = parameters
            .into_iter()
            .find(|p| p["name"] == "weight")
            .unwrap();
        weight["values"].as_array().unwrap().clone()
    };
    // (tensor, a's weight and source tensor, b's)
    for (tensor, a, b) in [
        ("model.layers.0.mlp.weight", Some((8.0, 0)), (0.5, 3)),
        ("model.layers.1.mlp.weight", Some((12.0, 1)), (0.5, 4)),
        ("model.layers.2.norm.weight", Some((4.0, 2)), (2.0, 5)),
        ("model.layers.3.mlp.weight", None, (2.0, 0)),
    ] {
        let name = |layer: usize| {
            let rest = tensor.split_once("layers.").unwrap().1;
            format!("model.layers.{layer}.{}", rest.split_once('.').unwrap().1)
        };
        let b_values = read(&bench.path("b"), &name(b.1));
        let a_values = match a {
            Some((_, layer)) => read(&bench.path("a"), &name(layer)),
            None => vec![0.0; b_values.len()],
        };
        let wanted: Vec<f32> = a_values
            .iter()
            .zip(&b_values)
            .map(|(x, y)| x * a.map_or(0.0, |a| a.0) + y * b.0)
            .collect();
        // Powers of two, but for 12: one product and the sum round.
        for (found, wanted) in read(&report.dir, tensor).iter().zip(wanted) {
            assert!((found - wanted).abs() <= 2.0 * f32::EPSILON * wanted.abs().max(1.0));
        }
    }
    let of_a = &weights("model.layers.1.mlp.weight")[0];
    assert_eq!(of_a["from"], json!({"slice": {"slice": 0}}));
    assert_eq!(of_a["gradient"], json!({"points": [8.0, 16.0], "t": 0.5}));
    let both = weights("model.layers.2.norm.weight");
    assert_eq!(both[0]["from"], json!({"model": {"model": "a"}}));
    assert_eq!(both[0]["filter"], "norm");
    assert_eq!(both[1]["from"], "params");
    let source = &weights("model.layers.0.mlp.weight")[1]["from"];
    assert_eq!(*source, json!({"slice_source": {"slice": 0, "model": "b"}}));
}

#[test]
fn the_base_takes_the_layers_that_it_is_given() {
    let bench = bench();
    let recipe = |sources: &str| {
        format!(
            "method = \"task_arithmetic\"\nbase = \"base\"\n[[models]]\npath = \"a\"\n\
             weight = 0.5\n[[slices]]\nsources = [{sources}]\n"
        )
    };
    let check = |out: &str, of_base: usize| {
        let (out, base) = (bench.path(out), bench.path("base"));
        let base = read(&base, &format!("model.layers.{of_base}.mlp.weight"));
        let a = read(&bench.path("a"), "model.layers.1.mlp.weight");
        let found = read(&out, "model.layers.0.mlp.weight");
        for ((found, base), a) in found.iter().zip(base).zip(a) {
            assert_eq!(*found, base + (a - base) * 0.5);
        }
    };
    let named = "{ model = \"a\", layers = [1, 2] }, { model = \"base\", layers = [3, 4] }";
    bench.merge(&recipe(named), "named").unwrap();
    check("named", 3);
    bench
        .merge(&recipe("{ model = \"a\", layers = [1, 2] }"), "same")
        .unwrap();
    check("same", 1);
}

#[test]
fn bad_slices_are_refused() {
    let bench = bench();
    let slices =
        |sources: &str| format!("method = \"linear\"\n{MODELS}[[slices]]\nsources = [{sources}]\n");
    let b = "{ model = \"b\", layers = [0, 2] }";
    for (sources, wanted) in [
        (
            format!("{b}, {{ model = \"a\", layers = [3, 5] }}"),
            "merge.toml:7:46: layers 3 to 4 of model `a` (a) are asked for, which has 4",
        ),
        (
            b.to_owned(),
            "merge.toml:2:1: model `a` is a source of no slice",
        ),
        (
            format!("{b}, {b}"),
            "merge.toml:7:56: `b` is a source of this slice twice",
        ),
        (
            format!("{b}, {{ model = \"c\", layers = [0, 2] }}"),
            "merge.toml:7:56: no model is called `c`",
        ),
        (
            format!("{b}, {{ model = \"a\", layer = [0, 2] }}"),
            "merge.toml:7:61: this source has no `layers`. Did you mean it where `layer` stands?",
        ),
        (
            format!("{b}, {{ model = \"a\", layers = [0, 2], wieght = 1 }}"),
            "merge.toml:7:78: `wieght` is no parameter of `linear`. Did you mean `weight`?",
        ),
        (
            format!("{b}, {{ model = \"a\", layers = [0, 2], normalize = true }}"),
            "merge.toml:7:78: `normalize` of linear is one value for the whole merge",
        ),
    ] {
        let error = bench.refused(&slices(&sources));
        let error = error.split("merge.toml").last().unwrap();
        assert!(
            format!("merge.toml{error}").starts_with(wanted),
            "merge.toml{error}\nis not\n{wanted}"
        );
    }
    let error = bench.refused(
        "method = \"ties\"\nbase = \"base\"\n[[models]]\npath = \"a\"\n[[models]]\npath = \"b\"\n\
         [[slices]]\nsources = [{ model = \"a\", layers = [0, 1] }, \
         { model = \"b\", layers = [1, 2] }]\n",
    );
    assert!(error.contains("the base is not among them"), "{error}");
}

#[test]
fn adapters_go_into_slices() {
    let bench = Bench::new();
    bench.model("base", DType::F32, 1);
    bench.adapter("de", 50);
    let dense = "method = \"linear\"\n[[models]]\npath = \"base\"\nadapter = \"de\"\n";
    bench.merge(dense, "dense").unwrap();
    let slices = "[[slices]]\nsources = [{ model = \"m\", layers = [1, 2] }]\n\
                  [[slices]]\nsources = [{ model = \"m\", layers = [0, 1] }]\n";
    let of = |model: &str, out: &str| {
        let recipe = format!("method = \"linear\"\n[[models]]\nid = \"m\"\n{model}\n{slices}");
        bench.merge(&recipe, out).unwrap().content_hash
    };
    assert_eq!(
        of("path = \"base\"\nadapter = \"de\"", "from-adapter"),
        of("path = \"dense\"", "from-dense")
    );
    let name = |layer: usize| format!("model.layers.{layer}.mlp.up_proj.weight");
    let out = bench.path("from-adapter");
    assert_eq!(read(&out, &name(0)), read(&bench.path("dense"), &name(1)));
    assert_ne!(read(&out, &name(0)), read(&bench.path("base"), &name(1)));
    // A low-rank update of one layer is none of another: task vectors between layers are dense.
    let ties = |of_base: &str| {
        let recipe = format!(
            "method = \"task_arithmetic\"\nbase = \"base\"\n[[models]]\nid = \"m\"\n\
             adapter = \"de\"\n[[slices]]\nsources = [{{ model = \"m\", layers = [1, 2] }}, \
             {{ model = \"base\", layers = [{of_base}] }}]\n"
        );
        bench
            .merge(&recipe, &format!("ties{}", &of_base[..1]))
            .unwrap();
        read(&bench.path(&format!("ties{}", &of_base[..1])), &name(0))
    };
    let wanted = read(&bench.path("dense"), &name(1));
    for found in [ties("0, 1"), ties("1, 2")] {
        for (found, wanted) in found.iter().zip(&wanted) {
            // base + (model - base) rounds twice.
            assert!((found - wanted).abs() <= 4.0 * f32::EPSILON * wanted.abs().max(1.0));
        }
    }
}

#[test]
fn two_stacks_are_refused() {
    let bench = Bench::new();
    let tensors = [
        ("vision.h.0.w", &[1usize][..], vec![1.0]),
        ("text.layers.0.w", &[1][..], vec![1.0]),
    ];
    bench.write("a", DType::F32, &tensors, WriterOptions::default());
    let error = bench.refused(
        "method = \"linear\"\n[[models]]\npath = \"a\"\n\
         [[slices]]\nsources = [{ model = \"a\", layers = [0, 1] }]\n",
    );
    assert!(
        error.contains("here are `text.layers.` (in model `a` (a)) and `vision.h.`"),
        "{error}"
    );
}

#[test]
fn everything_reads_back_from_the_card() {
    let yaml = "slices:\n- sources:\n  - {model: a, layer_range: [0, 2], parameters: {weight: 0.1}}\n  \
                - {model: b, layer_range: [1, 3]}\n  parameters: {weight: [0, {filter: mlp, value: \
                [0, 1]}]}\nmerge_method: linear\nbase_model: a\ntokenizer:\n  source: union\n  \
                pad_to_multiple_of: 8\n  tokens:\n    x: {source: b}\n    y: {source: {kind: zero}, \
                force: true}\n    z: {source: {kind: model_token, model: a, token: q}}\n    \
                w: {source: {kind: model_token, model: a, token_id: 3}}\nchat_template: chatml\n";
    let recipe = Recipe::parse_mergekit(yaml, "a.yml".as_ref()).unwrap();
    let text = recipe.to_toml();
    let again = Recipe::parse_toml(&text, "a.toml".as_ref()).unwrap();
    assert_eq!(again.to_json(), recipe.to_json(), "{text}");
    assert_eq!(again.tokenizer.tokens.len(), 4);
    assert_eq!(again.rules, recipe.rules);
    let rows = |recipe: &Recipe| {
        let rules = recipe.tokenizer.tokens.iter();
        rules.map(|r| (r.row.clone(), r.force)).collect::<Vec<_>>()
    };
    assert_eq!(rows(&again), rows(&recipe));
}
