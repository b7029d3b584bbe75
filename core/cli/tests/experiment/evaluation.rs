//! How models are asked: agreement with another harness, what is kept after a kill, examples that
//! are shown, several prompts.

use crate::setting::{Setting, bytes, rows};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The tasks of `tests/golden/make_lm_eval.py` with its prompts.
const MANIFEST: &str = r#"name = "small"
seed = 11

[base]
path = "lm_eval/model"

[[tasks]]
name = "arc"
task = "reasoning"
dataset = "lm_eval/arc"
params = { prompt = { "*" = "Question: {question}\nAnswer:" } }

[[tasks.prompts]]
name = "bytes"
params = { normalise = "bytes" }

[[tasks]]
name = "copa"
task = "reasoning"
dataset = "lm_eval/copa"
params = { prompt = { "*" = "{question}" } }

[[tasks.prompts]]
name = "bytes"
params = { normalise = "bytes" }

[[tasks]]
name = "sst"
task = "sentiment"
dataset = "lm_eval/sst"
metrics = ["accuracy"]
shots = 3

[tasks.params]
mode = "choice"
prompt = { "*" = "{text}\nQuestion: Is this sentence positive or negative?\nAnswer:" }

[[tasks]]
name = "sums"
task = "reasoning"
dataset = "lm_eval/sums"
metrics = ["exact_match"]
shots = 2

[tasks.params]
mode = "generate"
prompt = { "*" = "Question: {question}\nAnswer:" }
max_new_tokens = 24
stop = ["\n", ".", "Question:"]
"#;

/// An experiment with the model and the rows that the other harness was given.
fn setting(manifest: &str) -> Setting {
    let setting = Setting::new(manifest);
    copy(&golden(), &setting.path("lm_eval"));
    setting
}

fn golden() -> PathBuf {
    mergelab_tests::workspace_root().join("tests/golden/lm_eval")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the stage is writable");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the stage is writable");
        }
    }
}

/// Predictions of the base by the id of the example.
fn predictions(setting: &Setting, task: &str, language: &str) -> BTreeMap<String, Value> {
    let name = format!("runs/small/predictions/base.{task}.{language}.jsonl");
    let text = fs::read_to_string(setting.path(&name)).expect("predictions");
    let line = |line: &str| -> Value { serde_json::from_str(line).expect("JSON") };
    let id = |value: &Value| value["id"].as_str().expect("an id").to_owned();
    text.lines().map(line).map(|v| (id(&v), v)).collect()
}

#[test]
fn answers_agree_with_lm_evaluation_harness() {
    let setting = setting(MANIFEST);
    setting.complete(&[]);
    let expected: Value =
        serde_json::from_slice(&bytes(&golden().join("expected.json"))).expect("JSON");
    let results = rows(&setting.path("runs/small/results.csv"));
    let agrees = |task: &str, measure: &str, metric: &str| {
        let row = results
            .iter()
            .find(|r| r["task"] == task && r["measure"] == measure && r["model"] == "base");
        let found: f64 = row.expect("a row")["value"].parse().expect("a number");
        let name = task.split('@').next().expect("a name");
        let wanted = expected["tasks"][name]["metrics"][metric].as_f64();
        let wanted = wanted.expect("a number");
        assert!(
            (found - wanted).abs() < 1e-12,
            "{task}: {found} is not {wanted}"
        );
    };
    for (task, language) in [("arc", "en"), ("copa", "de"), ("sst", "en")] {
        let found = predictions(&setting, task, language);
        let by_bytes = (task != "sst").then(|| {
            agrees(&format!("{task}@bytes"), "accuracy", "acc_bytes");
            predictions(&setting, &format!("{task}@bytes"), language)
        });
        let examples = expected["tasks"][task]["examples"].as_array();
        let examples = examples.expect("a list");
        assert_eq!(found.len(), examples.len());
        for example in examples {
            let id = example["id"].as_str().expect("an id");
            let own = &found[id];
            let scores = own["response"]["log_likelihoods"].as_array();
            let wanted = example["log_likelihoods"].as_array().expect("a list");
            let scores = scores.expect("a list");
            assert_eq!(scores.len(), wanted.len());
            for (score, wanted) in scores.iter().zip(wanted) {
                let (score, wanted) = (score.as_f64(), wanted.as_f64());
                let (score, wanted) = (score.expect("a number"), wanted.expect("a number"));
                // Sums over up to 40 tokens of f32 logits that were summed in another order.
                assert!(
                    (score - wanted).abs() < 2e-3,
                    "{task} {id}: {score} is not {wanted}"
                );
            }
            assert_eq!(own["label"], example["choice"], "{task} {id}");
            if let Some(by_bytes) = &by_bytes {
                let label = &by_bytes[id]["label"];
                assert_eq!(*label, example["choice_bytes"], "{task} {id}, by bytes");
            }
        }
        agrees(task, "accuracy", "acc");
    }
    let found = predictions(&setting, "sums", "en");
    let examples = expected["tasks"]["sums"]["examples"].as_array();
    let examples = examples.expect("a list");
    assert_eq!(found.len(), examples.len());
    for example in examples {
        let id = example["id"].as_str().expect("an id");
        assert_eq!(found[id]["response"]["text"], example["text"], "sums {id}");
    }
    agrees("sums", "exact_match", "exact_match");
    // Some ended at a stop and some at the greatest length, or the test shows little.
    let lengths = |least: usize, most: usize| {
        let texts = examples.iter().filter_map(|e| e["text"].as_str());
        let wanted = |text: &str| (least..=most).contains(&text.chars().count());
        texts.into_iter().filter(|text| wanted(text)).count()
    };
    assert!(lengths(0, 12) >= 2 && lengths(20, 200) >= 2);
    for task in ["sst", "sums"] {
        let ids: Vec<String> = shown(&setting, task)
            .iter()
            .map(|shot| shot["id"].as_str().expect("an id").to_owned())
            .collect();
        let wanted = expected["tasks"][task]["shots"].as_array();
        let wanted: Vec<&str> = wanted
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(ids, wanted, "{task}");
    }
}

/// The examples that were shown before the prompts of a task.
fn shown(setting: &Setting, task: &str) -> Vec<Value> {
    let artifacts = fs::read_dir(setting.path("runs/store/generate")).expect("a store");
    let read = |path: PathBuf| -> Option<Value> {
        Some(serde_json::from_slice(&fs::read(path).ok()?).expect("JSON"))
    };
    let mut found: Vec<Vec<Value>> = artifacts
        .flatten()
        .filter(|entry| {
            let stage = read(entry.path().join("stage.json")).expect("a stage");
            stage["task"]["name"] == task
        })
        .filter_map(|entry| read(entry.path().join("shots.json")))
        .map(|shots| shots.as_array().expect("a list").clone())
        .collect();
    found.dedup();
    assert_eq!(found.len(), 1, "models were shown different examples");
    found.remove(0)
}

#[test]
fn the_size_of_batches_changes_nothing() {
    let setting = setting(MANIFEST);
    setting.complete(&[]);
    let results = bytes(&setting.path("runs/small/results.csv"));
    let all = |out: &str| -> BTreeMap<String, Vec<u8>> {
        let folder = setting.path(&format!("{out}/predictions"));
        let files = fs::read_dir(folder).expect("a folder").flatten();
        let name = |path: &Path| {
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        };
        files.map(|f| (name(&f.path()), bytes(&f.path()))).collect()
    };
    let predictions = all("runs/small");
    assert_eq!(predictions.len(), 6);
    for size in [1, 3, 64] {
        let (out, store) = (format!("out-{size}"), format!("store-{size}"));
        setting.write_manifest(&format!("{MANIFEST}\n[evaluation]\nbatch_size = {size}\n"));
        setting.complete(&["--out", &out, "--store", &store]);
        assert_eq!(bytes(&setting.path(&format!("{out}/results.csv"))), results);
        assert!(all(&out) == predictions, "batches of {size}");
    }
}

#[test]
fn whatever_bears_on_the_answers_of_a_model_has_them_asked_anew() {
    let setting = setting(MANIFEST);
    setting.complete(&[]);
    assert_eq!(setting.to_run(), Vec::<String>::new());
    for (file, from, to) in [
        ("tokenizer_config.json", "</s>", "<unk>"),
        (
            "generation_config.json",
            "\"eos_token_id\": 2",
            "\"eos_token_id\": 5",
        ),
        (
            "config.json",
            "\"rms_norm_eps\": 1e-06",
            "\"rms_norm_eps\": 1e-05",
        ),
        ("tokenizer.json", "<s>", "<t>"),
    ] {
        let path = setting.path("lm_eval/model").join(file);
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(&path, text.replace(from, to)).expect("writable");
        let to_run = setting.to_run();
        let asked = to_run.iter().filter(|name| name.starts_with("generate"));
        assert_eq!(asked.count(), 6, "{file}: {to_run:?}");
        fs::write(&path, text).expect("writable");
    }
    // A template where there was none.
    let template = setting.path("lm_eval/model/chat_template.jinja");
    fs::write(template, "{{ messages[0].content }}").expect("writable");
    assert!(!setting.to_run().is_empty());
}

#[test]
fn prompts_are_evaluated_side_by_side() {
    let manifest = MANIFEST.replace(
        "shots = 3\n",
        "shots = 3\n\n[[tasks.prompts]]\nname = \"short\"\n\
         params = { prompt = { \"*\" = \"{text}\\nIt was\" } }\n",
    );
    let setting = setting(&manifest);
    setting.complete(&[]);
    let results = rows(&setting.path("runs/small/results.csv"));
    let value = |task: &str| -> f64 {
        let row = results
            .iter()
            .find(|r| r["task"] == task && r["measure"] == "accuracy");
        row.expect("a row")["value"].parse().expect("a number")
    };
    let values = [value("sst"), value("sst@short")];
    let mut spread = rows(&setting.path("runs/small/prompts.csv"));
    spread.retain(|row| row["measure"] == "accuracy");
    let tasks: Vec<&str> = spread.iter().map(|r| r["task"].as_str()).collect();
    assert_eq!(tasks, ["arc", "copa", "sst"]);
    let number = |column: &str| -> f64 { spread[2][column].parse().expect("a number") };
    assert_eq!(spread[2]["prompts"], "2");
    assert_eq!(number("min"), values[0].min(values[1]));
    assert_eq!(number("max"), values[0].max(values[1]));
    assert!((number("mean") - (values[0] + values[1]) / 2.0).abs() < 1e-12);
    let sd = (values[0] - values[1]).abs() / 2f64.sqrt();
    assert!((number("sd") - sd).abs() < 1e-12);
    // The examples that are shown have the prompt's own form.
    let shots = shown(&setting, "sst@short");
    let prompt = shots[0]["prompt"].as_str().expect("a text");
    assert!(prompt.ends_with("\nIt was"), "{prompt}");

    // What no task has several prompts of has no table.
    let start = manifest.find("[[tasks]]\nname = \"sums\"").expect("a task");
    let head = manifest.find("[[tasks]]").expect("a task");
    setting.write_manifest(&format!("{}{}", &manifest[..head], &manifest[start..]));
    setting.complete(&[]);
    assert!(!setting.path("runs/small/prompts.csv").exists());
}

#[test]
fn examples_that_cannot_be_shown_are_refused() {
    let setting = setting(MANIFEST);
    let cases = [
        ("shots = 3", "shots = 10", "has 9 in en"),
        (
            "shots = 3",
            "shots = 3\nshots_split = \"test\"",
            "which is evaluated",
        ),
        ("shots = 3", "shots = 3\nshots_split = \"tset\"", "tset"),
        ("shots = 3", "shots_seed = 3", "no meaning without `shots`"),
        ("name = \"bytes\"", "name = \"by tes\"", "letters, digits"),
        ("params = { normalise = \"bytes\" }", "", "changes nothing"),
        ("normalise = \"bytes\"", "normalise = \"bites\"", "bites"),
    ];
    for (from, to, words) in cases {
        setting.write_manifest(&MANIFEST.replacen(from, to, 1));
        let run = setting.run(&["run", "experiment.toml"]);
        assert_eq!(run.code, Some(2), "{to}: {}{}", run.stdout, run.stderr);
        let text = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(words), "{to}: {text}");
    }
}

#[test]
fn examples_are_left_out_where_the_context_is_too_short() {
    let setting = setting(MANIFEST);
    let config = setting.path("lm_eval/model/config.json");
    let text = fs::read_to_string(&config).expect("a config");
    let text = text.replace(
        "\"max_position_embeddings\": 512",
        "\"max_position_embeddings\": 100",
    );
    fs::write(&config, text).expect("writable");
    setting.complete(&[]);
    let results = rows(&setting.path("runs/small/results.csv"));
    let row = |task: &str| {
        let row = results.iter().find(|r| r["task"] == task);
        row.expect("a row")["n_truncated"].clone()
    };
    assert_eq!([row("arc"), row("sst"), row("sums")], ["0", "21", "16"]);
    for (task, left_out) in [("sst", 2), ("sums", 1)] {
        for (id, own) in predictions(&setting, task, "en") {
            assert_eq!(own["truncated_tokens"], 0, "{id}");
            assert_eq!(own["dropped_shots"], left_out, "{id}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_killed_evaluation_goes_on_after_the_answers_that_it_kept() {
    let start = MANIFEST.find("[[tasks]]\nname = \"sums\"").expect("a task");
    let head = MANIFEST.find("[[tasks]]").expect("a task");
    let setting = setting(&format!("{}{}", &MANIFEST[..head], &MANIFEST[start..]));
    let file = setting.path("lm_eval/sums/test.jsonl");
    let text = fs::read_to_string(&file).expect("rows");
    let mut many = String::new();
    for copy in 0..60 {
        many.push_str(&text.replace("\"test-", &format!("\"{copy}-")));
    }
    fs::write(&file, many).expect("writable");

    let child = setting.start();
    let patience = Instant::now() + Duration::from_secs(300);
    let partial = setting.path("runs/store/partial");
    let kept = || -> Option<PathBuf> {
        let entries = fs::read_dir(&partial).ok()?.flatten();
        let mut files = entries.map(|entry| entry.path().join("answers.jsonl"));
        files.find(|file| fs::read(file).is_ok_and(|bytes| bytes.contains(&b'\n')))
    };
    let file = loop {
        if let Some(file) = kept() {
            break file;
        }
        assert!(Instant::now() < patience, "no answers were kept");
        std::thread::sleep(Duration::from_millis(2));
    };
    // Its account, which is called by its start and its process.
    let account = || -> Option<u32> {
        let folder = file.parent()?.with_extension("accounts");
        let mut names = fs::read_dir(folder).ok()?.flatten().map(|f| f.path());
        names.find_map(|file| file.file_stem()?.to_str()?.rsplit_once('-')?.1.parse().ok())
    };
    let process = loop {
        if let Some(process) = account() {
            break process;
        }
        assert!(Instant::now() < patience, "no account was written");
        std::thread::sleep(Duration::from_millis(2));
    };
    let signal = std::process::Command::new("kill")
        .args(["-KILL", &process.to_string()])
        .status();
    assert!(signal.expect("kill is there").success());
    let output = child.wait_with_output().expect("a child");
    assert!(!output.status.success());
    assert!(
        !setting.path("runs/store/generate").exists(),
        "it had ended"
    );

    // As if it had been killed while it wrote.
    let mut damaged = bytes(&file);
    let lines = damaged.iter().filter(|byte| **byte == b'\n').count();
    assert!(lines < 15, "all was answered");
    damaged.extend_from_slice(b"0123 {\"answers\":[[0,");
    fs::write(&file, damaged).expect("writable");

    setting.complete(&[]);
    assert!(!partial.join(file.parent().expect("a folder")).exists());
    let stages = rows(&setting.path("runs/small/costs.csv"));
    let generated = stages.iter().find(|r| r["stage"] == "generate");
    assert_eq!(generated.expect("a stage")["processes"], "2");
    setting.complete(&["--out", "whole", "--store", "other"]);
    let name = "predictions/base.sums.en.jsonl";
    let resumed = bytes(&setting.path("runs/small").join(name));
    assert!(resumed == bytes(&setting.path("whole").join(name)));
    let table = |out: &str| bytes(&setting.path(out).join("results.csv"));
    assert!(table("runs/small") == table("whole"));
}
