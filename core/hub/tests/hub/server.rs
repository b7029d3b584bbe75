//! A hub of one model, which can fail in the ways that real ones do.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha1::{Digest, Sha1};
use sha2::Sha256;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the hub holds and how it behaves.
#[derive(Default)]
pub struct State {
    pub files: HashMap<String, Vec<u8>>,
    /// Requests that need this token.
    pub token: Option<String>,
    /// Answers of 503 before the next success.
    pub failures: usize,
    /// Bytes of a body after which connections are cut, one entry a transfer.
    pub cuts: Vec<usize>,
    /// Whether ranges are answered with the whole file.
    pub ignores_ranges: bool,
    /// Whether contents are other than their etags say.
    pub lies: bool,
    /// Address of the contents of large files: another name of this machine.
    pub contents: String,
    /// Every request: method, path, and the headers that matter.
    pub seen: Vec<String>,
}

pub struct Server {
    pub endpoint: String,
    pub state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start(files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = format!("http://{address}");
        let files = files
            .iter()
            .map(|(name, content)| ((*name).to_owned(), content.to_vec()));
        let state = Arc::new(Mutex::new(State {
            files: files.collect(),
            contents: format!("http://localhost:{}/cdn", address.port()),
            ..State::default()
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &shared);
            }
        });
        Self { endpoint, state }
    }

    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// The requests since the last look.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }
}

struct Request {
    method: String,
    path: String,
    headers: HashMap<String, String>,
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    Some(Request {
        method,
        path,
        headers,
    })
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) {
    let Some(request) = read(&stream) else {
        return;
    };
    let mut state = state.lock().unwrap();
    let range = request.headers.get("range").map(String::as_str);
    let authorization = request.headers.get("authorization").map(String::as_str);
    state.seen.push(format!(
        "{} {} range={} token={}",
        request.method,
        request.path,
        range.unwrap_or("-"),
        authorization.unwrap_or("-")
    ));
    let mut send = |status: &str, headers: &[(&str, String)], body: &[u8], length: usize| {
        let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {length}\r\n\r\n"));
        // The client may have hung up.
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(body);
    };
    if state.failures > 0 {
        state.failures -= 1;
        return send("503 Service Unavailable", &[], b"", 0);
    }
    // The content of large files is on another host, which must not see the token.
    if let Some(name) = request.path.strip_prefix("/cdn/") {
        let content = state.files[name].clone();
        return body(&mut state, &content, range, &mut send);
    }
    let wanted = state.token.as_ref().map(|token| format!("Bearer {token}"));
    if wanted.is_some() && wanted.as_deref() != authorization {
        return send("401 Unauthorized", &[], b"", 0);
    }
    if let Some(revision) = request.path.strip_prefix("/api/models/org/name/revision/") {
        if revision != "main" && revision != COMMIT {
            return send("404 Not Found", &[], b"", 0);
        }
        let names = state.files.keys();
        let siblings: Vec<_> = names
            .map(|name| serde_json::json!({"rfilename": name}))
            .collect();
        let json = serde_json::json!({"sha": COMMIT, "siblings": siblings}).to_string();
        return send("200 OK", &[], json.as_bytes(), json.len());
    }
    let name = request
        .path
        .strip_prefix(&format!("/org/name/resolve/{COMMIT}/"));
    let Some((name, content)) = name.and_then(|name| Some((name, state.files.get(name)?.clone())))
    else {
        return send("404 Not Found", &[], b"", 0);
    };
    let large = name.ends_with(".safetensors");
    let etag = etag(&content, large);
    if large {
        let headers = [
            ("Location", format!("{}/{name}", state.contents)),
            ("X-Linked-ETag", format!("\"{etag}\"")),
            ("X-Linked-Size", content.len().to_string()),
        ];
        return send("302 Found", &headers, b"", 0);
    }
    if request.method == "HEAD" {
        let headers = [("ETag", format!("\"{etag}\""))];
        return send("200 OK", &headers, b"", content.len());
    }
    body(&mut state, &content, range, &mut send)
}

type Send<'a> = &'a mut dyn FnMut(&str, &[(&str, String)], &[u8], usize);

fn body(state: &mut State, content: &[u8], range: Option<&str>, send: Send<'_>) {
    let from = range.filter(|_| !state.ignores_ranges).and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    });
    let mut part = content[from.unwrap_or(0)..].to_vec();
    if state.lies
        && let Some(first) = part.first_mut()
    {
        *first ^= 1;
    }
    let sent = match state.cuts.is_empty() {
        true => part.len(),
        false => state.cuts.remove(0).min(part.len()),
    };
    let status = match from {
        Some(_) => "206 Partial Content",
        None => "200 OK",
    };
    send(status, &[], &part[..sent], part.len());
}

/// What a hub calls a content: git's name, or SHA-256 of large files.
pub fn etag(content: &[u8], large: bool) -> String {
    let bytes = match large {
        true => Sha256::digest(content).to_vec(),
        false => {
            let mut hasher = Sha1::new();
            hasher.update(format!("blob {}\0", content.len()));
            hasher.update(content);
            hasher.finalize().to_vec()
        }
    };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
