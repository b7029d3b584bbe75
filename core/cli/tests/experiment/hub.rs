//! Models of a hub in experiments, in merges and on the command line. The hub is a stub on this
//! machine.

use crate::setting::{MANIFEST, Setting, bytes, rows};
use mergelab_tests::{
    Run,
    hub::{COMMIT, Hub},
};
use serde_json::Value;
use std::{fs, path::PathBuf};

/// A pretrained base and an expert of it, from an experiment, and a hub that has both.
struct OnHub {
    setting: Setting,
    hub: Hub,
    base: PathBuf,
}

fn on_hub() -> OnHub {
    let at = MANIFEST.find("[[experts]]").expect("there are experts");
    let expert = "[[experts]]\nlanguage = \"en\"\nrecipe = \"short\"\n";
    let setting = Setting::new(&format!("{}{expert}", &MANIFEST[..at]));
    setting.complete(&[]);
    let only = |kind: &str| -> PathBuf {
        let mut entries = fs::read_dir(setting.path("runs/store").join(kind)).expect("it ran");
        let entry = entries.next().expect("an artifact").expect("an entry");
        entry.path().join("model")
    };
    let (base, expert) = (only("pretrain"), only("train"));
    let hub = Hub::start(&[("org/base", &base), ("org/expert", &expert)]);
    OnHub { setting, hub, base }
}

impl OnHub {
    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.setting.mergelab.command();
        command
            .args(arguments)
            .env("HF_ENDPOINT", &self.hub.endpoint);
        for name in [
            "HF_HOME",
            "HF_HUB_CACHE",
            "HF_HUB_OFFLINE",
            "HF_TOKEN",
            "XDG_CACHE_HOME",
        ] {
            command.env_remove(name);
        }
        self.setting.mergelab.finish(&mut command)
    }

    fn complete(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
        run
    }
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:?}"))
}

/// The small experiment on a given base.
fn manifest(base: &str) -> String {
    let (start, end) = ("[base.pretrain]", "[recipes.short]");
    let start = MANIFEST.find(start).expect("it pretrains");
    let end = MANIFEST.find(end).expect("it has a recipe");
    let (before, after) = (&MANIFEST[..start], &MANIFEST[end..]);
    format!("{before}[base]\npath = \"{base}\"\n\n{after}")
}

#[test]
fn a_base_of_a_hub_gives_what_its_folder_gives() {
    let all = on_hub();
    all.setting
        .write_manifest(&manifest(&all.base.display().to_string()));
    all.complete(&["run", "experiment.toml", "--out", "from-folder"]);

    all.setting.write_manifest(&manifest("hf://org/base"));
    let plan = json(&all.complete(&["plan", "experiment.toml", "--json"]));
    // Planning knows the commit and fetches nothing.
    assert_eq!(plan["missing"][0]["commit"], COMMIT);
    let seen = all.hub.seen();
    assert!(
        seen.iter()
            .all(|s| s.starts_with("GET /api/models/org/base/")),
        "{seen:?}"
    );
    all.complete(&["run", "experiment.toml", "--out", "from-hub"]);
    assert!(
        all.hub
            .seen()
            .iter()
            .any(|s| s.ends_with("/model.safetensors"))
    );
    let values = |out: &str| -> Vec<(String, String, String)> {
        let rows = rows(&all.setting.path(out).join("results.csv"));
        let rows = rows.into_iter();
        rows.map(|r| (r["model"].clone(), r["measure"].clone(), r["value"].clone()))
            .collect()
    };
    assert_eq!(values("from-hub"), values("from-folder"));

    // A second run asks for the commit, and nothing else.
    all.complete(&["run", "experiment.toml", "--out", "from-hub"]);
    let seen = all.hub.seen();
    assert!(
        seen.iter().all(|s| s.contains("/revision/main")),
        "{seen:?}"
    );
    // A commit asks nothing at all, and is the same model.
    all.setting
        .write_manifest(&manifest(&format!("hf://org/base@{COMMIT}")));
    let plan = json(&all.complete(&["plan", "experiment.toml", "--json"]));
    let stages = plan["stages"].as_array().expect("a list");
    assert!(stages.iter().all(|s| s["cached"] == true));
    assert!(all.hub.seen().is_empty());

    all.setting.write_manifest(&manifest("hf://org/bsae"));
    let refused = all.run(&["plan", "experiment.toml"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(
        refused.stderr.contains("has no model org/bsae"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_merge_of_a_hubs_models_is_that_of_their_folders() {
    let all = on_hub();
    let expert = all.base.display().to_string();
    let recipe = |base: &str, model: &str| {
        format!(
            "method = \"linear\"\n[[models]]\npath = \"{base}\"\nweight = 0.7\n\
             [[models]]\npath = \"{model}\"\nweight = 0.3\n"
        )
    };
    let from_hub = recipe("hf://org/base", &format!("hf://org/expert@{COMMIT}"));
    fs::write(all.setting.path("hub.toml"), from_hub).expect("writable");
    all.complete(&["merge", "hub.toml", "merged"]);
    // The expert's folder in the cache is that of any folder.
    let cached = all.setting.mergelab.path(&format!(
        "home/.cache/huggingface/hub/models--org--expert/snapshots/{COMMIT}"
    ));
    let folders = recipe(&expert, &cached.display().to_string());
    fs::write(all.setting.path("folder.toml"), folders).expect("writable");
    all.complete(&["merge", "folder.toml", "again"]);
    let weights = |out: &str| bytes(&all.setting.path(out).join("model.safetensors"));
    assert_eq!(weights("merged"), weights("again"));
    let record = fs::read_to_string(all.setting.path("merged/mergelab-merge.json")).expect("there");
    for name in ["base", "expert"] {
        let name = format!("hf://org/{name}@{COMMIT}");
        assert!(record.contains(&name), "{name}: {record}");
    }
}

#[test]
fn text_is_generated_by_a_folder_or_a_name() {
    let all = on_hub();
    let folder = all.base.display().to_string();
    let ask = |model: &str, more: &[&str]| {
        let start = ["model", "generate", model, "--prompt", "One day", "--json"];
        json(&all.complete(&[&start, more].concat()))
    };
    let few = ["--max-new-tokens", "6"];
    let first = ask(&folder, &few);
    let named = ask("hf://org/base@main", &few);
    let one = &first["continuations"][0];
    assert_eq!(one, &named["continuations"][0]);
    assert_eq!(
        (&one["prompt"], &one["finish"]),
        (&Value::from("One day"), &Value::from("length"))
    );
    assert_eq!(one["ids"].as_array().map(Vec::len), Some(6));
    assert_eq!(
        (&first["new_tokens"], &first["chat"]),
        (&Value::from(6), &Value::from(false))
    );
    assert_eq!(named["model"], "hf://org/base@main");

    // Draws follow from the seed.
    let drawn = |seed: &str| {
        let hot = [
            "--max-new-tokens",
            "12",
            "--temperature",
            "2",
            "--seed",
            seed,
        ];
        ask(&folder, &hot)["continuations"][0]["ids"].clone()
    };
    assert_eq!(drawn("1"), drawn("1"));
    assert_ne!(drawn("1"), drawn("2"));

    // A text to stop at is left out.
    let text = ask(&folder, &["--max-new-tokens", "20"])["continuations"][0]["text"].clone();
    let text = text.as_str().expect("a text");
    let (at, sign) = text.char_indices().nth(2).expect("some text");
    let stop = sign.to_string();
    let stopped = ask(&folder, &["--max-new-tokens", "20", "--stop", &stop]);
    let stopped = &stopped["continuations"][0];
    assert_eq!(stopped["finish"], "stop_text");
    let expected = &text[..text.find(&stop).unwrap_or(at)];
    assert_eq!(stopped["text"], expected);

    // Plain output has each prompt where there are several, and the speed apart.
    let start = ["model", "generate", &folder, "--max-new-tokens", "2"];
    let plain = all.complete(&[&start[..], &["--prompt", "One", "--prompt", "Zwei"]].concat());
    assert!(plain.stdout.starts_with("> One\n") && plain.stdout.contains("\n> Zwei\n"));
    assert!(plain.stderr.starts_with("4 tokens in ") && !plain.stdout.contains("tokens/s"));

    // A model without a chat template is told so.
    let refused = all.run(&["model", "generate", &folder, "--chat", "--prompt", "One"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("chat template"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_chat_wraps_prompts_in_training_and_evaluation() {
    let all = on_hub();
    let tokens = |out: &str| -> Vec<(String, u64)> {
        let costs = rows(&all.setting.path(out).join("costs.csv"));
        let with = costs
            .iter()
            .filter(|r| ["train", "generate"].contains(&&*r["stage"]));
        with.map(|r| {
            (
                format!("{} {}", r["stage"], r["name"]),
                r["tokens"].parse().expect("a count"),
            )
        })
        .collect()
    };
    let plain = manifest("chatty");
    let chat = format!("{plain}\n[evaluation]\nchat = true\n");
    fs::create_dir(all.setting.path("chatty")).expect("writable");
    for entry in fs::read_dir(&all.base).expect("a model").flatten() {
        let to = all.setting.path("chatty").join(entry.file_name());
        fs::copy(entry.path(), to).expect("writable");
    }
    // Without a template there is no chat: the stages that need it say so.
    all.setting.write_manifest(&chat);
    let failed = all.run(&["run", "experiment.toml"]);
    assert_eq!(failed.code, Some(1), "{}{}", failed.stdout, failed.stderr);
    assert!(failed.stderr.contains("chat template"), "{}", failed.stderr);

    let template = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}\
                    {% if add_generation_prompt %}[assistant] {% endif %}";
    fs::write(all.setting.path("chatty/chat_template.jinja"), template).expect("writable");
    all.complete(&["run", "experiment.toml", "--out", "chat"]);
    all.setting.write_manifest(&plain);
    all.complete(&["run", "experiment.toml", "--out", "plain"]);
    let (with, without) = (tokens("chat"), tokens("plain"));
    assert_eq!(with.len(), without.len());
    for ((name, with), (same, without)) in with.iter().zip(&without) {
        assert_eq!(name, same);
        // "[user] " and "[assistant] " are more tokens than an answer has at most, and a stage has
        // six prompts or more.
        assert!(
            *with > without + 6,
            "{name}: {with}, not more than {without}"
        );
    }
}
