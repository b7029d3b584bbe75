//! Models whose tokenizers differ.

use crate::checkpoints::{Bench, TENSORS, TOKENS, bytes, read, tokenizer, values};
use mergelab_checkpoint::{Checkpoint, DType, Tokenizer, WriterOptions};
use mergelab_merge::Recipe;
use serde_json::{Value, json};
use std::fs;

const LINEAR: &str = "method = \"linear\"\n[[models]]\npath = \"a\"\nweight = 0.25\n\
                      [[models]]\npath = \"b\"\nweight = 0.75\n";

fn set_tokens(bench: &Bench, model: &str, tokens: &[&str]) {
    let text = tokenizer(model, tokens).to_string();
    fs::write(bench.path(model).join("tokenizer.json"), text).unwrap();
}

fn json(bench: &Bench, file: &str) -> Value {
    serde_json::from_slice(&fs::read(bench.path(file)).unwrap()).unwrap()
}

/// Tensors with a row per token.
const PER_TOKEN: [&str; 2] = ["lm_head.weight", "model.embed_tokens.weight"];

#[test]
fn equal_vocabularies_change_nothing() {
    let bench = Bench::new();
    bench.model("a", DType::BF16, 1);
    bench.model("b", DType::BF16, 2);
    let hash = |more: &str, out: &str| {
        let report = bench.merge(&format!("{more}{LINEAR}"), out).unwrap();
        report.content_hash
    };
    let plain = hash("", "plain");
    assert_eq!(hash("tokenizer_source = \"union\"\n", "union"), plain);
    assert_eq!(hash("tokenizer_source = \"a\"\n", "path"), plain);
    let padded = "tokenizer = { source = \"union\", pad_to_multiple_of = 4 }\n";
    assert_eq!(hash(padded, "padded"), plain);
    let under = "rules = \"mergekit\"\ntokenizer_source = \"base\"\n";
    assert_eq!(hash(under, "mergekit"), plain);
}

#[test]
fn rows_without_a_token_stay_where_nothing_else_changes() {
    let bench = Bench::new();
    for (name, seed) in [("a", 1), ("b", 2)] {
        bench.model(name, DType::F32, seed);
        set_tokens(&bench, name, &TOKENS[2..]);
    }
    let rows = |more: &str, out: &str| {
        bench.merge(&format!("{more}{LINEAR}"), out).unwrap();
        let out = Checkpoint::open(bench.path(out)).unwrap();
        let rows = out.tensor(PER_TOKEN[1]).unwrap().shape[0];
        assert_eq!(out.config().unwrap()["vocab_size"], rows);
        rows
    };
    assert_eq!(rows("tokenizer_source = \"union\"\n", "ours"), 12);
    let theirs = "rules = \"mergekit\"\ntokenizer_source = \"union\"\n";
    assert_eq!(rows(theirs, "theirs"), 10);
}

/// Permuting the tokens of an input, with its rows, permutes nothing in the result.
#[test]
fn a_permuted_vocabulary_gives_the_same_rows() {
    let bench = Bench::new();
    bench.model("a", DType::F32, 1);
    bench.model("b", DType::F32, 2);
    let plain = bench.merge(LINEAR, "plain").unwrap();
    for shift in 1..TOKENS.len() {
        let name = format!("b{shift}");
        let place = |row: usize| (row * 5 + shift) % TOKENS.len();
        let mut tensors = values(2);
        for (name, shape, rows) in &mut tensors {
            if PER_TOKEN.contains(name) {
                let old = rows.clone();
                for row in 0..shape[0] {
                    let new = place(row) * 8;
                    rows[new..new + 8].copy_from_slice(&old[row * 8..row * 8 + 8]);
                }
            }
        }
        bench.write(&name, DType::F32, &tensors, WriterOptions::default());
        let mut tokens = TOKENS;
        for (row, token) in TOKENS.iter().enumerate() {
            tokens[place(row)] = token;
        }
        set_tokens(&bench, &name, &tokens);
        let recipe = LINEAR.replace("\"b\"", &format!("{name:?}"));
        let refused = bench.refused(&recipe);
        assert!(
            refused.contains("cannot be merged row by row: write `tokenizer_source = \"union\"`"),
            "{refused}"
        );
        for source in ["union", "a"] {
            let recipe = format!("tokenizer_source = {source:?}\n{recipe}");
            let out = format!("out-{shift}-{source}");
            let report = bench.merge(&recipe, &out).unwrap();
            assert_eq!(report.content_hash, plain.content_hash, "{shift} {source}");
        }
    }
}

#[test]
fn renamed_tokens_are_merged_by_number_and_noted() {
    let bench = Bench::new();
    bench.model("a", DType::F32, 1);
    bench.model("b", DType::F32, 2);
    let mut tokens = TOKENS;
    tokens[3] = "<tool>";
    set_tokens(&bench, "b", &tokens);
    let report = bench.merge(LINEAR, "out").unwrap();
    assert!(
        report.notes[0].contains("differ in 1 tokens (\"d\", for one)"),
        "{:?}",
        report.notes
    );
}

/// A base, a model with one token more, and one that lacks `j`.
fn grown() -> Bench {
    let bench = Bench::new();
    bench.model("base", DType::F32, 1);
    bench.model("b", DType::F32, 3);
    set_tokens(
        &bench,
        "b",
        &[
            "a", "b", "c", "d", "e", "f", "g", "h", "i", "new", "<s>", "</s>",
        ],
    );
    let mut larger = values(2);
    for (name, shape, rows) in &mut larger {
        if PER_TOKEN.contains(name) {
            *shape = &[13, 8];
            rows.extend([0.5; 8]);
        }
    }
    bench.write("a", DType::F32, &larger, WriterOptions::default());
    let mut tokens = TOKENS.to_vec();
    tokens.push("<im>");
    set_tokens(&bench, "a", &tokens);
    bench
}

const TASK: &str = "method = \"task_arithmetic\"\nbase = \"base\"\n[[models]]\npath = \"a\"\n\
                    weight = 0.5\n[[models]]\npath = \"b\"\nweight = 0.25\n";

#[test]
fn a_union_has_the_tokens_of_all() {
    let bench = grown();
    let error = bench.refused(TASK);
    assert!(
        error.contains(
            "in the base (base) and [13, 8] in model `a` (a); their vocabularies differ: \
                        write `tokenizer_source = \"union\"` (or \"base\")"
        ),
        "{error}"
    );
    let path = |name: &str| bench.path(name).display().to_string();
    let yaml = format!(
        "models: [{{model: {}}}, {{model: {}}}]\nmerge_method: linear\n",
        path("a"),
        path("b")
    );
    let recipe = Recipe::parse_mergekit(&yaml, "m.yml".as_ref()).unwrap();
    let error = bench.run(&recipe, "out").unwrap_err().to_string();
    assert!(
        error.contains("write `tokenizer_source: union` (or `base`)"),
        "{error}"
    );
    fs::write(bench.path("base/vocab.json"), "{}").unwrap();
    fs::write(
        bench.path("base/tokenizer_config.json"),
        json!({"added_tokens_decoder": {"10": {"content": "<s>"}}}).to_string(),
    )
    .unwrap();
    let report = bench
        .merge(&format!("tokenizer_source = \"union\"\n{TASK}"), "out")
        .unwrap();
    let union = Tokenizer::open(&report.dir).unwrap();
    assert_eq!(union.len(), 14);
    assert_eq!(json(&bench, "out/config.json")["vocab_size"], 14);
    // The older form of the vocabulary would contradict the new one.
    assert!(!bench.path("out/vocab.json").exists());
    let decoder = &json(&bench, "out/tokenizer_config.json")["added_tokens_decoder"];
    assert_eq!(decoder["12"]["content"], "<im>");
    assert_eq!(decoder["12"]["special"], true);
    for name in PER_TOKEN {
        let rows = |model: &str| read(&bench.path(model), name);
        let (out, base, a, b) = (rows("out"), rows("base"), rows("a"), rows("b"));
        let merged = |base: f32, a: f32, b: f32| base + ((a - base) * 0.5 + (b - base) * 0.25);
        let row = |i: usize| i * 8..i * 8 + 8;
        for (token, base_row, a_row, b_row) in [
            ("a", &base[row(0)], &a[row(0)], &b[row(0)]),
            ("</s>", &base[row(11)], &a[row(11)], &b[row(11)]),
            // b lacks `j`: the base's row.
            ("j", &base[row(9)], &a[row(9)], &base[row(9)]),
            // Only one model has these: no difference from the base.
            ("<im>", &a[row(12)], &a[row(12)], &a[row(12)]),
            ("new", &b[row(9)], &b[row(9)], &b[row(9)]),
        ] {
            let found = &out[row(union.id(token).unwrap())];
            for k in 0..8 {
                let wanted = merged(base_row[k], a_row[k], b_row[k]);
                assert!((found[k] - wanted).abs() <= 1e-6, "{name} {token}");
            }
        }
    }
    // Everything else is as without.
    let norm = "model.norm.weight";
    let (base, a, b) = (
        read(&bench.path("base"), norm),
        read(&bench.path("a"), norm),
        read(&bench.path("b"), norm),
    );
    for (k, found) in read(&report.dir, norm).iter().enumerate() {
        let wanted = base[k] + ((a[k] - base[k]) * 0.5 + (b[k] - base[k]) * 0.25);
        assert!((found - wanted).abs() <= 1e-6);
    }
}

#[test]
fn special_tokens_keep_their_meaning() {
    let bench = grown();
    let config = json!({"torch_dtype": "float32", "eos_token_id": 11, "bos_token_id": [10, 9],
        "text_config": {"pad_token_id": 11, "vocab_size": 12}});
    fs::write(bench.path("base/config.json"), config.to_string()).unwrap();
    fs::write(
        bench.path("base/generation_config.json"),
        "{\"eos_token_id\": 11}",
    )
    .unwrap();
    let mut tokens = TOKENS;
    tokens.swap(9, 0);
    tokens.swap(10, 1);
    tokens.swap(11, 2);
    tokens[0] = "<k>";
    bench.model("other", DType::F32, 9);
    set_tokens(&bench, "other", &tokens);
    bench
        .merge(&format!("tokenizer_source = \"other\"\n{TASK}"), "out")
        .unwrap();
    let config = json(&bench, "out/config.json");
    assert_eq!(config["eos_token_id"], 2);
    // `j` is no token any more.
    assert_eq!(config["bos_token_id"], json!([1]));
    let inner = json!({"pad_token_id": 2, "vocab_size": 12});
    assert_eq!(config["text_config"], inner);
    assert_eq!(
        json(&bench, "out/generation_config.json")["eos_token_id"],
        2
    );
    assert_eq!(json(&bench, "out/tokenizer.json")["from"], "other");
}

#[test]
fn tokens_can_have_rules() {
    let bench = grown();
    let recipe = format!(
        "{TASK}[tokenizer]\nsource = \"base\"\npad_to_multiple_of = 8\n\
         [tokenizer.tokens]\n\
         a = {{ source = {{ kind = \"zero\" }}, force = true }}\n\
         j = {{ source = {{ kind = \"model_token\", model = \"a\", token = \"<im>\" }} }}\n\
         extra = {{ source = {{ kind = \"model_token\", model = \"base\", token_id = 4 }} }}\n"
    );
    let report = bench.merge(&recipe, "out").unwrap();
    let union = Tokenizer::open(&report.dir).unwrap();
    assert_eq!((union.len(), union.id("extra")), (13, Some(12)));
    let name = PER_TOKEN[0];
    let out = read(&report.dir, name);
    assert_eq!(out.len(), 16 * 8);
    let row = |i: usize| i * 8..i * 8 + 8;
    assert_eq!(out[row(0)], [0.0; 8]);
    let (base, a) = (
        read(&bench.path("base"), name),
        read(&bench.path("a"), name),
    );
    assert_eq!(out[row(12)], base[row(4)]);
    for k in 0..8 {
        let j = base[72 + k] + ((a[72 + k] - base[72 + k]) * 0.5 + (0.5 - base[72 + k]) * 0.25);
        assert!((out[72 + k] - j).abs() <= 1e-6);
        // Padding is the mean of the other rows: of the inputs, and so of the result.
        let mean: f32 = (0..13).map(|i| out[i * 8 + k]).sum::<f32>() / 13.0;
        assert!((out[13 * 8 + k] - mean).abs() <= 1e-6);
    }
}

#[test]
fn bad_tokenizers_are_refused() {
    let bench = grown();
    let with = |rule: &str| {
        bench.refused(&format!(
            "{TASK}[tokenizer]\nsource = \"union\"\ntokens.x = {rule}\n"
        ))
    };
    for (rule, wanted) in [
        (
            "{ source = \"bb\" }",
            "the row of \"x\" is to come from `bb`, which is no model of this merge",
        ),
        ("{ source = \"b\" }", "model `b` (b) has no token \"x\""),
        (
            "{ source = { kind = \"model_token\", model = \"b\", token_id = 12 } }",
            "model `b` (b) has no row 12, it has 12",
        ),
        (
            "{ source = { kind = \"model_token\", model = \"b\" } }",
            "either a `token` or a `token_id`",
        ),
    ] {
        let error = with(rule);
        assert!(error.contains(wanted), "{error}\ndoes not say\n{wanted}");
        assert!(error.starts_with("merge.toml:"), "{error}");
    }
    let error = bench.refused(&format!("tokenizer_source = \"nowhere\"\n{TASK}"));
    assert!(
        error.contains("`tokenizer_source`: nowhere has no tokenizer.json"),
        "{error}"
    );
    fs::remove_file(bench.path("b/tokenizer.json")).unwrap();
    let error = bench.refused(&format!("tokenizer_source = \"union\"\n{TASK}"));
    assert!(
        error.contains("model `b` (b): b has no tokenizer.json"),
        "{error}"
    );
    fs::write(bench.path("b/tokenizer.json"), "{}").unwrap();
    let error = bench.refused(&format!("tokenizer_source = \"union\"\n{TASK}"));
    assert!(
        error.contains("b/tokenizer.json is no tokenizer"),
        "{error}"
    );
}

#[test]
fn chat_templates_are_chosen_or_voted_for() {
    let bench = grown();
    for (model, template) in [("base", "T1"), ("a", "T2"), ("b", "T2")] {
        let config = json!({"chat_template": template, "other": 1}).to_string();
        fs::write(bench.path(model).join("tokenizer_config.json"), config).unwrap();
    }
    let template = |wanted: &str| {
        let out = format!("out-{}", wanted.len());
        let recipe = format!("tokenizer_source = \"base\"\n{wanted}{TASK}");
        bench.merge(&recipe, &out).unwrap();
        let config = json(&bench, &format!("{out}/tokenizer_config.json"));
        assert_eq!(config["other"], 1);
        assert!(!bench.path(&format!("{out}/chat_template.jinja")).exists() || wanted.is_empty());
        config["chat_template"].as_str().unwrap().to_owned()
    };
    assert_eq!(template(""), "T1");
    assert_eq!(template("chat_template = \"auto\"\n"), "T2");
    assert_eq!(template("chat_template = \"{{ x }}\"\n"), "{{ x }}");
    let chatml = template("chat_template = \"chatml\"\n");
    assert!(chatml.contains("<|im_start|>") && chatml.contains("add_generation_prompt"));
    // A file of its own goes before the configuration, so it votes, and it is replaced.
    fs::write(bench.path("base/chat_template.jinja"), "T2").unwrap();
    fs::write(bench.path("a/chat_template.jinja"), "T3").unwrap();
    fs::write(bench.path("b/chat_template.jinja"), "T3").unwrap();
    assert_eq!(template("\nchat_template = \"auto\"\n"), "T3");
}

#[test]
fn runs_are_the_same_bytes() {
    let bench = grown();
    let recipe = format!("tokenizer_source = \"union\"\n{TASK}");
    bench.merge(&recipe, "one").unwrap();
    bench.merge(&recipe, "two").unwrap();
    assert_eq!(bytes(&bench.path("one")), bytes(&bench.path("two")));
    assert_eq!(
        TENSORS.len(),
        Checkpoint::open(bench.path("one")).unwrap().names().len()
    );
}
