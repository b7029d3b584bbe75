//! Examples before the prompts of a served model: the turns and the texts that it is really sent.

use crate::setting::{MANIFEST, Setting};
use mergelab_tests::served::Served;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};

/// What comes before and after a text in a prompt, and what the labels are called.
const PARAMS: &str = r#"prompt = { "*" = "Text: {text}\nMood:" }, verbalizers = { negative = "bad", neutral = "so-so", positive = "good" }"#;

fn word(label: &str) -> &'static str {
    match label {
        "negative" => "bad",
        "neutral" => "so-so",
        _ => "good",
    }
}

/// The base and a served model on sentiment alone, with two examples before every prompt.
fn setting(served: &Served, params: &str, endpoint: &str) -> Setting {
    let (head, _) = MANIFEST.split_once("[[tasks]]").expect("tasks");
    Setting::new(&format!(
        "{head}[[tasks]]\ntask = \"sentiment\"\ndataset = \"data/sentiment\"\nshots = 2\n\
         params = {{ {PARAMS}{params} }}\n\n[[endpoints]]\nname = \"big\"\nurl = \"{}\"\n\
         model = \"org/stub-7b\"\n{endpoint}\n",
        served.url
    ))
}

/// Prompts with their right answers, of one split and language.
fn rows(setting: &Setting, split: &str, language: &str) -> BTreeSet<(String, &'static str)> {
    let path = setting.path(&format!("data/sentiment/{split}.jsonl"));
    let text = fs::read_to_string(path).expect("rows");
    let rows = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a row"));
    rows.filter(|row| row["language"] == language)
        .map(|row| {
            let text = row["text"].as_str().expect("a text");
            let label = row["label"].as_str().expect("a label");
            (format!("Text: {text}\nMood:"), word(label))
        })
        .collect()
}

/// The bodies of all questions, those about rows alone.
fn asked(served: &Served) -> Vec<Value> {
    let seen = served.seen().into_iter();
    let questions = seen.filter(|s| s.call.starts_with("POST"));
    questions
        .map(|s| s.body)
        .filter(|body| !body["prompt"][0].to_string().contains("One, two"))
        .collect()
}

/// What the stages of all models noted of the examples that they were shown.
fn noted(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            noted(&path, found);
        } else if path.ends_with("shots.json") {
            found.push(fs::read_to_string(path).expect("a file"));
        }
    }
}

/// Every question begins with two examples of its language, the same for all of the language, and
/// ends with a prompt of its own.
fn check(setting: &Setting, questions: &[(Vec<(String, String)>, String)]) {
    assert_eq!(questions.len(), 2 * 9);
    for language in ["en", "de"] {
        let evaluated = rows(setting, "test", language);
        let own: Vec<_> = questions
            .iter()
            .filter(|(_, last)| evaluated.iter().any(|(prompt, _)| prompt == last))
            .collect();
        let prompts: BTreeSet<&str> = own.iter().map(|(_, last)| last.as_str()).collect();
        assert_eq!((own.len(), prompts.len()), (9, 9), "{language}");
        let train = rows(setting, "train", language);
        let shown = &own[0].0;
        assert!(own.iter().all(|(examples, _)| examples == shown));
        assert_eq!(shown.len(), 2);
        assert_ne!(shown[0], shown[1]);
        for (prompt, answer) in shown {
            assert!(
                train.contains(&(prompt.clone(), word_of(answer))),
                "{prompt:?} is answered {answer:?}"
            );
            assert!(!evaluated.iter().any(|(own, _)| own == prompt));
        }
    }
    // The served model is shown what the base is shown.
    let mut files = Vec::new();
    noted(&setting.path("runs/store"), &mut files);
    let distinct: BTreeSet<&String> = files.iter().collect();
    assert_eq!((files.len(), distinct.len()), (4, 2));
}

/// The word itself, if it is one of the three.
fn word_of(answer: &str) -> &'static str {
    let words = ["bad", "so-so", "good"];
    words.into_iter().find(|w| *w == answer).unwrap_or("")
}

#[test]
fn a_chat_is_shown_examples_as_turns() {
    let served = Served::start("org/stub-7b", |_| "good".to_owned());
    let setting = setting(&served, "", "chat = true");
    setting.complete(&[]);
    let questions: Vec<_> = asked(&served)
        .iter()
        .map(|body| {
            let turns = body["messages"].as_array().expect("turns");
            let roles: Vec<&Value> = turns.iter().map(|turn| &turn["role"]).collect();
            assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
            let said: Vec<&str> = turns
                .iter()
                .map(|turn| turn["content"].as_str().expect("a text"))
                .collect();
            let pair = |at: usize| (said[at].to_owned(), said[at + 1].to_owned());
            (vec![pair(0), pair(2)], said[4].to_owned())
        })
        .collect();
    check(&setting, &questions);
}

/// Examples and prompt of a text, where an empty line follows each example.
fn parted(text: &str) -> (Vec<(String, String)>, String) {
    let parts: Vec<&str> = text.split("\n\n").collect();
    let (last, examples) = parts.split_last().expect("a prompt");
    let pair = |example: &&str| {
        let (prompt, answer) = example.rsplit_once(' ').expect("an answer");
        (prompt.to_owned(), answer.to_owned())
    };
    (examples.iter().map(pair).collect(), (*last).to_owned())
}

#[test]
fn a_text_begins_with_examples() {
    let served = Served::start("org/stub-7b", |_| " good".to_owned());
    let setting = setting(&served, "", "");
    setting.complete(&[]);
    let questions: Vec<_> = asked(&served)
        .iter()
        .map(|body| parted(body["prompt"].as_str().expect("a text")))
        .collect();
    check(&setting, &questions);
}

#[test]
fn choices_follow_the_same_examples() {
    let served = Served::start("org/stub-7b", |_| " good".to_owned());
    let setting = setting(&served, ", mode = \"choice\"", "");
    setting.complete(&[]);
    let questions: Vec<_> = asked(&served)
        .iter()
        .map(|body| {
            let texts = body["prompt"].as_array().expect("texts");
            let prompt = texts[0].as_str().expect("a text");
            let choices = ["bad", "so-so", "good"].map(|word| json!(format!("{prompt} {word}")));
            assert_eq!(texts[1..], choices);
            parted(prompt)
        })
        .collect();
    check(&setting, &questions);
}
