//! The files beside the weights.

use crate::checkpoints::Bench;
use mergelab_checkpoint::{Checkpoint, DType};
use mergelab_merge::Recipe;
use serde_json::Value;
use std::fs;
use std::path::Path;

const RECIPE: &str = "method = \"ties\"\nbase = \"base\"\nseed = 5\n[[models]]\nid = \"german\"\n\
                      path = \"a\"\nweight = 0.5\n[[models]]\nadapter = \"l\"\n";

fn merged(more: &str) -> Bench {
    let bench = Bench::new();
    bench.model("base", DType::BF16, 1);
    bench.model("a", DType::BF16, 2);
    bench.adapter("l", 3);
    bench.merge(&format!("{more}{RECIPE}"), "out").unwrap();
    bench
}

#[test]
fn the_record_has_recipe_and_hashes() {
    let bench = merged("");
    let text = fs::read(bench.path("out/mergelab-merge.json")).unwrap();
    let record: Value = serde_json::from_slice(&text).unwrap();
    let out = Checkpoint::open(bench.path("out")).unwrap();
    for (name, hash) in out.tensor_hashes() {
        assert_eq!(record["tensors"][&name]["blake3"], hash.to_string());
        assert_eq!(record["tensors"][&name]["dtype"], "BF16");
        assert_eq!(record["tensors"][&name]["parameters"], 0);
    }
    assert_eq!(
        record["tensors"].as_object().unwrap().len(),
        out.names().len()
    );
    let base = Checkpoint::open(bench.path("base")).unwrap();
    assert_eq!(record["inputs"][0]["id"], "base");
    assert_eq!(
        record["inputs"][0]["content_hash"],
        base.content_hash().to_string()
    );
    assert_eq!(record["inputs"][2]["adapter"], "l");
    assert_eq!(record["plugin"]["id"], "ties");
    assert_eq!(
        record["parameters"][0]["weight"],
        serde_json::json!([0.5, 1.0])
    );
    assert_eq!(record["recipe"]["seed"], 5);
    assert_eq!(record["mergelab"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_card_holds_the_recipe() {
    let bench = merged("");
    let card = fs::read_to_string(bench.path("out/README.md")).unwrap();
    assert!(
        card.starts_with("---\nbase_model:\n- \"base\"\n- \"a\"\n- \"l\"\n"),
        "{card}"
    );
    assert!(card.contains("library_name: transformers\ntags:\n- mergelab\n- merge\n---\n"));
    let recipe = card.split("```toml\n").nth(1).unwrap();
    let recipe = recipe.split("```").next().unwrap();
    let again = Recipe::parse_toml(recipe, Path::new("card.toml")).unwrap();
    assert_eq!(again.to_json(), bench.recipe(RECIPE).to_json());
    let base = Checkpoint::open(bench.path("base")).unwrap();
    assert!(card.contains(&base.content_hash().to_string()));
    // The front matter is YAML.
    let front: Value = serde_saphyr::from_str(card.split("---\n").nth(1).unwrap()).unwrap();
    assert_eq!(front["base_model"], serde_json::json!(["base", "a", "l"]));
}

#[test]
fn the_tokenizer_comes_from_where_the_recipe_says() {
    let from = |bench: &Bench, file: &str| -> Value {
        let text = fs::read(bench.path("out").join(file)).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["from"].clone()
    };
    let bench = merged("");
    assert_eq!(from(&bench, "tokenizer.json"), "base");
    let bench = merged("tokenizer_source = \"a\"\n");
    assert_eq!(from(&bench, "tokenizer.json"), "a");
    // How text is generated belongs to the model.
    assert_eq!(from(&bench, "generation_config.json"), "base");
}
