//! What a hub is asked, and what its refusals mean.

use std::sync::Arc;

use mergelab_transfer::{Client, Request, TransferError};
use ureq::http::HeaderMap;

use crate::error::{HubError, Result};
use crate::name::HubModel;
use crate::settings::Settings;

/// Redirects from one address of the hub to another that are followed, as of renamed models.
const REDIRECTS: usize = 5;

/// A hub that answers.
pub(crate) struct Server {
    pub(crate) settings: Settings,
    pub(crate) client: Client,
}

/// Size and name of a file's content.
pub(crate) struct Metadata {
    pub(crate) size: u64,
    pub(crate) etag: String,
}

impl Server {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            // Nobody interrupts it: what has arrived stays where the process ends.
            client: Client::new(settings.retries, settings.wait, Arc::default()),
            settings,
        }
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.settings.token.as_deref()
    }

    /// What the hub says of a model at a revision: JSON. Asked again where it fails for a moment,
    /// if that is wanted.
    pub(crate) fn describe(
        &self,
        model: &HubModel,
        revision: &str,
        again: bool,
    ) -> Result<serde_json::Value> {
        let url = format!(
            "{}/api/models/{}/revision/{revision}",
            self.settings.endpoint, model.repository
        );
        let request = Request {
            url: &url,
            token: self.token(),
            from: 0,
        };
        let ask = || {
            let mut response = self.client.get(request)?;
            let text = response.body_mut().read_to_string();
            text.map_err(|error| TransferError::Passing {
                status: None,
                reason: error.to_string(),
            })
        };
        let text = match again {
            true => self.client.persist(ask, || false),
            false => ask(),
        };
        let what = format!("model {} at revision {revision}", model.repository);
        let text = text.map_err(|error| self.refusal(error, model, &what))?;
        serde_json::from_str(&text).map_err(|error| HubError::Answer {
            model: model.to_string(),
            url,
            reason: format!("the hub's answer is not JSON: {error}"),
        })
    }

    /// Address of a file at a commit.
    pub(crate) fn address(&self, model: &HubModel, commit: &str, file: &str) -> String {
        format!(
            "{}/{}/resolve/{commit}/{file}",
            self.settings.endpoint, model.repository
        )
    }

    /// Size and name of the content of a file.
    pub(crate) fn metadata(&self, model: &HubModel, commit: &str, file: &str) -> Result<Metadata> {
        let mut url = self.address(model, commit, file);
        for _ in 0..REDIRECTS {
            // Large files are redirected to another host, whose own headers are not what is asked.
            let asked = self
                .client
                .persist(|| self.client.head(&url, self.token()), || false);
            let what = format!("file {file}");
            let response = asked.map_err(|error| self.refusal(error, model, &what))?;
            let headers = response.headers();
            let header = |name: &str| text(headers, name);
            if response.status().is_redirection() && header("x-linked-etag").is_none() {
                match header("location") {
                    Some(location) if location.starts_with('/') => {
                        url = format!("{}{location}", self.settings.endpoint);
                        continue;
                    }
                    Some(location) if location.starts_with(&self.settings.endpoint) => {
                        url = location;
                        continue;
                    }
                    _ => {}
                }
            }
            let etag = header("x-linked-etag").or_else(|| header("etag"));
            let size = header("x-linked-size").or_else(|| header("content-length"));
            let size = size.and_then(|size| size.parse().ok());
            let (Some(size), Some(etag)) = (size, etag) else {
                break;
            };
            let etag = content_name(&etag).ok_or_else(|| self.senseless(model, &url))?;
            return Ok(Metadata { size, etag });
        }
        Err(self.senseless(model, &url))
    }

    fn senseless(&self, model: &HubModel, url: &str) -> HubError {
        HubError::Answer {
            model: model.to_string(),
            url: url.to_owned(),
            reason: "the hub does not say what the file's size and etag are; is HF_ENDPOINT a hub?"
                .into(),
        }
    }

    /// What it means that a hub did not give `what`.
    pub(crate) fn refusal(&self, error: TransferError, model: &HubModel, what: &str) -> HubError {
        let model = model.to_string();
        match error {
            TransferError::Status(status @ (401 | 403)) => HubError::Refused {
                model,
                status,
                with_token: self.settings.token.is_some(),
            },
            TransferError::Status(404) => HubError::Missing {
                model,
                endpoint: self.settings.endpoint.clone(),
                what: what.to_owned(),
            },
            TransferError::Status(status) => HubError::Answer {
                model,
                url: self.settings.endpoint.clone(),
                reason: format!("the hub answers {status} when asked for {what}"),
            },
            TransferError::Io { path, source } => HubError::Io { path, source },
            other => HubError::Unreachable {
                model,
                reason: reason(&other),
                cache: self.settings.cache.clone(),
            },
        }
    }
}

/// Why a hub gives nothing for the moment.
pub(crate) fn reason(error: &TransferError) -> String {
    match error {
        TransferError::Passing {
            status: Some(status),
            ..
        } => format!("the hub answers {status}"),
        other => other.to_string(),
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// An etag without its quotes, if it can name a file.
fn content_name(etag: &str) -> Option<String> {
    let name = etag.trim().trim_start_matches("W/").trim_matches('"');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (!name.is_empty() && name.len() < 200 && name.bytes().all(plain)).then(|| name.to_owned())
}
