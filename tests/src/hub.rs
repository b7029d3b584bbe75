//! A hub of models on this machine.

use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// The commit of everything.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A running hub. It serves until the test's process ends.
pub struct Hub {
    /// Its address, for `HF_ENDPOINT`.
    pub endpoint: String,
    seen: Arc<Mutex<Vec<String>>>,
}

/// Files of a model by name.
type Files = BTreeMap<String, Vec<u8>>;

impl Hub {
    /// Starts a hub of folders, by the names that it gives them: `org/name`.
    pub fn start(models: &[(&str, &Path)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let models: BTreeMap<String, Files> = models
            .iter()
            .map(|(name, folder)| ((*name).to_owned(), files(folder)))
            .collect();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that went away is no matter of the test.
                let _ = answer(stream, &models, &log);
            }
        });
        Self {
            endpoint: format!("http://{address}"),
            seen,
        }
    }

    /// The requests since the last look: method and path.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).expect("a model's folder").flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("a file"))
        })
        .collect()
}

fn answer(
    mut stream: TcpStream,
    models: &BTreeMap<String, Files>,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut words = first.split_whitespace();
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let entry = format!("{method} {path}");
    log.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(entry);
    let found = models.iter().find_map(|(name, files)| {
        let state = format!("/api/models/{name}/revision/");
        if path.starts_with(&state) {
            let names = files.keys().map(|file| json!({"rfilename": file}));
            let siblings: Vec<_> = names.collect();
            let body = json!({"sha": COMMIT, "siblings": siblings}).to_string();
            return Some(("state".to_owned(), body.into_bytes()));
        }
        let file = path.strip_prefix(&format!("/{name}/resolve/{COMMIT}/"))?;
        let etag = format!("{}-{file}", name.replace('/', "-")).replace('.', "_");
        Some((etag, files.get(file)?.clone()))
    });
    let Some((etag, body)) = found else {
        return stream.write_all(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nETag: \"{etag}\"\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    match method {
        "HEAD" => Ok(()),
        _ => stream.write_all(&body),
    }
}
