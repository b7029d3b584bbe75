use super::*;
use crate::recipe::{TokenRow, TokenizerSource};
use mergelab_abi::working::Working;

fn parse(text: &str) -> Result<Recipe, String> {
    Recipe::parse_mergekit(text, Path::new("m.yml")).map_err(|e| e.to_string())
}

const TIES: &str = "\
models:
  - model: base
  - model: a
    parameters:
      density: 0.5
      weight:
        - filter: mlp
          value: [0, 0.5]
        - value: 1
  - model: b+lora
    parameters: {weight: 0.3}
merge_method: ties
base_model: base
parameters:
  normalize: true
  int8_mask: true
  rescale: true
dtype: bfloat16
tokenizer_source: base
";

#[test]
fn a_ties_file_is_read() {
    let recipe = parse(TIES).unwrap();
    assert_eq!(recipe.method_name(), "ties@mergekit");
    assert!(recipe.preset_may_lack);
    assert_eq!(recipe.root, Path::new(""));
    assert_eq!(recipe.base, Some(InputPath::new("base")));
    let ids: Vec<_> = recipe.models.iter().map(|m| m.id.as_str()).collect();
    assert_eq!(ids, ["base", "a", "b+lora"]);
    assert_eq!(recipe.models[2].input, InputPath::with_adapter("b", "lora"));
    let weight = &recipe.models[1].params["weight"];
    assert_eq!(weight.at.line, 6);
    assert_eq!(weight.resolve("l.mlp.w", 0.5), Some(json!(0.25)));
    assert_eq!(weight.resolve("l.attn.w", 0.5), Some(json!(1)));
    let names: Vec<_> = recipe.params.keys().map(String::as_str).collect();
    assert_eq!(names, ["normalize", "rescale"]);
    assert_eq!(
        recipe.params["rescale"].resolve("t", 0.0),
        Some(json!("l1"))
    );
    assert_eq!(recipe.notes.len(), 1);
    assert_eq!(recipe.compute, Compute::In(Working::Bf16));
    assert_eq!(recipe.out_dtype, Some(Working::Bf16));
    assert_eq!(recipe.tokenizer.source, TokenizerSource::Base);
    assert_eq!(recipe.rules, Rules::Mergekit);
}

#[test]
fn without_dtype_the_storage_decides() {
    let recipe = parse("models: [{model: a}]\nmerge_method: linear\nout_dtype: float16\n");
    let recipe = recipe.unwrap();
    assert_eq!(recipe.compute, Compute::Storage);
    assert_eq!(recipe.out_dtype, Some(Working::F16));
}

#[test]
fn modules_are_read() {
    let recipe = parse(
        "merge_method: karcher\nbase_model: c\nmodules:\n  text_decoder: {models: [{model: a, \
         parameters: {weight: 2}}, {model: c}], parameters: {weight: 0.5}}\n  vision_tower: \
         {models: [{model: a}]}\n  other: {slices: [{sources: [{model: a, layer_range: [1, 2]}]}]}\n",
    );
    let recipe = recipe.unwrap();
    let ids: Vec<_> = recipe.models.iter().map(|m| m.id.as_str()).collect();
    assert_eq!(ids, ["a", "c"]);
    let names: Vec<_> = recipe.modules.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["text_decoder", "vision_tower", "other"]);
    assert_eq!(
        recipe.modules[0].params["weight"].resolve("x", 0.0),
        Some(json!(0.5))
    );
    let sources = |n: usize| -> Vec<_> {
        let sources = recipe.slices[n].sources.iter();
        sources.map(|s| (s.model, s.layers.clone())).collect()
    };
    // karcher takes the base as one model more, where all layers are merged.
    assert_eq!(sources(0), [(0, None), (1, None)]);
    assert_eq!(sources(1), [(0, None), (1, None)]);
    assert_eq!(sources(2), [(0, Some(1..2))]);
    assert_eq!(recipe.slices[2].module, Some(2));
    let alone = parse("merge_method: linear\nmodules: {default: {models: [{model: a}]}}\n");
    assert!(alone.unwrap().modules.is_empty());
}

fn slices(sources: &str) -> String {
    format!("merge_method: t\nslices:\n- sources: [{sources}]\n")
}

#[test]
fn slices_and_modules_are_read() {
    let recipe = parse(
        "merge_method: linear\nbase_model: b\nmodules:\n  default:\n    slices:\n    \
             - sources:\n      - {model: a, layer_range: [0, 2], parameters: {weight: 0.1}}\n      \
             - {model: b, layer_range: [2, 4]}\n      parameters: {weight: 0.2}\n    \
             - sources: [{model: b, layer_range: [0, 1]}, {model: b, layer_range: [1, 2]}]\n    \
             parameters: {weight: [{filter: mlp, value: 0.3}]}\nparameters: {weight: 0.4}\n\
             out_shard_size: 2GB\nrandom_seed: 5\nchat_template: chatml\n",
    )
    .unwrap();
    let ids: Vec<_> = recipe.models.iter().map(|m| m.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "b#2"]);
    let used: Vec<Vec<_>> = recipe
        .slices
        .iter()
        .map(|s| {
            s.sources
                .iter()
                .map(|s| (s.model, s.layers.clone().unwrap()))
                .collect()
        })
        .collect();
    assert_eq!(
        used,
        [vec![(0, 0..2), (1, 2..4)], vec![(1, 0..1), (2, 1..2)]]
    );
    let weight = |settings: &Settings, name: &str| settings["weight"].resolve(name, 0.0);
    assert_eq!(
        weight(&recipe.slices[0].sources[0].params, "x"),
        Some(json!(0.1))
    );
    assert_eq!(weight(&recipe.slices[0].params, "x"), Some(json!(0.2)));
    // Those of the module, then those of the file.
    assert_eq!(weight(&recipe.params, "mlp"), Some(json!(0.3)));
    assert_eq!(weight(&recipe.params, "x"), Some(json!(0.4)));
    assert_eq!((recipe.max_shard, recipe.seed), (2_000_000_000, 5));
    assert_eq!(recipe.chat_template, Some(ChatTemplate::Named("chatml")));
}

#[test]
fn the_tokenizer_block_is_read() {
    let recipe = parse(
        "merge_method: linear\nmodels: [{model: a}]\ntokenizer:\n  source: union\n  \
             pad_to_multiple_of: 8\n  tokens:\n    x: {source: a}\n    y: {source: {kind: \
             model_token, model: a, token_id: 3}, force: true}\n    z: {source: {kind: zero}}\n",
    )
    .unwrap();
    let tokenizer = &recipe.tokenizer;
    assert_eq!(tokenizer.source, TokenizerSource::Union);
    assert_eq!(tokenizer.pad_to_multiple_of, Some(8));
    let model = InputPath::new("a");
    let rows: Vec<_> = tokenizer
        .tokens
        .iter()
        .map(|t| (t.token.as_str(), t.row.clone(), t.force))
        .collect();
    assert_eq!(
        rows,
        [
            ("x", Some(TokenRow::Model(model.clone())), false),
            ("y", Some(TokenRow::Id { model, id: 3 }), true),
            ("z", Some(TokenRow::Zero), false),
        ]
    );
}

/// Forms that files on the Hugging Face Hub have.
#[test]
fn usual_files_are_read() {
    let gradient = parse(
        "slices:\n  - sources:\n      - model: OpenPipe/mistral-ft\n        layer_range: [0, 32]\n      \
         - model: psmathur/orca_mini\n        layer_range: [0, 32]\nmerge_method: slerp\n\
         base_model: OpenPipe/mistral-ft\nparameters:\n  t:\n    - filter: self_attn\n      \
         value: [0, 0.5, 0.3, 0.7, 1]\n    - filter: mlp\n      value: [1, 0.5, 0.7, 0.3, 0]\n    \
         - value: 0.5 # fallback for rest of tensors\ndtype: float16\n",
    )
    .unwrap();
    let t = |tensor: &str, depth: f64| gradient.params["t"].resolve(tensor, depth);
    assert_eq!(
        t("model.layers.8.self_attn.q_proj.weight", 0.25),
        Some(json!(0.5))
    );
    assert_eq!(t("lm_head.weight", 0.0), Some(json!(0.5)));
    assert_eq!(gradient.slices[0].sources.len(), 2);

    let numbers = parse(
        "base_model:\n  model: {path: /m/base, revision: null}\n  lora: null\n  \
         override_architecture: null\ndtype: bfloat16\nmerge_method: dare_ties\nmodules:\n  \
         default:\n    slices:\n    - sources:\n      - layer_range: [0, 8]\n        model: \
         /m/a\n        parameters: {density: 0.53, weight: 0.4}\n      - layer_range: [0, 8]\n        \
         model: /m/base\nparameters: {int8_mask: 1.0, normalize: 0.0, rescale: 1.0}\n",
    )
    .unwrap();
    assert_eq!(numbers.base, Some(InputPath::new("/m/base")));
    let value = |name: &str| numbers.params[name].resolve("x", 0.0);
    assert_eq!(value("normalize"), Some(json!(false)));
    assert_eq!(value("rescale"), Some(json!("l1")));

    let own = |second: &str| {
        parse(&format!(
            "merge_method: ties\nslices:\n- base_model: a\n  sources: [{{model: a, layer_range: \
             [0, 1]}}]\n- base_model: {second}\n  sources: [{{model: b, layer_range: [0, 1]}}]\n"
        ))
    };
    assert_eq!(own("a").unwrap().base, Some(InputPath::new("a")));
    let error = own("b").unwrap_err();
    assert!(
        error.starts_with("m.yml:5:15: this slice has the base b, and a is"),
        "{error}"
    );
    let error = parse("merge_method: ties\nmodels: [{model: {model: {path: a, revision: x}}}]\n");
    assert!(
        error
            .unwrap_err()
            .contains("`revision` has no effect on a local folder")
    );
}

#[test]
fn karcher_counts_the_base() {
    let recipe = parse("merge_method: karcher\nbase_model: b\nmodels: [{model: a}]\n").unwrap();
    assert_eq!(recipe.models[1].input, InputPath::new("b"));
    let recipe = parse("merge_method: ties\nbase_model: b\nmodels: [{model: a}]\n").unwrap();
    assert_eq!(recipe.models.len(), 1);
}

#[test]
fn long_forms_and_copies() {
    let recipe = parse(
        "merge_method: linear\nmodels:\n- model: {model: {path: a}, lora: {path: l}}\n\
             - model: a+l\n",
    )
    .unwrap();
    assert_eq!(recipe.models[0].input, recipe.models[1].input);
    assert_eq!(recipe.models[1].id, "a+l#2");
}

#[test]
fn errors_say_where_and_what() {
    let head = "merge_method: ties\nmodels:\n- model: a\n";
    for (text, wanted) in [
        (
            format!("{head}paramters: {{}}\n"),
            "m.yml:4:1: `paramters` is no key of a mergekit file. Did you mean `parameters`?",
        ),
        (
            format!("{head}slices: []\n"),
            "m.yml:1:1: `models`, `slices` and `modules` exclude one another",
        ),
        (
            format!("{head}tokenizer_source: base\ntokenizer: {{source: base}}\n"),
            "m.yml:4:19: `tokenizer_source` and `tokenizer` exclude each other",
        ),
        (
            format!("{head}chat_template: chatlm\n"),
            "m.yml:4:16: `chat_template` = \"chatlm\" is neither a Jinja template nor one of \
                 auto, alpaca, chatml, exaone, llama3, mistral. Did you mean `chatml`?",
        ),
        (
            format!("{head}out_shard_size: many\n"),
            "m.yml:4:17: `out_shard_size` takes bytes",
        ),
        (
            "merge_method: ties\nmodules:\n  a: {slices: []}\n  b: {slices: []}\n".to_owned(),
            "m.yml:3:15: `slices` is empty",
        ),
        (
            "merge_method: ties\nmodules:\n  a: {parameters: {}}\n".to_owned(),
            "m.yml:3:3: `a` takes either `models` or `slices`",
        ),
        (
            "merge_method: ties\nmodules:\n  a: {models: []}\n".to_owned(),
            "m.yml:3:15: `models` is empty",
        ),
        (
            "merge_method: ties\nmodules: {}\n".to_owned(),
            "m.yml:2:10: `modules` is empty",
        ),
        (
            "merge_method: ties\nmodules:\n  default: {model: []}\n".to_owned(),
            "m.yml:3:13: `model` is no key of a module. Did you mean `models`?",
        ),
        (
            "merge_method: ties\nslices: []\n".to_owned(),
            "m.yml:2:9: `slices` is empty",
        ),
        (
            slices("{model: a, layer_range: [0, 2]}, {model: b, layer_range: [1, 2]}"),
            "m.yml:3:46: the sources of a slice are merged layer by layer, and this one has 1",
        ),
        (
            slices("{model: a, layer_range: [2, 2]}"),
            "m.yml:3:37: `layer_range` = [2, 2] has no layers",
        ),
        (
            slices("{model: a, layer_range: [0, -2]}"),
            "m.yml:3:37: `layer_range` takes two whole numbers",
        ),
        (
            slices("{model: a, layers: [0, 2]}"),
            "m.yml:3:24: `layers` is no key of a source. Did you mean `layer_range`?",
        ),
        (
            "merge_method: t\nslices:\n- sources: [{model: a, layer_range: [0, 1]}]\n\
                 \x20 residual_weight: 1\n"
                .to_owned(),
            "m.yml:4:3: `residual_weight` of a slice is read by no tool",
        ),
        (
            format!("{head}tokenizer: {{tokens: {{x: {{source: {{kind: zerro}}}}}}}}\n"),
            "m.yml:4:41: `kind` = \"zerro\" is not one of model_token, zero. Did you mean `zero`?",
        ),
        (
            format!("{head}tokenizer: {{tokens: {{x: {{force: true}}}}}}\n"),
            "m.yml:4:22: the token `x` has `force` and no `source`",
        ),
        (
            format!("{head}  paramters: 1\n"),
            "m.yml:4:3: `paramters` is no key of a model. Did you mean `parameters`?",
        ),
        (
            format!("{head}dtype: int64\n"),
            "m.yml:4:8: `dtype` = \"int64\" is not one of",
        ),
        (
            "models: []\n".to_owned(),
            "m.yml:1:1: there is no `merge_method`",
        ),
        (
            "- a\n".to_owned(),
            "m.yml:1:1: `the file` takes a table, not a list",
        ),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(error.starts_with(wanted), "{error}\nis not\n{wanted}");
    }
}

#[test]
fn values_have_several_forms() {
    let recipe = parse(
        "merge_method: ties\nmodels: [{model: a, parameters: {weight: {value: 0.5, filter: mlp}, \
         density: '1e-1'}}]\nparameters: {normalize: [1, 0], rescale: [true, false], lambda: \
         ['0.5', 1]}\nlazy_unpickle: true\n",
    );
    let recipe = recipe.unwrap();
    let own = &recipe.models[0].params;
    assert_eq!(own["weight"].resolve("mlp", 0.0), Some(json!(0.5)));
    assert_eq!(own["weight"].resolve("attn", 0.0), None);
    assert_eq!(own["density"].resolve("x", 0.0), Some(json!(0.1)));
    let common = |name: &str| recipe.params[name].resolve("x", 0.0);
    assert_eq!(common("normalize"), Some(json!([true, false])));
    assert_eq!(common("rescale"), Some(json!(["l1", "none"])));
    assert_eq!(common("lambda"), Some(json!(0.5)));
    assert!(recipe.notes[0].starts_with("`lazy_unpickle` is an option of mergekit's command"));
}
