//! Models trained with several seeds.

use crate::setting::{MANIFEST, Setting, bytes, rows};
use std::collections::BTreeMap;

fn manifest() -> String {
    MANIFEST
        .replace("seed = 3", "seed = 3\nseeds = [3, 4]")
        .replace(
            "method = \"dare_linear\"\nseed = [1, 2]",
            "method = \"dare_linear\"",
        )
        .replace("density = [0.5, 1.0]", "density = 0.5")
}

/// Keys of the planned stages by name.
fn keys(setting: &Setting) -> BTreeMap<String, String> {
    let run = setting.run(&["plan", "experiment.toml", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let plan: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let stages = plan["stages"].as_array().expect("a list").iter();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    stages
        .map(|s| (text(&s["name"]), text(&s["key"])))
        .collect()
}

#[test]
fn a_replicate_is_the_model_of_its_seed() {
    let setting = Setting::new(MANIFEST);
    let single = keys(&setting);
    setting.write_manifest(&manifest());
    let replicated = keys(&setting);
    assert_eq!(single["pretrain base"], replicated["pretrain base"]);
    for name in ["train en", "train de", "train combined", "merge linear"] {
        assert_eq!(
            single[name],
            replicated[&format!("{name} replicate=3")],
            "{name}"
        );
        assert_ne!(
            single[name],
            replicated[&format!("{name} replicate=4")],
            "{name}"
        );
    }
    // Masks are drawn by the replicate's seed. A list of seeds of a merge stays an axis.
    let what = |seed: &str| format!("merge dare_linear replicate={seed}");
    assert_ne!(replicated[&what("3")], replicated[&what("4")]);
    let axis = manifest().replace("\"dare_linear\"", "\"dare_linear\"\nseed = [1, 2]");
    setting.write_manifest(&axis);
    let axis = keys(&setting);
    assert!(axis.contains_key("merge dare_linear seed=1 replicate=4"));
    assert_eq!(
        axis.keys().filter(|k| k.starts_with("merge dare")).count(),
        4
    );

    // An expert with one seed is in every replicate's merge; a list gives each its own.
    let fixed = manifest().replace(
        "recipe = \"short\"\n\n[combined]",
        "recipe = \"short\"\nseed = 9\n\n[combined]",
    );
    setting.write_manifest(&fixed);
    let fixed = keys(&setting);
    assert!(fixed.contains_key("train en") && fixed.contains_key("merge linear"));
    assert!(fixed.contains_key("train combined replicate=4"));
    let own = manifest().replace("[combined]", "[combined]\nseed = [5, 3]");
    setting.write_manifest(&own);
    let own = keys(&setting);
    assert_eq!(
        own["train combined replicate=4"],
        replicated["train combined replicate=3"]
    );
    for (seed, words) in [
        ("[5, 3, 7]", "2 replicates and 3 seeds"),
        ("\"a\"", "whole number"),
    ] {
        setting.write_manifest(
            &manifest().replace("[combined]", &format!("[combined]\nseed = {seed}")),
        );
        let run = setting.run(&["plan", "experiment.toml"]);
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.contains(words), "{}", run.stderr);
    }
}

#[test]
fn tables_have_each_replicate_and_their_mean() {
    let setting = Setting::new(&manifest());
    let run = setting.complete(&["--jobs", "2"]);
    let out = setting.path("runs/small");
    let results = rows(&out.join("results.csv"));
    let find = |model: &str, language: &str| {
        let own = |r: &&BTreeMap<String, String>| {
            r["model"] == model && r["language"] == language && r["measure"] == "rouge1"
        };
        results
            .iter()
            .find(own)
            .unwrap_or_else(|| panic!("no row of {model}"))
    };
    for model in ["en", "combined", "linear", "ties", "dare_linear"] {
        for language in ["de", "en", "all"] {
            let each = [3, 4].map(|seed| find(&format!("{model} replicate={seed}"), language));
            let mean = find(model, language);
            let value =
                |row: &BTreeMap<String, String>| row["value"].parse::<f64>().expect("a number");
            let expected = (value(each[0]) + value(each[1])) / 2.0;
            assert!((value(mean) - expected).abs() < 1e-12);
            assert_eq!((&*mean["replicates"], &*mean["seed"]), ("2", ""));
            assert_eq!(mean["ci_method"], "replicated_bootstrap");
            assert_eq!(
                (&*each[1]["replicate_of"], &*each[1]["replicate"]),
                (model, "4")
            );
        }
    }
    assert_eq!(find("base", "de")["replicates"], "1");
    assert_eq!(find("linear", "de")["experts"], "en;de");

    let tests = rows(&out.join("significance.csv"));
    assert!(tests.iter().all(|r| !r["model"].contains("replicate=")));
    let tested = tests
        .iter()
        .find(|r| r["model"] == "linear" && r["baseline"] == "combined");
    assert!(tested.expect("a row")["test"].ends_with("_replicated"));
    assert!(run.stdout.contains("combined (2 seeds)"), "{}", run.stdout);
    assert!(!run.stdout.contains("replicate="), "{}", run.stdout);
    assert!(
        out.join("predictions/linear_replicate=4.sentiment.de.jsonl")
            .is_file()
    );

    let first = bytes(&out.join("results.csv"));
    setting.complete(&["--out", "again"]);
    assert_eq!(first, bytes(&setting.path("again/results.csv")));
}
