//! Models that are served elsewhere: `[[endpoints]]`.

use super::{
    reader::Reader,
    source::{Located, ManifestError, SourceFile},
};
use mergelab_endpoint::{Address, Limits, RESERVED};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};

/// A model on a server that speaks OpenAI's HTTP interface.
#[derive(Debug, Clone)]
pub struct EndpointEntry {
    /// Its name in tables; the model's where absent.
    pub name: String,
    /// Where the server is.
    pub address: Address,
    /// The name that the model has there.
    pub model: String,
    /// What the user says that the model is: a commit, a date, a file's hash.
    pub revision: Option<String>,
    /// The name that the server writes into answers, where it is another one.
    pub reported_model: Option<String>,
    /// The environment variable that holds the key. The key itself is in no file.
    pub api_key_env: Option<Located<String>>,
    /// Whether prompts are turns of a chat; as `[evaluation]` says where absent.
    pub chat: Option<bool>,
    /// Seed of the decoding.
    pub seed: u64,
    /// The request's key for the most tokens.
    pub max_tokens_key: String,
    /// Further keys of every request.
    pub body: Map<String, Value>,
    /// How the server may be asked.
    pub limits: Limits,
    /// Names of the tasks that it is evaluated on; all where absent.
    pub tasks: Option<Vec<Located<String>>>,
    /// Languages that it is evaluated on; all where absent.
    pub languages: Option<Vec<Located<String>>>,
    /// Its place in the manifest.
    pub span: super::Span,
}

/// What servers call the most tokens.
const MAX_TOKENS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

impl EndpointEntry {
    pub(super) fn read_all(root: &Reader<'_>) -> Result<Vec<Self>, ManifestError> {
        let mut entries: Vec<Self> = Vec::new();
        for reader in root.tables("endpoints")? {
            let entry = Self::read(&reader)?;
            if entries.iter().any(|e| e.name == entry.name) {
                return Err(reader.error(
                    reader.span_of("name"),
                    format!(
                        "there are two endpoints called `{}`: give one a `name`.",
                        entry.name
                    ),
                ));
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn read(reader: &Reader<'_>) -> Result<Self, ManifestError> {
        let url = reader.required_text("url")?;
        let address = url.value.parse().map_err(|e| {
            let message = format!("{e}.");
            match url.value.contains(['@', '?']) {
                true => concealed(reader, &url.span, message),
                false => reader.error(url.span.clone(), message),
            }
        })?;
        let model = reader.required_text("model")?.value;
        let text = |key: &str| -> Result<Option<String>, ManifestError> {
            Ok(reader.text(key)?.map(|text| text.value))
        };
        let max_tokens_key = match reader.text("max_tokens_key")? {
            None => MAX_TOKENS[0].to_owned(),
            Some(key) if MAX_TOKENS.contains(&key.value.as_str()) => key.value,
            Some(key) => {
                return Err(reader.error(
                    key.span,
                    format!("`max_tokens_key` is one of {}.", MAX_TOKENS.join(", ")),
                ));
            }
        };
        let body = reader.json_table("body")?;
        if let Some(key) = body.value.keys().find(|k| RESERVED.contains(&k.as_str())) {
            return Err(reader.error(
                body.span,
                format!(
                    "`body` may not set `{key}`, which follows from the question: models are asked \
                     greedily, one answer each."
                ),
            ));
        }
        let api_key_env = reader.text("api_key_env")?;
        if let Some(variable) = &api_key_env {
            check_variable(reader, variable)?;
        }
        let entry = Self {
            name: text("name")?.unwrap_or_else(|| model.clone()),
            address,
            model,
            revision: text("revision")?,
            reported_model: text("reported_model")?,
            api_key_env,
            chat: reader.flag("chat")?,
            seed: reader.whole("seed")?.unwrap_or(0),
            max_tokens_key,
            body: body.value,
            limits: limits(reader)?,
            tasks: reader.texts("tasks")?,
            languages: reader.texts("languages")?,
            span: reader.span(),
        };
        reader.finish()?;
        Ok(entry)
    }
}

/// An error about a value that may be a secret: the excerpt of the file has stars in its place.
fn concealed(reader: &Reader<'_>, span: &super::Span, message: impl Into<String>) -> ManifestError {
    let file = reader.file();
    let (before, after) = (&file.text[..span.start], &file.text[span.end..]);
    ManifestError {
        file: Arc::new(SourceFile {
            path: file.path.clone(),
            text: format!("{before}{}{after}", "*".repeat(span.len())),
        }),
        ..reader.error(span.clone(), message)
    }
}

/// Refuses a key in place of the name of a variable, and does not show it.
fn check_variable(reader: &Reader<'_>, variable: &Located<String>) -> Result<(), ManifestError> {
    let name = &variable.value;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts && name.chars().all(plain) {
        return Ok(());
    }
    Err(concealed(
        reader,
        &variable.span,
        "`api_key_env` is the name of an environment variable that holds the key, such as \
         \"SERVER_KEY\", and not the key: letters, digits and `_` only.",
    ))
}

fn limits(reader: &Reader<'_>) -> Result<Limits, ManifestError> {
    let default = Limits::default();
    let positive = |key: &str| -> Result<Option<u64>, ManifestError> {
        match reader.whole(key)? {
            Some(0) => Err(reader.error(
                reader.span_of(key),
                format!("`{key}` cannot be 0: take it out for no limit of yours."),
            )),
            other => Ok(other),
        }
    };
    let seconds = |key: &str, default: Duration| -> Result<Duration, ManifestError> {
        match reader.number(key)? {
            None => Ok(default),
            Some(n) if n.value > 0.0 && n.value <= 1e6 => Ok(Duration::from_secs_f64(n.value)),
            Some(n) => {
                Err(reader.error(n.span, format!("`{key}` is a number of seconds above 0.")))
            }
        }
    };
    Ok(Limits {
        concurrency: positive("concurrency")?.map_or(default.concurrency, |n| n.min(1024) as usize),
        requests_per_minute: positive("requests_per_minute")?,
        tokens_per_minute: positive("tokens_per_minute")?,
        timeout: seconds("timeout", default.timeout)?,
        deadline: seconds("deadline", default.deadline)?,
        retries: reader
            .whole("retries")?
            .map_or(default.retries, |n| n.min(1000) as u32),
        wait: default.wait,
    })
}
