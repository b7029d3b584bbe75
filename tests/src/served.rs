//! A server of a model on this machine, which answers by a rule, and fails in the ways that real
//! ones do.

use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Act {
    /// It is answered.
    Answer,
    /// It is refused with this status, header lines and body.
    Refuse(u16, &'static str, &'static str),
    /// Nothing is ever said.
    Stall,
    /// The connection ends before anything is said.
    Close,
    /// The connection ends in the middle of the answer.
    Cut,
    /// This body is sent in place of the answer.
    Say(String),
    /// The answer is sent after this change.
    Lie(fn(&mut Value)),
}

/// How the server tells the likelihood of a given text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    /// It refuses, as the llama.cpp server does.
    Nothing,
    /// By `echo` with `logprobs`.
    Echo,
    /// By `echo` with `logprobs`, but it must generate.
    EchoAndOne,
    /// By `prompt_logprobs` alone.
    PromptLogprobs,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method and path: `POST /v1/completions`.
    pub call: String,
    /// The body; null where there is none.
    pub body: Value,
    /// The header `Authorization`.
    pub authorization: Option<String>,
}

/// Answers a prompt.
pub type Rule = fn(&str) -> String;

struct State {
    model: String,
    rule: Rule,
    tells: Tells,
    key: Option<String>,
    acts: VecDeque<Act>,
    always: Option<Act>,
    seen: Vec<Seen>,
    loading: usize,
    active: usize,
    most: usize,
    together: usize,
}

/// A running server. It serves until the test's process ends.
pub struct Served {
    /// Its address with `/v1`.
    pub url: String,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Served {
    /// Starts a server of a model that answers by a rule.
    pub fn start(model: &str, rule: Rule) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let state = State {
            model: model.to_owned(),
            rule,
            tells: Tells::Echo,
            key: None,
            acts: VecDeque::new(),
            always: None,
            seen: Vec::new(),
            loading: 0,
            active: 0,
            most: 0,
            together: 0,
        };
        let shared = Arc::new((Mutex::new(state), Condvar::new()));
        let served = Self {
            url: format!("http://{address}/v1"),
            shared: Arc::clone(&shared),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that went away is no matter of the test.
                std::thread::spawn(move || answer(stream, &shared));
            }
        });
        served
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.0)
    }

    /// What happens to the next questions, in order; then they are answered.
    pub fn next(&self, acts: impl IntoIterator<Item = Act>) {
        self.state().acts.extend(acts);
    }

    /// What happens to every question.
    pub fn always(&self, act: Act) {
        self.state().always = Some(act);
    }

    /// Answers again.
    pub fn recover(&self) {
        let mut state = self.state();
        state.always = None;
        state.acts.clear();
    }

    /// How it tells likelihoods.
    pub fn tells(&self, tells: Tells) {
        self.state().tells = tells;
    }

    /// Answers only those who send this key.
    pub fn asks_for(&self, key: &str) {
        self.state().key = Some(key.to_owned());
    }

    /// Refuses the next requests of any kind, as a server does that still loads its model.
    pub fn loads_for(&self, requests: usize) {
        self.state().loading = requests;
    }

    /// Answers no question before so many are there at the same time.
    pub fn together(&self, requests: usize) {
        self.state().together = requests;
    }

    /// The most questions that were there at the same time.
    pub fn most_at_once(&self) -> usize {
        self.state().most
    }

    /// The requests since the last look.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state().seen)
    }

    /// The prompts of questions since the last look; those of one request joined with `|`.
    pub fn prompts(&self) -> Vec<String> {
        let seen = self.seen();
        let questions = seen.iter().filter(|s| s.call.starts_with("POST"));
        questions.map(|s| prompts(&s.body).join("|")).collect()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn prompts(body: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match (&body["prompt"], &body["messages"]) {
        (Value::Array(prompts), _) => prompts.iter().map(text).collect(),
        (Value::Null, messages) => vec![text(&messages[0]["content"])],
        (prompt, _) => vec![text(prompt)],
    }
}

fn read(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let call = format!("{} {}", words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            break;
        };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|n| n.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Seen {
        call,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        authorization: headers.remove("authorization"),
    })
}

fn send(stream: &mut TcpStream, status: u16, headers: &str, body: &str, cut: bool) {
    let sent = if cut { body.len() / 2 } else { body.len() };
    let head = format!(
        "HTTP/1.1 {status} Stub\r\nContent-Type: application/json\r\nConnection: close\r\n\
         {headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&body.as_bytes()[..sent]);
}

fn answer(mut stream: TcpStream, shared: &(Mutex<State>, Condvar)) -> Option<()> {
    let seen = read(&stream)?;
    let mut state = lock(&shared.0);
    state.seen.push(seen.clone());
    if state.loading > 0 {
        state.loading -= 1;
        drop(state);
        let body = json!({"error": {"message": "Loading model", "code": 503}});
        send(&mut stream, 503, "", &body.to_string(), false);
        return Some(());
    }
    let wanted = state.key.as_ref().map(|key| format!("Bearer {key}"));
    if wanted.is_some() && wanted != seen.authorization {
        let body = json!({"error": {"message": format!(
            "Incorrect API key provided: {}", seen.authorization.unwrap_or_default()
        )}});
        drop(state);
        send(&mut stream, 401, "", &body.to_string(), false);
        return Some(());
    }
    if seen.call == "GET /v1/models" {
        let body = json!({"object": "list", "data": [{"id": state.model}]});
        drop(state);
        send(&mut stream, 200, "", &body.to_string(), false);
        return Some(());
    }
    let act = state.acts.pop_front().or_else(|| state.always.clone());
    let act = act.unwrap_or(Act::Answer);
    let (status, body) = reply(&state, &seen);
    state.active += 1;
    state.most = state.most.max(state.active);
    shared.1.notify_all();
    if state.together > 0 {
        // Those who were waited for stay counted until all are let go.
        let enough = |state: &mut State| state.most < state.together;
        let waited = shared
            .1
            .wait_timeout_while(state, Duration::from_secs(20), enough);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    state.active -= 1;
    drop(state);
    match act {
        Act::Answer => send(&mut stream, status, "", &body.to_string(), false),
        Act::Refuse(status, headers, body) => send(&mut stream, status, headers, body, false),
        Act::Stall => std::thread::sleep(Duration::from_secs(600)),
        Act::Close => {}
        Act::Cut => send(&mut stream, status, "", &body.to_string(), true),
        Act::Say(text) => send(&mut stream, 200, "", &text, false),
        Act::Lie(change) => {
            let mut body = body;
            change(&mut body);
            send(&mut stream, status, "", &body.to_string(), false);
        }
    }
    Some(())
}

/// What an honest server says.
fn reply(state: &State, seen: &Seen) -> (u16, Value) {
    let body = &seen.body;
    let refuse = |message: &str| (400, json!({"error": {"message": message}}));
    let chat = match seen.call.as_str() {
        "POST /v1/chat/completions" => true,
        "POST /v1/completions" => false,
        _ => return (404, json!({"detail": "Not Found"})),
    };
    if body["model"] != state.model.as_str() {
        let message = format!("The model `{}` does not exist.", body["model"]);
        return (404, json!({"object": "error", "message": message}));
    }
    let echo = body["echo"] == true;
    let most = body["max_tokens"].as_u64().unwrap_or(16);
    match (state.tells, echo) {
        (Tells::Nothing | Tells::PromptLogprobs, true) => {
            return refuse("Only no echo is supported");
        }
        (Tells::EchoAndOne, true) if most == 0 => return refuse("max_tokens must be at least 1"),
        _ => {}
    }
    let mut choices = Vec::new();
    let mut usage = [0, 0];
    for (index, prompt) in prompts(body).iter().enumerate() {
        let (text, ended) = generated(&(state.rule)(prompt), most, &body["stop"]);
        usage[0] += tokens(prompt).len();
        usage[1] += tokens(&text).len().max(usize::from(most > 0));
        let reason = if ended { "stop" } else { "length" };
        let mut choice = json!({"index": index, "finish_reason": reason});
        if chat {
            choice["message"] = json!({"role": "assistant", "content": text});
        } else if echo {
            let whole = format!("{prompt}{text}");
            choice["logprobs"] = logprobs(&whole);
            choice["text"] = json!(whole);
        } else {
            choice["text"] = json!(text);
        }
        if state.tells == Tells::PromptLogprobs && !body["prompt_logprobs"].is_null() {
            choice["prompt_logprobs"] = by_number(prompt);
        }
        choices.push(choice);
    }
    let answer = json!({
        "id": "stub",
        "model": state.model,
        "system_fingerprint": "fp_stub",
        "choices": choices,
        "usage": {
            "prompt_tokens": usage[0],
            "completion_tokens": usage[1],
            "total_tokens": usage[0] + usage[1],
        },
    });
    (200, answer)
}

/// The rule's text as a server gives it: at most so many tokens, and before a text to stop at.
fn generated(text: &str, most: u64, stop: &Value) -> (String, bool) {
    let all = tokens(text);
    let mut text: String = all.iter().take(most as usize).copied().collect();
    let mut ended = all.len() <= most as usize;
    for stop in stop.as_array().into_iter().flatten() {
        if let Some(at) = stop.as_str().and_then(|stop| text.find(stop)) {
            text.truncate(at);
            ended = true;
        }
    }
    (text, ended)
}

/// Words, each with the white space before it.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut blank = true;
    for (at, sign) in text.char_indices() {
        if sign.is_whitespace() && !blank {
            found.push(&text[start..at]);
            start = at;
        }
        blank = sign.is_whitespace();
    }
    if start < text.len() {
        found.push(&text[start..]);
    }
    found
}

/// The log-probability of a token: short ones are likelier.
pub fn log_probability(token: &str) -> f64 {
    -0.25 * token.len() as f64
}

fn logprobs(text: &str) -> Value {
    let tokens = tokens(text);
    let values: Vec<Value> = tokens
        .iter()
        .enumerate()
        .map(|(i, token)| match i {
            0 => Value::Null,
            _ => json!(log_probability(token)),
        })
        .collect();
    json!({"tokens": tokens, "token_logprobs": values})
}

fn by_number(text: &str) -> Value {
    let places = tokens(text).into_iter().enumerate();
    let places = places.map(|(i, token)| match i {
        0 => Value::Null,
        _ => {
            // Any number will do that two texts share where they share the token.
            let number: u64 = token
                .bytes()
                .fold(7, |n, b| (n * 31 + u64::from(b)) % 100_003);
            let known = json!({"logprob": log_probability(token), "decoded_token": token});
            Value::Object(Map::from_iter([(number.to_string(), known)]))
        }
    });
    Value::Array(places.collect())
}
