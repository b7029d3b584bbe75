//! Models that are served elsewhere, as part of an experiment. The server is a stub on this machine.

use crate::setting::{MANIFEST, Setting, rows};
use mergelab_tests::{
    Run,
    served::{Act, Served, Tells},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const KEY: &str = "sk-very-secret-5f2c";
const VARIABLE: &str = "STUB_KEY";

/// Rows that are evaluated: of sentiment and of summarization, in two languages.
const QUESTIONS: usize = 2 * 9 + 2 * 6;

/// Answers as the sentiment task reads it, and with something to summarize by.
fn served() -> Served {
    let served = Served::start("org/stub-7b", |prompt| {
        if prompt.len() % 2 == 0 {
            " positive\nor not".to_owned()
        } else {
            " negative it is".to_owned()
        }
    });
    served.asks_for(KEY);
    served
}

/// The small experiment without its merges and trainings, with an endpoint.
fn manifest(served: &Served, more: &str) -> String {
    let at = MANIFEST.find("[[experts]]").expect("there are experts");
    format!(
        "{}[[endpoints]]\nname = \"big\"\nurl = \"{}\"\nmodel = \"org/stub-7b\"\n\
         api_key_env = \"{VARIABLE}\"\nconcurrency = 2\n{more}\n\n\
         [statistics]\nbaselines = [\"big\"]\nresamples = 200\n",
        &MANIFEST[..at],
        served.url
    )
}

fn run(setting: &Setting, arguments: &[&str]) -> Run {
    let mut command = setting.mergelab.command();
    command.args(arguments).env(VARIABLE, KEY);
    setting.mergelab.finish(&mut command)
}

fn complete(setting: &Setting) -> Run {
    let run = run(setting, &["run", "experiment.toml"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    run
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![fs::read_dir(folder).expect("a folder")];
    while let Some(entries) = open.pop() {
        for entry in entries.flatten() {
            let path = entry.path();
            match path.is_dir() {
                // A stage that ends meanwhile moves its folder away.
                true => open.extend(fs::read_dir(&path)),
                false => found.push(path),
            }
        }
    }
    found
}

#[test]
fn a_served_model_is_a_row_and_a_baseline_like_any_other() {
    let served = served();
    let setting = Setting::new(&manifest(&served, "revision = \"2026-11\""));
    let plan = run(&setting, &["plan", "experiment.toml"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    let line = format!("big: org/stub-7b at {}", served.url);
    assert!(plan.stdout.contains(&line), "{}", plan.stdout);
    assert!(served.seen().is_empty(), "a plan asks nobody");

    let first = complete(&setting);
    let seen = served.seen();
    let questions: Vec<_> = seen.iter().filter(|s| s.call.starts_with("POST")).collect();
    assert_eq!(questions.len(), QUESTIONS);
    assert!(questions.iter().all(|q| q.call == "POST /v1/completions"));
    assert!(served.most_at_once() <= 2);

    let out = setting.path("runs/small");
    let results = rows(&out.join("results.csv"));
    let own: Vec<_> = results.iter().filter(|r| r["model"] == "big").collect();
    let tasks: BTreeSet<&str> = own.iter().map(|r| &*r["task"]).collect();
    assert_eq!(tasks, BTreeSet::from(["sentiment", "summarization"]));
    for row in &own {
        assert_eq!((&*row["role"], &*row["n_truncated"]), ("served", "0"));
        let note =
            "big is known by address and name and not by content (revision 2026-11 as declared)";
        assert!(row["note"].contains(note), "{row:?}");
        assert!(row["parameters"].contains(&served.url), "{row:?}");
        assert_eq!(row["model_key"].len(), 32);
    }
    let significance = rows(&out.join("significance.csv"));
    assert!(!significance.is_empty());
    for row in &significance {
        assert_eq!((&*row["baseline"], &*row["model"]), ("big", "base"));
        assert!(row["note"].contains("big is known by address"), "{row:?}");
    }
    let costs = rows(&out.join("costs.csv"));
    let asked: Vec<_> = costs.iter().filter(|r| r["device"] == "endpoint").collect();
    assert_eq!(asked.len(), 4);
    for row in asked {
        assert!(row["name"].starts_with("big · ") && row["stage"] == "generate");
        assert!(
            row["tokens"].parse::<u64>().is_ok_and(|n| n > 50),
            "{row:?}"
        );
        assert!(row["flops"].is_empty() && row["energy_joules"].is_empty());
        assert!(row["note"].contains("what the server spent is not known"));
    }
    let savings = fs::read_to_string(out.join("savings.csv")).expect("a table");
    assert!(!savings.contains("big"));
    assert!(out.join("predictions/big.sentiment.en.jsonl").is_file());

    // Nothing is asked twice, and nothing changes.
    let before = fs::read(out.join("results.csv")).expect("a table");
    let second = complete(&setting);
    assert!(served.seen().is_empty(), "a second run asks nobody");
    assert_eq!(before, fs::read(out.join("results.csv")).expect("a table"));
    // A cached answer needs no key.
    let without = setting.run(&["run", "experiment.toml"]);
    assert_eq!(without.code, Some(0), "{}", without.stderr);

    for shown in [&plan, &first, &second, &without] {
        assert!(!shown.stdout.contains(KEY) && !shown.stderr.contains(KEY));
    }
    for file in files(&setting.mergelab.work()) {
        let content = fs::read(&file).expect("a file");
        let found = content
            .windows(KEY.len())
            .any(|part| part == KEY.as_bytes());
        assert!(!found, "the key is in {}", file.display());
    }
}

#[test]
fn another_revision_is_another_model_and_another_pace_is_not() {
    let served = served();
    let setting = Setting::new(&manifest(&served, "revision = \"one\""));
    complete(&setting);
    let to_run = |more: &str| {
        setting.write_manifest(&manifest(&served, more));
        let plan = run(&setting, &["plan", "experiment.toml", "--json"]);
        let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("JSON");
        let stages = plan["stages"].as_array().expect("a list").clone();
        stages.iter().filter(|s| s["cached"] == false).count()
    };
    assert_eq!(
        to_run("revision = \"one\"\nrequests_per_minute = 60\ntimeout = 5"),
        0
    );
    // Four questions and four scores.
    for change in [
        "revision = \"two\"",
        "revision = \"one\"\nchat = true",
        "seed = 1\nrevision = \"one\"",
    ] {
        assert_eq!(to_run(change), 8, "{change}");
    }
}

#[test]
fn a_run_that_failed_asks_what_is_missing() {
    let served = served();
    let setting = Setting::new(&manifest(&served, "retries = 0"));
    let refuse = Act::Refuse(503, "", "{\"error\": {\"message\": \"out of memory\"}}");
    served.next(vec![Act::Answer; 5].into_iter().chain([refuse.clone()]));
    let failed = run(&setting, &["run", "experiment.toml"]);
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(failed.stderr.contains("out of memory"), "{}", failed.stderr);
    assert!(
        failed.stderr.contains("run again to go on"),
        "{}",
        failed.stderr
    );
    let first = served.prompts();
    complete(&setting);
    let second = served.prompts();
    // One question was refused, and is asked again.
    assert_eq!(
        first.len() + second.len(),
        QUESTIONS + 1,
        "{first:?} {second:?}"
    );
    let again: Vec<_> = second.iter().filter(|p| first.contains(p)).collect();
    assert_eq!(again.len(), 1, "{again:?}");
    let costs = rows(&setting.path("runs/small/costs.csv"));
    let resumed = costs
        .iter()
        .filter(|r| r["device"] == "endpoint" && r["processes"] == "2");
    assert_eq!(resumed.count(), 1);
}

#[test]
fn a_run_that_was_killed_asks_what_is_missing() {
    let served = served();
    let setting = Setting::new(&manifest(&served, ""));
    served.next(vec![Act::Answer; 5].into_iter().chain(vec![Act::Stall; 2]));
    let mut child = setting
        .mergelab
        .command()
        .args(["run", "experiment.toml"])
        .env(VARIABLE, KEY)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let partial = setting.path("runs/store/partial");
    let found = |ending: &str, needed: usize| {
        let started = Instant::now();
        loop {
            let mut lines = 0;
            let mut all = match partial.is_dir() {
                true => files(&partial),
                false => Vec::new(),
            };
            all.retain(|file| file.to_string_lossy().contains(ending));
            all.retain(|file| {
                lines = fs::read_to_string(file).map_or(0, |text| text.lines().count());
                lines >= needed
            });
            if let Some(file) = all.pop() {
                return file;
            }
            assert!(started.elapsed() < Duration::from_secs(120), "no {ending}");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let kept = found("answers.jsonl", 5);
    // The account of the process that asks is called by its start and its number.
    let key = kept.parent().and_then(Path::file_name).expect("a folder");
    let account = found(&format!("{}.accounts", key.to_string_lossy()), 1);
    let name = account
        .file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let (_, stage) = name.split_once('-').expect("start and number");
    child.kill().expect("a child");
    let killed = Command::new("kill").args(["-9", stage]).status();
    assert!(killed.expect("kill is there").success());
    child.wait().expect("a child");

    let first = served.prompts();
    assert_eq!(first.len(), 7);
    complete(&setting);
    let second = served.prompts();
    // The two that nobody answered are asked again.
    assert_eq!(second.len(), QUESTIONS - 5);
    let again = second.iter().filter(|p| first.contains(p)).count();
    assert_eq!(again, 2);
}

#[test]
fn choices_are_made_by_likelihood_where_the_server_tells_it() {
    let served = served();
    let choose = "task = \"sentiment\"\nparams = { mode = \"choice\" }";
    let text = manifest(&served, "tasks = [\"sentiment\"]");
    let text = text.replacen("task = \"sentiment\"", choose, 1);
    let setting = Setting::new(&text);
    served.tells(Tells::Nothing);
    let failed = run(&setting, &["run", "experiment.toml"]);
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(
        failed.stderr.contains("mode = \"generate\""),
        "{}",
        failed.stderr
    );
    served.seen();
    served.tells(Tells::PromptLogprobs);
    complete(&setting);
    // The way of asking is found out once in each language.
    let prompts = served.prompts();
    let rows_asked = prompts
        .iter()
        .filter(|p| !p.starts_with("One, two"))
        .count();
    assert_eq!(rows_asked, 2 * 9);
    let predictions = setting.path("runs/small/predictions/big.sentiment.en.jsonl");
    let text = fs::read_to_string(predictions).expect("predictions");
    assert_eq!(text.matches("log_likelihoods").count(), 9);

    // A chat tells no likelihoods, which is known before anybody is asked.
    let chat = format!("{}chat = true\n", "tasks = [\"sentiment\"]\n");
    setting.write_manifest(&manifest(&served, &chat).replacen("task = \"sentiment\"", choose, 1));
    let refused = run(&setting, &["plan", "experiment.toml"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(
        refused.stderr.contains("`chat = false`"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_chat_is_asked_by_turns() {
    let served = served();
    let setting = Setting::new(&manifest(&served, "chat = true\nlanguages = \"de\""));
    complete(&setting);
    let seen = served.seen();
    let asked = seen
        .iter()
        .filter(|s| s.call == "POST /v1/chat/completions");
    assert_eq!(asked.count(), 9 + 6);
}

#[test]
fn what_is_wrong_is_said_before_anything_is_asked() {
    let served = served();
    let setting = Setting::new(&manifest(&served, ""));
    // Without the key, a plan can be made and a run cannot.
    let plan = setting.run(&["plan", "experiment.toml"]);
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    let missing = "key of the endpoint big: the environment variable `STUB_KEY` is not set";
    assert!(plan.stdout.contains(missing), "{}", plan.stdout);
    let refused = setting.run(&["run", "experiment.toml"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(refused.stderr.contains(missing), "{}", refused.stderr);

    let url = format!("url = \"{}\"", served.url);
    let cases = [
        (VARIABLE, "sk-secret-123", "and not the key"),
        (
            &url,
            "url = \"http://me:sk-secret-123@host/v1\"",
            "holds a name or password",
        ),
        (
            &url,
            "url = \"host:8000\"",
            "begins with http:// or https://",
        ),
        ("concurrency = 2", "concurrency = 0", "cannot be 0"),
        (
            "concurrency = 2",
            "concurency = 2",
            "Did you mean `concurrency`?",
        ),
        (
            "concurrency = 2",
            "body = { temperature = 1 }",
            "may not set `temperature`",
        ),
        (
            "concurrency = 2",
            "tasks = [\"sentimant\"]",
            "Did you mean `sentiment`?",
        ),
        (
            "concurrency = 2",
            "timeout = 0",
            "a number of seconds above 0",
        ),
        (
            "name = \"big\"",
            "name = \"base\"",
            "two models are called `base`",
        ),
    ];
    for (from, to, said) in cases {
        setting.write_manifest(&manifest(&served, "").replacen(from, to, 1));
        let refused = run(&setting, &["plan", "experiment.toml"]);
        assert_eq!(refused.code, Some(2), "{to}: {}", refused.stdout);
        assert!(refused.stderr.contains(said), "{to}: {}", refused.stderr);
        assert!(
            !refused.stderr.contains("sk-secret"),
            "{to}: {}",
            refused.stderr
        );
    }
    assert!(served.seen().is_empty());
}

#[test]
fn a_wrong_address_or_key_fails_with_what_to_do() {
    let served = served();
    let only = "tasks = [\"sentiment\"]\nlanguages = \"en\"\nretries = 0";
    let setting = Setting::new(&manifest(&served, only));
    let cases = [
        ("/v1\"", "\"", "set `url` to http://127.0.0.1"),
        (
            &*served.url,
            "http://127.0.0.1:1/v1",
            "Start the server, or correct `url`",
        ),
        ("org/stub-7b", "org/stub-8b", "It serves org/stub-7b"),
    ];
    for (from, to, said) in cases {
        setting.write_manifest(&manifest(&served, only).replacen(from, to, 1));
        let failed = run(&setting, &["run", "experiment.toml"]);
        assert_eq!(failed.code, Some(1), "{}", failed.stderr);
        assert!(failed.stderr.contains(said), "{said}: {}", failed.stderr);
    }
    setting.write_manifest(&manifest(&served, only));
    served.asks_for("another");
    let failed = run(&setting, &["run", "experiment.toml"]);
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(
        failed.stderr.contains("the key has no right to it"),
        "{}",
        failed.stderr
    );
    assert!(failed.stderr.contains("Bearer [key]"), "{}", failed.stderr);
    assert!(!failed.stderr.contains(KEY), "{}", failed.stderr);
    // The base was evaluated all the same.
    let results = rows(&setting.path("runs/small/results.csv"));
    assert!(results.iter().all(|r| r["model"] == "base"));
}

#[test]
fn stages_beside_each_other_do_not_ask_one_server_together() {
    let served = served();
    let setting = Setting::new(&manifest(&served, ""));
    let run = run(&setting, &["run", "experiment.toml", "--jobs", "4"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(served.most_at_once() <= 2, "{}", served.most_at_once());
    assert_eq!(served.prompts().len(), QUESTIONS);
}

#[test]
fn a_row_of_a_served_model_is_replicated_from_kept_answers_or_by_asking_again() {
    let served = served();
    let setting = Setting::new(&manifest(&served, ""));
    complete(&setting);
    served.seen();
    let results = rows(&setting.path("runs/small/results.csv"));
    let row = |language: &str| {
        let own = |r: &&BTreeMap<String, String>| {
            r["model"] == "big" && r["task"] == "sentiment" && r["language"] == language
        };
        results.iter().find(own).expect("a row")["row"].clone()
    };
    let replicate = |row: &str, more: &[&str]| {
        let arguments = [&["replicate", "runs/small", "--row", row], more].concat();
        run(&setting, &arguments)
    };
    let says = |run: &Run, code: i32, words: &[&str]| {
        assert_eq!(run.code, Some(code), "{}{}", run.stdout, run.stderr);
        for words in words {
            assert!(
                run.stdout.contains(words),
                "no {words:?} in\n{}",
                run.stdout
            );
        }
    };
    let model = format!("org/stub-7b at {}", served.url);
    // The stub names English labels.
    let (english, both) = (row("en"), row("all"));

    // Nobody is asked, and no key is needed.
    let kept = setting.run(&["replicate", "runs/small", "--row", &both]);
    says(
        &kept,
        0,
        &[
            "Taken as it was: generate big · sentiment · en, generate big · sentiment · de.",
            "Ran again: score big · sentiment · en, score big · sentiment · de.",
            &format!(
                "The answers that the run kept of {model} were scored again. No server was asked"
            ),
            "identical\n",
        ],
    );
    assert!(served.seen().is_empty());

    // The same answers come again.
    let asked = replicate(&english, &["--ask-again"]);
    says(
        &asked,
        0,
        &[
            "Ran again: generate big · sentiment · en, score big · sentiment · en.",
            &format!(
                "{model}: asked again, and all 9 answers are the run's. The row's value is the same"
            ),
            "identical\n",
        ],
    );
    let questions = served.prompts();
    assert_eq!(questions.len(), 9);

    // Another answer to one question, and to all.
    let lie = Act::Lie(|body| body["choices"][0]["text"] = " neither of both".into());
    served.next([lie.clone()]);
    let other = replicate(&english, &["--ask-again"]);
    says(
        &other,
        1,
        &[
            "1 of 9 answers are others than the run's",
            "differs first in generate big · sentiment · en, responses.jsonl, example ",
            "neither of both",
            "the server answered otherwise",
        ],
    );
    served.always(lie);
    let json = replicate(&english, &["--ask-again", "--json"]);
    assert_eq!(json.code, Some(1), "{}", json.stderr);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let answers = &json["served"];
    assert_eq!(
        (&answers["asked"], &answers["differing"]),
        (&true.into(), &9.into())
    );
    // None of the answers names a label, so none is right.
    assert_eq!(answers["values"][1], "0.0");
    assert_ne!(answers["values"][0], answers["values"][1]);
    assert_eq!(json["identical"], false);

    // Kept answers that were changed are no longer the run's.
    let responses = files(&setting.path("runs/store/generate"))
        .into_iter()
        .filter(|file| file.ends_with("responses.jsonl"));
    for file in responses {
        let text = fs::read_to_string(&file).expect("answers");
        fs::write(&file, text.replace("positive", "negative")).expect("writable");
    }
    let changed = setting.run(&["replicate", "runs/small", "--row", &both]);
    says(
        &changed,
        1,
        &[
            "answers of `generate big · sentiment · de`, responses.jsonl differs",
            "not run: the inputs are not the run's",
        ],
    );
}
