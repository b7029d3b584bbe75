//! What a fetch brings, and what it says when it cannot.

use std::fs;
use std::path::Path;
use std::time::Duration;

use mergelab_hub::{Hub, HubError, HubModel, Resolved, Settings};

use crate::server::{COMMIT, Server, etag};

const CONFIG: &[u8] = b"{\"model_type\": \"llama\"}";

fn weights() -> Vec<u8> {
    (0..300_000u32)
        .flat_map(|n| (n % 251).to_le_bytes())
        .collect()
}

fn server() -> Server {
    Server::start(&[
        ("config.json", CONFIG),
        ("model.safetensors", &weights()),
        ("pytorch_model.bin", b"not wanted"),
    ])
}

fn settings(server: &Server, cache: &Path) -> Settings {
    Settings {
        endpoint: server.endpoint.clone(),
        token: None,
        cache: cache.to_path_buf(),
        offline: false,
        retries: 2,
        wait: Duration::from_millis(1),
    }
}

fn model() -> HubModel {
    "hf://org/name".parse().unwrap()
}

fn fetch(settings: Settings) -> Result<Resolved, HubError> {
    Hub::new(settings).fetch(&model(), |_| {})
}

fn check(found: &Resolved) {
    assert_eq!(found.commit, COMMIT);
    assert_eq!(found.name, format!("hf://org/name@{COMMIT}"));
    assert_eq!(fs::read(found.folder.join("config.json")).unwrap(), CONFIG);
    let content = fs::read(found.folder.join("model.safetensors")).unwrap();
    assert!(content == weights());
    assert!(!found.folder.join("pytorch_model.bin").exists());
}

#[test]
fn brings_the_files_that_are_read_into_the_layout_of_huggingface_hub() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let found = fetch(settings(&server, cache.path())).unwrap();
    check(&found);
    let root = cache.path().join("models--org--name");
    assert_eq!(found.folder, root.join("snapshots").join(COMMIT));
    assert_eq!(fs::read_to_string(root.join("refs/main")).unwrap(), COMMIT);
    let blobs = root.join("blobs");
    assert!(blobs.join(etag(&weights(), true)).is_file());
    assert!(blobs.join(etag(CONFIG, false)).is_file());
    assert_eq!(fs::read_dir(blobs).unwrap().count(), 2);
}

#[test]
fn a_second_fetch_asks_for_the_commit_alone_and_none_of_a_commit() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let settings = settings(&server, cache.path());
    fetch(settings.clone()).unwrap();
    server.seen();
    check(&fetch(settings.clone()).unwrap());
    let seen = server.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].contains("/api/models/org/name/revision/main"));
    let pinned: HubModel = format!("hf://org/name@{COMMIT}").parse().unwrap();
    check(&Hub::new(settings).fetch(&pinned, |_| {}).unwrap());
    assert!(server.seen().is_empty());
}

#[test]
fn the_cache_serves_without_the_network() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let online = settings(&server, cache.path());
    let offline = Settings {
        offline: true,
        ..online.clone()
    };
    let message = fetch(offline.clone()).unwrap_err().to_string();
    assert!(message.contains("HF_HUB_OFFLINE is set"), "{message}");
    fetch(online.clone()).unwrap();
    server.seen();
    check(&fetch(offline).unwrap());
    assert!(server.seen().is_empty());
    // Nobody listens there.
    let unreachable = Settings {
        endpoint: "http://127.0.0.1:9".into(),
        ..online
    };
    check(&fetch(unreachable.clone()).unwrap());
    let empty = tempfile::tempdir().unwrap();
    let error = fetch(Settings {
        cache: empty.path().to_path_buf(),
        ..unreachable
    });
    assert!(matches!(error, Err(HubError::Unreachable { .. })));
}

#[test]
fn an_interrupted_transfer_goes_on_where_it_broke_off() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    // The first body is config.json's or the weights'; both are cut in half or later.
    server.set(|state| state.cuts = vec![5, 400_000, 300_000]);
    check(&fetch(settings(&server, cache.path())).unwrap());
    let ranges = server
        .seen()
        .iter()
        .filter(|s| s.contains("bytes="))
        .count();
    assert!(ranges >= 2);
}

#[test]
fn a_transfer_that_never_ends_says_how_far_it_came_and_the_next_run_goes_on() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let settings = settings(&server, cache.path());
    server.set(|state| {
        state.files.remove("config.json");
        state.cuts = vec![500_000, 0, 0, 0];
    });
    let message = fetch(settings.clone()).unwrap_err().to_string();
    assert!(
        message.contains("broke off after 500000 of 1200000 bytes"),
        "{message}"
    );
    server.seen();
    server.set(|state| {
        state.cuts.clear();
        state.files.insert("config.json".into(), CONFIG.to_vec());
    });
    check(&fetch(settings).unwrap());
    let seen = server.seen();
    assert!(
        seen.iter().any(|s| s.contains("range=bytes=500000-")),
        "{seen:?}"
    );
}

#[test]
fn a_hub_that_does_not_resume_is_asked_for_the_whole() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    server.set(|state| {
        state.files.remove("config.json");
        state.cuts = vec![500_000];
        state.ignores_ranges = true;
    });
    let found = fetch(settings(&server, cache.path())).unwrap();
    assert!(fs::read(found.folder.join("model.safetensors")).unwrap() == weights());
}

#[test]
fn a_hub_that_is_busy_is_asked_again_and_given_up_in_the_end() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    server.set(|state| state.failures = 2);
    check(&fetch(settings(&server, cache.path())).unwrap());
    let empty = tempfile::tempdir().unwrap();
    server.set(|state| state.failures = 100);
    let message = fetch(settings(&server, empty.path()))
        .unwrap_err()
        .to_string();
    assert!(message.contains("the hub answers 503"), "{message}");
}

#[test]
fn content_that_is_not_what_the_hub_says_is_removed() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    server.set(|state| state.lies = true);
    let settings = settings(&server, cache.path());
    let error = fetch(settings.clone()).unwrap_err();
    assert!(matches!(error, HubError::Damaged { .. }), "{error}");
    server.set(|state| state.lies = false);
    check(&fetch(settings).unwrap());
}

#[test]
fn a_token_goes_to_the_hub_and_nowhere_else() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    server.set(|state| state.token = Some("secret".into()));
    let without = settings(&server, cache.path());
    let message = fetch(without.clone()).unwrap_err().to_string();
    assert!(message.contains("set HF_TOKEN to a token"), "{message}");
    let with = |token: &str| Settings {
        token: Some(token.into()),
        ..without.clone()
    };
    let message = fetch(with("wrong")).unwrap_err().to_string();
    assert!(message.contains("HF_TOKEN has no right"), "{message}");
    assert!(!message.contains("wrong"));
    server.seen();
    check(&fetch(with("secret")).unwrap());
    for request in server.seen() {
        let has_token = request.contains("token=Bearer secret");
        assert_eq!(has_token, !request.contains("/cdn/"), "{request}");
    }
}

#[test]
fn what_the_hub_lacks_is_named() {
    let (server, cache) = (server(), tempfile::tempdir().unwrap());
    let hub = Hub::new(settings(&server, cache.path()));
    let resolve = |name: &str| hub.resolve(&name.parse().unwrap()).unwrap_err().to_string();
    assert!(resolve("hf://org/name@v2").contains("no model org/name at revision v2"));
    assert!(resolve("hf://org/other").contains("no model org/other"));
    server.set(|state| drop(state.files.remove("model.safetensors")));
    let message = hub.fetch(&model(), |_| {}).unwrap_err().to_string();
    assert!(message.contains("holds no safetensors"), "{message}");
}
