//! `mergelab dataset`: list, show, fetch, check and stats.

use mergelab_tests::{Mergelab, Run, libraries, workspace_root};
use serde_json::Value;
use std::{fs, path::Path};

fn program() -> Mergelab {
    Mergelab::stage(env!("CARGO_BIN_EXE_mergelab"))
}

fn dataset(program: &Mergelab, arguments: &[&str]) -> Run {
    let mut command = program.command();
    command
        .env("MERGELAB_DATASETS", workspace_root().join("datasets"))
        .arg("dataset")
        .args(arguments);
    program.finish(&mut command)
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {run:?}"))
}

/// Text without the path of the repository.
fn bare(text: &str) -> String {
    text.replace(&workspace_root().display().to_string(), "[repository]")
}

/// A small set in the folder that the program runs in.
fn small(program: &Mergelab, train: &str, test: &str) {
    let folder = program.work().join("small");
    fs::create_dir_all(&folder).expect("a folder");
    let card = "schema = 1\nname = \"small\"\ntask = \"sentiment\"\nlanguages = [\"de\"]\n\
                labels = [\"negative\", \"positive\"]\ncluster = \"pair\"\n\
                [splits.train]\nfile = \"train.jsonl\"\n[splits.test]\nfile = \"test.jsonl\"\n";
    for (name, text) in [
        ("card.toml", card),
        ("train.jsonl", train),
        ("test.jsonl", test),
    ] {
        fs::write(folder.join(name), text).expect("writes");
    }
}

fn row(pair: &str, text: &str, label: &str) -> String {
    format!("{{\"pair\": \"{pair}\", \"text\": \"{text}\", \"label\": \"{label}\"}}\n")
}

#[test]
fn the_list_tells_what_is_here() {
    let run = dataset(
        &program(),
        &["list", "--task", "sentiment", "--language", "ha"],
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(run.stdout);
    let run = dataset(&program(), &["list", "--json"]);
    let sets = json(&run);
    let sets = sets.as_array().expect("a list");
    assert!(sets.len() >= 22, "{}", sets.len());
    let here = sets.iter().find(|s| s["name"] == "generated-sentiment");
    assert_eq!(here.expect("it is there")["files"], "here");
}

#[test]
fn a_set_in_detail() {
    let run = dataset(
        &program(),
        &[
            "show",
            "generated-reasoning",
            "--rows",
            "1",
            "--language",
            "de",
        ],
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(run.stdout);
    let run = dataset(&program(), &["show", "wikilingua", "--json"]);
    let set = json(&run);
    assert_eq!(
        set["source"]["from"],
        "hf://datasets/esdurmus/wiki_lingua@refs/convert/parquet"
    );
    assert_eq!(set["splits"][0]["made"]["shares"]["test"], 0.1);
}

#[test]
fn a_name_that_is_none_is_answered_with_the_nearest() {
    let run = dataset(&program(), &["show", "wikilingva"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(
        run.stderr.contains("Did you mean `wikilingua`?"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_generated_set_is_clean() {
    let program = program();
    program.add_plugin(&libraries::library("task", "sentiment"));
    let run = dataset(&program, &["check", "generated-sentiment"]);
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(0), ""),
        "{}",
        run.stdout
    );
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn faults_have_file_and_line_and_end_with_1() {
    let program = program();
    program.add_plugin(&libraries::library("task", "sentiment"));
    let train = [
        row("a", "gut", "positive"),
        row("b", "", "negative"),
        "{\n".to_owned(),
    ]
    .concat();
    small(&program, &train, &row("a", "schlecht", "negative"));
    let run = dataset(&program, &["check", "small"]);
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(1), ""),
        "{}",
        run.stdout
    );
    insta::assert_snapshot!(run.stdout);
    let run = dataset(&program, &["check", "small", "--json"]);
    let report = json(&run);
    assert_eq!(report["task"], "sentiment");
    assert_eq!(report["fault_counts"]["leak"], 1);
}

#[test]
fn a_check_without_the_task_says_so() {
    let program = program();
    small(
        &program,
        &row("a", "gut", "positive"),
        &row("b", "schlecht", "negative"),
    );
    let run = dataset(&program, &["check", "small"]);
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(
        run.stderr.contains("rows are not tried by a task"),
        "{}",
        run.stderr
    );
    assert!(
        run.stdout.contains("no task has tried the rows"),
        "{}",
        run.stdout
    );
}

#[test]
fn numbers_of_a_set() {
    let program = program();
    small(
        &program,
        &[
            row("a", "größer", "positive"),
            row("b", "klein", "negative"),
        ]
        .concat(),
        &row("c", "mittel", "negative"),
    );
    let run = dataset(&program, &["stats", "small"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(run.stdout);
    let run = dataset(&program, &["stats", "small", "--bytes", "--json"]);
    let groups = json(&run);
    assert_eq!(groups[0]["lengths"]["text"]["max"], 8);
}

#[test]
fn a_set_that_is_not_fetched_names_the_command() {
    let run = dataset(&program(), &["stats", "belebele"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    let error = bare(&run.stderr);
    assert!(error.contains("mergelab dataset fetch belebele"), "{error}");
}

/// Answers one request with 404, as a hub that has no such set.
fn empty_hub() -> String {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let head = BufReader::new(stream.try_clone().expect("a stream"));
            let _ = head.lines().map_while(Result::ok).find(String::is_empty);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
    });
    address
}

#[test]
fn fetch_asks_the_hub_that_the_environment_names() {
    let program = program();
    let hub = empty_hub();
    let mut command = program.command();
    command
        .env("HF_ENDPOINT", &hub)
        .env_remove("HF_TOKEN")
        .env("MERGELAB_DATASETS", workspace_root().join("datasets"))
        .args([
            "dataset",
            "fetch",
            "belebele",
            "--languages",
            "de",
            "--into",
            "here",
        ]);
    let run = program.finish(&mut command);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    let wanted = format!("{hub}/api/datasets/facebook/belebele/revision/main does not exist");
    assert!(run.stderr.contains(&wanted), "{}", run.stderr);
    // The card is where the files will be.
    let card = program.work().join("here/card.toml");
    let original = workspace_root().join("datasets/belebele/card.toml");
    let read = |path: &Path| fs::read_to_string(path).expect("a card");
    assert_eq!(read(&card), read(&original));
    let run = dataset(&program, &["fetch", "generated-sentiment"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("its files lie beside it"),
        "{}",
        run.stderr
    );
}
