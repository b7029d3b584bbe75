//! Downloads over HTTP from a stub server on loopback that also refuses, cuts and lies.

use mergelab_dataset::{
    Card,
    fetch::{Fetch, FetchError, Outcome, Wanted},
};
use mergelab_transfer::Client;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const DE: &str = "{\"text\": \"ja\", \"label\": \"good\"}\n";
/// `sha256sum` of [`DE`].
const DE_SHA256: &str = "0137ff68881170a7a1f33344afe9ec730f6fb589fd2a9cebc4e22bde1168ad45";

/// What the server says to a path.
#[derive(Clone)]
enum Answer {
    /// The body, or the part of it that is asked for.
    Body(String),
    /// A status without a body.
    Status(u16),
    /// A body, for those with this token.
    Gated(String),
    /// As many bytes of the body at a time, then the connection ends.
    Cut(String, usize),
    /// This status once, then the body.
    Once(u16, String),
}

/// A server with what it was asked for: path, `Range`, `Authorization`.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<(String, String, String)>>>,
}

fn serve(answers: &[(&str, Answer)]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut answers: BTreeMap<String, Answer> = answers
        .iter()
        .map(|(path, a)| ((*path).to_owned(), a.clone()))
        .collect();
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that went away is no matter of the test.
            let _ = answer(stream, &mut answers, &log);
        }
    });
    Server { address, asked }
}

fn answer(
    mut stream: TcpStream,
    answers: &mut BTreeMap<String, Answer>,
    log: &Mutex<Vec<(String, String, String)>>,
) -> std::io::Result<()> {
    let mut head = BufReader::new(stream.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let Some(first) = lines.first() else {
        return Ok(());
    };
    let path = first.split(' ').nth(1).unwrap_or("").to_owned();
    let header = |name: &str| {
        let found = lines.iter().filter_map(|l| l.split_once(": "));
        let mut found = found.filter(|(n, _)| n.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value).to_owned()
    };
    let (range, token) = (header("range"), header("authorization"));
    let entry = (path.clone(), range.clone(), token.clone());
    log.lock().expect("the log").push(entry);
    let from: usize = range
        .strip_prefix("bytes=")
        .and_then(|r| r.strip_suffix('-'))
        .and_then(|r| r.parse().ok())
        .unwrap_or(0);
    let mut send = |body: &str, most: usize| {
        let rest = &body.as_bytes()[from.min(body.len())..];
        let status = if from > 0 {
            "206 Partial Content"
        } else {
            "200 OK"
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            rest.len()
        )?;
        stream.write_all(&rest[..most.min(rest.len())])
    };
    match answers.get(&path).cloned() {
        Some(Answer::Body(body)) => send(&body, usize::MAX),
        Some(Answer::Cut(body, most)) => send(&body, most),
        Some(Answer::Gated(body)) if token == "Bearer secret" => send(&body, usize::MAX),
        Some(Answer::Once(status, body)) => {
            answers.insert(path, Answer::Body(body));
            write!(
                stream,
                "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        }
        other => {
            let status = match other {
                Some(Answer::Status(status)) => status,
                Some(Answer::Gated(_)) if token.is_empty() => 401,
                Some(Answer::Gated(_)) => 403,
                _ => 404,
            };
            write!(
                stream,
                "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        }
    }
}

fn card(from: &str, file: &str, more: &str) -> (TempDir, Card) {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "schema = 1\nname = \"stub\"\nlanguages = [\"de\", \"fr\"]\n[source]\nfrom = \"{from}\"\n\
         {more}\n[splits.test]\nfiles = [\"{file}\"]\n"
    );
    fs::write(folder.path().join("card.toml"), text).expect("writes");
    let card = Card::read(folder.path()).expect("a valid card");
    (folder, card)
}

fn fetch(
    server: &Server,
    card: &Card,
    languages: &[&str],
    token: Option<&str>,
) -> Result<Outcome, FetchError> {
    let client = Client::new(3, Duration::ZERO, Arc::default());
    let fetch = Fetch {
        client: &client,
        endpoint: server.address.clone(),
        token: token.map(str::to_owned),
        progress: &|_, _, _| {},
    };
    let wanted = Wanted {
        languages: languages.iter().map(|l| (*l).to_owned()).collect(),
        splits: Vec::new(),
    };
    fetch.run(card, &wanted)
}

/// Where the stub has a file of the hub's dataset `org/stub`.
fn resolve(name: &str) -> String {
    format!("/datasets/org/stub/resolve/{COMMIT}/{name}")
}

fn state() -> (&'static str, Answer) {
    let path = "/api/datasets/org/stub/revision/v1";
    (path, Answer::Body(format!("{{\"sha\": \"{COMMIT}\"}}")))
}

fn file(card: &Card, name: &str) -> String {
    fs::read_to_string(card.root().join(name)).expect("the file")
}

#[test]
fn files_of_a_hub_are_found_by_pattern_and_fetched_at_one_commit() {
    let tree = format!("/api/datasets/org/stub/tree/{COMMIT}?recursive=true");
    let list = r#"[{"type": "directory", "path": "de"},
        {"type": "file", "path": "de/test-0.jsonl", "size": 32},
        {"type": "file", "path": "fr/test-0.jsonl", "size": 32},
        {"type": "file", "path": "de/train-0.jsonl", "size": 32}]"#;
    let name = resolve("de/test-0.jsonl");
    let server = serve(&[
        state(),
        (&tree, Answer::Body(list.to_owned())),
        (&name, Answer::Body(DE.to_owned())),
    ]);
    let (_folder, card) = card("hf://datasets/org/stub@v1", "{code}/test-*.jsonl", "");
    let outcome = fetch(&server, &card, &["de"], None).expect("fetched");
    assert_eq!(outcome.commit.as_deref(), Some(COMMIT));
    let names: Vec<&str> = outcome.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["de/test-0.jsonl"]);
    assert!(!outcome.files[0].pinned && !outcome.files[0].kept);
    assert_eq!(file(&card, "de/test-0.jsonl"), DE);
    let rows = mergelab_dataset::SplitRows::read(&card, "test").expect("files");
    assert_eq!(rows.slice("de", None).expect("rows").examples.len(), 1);
    // What is there is not asked for again.
    let before = server.asked.lock().expect("the log").len();
    let again = fetch(&server, &card, &["de"], None).expect("there");
    assert!(again.files[0].kept);
    assert_eq!(server.asked.lock().expect("the log").len(), before + 2);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let server = serve(&[state()]);
    let (_folder, card) = card("hf://datasets/org/stub@v1", "test.jsonl", "");
    let error = fetch(&server, &card, &[], None)
        .expect_err("refused")
        .to_string();
    assert!(error.contains(&resolve("test.jsonl")), "{error}");
    assert!(error.contains("does not exist (404)"), "{error}");
    assert!(!card.root().join("test.jsonl").exists());
    let error = fetch(&server, &card, &["it"], None)
        .expect_err("refused")
        .to_string();
    assert!(error.contains("has no language `it`"), "{error}");
}

#[test]
fn gated_sets_say_what_to_do_and_take_a_token() {
    let name = resolve("test.jsonl");
    let server = serve(&[state(), (&name, Answer::Gated(DE.to_owned()))]);
    let (_folder, card) = card("hf://datasets/org/stub@v1", "test.jsonl", "gated = true");
    let error = fetch(&server, &card, &[], None)
        .expect_err("refused")
        .to_string();
    assert!(error.contains("refused (401)"), "{error}");
    let page = format!("Accept its terms at {}/datasets/org/stub", server.address);
    assert!(
        error.contains(&page) && error.contains("HF_TOKEN"),
        "{error}"
    );
    let error = fetch(&server, &card, &[], Some("wrong"))
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("refused (403) although HF_TOKEN is set"),
        "{error}"
    );
    fetch(&server, &card, &[], Some("secret")).expect("fetched");
    assert_eq!(file(&card, "test.jsonl"), DE);
}

#[test]
fn a_transfer_that_is_cut_goes_on_where_it_ended() {
    let name = resolve("test.jsonl");
    let server = serve(&[state(), (&name, Answer::Cut(DE.to_owned(), 12))]);
    let (_folder, card) = card("hf://datasets/org/stub@v1", "test.jsonl", "");
    fetch(&server, &card, &[], None).expect("fetched");
    assert_eq!(file(&card, "test.jsonl"), DE);
    let asked = server.asked.lock().expect("the log");
    let ranges: Vec<&str> = asked[1..]
        .iter()
        .map(|(_, range, _)| range.as_str())
        .collect();
    assert_eq!(ranges, ["", "bytes=12-", "bytes=24-"]);
}

#[test]
fn a_transfer_that_never_goes_on_fails_and_leaves_no_file() {
    let name = resolve("test.jsonl");
    let server = serve(&[state(), (&name, Answer::Cut(DE.to_owned(), 0))]);
    let (_folder, card) = card("hf://datasets/org/stub@v1", "test.jsonl", "");
    let error = fetch(&server, &card, &[], None)
        .expect_err("cut")
        .to_string();
    assert!(error.contains("Run the command again to go on"), "{error}");
    assert!(!card.root().join("test.jsonl").exists());
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let name = resolve("test.jsonl");
    let server = serve(&[state(), (&name, Answer::Once(503, DE.to_owned()))]);
    let (_folder, card) = card("hf://datasets/org/stub@v1", "test.jsonl", "");
    fetch(&server, &card, &[], None).expect("fetched");
    let gone = resolve("gone.jsonl");
    let server = serve(&[state(), (&gone, Answer::Status(500))]);
    let (_folder, card) = self::card("hf://datasets/org/stub@v1", "gone.jsonl", "");
    let error = fetch(&server, &card, &[], None)
        .expect_err("failed")
        .to_string();
    assert!(error.contains("status 500"), "{error}");
}

#[test]
fn a_file_with_another_hash_is_refused() {
    let name = resolve("test.jsonl");
    let server = serve(&[state(), (&name, Answer::Body(DE.to_owned()))]);
    let pinned = |hash: &str| {
        let pin = format!("[sha256]\n\"test.jsonl\" = \"{hash}\"");
        card("hf://datasets/org/stub@v1", "test.jsonl", &pin)
    };
    let (_folder, right) = pinned(DE_SHA256);
    assert!(fetch(&server, &right, &[], None).expect("fetched").files[0].pinned);
    let (_folder, wrong) = pinned("00ff");
    let error = fetch(&server, &wrong, &[], None)
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains(DE_SHA256) && error.contains("00ff is declared"),
        "{error}"
    );
    let left: Vec<_> = fs::read_dir(wrong.root()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
    // A file that is there and is another one is not taken for it.
    fs::write(right.root().join("test.jsonl"), "other").expect("writes");
    let error = fetch(&server, &right, &[], None)
        .expect_err("refused")
        .to_string();
    assert!(error.contains("is not the file that is meant"), "{error}");
}

#[test]
fn what_an_earlier_run_left_is_used_when_its_hash_can_tell() {
    let name = resolve("test.jsonl");
    let server = serve(&[state(), (&name, Answer::Body(DE.to_owned()))]);
    let leave = |card: &Card| {
        fs::create_dir_all(card.root()).expect("a folder");
        fs::write(card.root().join("test.jsonl.part"), &DE[..8]).expect("writes");
    };
    let last = |server: &Server| {
        let asked = server.asked.lock().expect("the log");
        asked.last().expect("a request").1.clone()
    };
    let pin = format!("[sha256]\n\"test.jsonl\" = \"{DE_SHA256}\"");
    let (_folder, pinned) = card("hf://datasets/org/stub@v1", "test.jsonl", &pin);
    leave(&pinned);
    fetch(&server, &pinned, &[], None).expect("fetched");
    assert_eq!(last(&server), "bytes=8-");
    let (_folder, unpinned) = card("hf://datasets/org/stub@v1", "test.jsonl", "");
    leave(&unpinned);
    fetch(&server, &unpinned, &[], None).expect("fetched");
    assert_eq!(last(&server), "");
    assert_eq!(file(&unpinned, "test.jsonl"), DE);
}

#[test]
fn plain_addresses_get_no_token() {
    let server = serve(&[("/data/de.jsonl", Answer::Body(DE.to_owned()))]);
    let from = format!("{}/data/", server.address);
    let (_folder, card) = card(&from, "{code}.jsonl", "");
    let outcome = fetch(&server, &card, &["de"], Some("secret")).expect("fetched");
    assert_eq!(outcome.commit, None);
    let asked = server.asked.lock().expect("the log").clone();
    assert_eq!(
        asked,
        [("/data/de.jsonl".to_owned(), String::new(), String::new())]
    );
    let (_folder, starred) = self::card(&from, "*.jsonl", "");
    let error = fetch(&server, &starred, &[], None)
        .expect_err("refused")
        .to_string();
    assert!(error.contains("has no list of files"), "{error}");
}

#[test]
fn sets_without_a_source_say_how_their_files_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "schema = 1\nname = \"s\"\n[source]\nfetch = \"fetch.sh\"\n[splits.test]\nfile = \"t.jsonl\"\n";
    fs::write(folder.path().join("card.toml"), text).expect("writes");
    let card = Card::read(folder.path()).expect("a valid card");
    let server = serve(&[]);
    let error = fetch(&server, &card, &[], None)
        .expect_err("refused")
        .to_string();
    let script = folder.path().join("fetch.sh");
    assert!(
        error.contains(&Path::new(&script).display().to_string()),
        "{error}"
    );
}
