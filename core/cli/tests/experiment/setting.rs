//! A small experiment, and reading what it leaves.

use mergelab_tests::{Mergelab, Run};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

/// The manifest. Two languages, two tasks, four training steps.
pub(crate) const MANIFEST: &str = r#"name = "small"
seed = 3

[base.pretrain]
dataset = "data/corpus"
languages = ["en", "de"]
vocabulary = 320
hidden_size = 32
intermediate_size = 64
layers = 1
heads = 2
context = 160
recipe = "short"

[recipes.short]
max_steps = 4
batch_size = 4
learning_rate = 1e-2

[[tasks]]
task = "sentiment"
dataset = "data/sentiment"
metrics = ["f1", "accuracy"]

[[tasks]]
task = "summarization"
dataset = "data/summarization"
metrics = ["rouge"]
params = { max_new_tokens = 4 }

[[experts]]
language = ["en", "de"]
recipe = "short"

[combined]
recipe = "short"

[[merges]]
method = "linear"

[[merges]]
method = "ties"
density = [0.5, 1.0]

[[merges]]
method = "dare_linear"
seed = [1, 2]

[statistics]
baselines = ["base", "combined"]
resamples = 200
margin = { f1_macro = 0.9 }
"#;

/// The program with its plugins, a manifest and a little of the generated data.
pub(crate) struct Setting {
    pub(crate) mergelab: Mergelab,
}

impl Setting {
    pub(crate) fn new(manifest: &str) -> Self {
        let mergelab = Mergelab::install(env!("CARGO_BIN_EXE_mergelab"));
        let setting = Self { mergelab };
        for (name, rows) in [("corpus", 12), ("sentiment", 9), ("summarization", 6)] {
            setting.copy_dataset(name, rows);
        }
        setting.write_manifest(manifest);
        setting
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.mergelab.work().join(relative)
    }

    pub(crate) fn write_manifest(&self, manifest: &str) {
        fs::write(self.path("experiment.toml"), manifest).expect("the stage is writable");
    }

    /// The first rows of each of both languages.
    fn copy_dataset(&self, name: &str, rows: usize) {
        let from = mergelab_tests::workspace_root()
            .join("datasets")
            .join(format!("generated-{name}"));
        let to = self.path("data").join(name);
        fs::create_dir_all(&to).expect("the stage is writable");
        for split in ["train", "validation", "test"] {
            let Ok(text) = fs::read_to_string(from.join(format!("{split}.jsonl"))) else {
                continue;
            };
            let mut kept = String::new();
            for language in ["en", "de"] {
                let mark = format!("\"language\": \"{language}\"");
                let lines = text.lines().filter(|l| l.contains(&mark)).take(rows);
                lines.for_each(|l| kept.push_str(&format!("{l}\n")));
            }
            fs::write(to.join(format!("{split}.jsonl")), kept).expect("the stage is writable");
        }
        let card = fs::read_to_string(from.join("card.toml")).expect("a shipped card");
        // The counts and hashes are those of the whole set.
        let card: String = card
            .lines()
            .filter(|l| !["sha256", "rows"].iter().any(|k| l.starts_with(k)))
            .map(|l| format!("{l}\n"))
            .collect();
        let languages = r#"["en", "de", "fr", "ja", "zh"]"#;
        let card = card.replace(languages, r#"["en", "de"]"#);
        fs::write(to.join("card.toml"), card).expect("the stage is writable");
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.mergelab.run(arguments)
    }

    /// Starts the experiment and does not wait. Its lines for people can be read afterwards.
    pub(crate) fn start(&self) -> Child {
        self.mergelab
            .command()
            .args(["run", "experiment.toml"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    }

    /// Runs the experiment and expects it to go well.
    pub(crate) fn complete(&self, arguments: &[&str]) -> Run {
        let mut all = vec!["run", "experiment.toml"];
        all.extend(arguments);
        let run = self.run(&all);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run
    }

    /// Which stages the plan would run, by name.
    pub(crate) fn to_run(&self) -> Vec<String> {
        let run = self.run(&["plan", "experiment.toml", "--json"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let plan: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        let stages = plan["stages"].as_array().expect("a list").iter();
        stages
            .filter(|s| s["cached"] == false)
            .map(|s| s["name"].as_str().expect("a name").to_owned())
            .collect()
    }
}

/// Rows of a table, each as a map from column to field.
pub(crate) fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("a table");
    reader
        .deserialize()
        .map(|row| row.expect("a row"))
        .collect()
}

/// A file's bytes.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
