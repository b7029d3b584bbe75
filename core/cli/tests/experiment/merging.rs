//! `mergelab merge` on the models that an experiment left.

use crate::setting::{MANIFEST, Setting, bytes};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The pretrained base and both experts, under names that a recipe can say.
fn models(setting: &Setting) {
    setting.complete(&[]);
    let store = setting.path("runs/store");
    let models = |kind: &str| -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = fs::read_dir(store.join(kind))
            .expect("stages ran")
            .map(|e| e.expect("an entry").path().join("model"))
            .collect();
        folders.sort();
        folders
    };
    copy(&models("pretrain")[0], &setting.path("base"));
    copy(&models("train")[0], &setting.path("one"));
    copy(&models("train")[1], &setting.path("two"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the stage is writable");
    for entry in fs::read_dir(from).expect("a model") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("the stage is writable");
    }
}

#[test]
fn our_recipe_and_mergekits_give_the_same_weights() {
    let setting = Setting::new(MANIFEST);
    models(&setting);
    fs::write(
        setting.path("merge.toml"),
        "method = \"ties@mergekit\"\nbase = \"base\"\n[[models]]\npath = \"one\"\nweight = 0.6\n\
         [[models]]\npath = \"two\"\nweight = 0.3\n[params]\ndensity = 0.5\n",
    )
    .expect("writable");
    fs::write(
        setting.path("merge.yml"),
        "merge_method: ties\nbase_model: base\ndtype: float32\nmodels:\n  - model: one\n    \
         parameters: {weight: 0.6}\n  - model: two\n    parameters: {weight: 0.3}\n\
         parameters: {density: 0.5}\n",
    )
    .expect("writable");
    for (config, out) in [("merge.toml", "ours"), ("merge.yml", "theirs")] {
        let run = setting.run(&["merge", config, out]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        for file in [
            "config.json",
            "tokenizer.json",
            "README.md",
            "mergelab-merge.json",
        ] {
            assert!(setting.path(out).join(file).is_file(), "no {file}");
        }
    }
    let weights = |out: &str| bytes(&setting.path(out).join("model.safetensors"));
    assert_eq!(weights("ours"), weights("theirs"));
    assert_ne!(weights("ours"), weights("base"));

    // Without sums a device gives the same bytes; the record names it.
    let run = setting.run(&["merge", "merge.toml", "flex", "--device", "flex"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(weights("ours"), weights("flex"));
    let record = bytes(&setting.path("flex/mergelab-merge.json"));
    let record: serde_json::Value = serde_json::from_slice(&record).expect("JSON");
    assert_eq!(record["device"], "flex");
    let run = setting.run(&["merge", "merge.toml", "none", "--device", "cude:0"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("`cuda`"), "{}", run.stderr);

    // A model that is there is not replaced unasked.
    let run = setting.run(&["merge", "merge.toml", "ours"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    let run = setting.run(&["merge", "merge.toml", "ours", "--overwrite", "--json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(report["plugin"]["id"], "ties");

    // The merged model is a model: it can be the base of an experiment.
    let at = MANIFEST.find("[base.pretrain]").expect("a base");
    let end = MANIFEST.find("[recipes.short]").expect("a recipe");
    let manifest = format!(
        "{}[base]\npath = \"ours\"\n\n{}",
        &MANIFEST[..at],
        &MANIFEST[end..]
    );
    setting.write_manifest(&manifest);
    setting.complete(&["--out", "imported"]);
}

#[test]
fn bad_input_leaves_nothing() {
    let setting = Setting::new(MANIFEST);
    models(&setting);
    let recipe = "method = \"linear\"\n[[models]]\npath = \"one\"\n[[models]]\npath = \"two\"\n";
    let refused = |recipe: &str, words: &str| {
        fs::write(setting.path("merge.toml"), recipe).expect("writable");
        let run = setting.run(&["merge", "merge.toml", "out"]);
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(
            run.stderr.contains(words),
            "no {words:?} in\n{}",
            run.stderr
        );
        assert!(!setting.path("out").exists());
    };
    refused(&recipe.replace("path = \"two\"", "pth = \"two\""), "`path`");
    refused(
        &recipe.replace("linear", "linaer"),
        "Did you mean `linear`?",
    );
    refused(&format!("{recipe}densty = 0.5\n"), "densty");

    let file = setting.path("two/model.safetensors");
    let whole = bytes(&file);
    fs::write(&file, &whole[..whole.len() / 2]).expect("writable");
    refused(recipe, "model.safetensors");
    let mut spoiled = whole.clone();
    let last = spoiled.len() - 4;
    spoiled[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&file, spoiled).expect("writable");
    refused(recipe, "NaN");
}
